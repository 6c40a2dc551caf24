//! Who dies when.

use crash_points::{Action, Party, Plan};

use super::Passed;

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Death {
    /// The driver that has the device.
    Driver,
    /// A part of the system.
    Of(Party),
}

/// One update with one death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// When it happens.
    pub plan: Plan,
    /// The new driver is good.
    pub commit: bool,
}

/// How an update ends that nobody disturbs.
pub fn ends(commit: bool) -> &'static str {
    if commit { "commits" } else { "rolls back" }
}

/// Parties that die by their own instants. The others have too many, most of which have nothing to do with the update: they die soon after
/// each of control's.
const OWN: [Party; 4] = [Party::Control, Party::Stager, Party::Bus, Party::Iommu];
const OTHERS: [Party; 4] = [Party::Shadow, Party::Timer, Party::GuardClock, Party::Command];

impl Case {
    /// Who dies.
    pub fn death(&self) -> Death {
        match self.plan.action {
            Action::KillDriver => Death::Driver,
            Action::Let(party, _) => Death::Of(party),
            Action::Die | Action::Hang | Action::DieForGood => Death::Of(self.plan.party),
        }
    }
}

/// All of them. Neighbours have different victims, so that nobody must wait until root would start the same one again.
pub fn all(commit: bool, passed: &Passed) -> Vec<Case> {
    let [control, stager, bus, iommu] = OWN.map(|party| passed[party as usize]);
    let mut cases = Vec::new();
    let mut add = |party, instant, action| {
        let plan = Plan {
            party,
            passed: instant,
            action,
        };
        cases.push(Case { plan, commit });
    };
    for instant in 0..control {
        // Those of stager, bus and IOMMU are spread over control's.
        let share = |all: u32| all * instant / control..all * (instant + 1) / control;
        let mut of_stager = share(stager);
        add(Party::Control, instant, Action::Die);
        of_stager
            .by_ref()
            .take(1)
            .for_each(|own| add(Party::Stager, own, Action::Die));
        add(Party::Control, instant, Action::KillDriver);
        share(bus).for_each(|own| add(Party::Bus, own, Action::Die));
        share(iommu).for_each(|own| add(Party::Iommu, own, Action::Die));
        // The shadow stores some words for each request and for each command: dies over any of them.
        for (party, few) in OTHERS.into_iter().zip([251, 11, 2, 13]) {
            add(
                Party::Control,
                instant,
                Action::Let(party, (instant * 37 % few) as u8),
            );
        }
        of_stager.for_each(|own| add(Party::Stager, own, Action::Die));
    }
    cases
}

/// So many of them, others for each seed.
pub fn some(commit: bool, passed: &Passed, seed: u64, count: usize) -> Vec<Case> {
    let all = all(commit, passed);
    let step = all.len().div_ceil(count).max(1);
    let mut cases = Vec::new();
    let mut random = seed;
    for block in all.chunks(step) {
        // Numerical Recipes' generator; its upper bits are good enough to choose by.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let at = (random >> 33) as usize % block.len();
        cases.push(block[at]);
    }
    cases
}
