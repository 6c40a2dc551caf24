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
const OWN: [Party; 3] = [Party::Control, Party::Stager, Party::Bus];
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

/// All of them. Neighbours have different victims, so that root does not take a death after the other for a crash loop.
pub fn all(commit: bool, passed: &Passed) -> Vec<Case> {
    let longest = OWN.iter().map(|party| passed[*party as usize]).max().unwrap_or(0);
    let mut cases = Vec::new();
    for instant in 0..longest {
        let mut add = |party: Party, action| {
            if instant < passed[party as usize] {
                let plan = Plan {
                    party,
                    passed: instant,
                    action,
                };
                cases.push(Case { plan, commit });
            }
        };
        OWN.into_iter().for_each(|party| add(party, Action::Die));
        add(Party::Control, Action::KillDriver);
        // The shadow stores some words for each request and for each command: dies over any of them.
        for (party, few) in OTHERS.into_iter().zip([251, 11, 2, 13]) {
            add(Party::Control, Action::Let(party, (instant * 37 % few) as u8));
        }
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
