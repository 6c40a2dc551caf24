//! One update after the other, with a death in each.

use anyhow::{Context, Result, ensure};
use control_protocol::PackageHash;
use control_protocol::record::{Record, State};
use control_protocol::reply::{Condition, Device, Domain};
use control_protocol::request::Policy;
use crash_points::{Action, Party, Plan, SOURCE, reported};
use root::restart::{Cause, Life, Verdict};
use std::collections::BTreeSet;
use std::time::Instant;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE, Patience};
use umbra::pack;
use umbra_model::endings::{Crash, Ending, Endings};

use super::Passed;
use super::plan::{Case, Death, ends};

/// Restarts that a part is to have left at root before it dies, for what one death may bring with it.
const LEFT: usize = 4;
/// Ticks per second of the clock by which the machine's status tells the time.
const NS: u64 = 1_000_000_000;

/// What is sent.
pub struct Packages {
    /// Drivers that work; one of them serves.
    good: [Vec<u8>; 2],
    /// One that faults in its probe.
    bad: Vec<u8>,
}

impl Packages {
    /// Built.
    pub fn new(config: Config) -> Result<Self> {
        let package = |name| Ok::<_, anyhow::Error>(pack::pack(&pack::find(name)?, config)?.bytes);
        Ok(Self {
            good: [package("virtio-blk-0.12.0")?, package("virtio-blk-0.8.0")?],
            bad: package("fault-in-probe")?,
        })
    }
}

/// A machine, and what was seen of it.
pub struct Torment<'a> {
    pub(super) client: &'a mut Client,
    pub(super) patience: &'a Patience,
    good: [PackageHash; 2],
    bad: PackageHash,
    /// What root knows of each party's life.
    lives: [Life; Party::ALL.len()],
    /// Updates.
    pub cases: usize,
    /// Those in which the armed instant came.
    pub met: usize,
    /// Where control died: the effect behind the instant, and the one before which it is.
    pub instants: BTreeSet<(u32, u32)>,
    /// What went wrong.
    pub complaints: Vec<String>,
}

/// How a case went.
pub struct Seen {
    /// The update's record.
    pub record: Record,
    /// How it ended, as the model has it.
    pub ending: Ending,
    passed: Passed,
    /// Instants at which something was armed, by party, as that party names them.
    reached: [Option<u32>; Party::ALL.len()],
}

impl<'a> Torment<'a> {
    /// With the packages in its store.
    pub fn new(client: &'a mut Client, patience: &'a Patience, packages: &Packages) -> Result<Self> {
        let mut upload = |bytes: &[u8]| client.upload(bytes, |_, _| {});
        let [a, b] = &packages.good;
        Ok(Self {
            good: [upload(a)?, upload(b)?],
            bad: upload(&packages.bad)?,
            client,
            patience,
            lives: [Life::new(true); Party::ALL.len()],
            cases: 0,
            met: 0,
            instants: BTreeSet::new(),
            complaints: Vec::new(),
        })
    }

    /// An update in which nobody dies: the instants that each party passes.
    pub fn undisturbed(&mut self, commit: bool, endings: &Endings) -> Result<Passed> {
        let (party, action) = (Party::Control, Action::Die);
        let seen = self.play(&Case {
            plan: Plan {
                party,
                passed: u32::MAX,
                action,
            },
            commit,
        })?;
        let allowed = endings.undisturbed();
        ensure!(
            allowed.contains(&seen.ending),
            "{:?}: {:?}",
            seen.record,
            seen.ending
        );
        Ok(seen.passed)
    }

    /// An update in which somebody dies. What goes wrong is noted.
    pub fn case(&mut self, case: &Case, endings: &Endings) -> Result<()> {
        let began = Instant::now();
        let death = case.death();
        if let Death::Of(party) = death {
            self.survives(party)?;
        }
        self.cases += 1;
        let title = format!("{:10} {:?}", ends(case.commit), case.plan);
        let seen = match self.play(case) {
            Ok(seen) => seen,
            Err(error) => {
                let complaint = format!("{title}: {error:#}: {:?}", self.client.domains()?);
                println!("{complaint}");
                self.complaints.push(complaint);
                return Ok(());
            }
        };
        let victim = match death {
            Death::Driver => Party::Control,
            Death::Of(party) => party,
        };
        let reached = seen.reached[victim as usize];
        self.met += usize::from(reached.is_some());
        let instant = reached.map(|name| (name >> 16, name & 0xffff));
        println!(
            "{title}: {} {:?}, {} ms",
            instant.map_or("not reached".into(), |instant| format!("{instant:?}")),
            seen.record.state,
            began.elapsed().as_millis()
        );
        let mut allowed = endings.undisturbed();
        match (death, instant) {
            (Death::Of(Party::Control), Some((after, before))) => {
                self.instants.insert((after, before));
                allowed = endings.of(Crash::Control { after, before });
            }
            (Death::Driver, _) => allowed.extend(endings.of(Crash::Driver)),
            (Death::Of(Party::Shadow), _) => allowed.extend(endings.of(Crash::Shadow)),
            (Death::Of(Party::Stager), _) => allowed.extend(endings.of(Crash::Stager)),
            // The model has none of their deaths: nobody may notice.
            _ => {}
        }
        if !allowed.contains(&seen.ending) {
            let complaint = format!(
                "{title} at {instant:?}: {:?}: {:?}, none of {allowed:?}",
                seen.record, seen.ending
            );
            println!("{complaint}");
            self.complaints.push(complaint);
        }
        Ok(())
    }

