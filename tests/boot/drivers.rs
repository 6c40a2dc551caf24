//! Drivers that go wrong, each sent as an update to a system under load: what becomes of it is what must, the driver of before
//! serves on, the clients see nothing of it, and the disk is right afterwards.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, Reason, Record, State};
use std::path::Path;
use supervision::shadow::Failure;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::ctl::traces::{Traces, Written};
use umbra::demo::{self, DEVICE, Operator, Patience};
use umbra::pack;
use zerocopy::FromBytes;

/// A driver of `tests/drivers`, and what must come of an update to it.
pub struct Bad {
    pub driver: &'static str,
    /// While the update is under way, or in its probation: then the update is done and the recovery tells.
    pub late: bool,
    pub why: fn(&Reason) -> bool,
}

const BAD: [Bad; 12] = [
    Bad {
        driver: "no-flush",
        late: false,
        why: |why| matches!(why, Reason::CapabilityLost { .. }),
    },
    Bad {
        driver: "small-capacity",
        late: false,
        why: |why| matches!(why, Reason::CapabilityLost { .. }),
    },
    Bad {
        driver: "wrong-report",
        late: false,
        why: |why| matches!(why, Reason::BadReport),
    },
    Bad {
        driver: "fault-in-probe",
        late: false,
        why: |why| matches!(why, Reason::Fault { .. }),
    },
    Bad {
        driver: "hang-in-probe",
        late: false,
        why: |why| matches!(why, Reason::ProbeDeadline),
    },
    Bad {
        driver: "fault-after-n",
        late: true,
        why: |why| matches!(why, Reason::Fault { .. }),
    },
    Bad {
        driver: "spins",
        late: true,
        why: |why| matches!(why, Reason::RequestDeadline),
    },
    Bad {
        driver: "stops-clock",
        late: true,
        why: |why| matches!(why, Reason::RequestDeadline),
    },
    Bad {
        driver: "liar",
        late: true,
        why: |why| matches!(why, Reason::UnknownRequest),
    },
    // Its interrupt is a message; one by level is in `watched`.
    Bad {
        driver: "dies-in-interrupt",
        late: true,
        why: |why| matches!(why, Reason::Fault { .. }),
    },
    // The shadow compares before it hands over what clients asked for meanwhile, or while it does.
    Bad {
        driver: "misreads",
        late: true,
        why: |why| matches!(why, Reason::Changed),
    },
    Bad {
        driver: "inventor",
        late: true,
        why: |why| matches!(why, Reason::UnknownRequest),
    },
];

/// One machine sees all of them.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::demo(config, kernel)?;
    running.operate(|client, patience| demo::loaded(client, patience.boot))?;
    for bad in &BAD {
        running
            .operate(|client, patience| {
                send(client, bad, config, patience)?;
                demo::still_loaded(client)
            })
            .context(bad.driver)?;
    }
    running.operate(|client, _| on_time(client))?;
    running.operate(|client, _| faults_are_traced(client))?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

/// Root says in its trace that a driver faulted, and where: for whoever reads `trace`, `log` or a timeline.
fn faults_are_traced(client: &mut Client) -> Result<()> {
    let mut traces = Traces::of(client)?;
    let written = traces.read(client, |_, _| {})?;
    let by_root = |one: &&Written| traces.names()[one.source] == "root";
    let faults: Vec<_> = written
        .iter()
        .filter(by_root)
        .map(|one| one.event)
        .filter(|event| event.kind == trace::Kind::Fault as u16)
        .collect();
    // `fault-in-probe`, and `fault-after-n` as often as it was tried.
    let told = |event: &trace::Event| event.a != 0 && event.generation > 1;
    ensure!(faults.len() >= 2 && faults.iter().all(told), "{faults:?}");
    Ok(())
}

/// A driver that hangs is found at the deadline of its oldest request, and no more than a period of the guard clock later, also
/// if it stops the timer that the deadlines hang on.
fn on_time(client: &mut Client) -> Result<()> {
    const DEADLINE_US: u64 = 1_000_000;
    // 5 ms, and what the shadow's turn takes.
    const GUARD_US: u64 = 5_500;
    let hz = client.hello()?.counter_hz;
    let us = |ticks: u64| ticks * 1_000_000 / hz;
    let source = client
        .traces()?
        .iter()
        .position(|name| name == "shadow-block")
        .context("no trace of the shadow")?;
    let (mut cursor, mut ages) = (0, Vec::new());
    loop {
        let (bytes, next, lost) = client.trace(u8::try_from(source)?, cursor)?;
        ensure!(lost == 0 || cursor == 0, "{lost} events were overwritten");
        for bytes in bytes.chunks_exact(size_of::<trace::Event>()) {
            let event = trace::Event::read_from_bytes(bytes).ok().context("an event")?;
            if event.kind == trace::Kind::Retire as u16 && event.a == Failure::RequestDeadline as u64 {
                ages.push(us(event.b));
            }
        }
        if next == cursor {
            break;
        }
        cursor = next;
    }
    // `spins` and `stops-clock`, once at least each.
    ensure!(ages.len() >= 2, "{ages:?}");
    let good = |age: &u64| (DEADLINE_US..=DEADLINE_US + GUARD_US).contains(age);
    ensure!(ages.iter().all(good), "µs from request to retirement: {ages:?}");
    Ok(())
}

/// Sends it, and waits until what must come of it has come.
fn send(operator: &mut impl Operator, bad: &Bad, config: Config, patience: &Patience) -> Result<()> {
    send_to(operator, DEVICE, bad, config, patience)
}

/// The same for another device than that of the demo.
pub fn send_to(
    operator: &mut impl Operator,
    device: &str,
    bad: &Bad,
    config: Config,
    patience: &Patience,
) -> Result<()> {
    let package = pack::pack(&pack::find(bad.driver)?, config)?.bytes;
    undone(operator, device, &package, bad.late, bad.why, patience)
}

/// An update of `device` to this package is undone for the right reason, or, if it may be found out `late`, its driver is replaced.
pub fn undone(
    operator: &mut impl Operator,
    device: &str,
    package: &[u8],
    late: bool,
    why: impl Fn(&Reason) -> bool,
    patience: &Patience,
) -> Result<()> {
    let before = demo::settled(operator, device, patience.transaction)?;
    let hash = operator.upload(package)?;
    let job = operator.update(device, hash)?;
    let update = demo::finished(operator, job, patience.transaction)?;
    if !(late && update.state == State::Done(Outcome::Done)) {
        ensure!(ended(&update, why), "{update:?}");
    } else {
        let recovery = demo::wait(patience.transaction, "recovery", || {
            Ok(operator
                .job(job + 1)
                .ok()
                .filter(|record| matches!(record.state, State::Done(_))))
        })?;
        ensure!(ended(&recovery, why), "{recovery:?}");
    }
    // A failure after the probation first restarts the same driver; only when it fails again and again the last good one comes.
    demo::wait(patience.transaction, "the driver of before", || {
        let after = demo::settled(operator, device, patience.transaction)?;
        let hashes =
            [&before.package, &after.package].map(|package| package.as_ref().map(|package| package.hash));
        Ok((hashes[0] == hashes[1]).then_some(()))
    })?;
    Ok(())
}

/// Whether the record says that the driver was retired for the right reason.
fn ended(record: &Record, right: impl Fn(&Reason) -> bool) -> bool {
    match (&record.state, &record.cause) {
        (State::Done(Outcome::RolledBack(why) | Outcome::LastGood(why)), _) if right(why) => true,
        (State::Done(_), Some(why)) => right(why),
        _ => false,
    }
}
