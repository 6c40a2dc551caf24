//! Control, stager and bus die at every step of an update, and the driver is killed at each of control's: one machine sees all
//! of it. Each time one driver serves afterwards, the clients see nothing, and the job's record says what happened.

use anyhow::{Context, Result, bail, ensure};
use control_protocol::record::{Outcome, Reason, Record, State};
use std::path::Path;
use std::time::Instant;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, DEVICE, Patience};
use umbra::pack;
use zerocopy::FromBytes;

use crate::running::Running;

/// Who dies at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// Whoever reaches it.
    Itself,
    /// The driver that has the device.
    Driver,
}

/// A crash point: its number in the program, how often it is passed before, and what it is.
type Point = (u32, u64, &'static str);

/// Control's (`pds/control/src/crash.rs`): the even number is before the effect, the next one after it.
const CONTROL: &[Point] = &[
    (110, 0, "command begin-gap"),
    (124, 0, "job: new driver"),
    (134, 0, "save stage-new"),
    (136, 0, "save stage-spare"),
    (124, 1, "job: spare"),
    (138, 0, "save quiesce"),
    (112, 0, "command quiesce"),
    (102, 0, "cut"),
    (106, 0, "reset"),
    (118, 0, "command attach"),
    (140, 0, "save attach"),
    (142, 0, "save enable"),
    (100, 0, "start"),
    (122, 0, "command end-gap"),
    (146, 0, "save measure"),
    (148, 0, "save reap"),
    (104, 0, "discard"),
    (132, 0, "save idle"),
    (128, 1, "keep the order"),
    (128, 4, "keep a step"),
    (126, 4, "publish the reply"),
    (126, 7, "publish a command"),
];

/// The stager's and the bus's (`main.rs` of each).
const OTHERS: &[Point] = &[
    (200, 0, "stager: job taken"),
    (210, 0, "stager: before build-begin"),
    (211, 0, "stager: after build-begin"),
    (220, 1, "stager: before a build-step"),
    (221, 0, "stager: after a build-step"),
    (230, 0, "stager: before build-finish"),
    (231, 0, "stager: after build-finish"),
    (201, 0, "stager: job done"),
    (202, 0, "stager: job reported"),
    (202, 1, "stager: spare reported"),
    (300, 0, "bus: before the reset"),
    (301, 0, "bus: after the reset"),
    (302, 0, "bus: after root was told"),
];

/// Virtual time between two cases, so that root does not take them for a crash loop.
const PAUSE_NS: u64 = 300_000_000;

/// What is needed to torment a machine.
struct Torment<'a> {
    client: &'a mut Client,
    patience: &'a Patience,
    /// Two drivers that work; one of them serves.
    good: [Vec<u8>; 2],
    /// One that faults in its probe.
    bad: Vec<u8>,
    /// Uploads so far: each plan's bytes are unique, or it would be taken for one that is there already.
    plans: u64,
    cases: usize,
    reached: usize,
    /// When a static PD faulted last, in ticks.
    last_fault: u64,
    failures: Vec<String>,
}

/// One machine sees all cases.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::test_system("crash", config, kernel)?;
    let package = |name| Ok::<_, anyhow::Error>(pack::pack(&pack::find(name)?, config)?.bytes);
    let good = [package("virtio-blk-0.12.0")?, package("virtio-blk-0.8.0")?];
    let bad = package("fault-in-probe")?;
    running.operate(|client, patience| {
        demo::loaded(client, patience.boot)?;
        Torment {
            client,
            patience,
            good,
            bad,
            plans: 0,
            cases: 0,
            reached: 0,
            last_fault: 0,
            failures: Vec::new(),
        }
        .all()
    })?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