    /// Arms the instant, orders, and looks at what came of it.
    pub fn play(&mut self, case: &Case) -> Result<Seen> {
        let before = self.rested()?;
        let target = match case.commit {
            true => self.other_than(&before)?,
            false => self.bad,
        };
        self.arm(case.plan)?;
        let job = self.client.update(DEVICE, target, Policy::Refuse)?;
        let record = demo::finished(self.client, job, self.patience.transaction)?;
        self.at_rest()?;
        let (bytes, ..) = self.client.trace(SOURCE, 0)?;
        let report = reported(&bytes).context("a report of the instants")?;
        let (passed, reached) = report.split_at(Party::ALL.len());
        demo::still_loaded(self.client)?;
        let (after, generations, history) = self.told()?;
        let serves = after.package.as_ref().context("a driver serves")?;
        let ending = Ending::of(
            history.iter().filter(|record| record.id >= job),
            target.starts_with(&serves.hash),
            generations,
        );
        Ok(Seen {
            record,
            ending,
            passed: std::array::from_fn(|at| u32::try_from(passed[at]).unwrap_or(u32::MAX)),
            reached: std::array::from_fn(|at| u32::try_from(reached[at]).ok()?.checked_sub(1)),
        })
    }

    /// The good driver that does not serve.
    fn other_than(&self, device: &Device) -> Result<PackageHash> {
        let serves = device.package.as_ref().context("a driver serves")?;
        let mut others = self.good.iter().filter(|hash| !hash.starts_with(&serves.hash));
        others.next().copied().context("another driver")
    }

    /// Arms an instant.
    pub fn arm(&mut self, plan: Plan) -> Result<()> {
        self.client.trace(SOURCE, plan.to_word())?;
        Ok(())
    }

    /// An update of a device that need not work before or after it.
    pub fn update_whatever_comes(&mut self) -> Result<Record> {
        let job = self.client.update(DEVICE, self.good[0], Policy::Refuse)?;
        demo::finished(self.client, job, self.patience.transaction)
    }

    /// The device as it is.
    pub fn status(&mut self) -> Result<Device> {
        let status = self.client.status()?;
        status.devices.first().cloned().context("a device")
    }

    /// Parts of the system that faulted.
    pub fn domains(&mut self) -> Result<Vec<Domain>> {
        Ok(self.client.domains()?)
    }

    /// The device with one driver, as the model begins.
    fn rested(&mut self) -> Result<Device> {
        let mut device = demo::settled(self.client, DEVICE, self.patience.transaction)?;
        if !device.tried.is_empty() {
            // Failures count, from one case to the next; a version that is put in on purpose starts with a clean slate.
            let other = self.other_than(&device)?;
            let job = self.client.update(DEVICE, other, Policy::Refuse)?;
            demo::finished(self.client, job, self.patience.transaction)?;
            device = demo::settled(self.client, DEVICE, self.patience.transaction)?;
        }
        if device.condition == Condition::Probation {
            let job = self.client.commit(DEVICE)?;
            demo::finished(self.client, job, self.patience.transaction)?;
        }
        demo::wait(self.patience.transaction, "a device with one driver", || {
            let device = demo::settled(self.client, DEVICE, self.patience.transaction)?;
            let rests = device.condition == Condition::Working && self.generations()? == 1;
            Ok(rests.then_some(device))
        })
    }

    /// The device and its records, when they are of one moment: a driver may be lost at the very end.
    fn told(&mut self) -> Result<(Device, usize, Vec<Record>)> {
        loop {
            let (before, _) = self.at_rest()?;
            let history = self.client.history(DEVICE)?;
            let (after, generations) = self.at_rest()?;
            let over = |record: &Record| matches!(record.state, State::Done(_));
            if before.generation == after.generation && history.iter().all(over) {
                return Ok((after, generations, history));
            }
        }
    }

    /// The device when nothing is given back any more, and how many generations it has then. On probation the copy of the driver before
    /// is there for a while; the model looks later, so it does not count.
    fn at_rest(&mut self) -> Result<(Device, usize)> {
        let deadline = Instant::now() + self.patience.transaction;
        loop {
            let device = demo::settled(self.client, DEVICE, self.patience.transaction)?;
            let spare = usize::from(device.condition == Condition::Probation);
            let generations = self.generations()?.saturating_sub(spare);
            if generations == 1 || Instant::now() > deadline {
                return Ok((device, generations));
            }
        }
    }

    fn generations(&mut self) -> Result<usize> {
        let vitals = self.client.vitals()?;
        let memory = vitals.devices.first().and_then(|device| device.memory);
        Ok(memory.context("root's word on memory")?.generations as usize)
    }

    /// Root starts a part of the system four times a second for ever, and more often for a while. How much time an update takes on the
    /// machine's clock is the host's affair, so this waits until root would start that part anew some times.
    pub fn survives(&mut self, party: Party) -> Result<()> {
        let mut now = 0;
        demo::wait(self.patience.transaction, "a part that may die", || {
            now = self.client.status()?.now_ns;
            let mut life = self.lives[party as usize];
            let survives = |_: &usize| life.fault(now, NS, Cause::default()) == Verdict::Restart;
            Ok(((0..=LEFT).take_while(survives).count() > LEFT).then_some(()))
        })?;
        self.lives[party as usize].fault(now, NS, Cause::default());
        Ok(())
    }
}
