//! Parts of the system that hang instead of dying, and one that dies until root buries it.

use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, Reason, State};
use control_protocol::reply::{Condition, Domain, SILENT};
use crash_points::{Action, Party, Plan};
use std::collections::BTreeMap;
use std::time::Instant;
use umbra::demo;
use umbra_model::endings::Endings;

use super::plan::Case;
use super::torment::Torment;

/// seL4's fault label of a budget that is spent.
const TIMEOUT: u64 = 5;

impl Torment<'_> {
    /// Bus is called and outranks its caller: its budget ends it, at each of its instants, and what was asked is asked again.
    pub fn bus_hangs(&mut self, instants: u32, endings: &Endings) -> Result<()> {
        for passed in 0..instants {
            self.survives(Party::Bus)?;
            let seen = self.play(&hang(Party::Bus, passed, true))?;
            let allowed = endings.undisturbed();
            ensure!(allowed.contains(&seen.ending), "bus hangs: {:?}", seen.record);
            ensure!(self.domain("bus")?.label == TIMEOUT, "{:?}", self.domain("bus")?);
        }
        Ok(())
    }

    /// The stager answers when it can: if it does not by control's deadline it is started anew. That order is refused, and what is ordered
    /// after that is carried out.
    pub fn stager_hangs(&mut self) -> Result<()> {
        let began = Instant::now();
        let seen = self.play(&hang(Party::Stager, 20, true))?;
        let refused = State::Done(Outcome::Refused(Reason::StagerSilent));
        ensure!(seen.record.state == refused, "stager hangs: {:?}", seen.record);
        ensure!(
            self.domain("stager")?.label == SILENT,
            "{:?}",
            self.domain("stager")?
        );
        println!("stager hangs and is found, {} ms", began.elapsed().as_millis());
        let after = self.play(&undisturbed())?.record;
        ensure!(after.state == State::Done(Outcome::Done), "{after:?}");
        Ok(())
    }

    /// Parts that nobody waits for, or that keep everybody else from the processor: the guard clock asks each for a sign of life, and root starts
    /// who gives none anew. Nobody but he is, though most others cannot answer meanwhile either. Some of them, or `all`.
    pub fn whoever_hangs_is_found(&mut self, all: bool) -> Result<()> {
        let parties = [
            (Party::Shadow, "shadow-block"),
            (Party::Timer, "timer"),
            (Party::Control, "control"),
            (Party::Command, "command"),
            // Control finds this one, because it is not asked any more.
            (Party::GuardClock, "guard-clock"),
            // Below the timer and above control: nothing new, and it takes long.
            (Party::Iommu, "iommu"),
        ];
        let count = if all { parties.len() } else { parties.len() - 1 };
        for (party, name) in parties.into_iter().take(count) {
            self.survives(party)?;
            let before = self.restarts()?;
            self.arm(hang(party, 5, true).plan)?;
            let began = Instant::now();
            let found = demo::wait(self.patience.transaction, &format!("a {name} that hangs"), || {
                let domains = self.client.domains()?;
                Ok(domains
                    .into_iter()
                    .find(|domain| domain.name == name && domain.label == SILENT))
            })?;
            ensure!(!found.dead, "{found:?}");
            println!("{name} hangs and is found, {} ms", began.elapsed().as_millis());
            demo::still_loaded(self.client)?;
            let after = self.play(&undisturbed())?.record;
            ensure!(
                after.state == State::Done(Outcome::Done),
                "behind a hang of {name}: {after:?}"
            );
            let mut others = self.restarts()?;
            for (other, restarts) in before {
                let now = others.remove(&other).unwrap_or(0);
                ensure!(
                    now == restarts + u32::from(other == name),
                    "{name} hangs: {other} {restarts} → {now}"
                );
            }
            others.remove(name);
            ensure!(others.is_empty(), "{name} hangs: {others:?}");
        }
        Ok(())
    }

    /// How often each part was started anew.
    fn restarts(&mut self) -> Result<BTreeMap<String, u32>> {
        let domains = self.domains()?.into_iter();
        Ok(domains
            .map(|domain| (domain.name.to_string(), domain.restarts))
            .collect())
    }

    /// Root starts a part anew so many times, and then answers for it: nobody waits for the dead, and the device is offline.
    pub fn bus_is_buried(&mut self) -> Result<()> {
        let plan = Plan {
            party: Party::Bus,
            passed: 0,
            action: Action::DieForGood,
        };
        self.arm(plan)?;
        for _ in 0..3 {
            let record = self.update_whatever_comes()?;
            let offline = State::Done(Outcome::Offline(Reason::DeviceReset));
            ensure!(record.state == offline, "{record:?}");
            let device = self.status()?;
            ensure!(
                device.condition == Condition::Offline(Reason::DeviceReset),
                "{device:?}"
            );
        }
        ensure!(self.domain("bus")?.dead, "{:?}", self.domain("bus")?);
        Ok(())
    }

    fn domain(&mut self, name: &str) -> Result<Domain> {
        let domains = self.domains()?;
        let found = domains.iter().find(|domain| domain.name == name);
        found
            .cloned()
            .with_context(|| format!("{name} never faulted: {domains:?}"))
    }
}

fn hang(party: Party, passed: u32, commit: bool) -> Case {
    let action = Action::Hang;
    let plan = Plan {
        party,
        passed,
        action,
    };
    Case { plan, commit }
}

fn undisturbed() -> Case {
    hang(Party::Control, u32::MAX, true)
}