impl Torment<'_> {
    fn all(&mut self) -> Result<()> {
        let both = |point: &Point| [*point, (point.0 + 1, point.1, point.2)];
        let control: Vec<Point> = CONTROL.iter().flat_map(both).collect();
        for point in OTHERS.iter().chain(&control) {
            self.case(*point, Victim::Itself, true)?;
        }
        // On the way back what was tried before is not tried again: only what comes after the first failure.
        for point in OTHERS
            .iter()
            .chain(control.iter().filter(|point| point.1 == 0 && point.0 < 120))
        {
            self.case(*point, Victim::Itself, false)?;
        }
        for point in control.iter().filter(|point| point.0 % 2 == 0) {
            self.case(*point, Victim::Driver, true)?;
        }
        let (cases, reached) = (self.cases, self.reached);
        ensure!(
            reached * 4 >= cases * 3,
            "only {reached} of {cases} points were reached"
        );
        ensure!(self.failures.is_empty(), "{}", self.failures.join("\n"));
        Ok(())
    }

    fn case(&mut self, point: Point, victim: Victim, commit: bool) -> Result<()> {
        let began = Instant::now();
        let order = if commit { "commit" } else { "roll-back" };
        let side = if point.0.is_multiple_of(2) {
            "before"
        } else {
            "after"
        };
        let title = format!(
            "{order:9} {victim:?} dies, {side} {} ({}/{})",
            point.2, point.0, point.1
        );
        self.cases += 1;
        let (record, reached) = match self.play(point, victim, commit) {
            Ok(good) => good,
            Err(error) => {
                let history = self.client.history(DEVICE)?;
                let newest = &history[history.len().saturating_sub(4)..];
                println!("{title}: {error:#}");
                self.failures.push(format!("{title}: {error:#}: {newest:?}"));
                ensure!(self.failures.len() < 40, "{}", self.failures.join("\n"));
                return Ok(());
            }
        };
        self.reached += usize::from(reached);
        println!(
            "{title}: {}{:?}, {} ms",
            if reached { "" } else { "not reached, " },
            record.state,
            began.elapsed().as_millis()
        );
        Ok(())
    }

    /// Arms the point, orders, and looks at what came of it. The job's record, and whether the point was reached.
    fn play(&mut self, point: Point, victim: Victim, commit: bool) -> Result<(Record, bool)> {
        let before = demo::settled(self.client, DEVICE, self.patience.transaction)?;
        let old = before.package.clone().context("a driver serves")?.label;
        self.pause()?;
        let target = match (commit, old.contains("0.12")) {
            (false, _) => self.bad.clone(),
            (true, true) => self.good[1].clone(),
            (true, false) => self.good[0].clone(),
        };
        let hash = self.client.upload(&target, |_, _| {})?;
        self.arm(point, victim)?;
        let job = self
            .client
            .update(DEVICE, hash, control_protocol::request::Policy::Refuse)?;
        let record = demo::finished(self.client, job, self.patience.transaction)?;
        let after = demo::settled(self.client, DEVICE, self.patience.transaction)?;
        let reached = match victim {
            Victim::Itself => {
                let fault = self.newest_fault()?;
                std::mem::replace(&mut self.last_fault, fault) != fault
            }
            Victim::Driver => after.failures != before.failures,
        };
        let State::Done(outcome) = record.state else {
            bail!("{record:?}")
        };
        let itself = victim == Victim::Itself;
        let by_control = point.0 < 200 && reached;
        let restarted = |reason: Reason| by_control && reason == Reason::ControlRestarted;
        let allowed = match outcome {
            Outcome::Done => commit,
            Outcome::Refused(reason) => restarted(reason) || !itself,
            Outcome::RolledBack(reason) => {
                restarted(reason) || !itself || (!commit && matches!(reason, Reason::Fault { .. }))
            }
            Outcome::LastGood(_) => !itself,
            Outcome::Offline(_) => false,
        };
        ensure!(allowed, "{record:?}");
        let new = after.package.context("a driver serves")?.label;
        ensure!(
            !itself || (new != old) == (outcome == Outcome::Done),
            "{old} became {new}, but the record says {outcome:?}"
        );
        demo::still_loaded(self.client)?;
        Ok((record, reached))
    }

    /// An upload that is no package, which control of the test build takes for the plan.
    fn arm(&mut self, (point, pass, _): Point, victim: Victim) -> Result<()> {
        self.plans += 1;
        let action = if victim == Victim::Itself { 1u64 } else { 2 };
        let mut bytes = b"UMBRA CRASH PLAN".to_vec();
        for word in [u64::from(point), pass, action, self.plans] {
            bytes.extend(word.to_le_bytes());
        }
        self.client.upload(&bytes, |_, _| {})?;
        Ok(())
    }

    fn pause(&mut self) -> Result<()> {
        let until = self.client.status()?.now_ns + PAUSE_NS;
        demo::wait(self.patience.transaction, "virtual time", || {
            Ok((self.client.status()?.now_ns >= until).then_some(()))
        })
    }

    /// When a static PD faulted last, as root's trace has it.
    fn newest_fault(&mut self) -> Result<u64> {
        let sources = self.client.traces()?;
        let root = sources.iter().position(|name| name == "root");
        let root = u8::try_from(root.context("root's trace")?)?;
        let (mut cursor, mut newest) = (0, 0);
        loop {
            let (bytes, next, _) = self.client.trace(root, cursor)?;
            for bytes in bytes.chunks_exact(size_of::<trace::Event>()) {
                let event = trace::Event::read_from_bytes(bytes).ok().context("an event")?;
                if event.kind == trace::Kind::DomainFault as u16 {
                    newest = event.time;
                }
            }
            if next == cursor {
                return Ok(newest);
            }
            cursor = next;
        }
    }
}
