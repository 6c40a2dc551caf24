//! What is done to the machines, and what they say of it.

mod watch;

use crate::build::Config;
use crate::ctl::Client;
use crate::demo::machine::{self, Attached, Backend, Setup};
use crate::demo::{self, CLIENTS, Clock, DEVICE, Operator, Packages, Patience};
use crate::disk::{self, Layout, Verdict};
use crate::pack;
use crate::qemu::{Guest, Tee};
use crate::system;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Figures, Outcome, Reason, Record, State};
use control_protocol::request::{Commit, Policy};
use serde_json::json;
use std::time::Duration;
use watch::Watch;

/// Machines live no longer than this.
const LIMIT: Duration = Duration::from_secs(1200);
/// Driver of the test suite that serves for a while and then hangs.
pub const HANGING: &str = "spins";
/// Virtual time in which a load is measured, in nanoseconds.
const UNDISTURBED_NS: u64 = 4_000_000_000;
/// Kills, one per virtual second.
const KILLS: u64 = 8;
const SECOND_NS: u64 = 1_000_000_000;
/// In this time a transaction has given back what it used, on the host's clock.
const REAPED: Duration = Duration::from_millis(100);
/// Pause between two questions, on the host's clock.
const PAUSE: Duration = Duration::from_millis(5);
/// The same while the guest is slow: a question takes the guest as long as ever, and its time passes more slowly.
const SELDOM: Duration = Duration::from_millis(400);

/// A machine whose disk has nothing behind it.
#[derive(Clone, Debug)]
pub struct Bare {
    /// Boot image.
    pub image: Vec<u8>,
    /// Where the disk is.
    pub attached: Attached,
    /// Releases of its driver.
    pub packages: Packages,
    /// A driver that hangs, if there is one for it.
    pub hanging: Option<&'static str>,
    /// How often it is updated.
    pub updates: usize,
    /// How long each update drains, in microseconds, if not as by default.
    pub drain_us: Option<u32>,
    /// QEMU is slowed down while drivers are updated, so that the host's time for a request is little of the guest's.
    pub slow: bool,
}

/// An update, and how clients fared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Update {
    /// What the transaction's record says.
    pub figures: Figures,
    /// The longest time without a completion while the same package was staged and checked, and no driver replaced.
    pub dry_gap_ns: Option<u64>,
    /// From the first request that the new driver had until its first answer.
    pub first_answer_ns: Option<u64>,
    /// From the last answer before until then.
    pub silence_ns: Option<u64>,
}

impl From<Figures> for Update {
    fn from(figures: Figures) -> Self {
        Self {
            figures,
            ..Self::default()
        }
    }
}

/// What was measured with nothing behind the disk.
#[derive(Clone, Debug, Default)]
pub struct Swaps {
    /// Updates.
    pub updates: Vec<Update>,
    /// Kills.
    pub kills: Vec<Update>,
    /// Recoveries from a driver that hung.
    pub hangs: Vec<Update>,
}

/// What was measured on a file of the host.
#[derive(Clone, Debug, Default)]
pub struct OnFile {
    /// Updates.
    pub updates: Vec<Update>,
    /// Requests per virtual second: undisturbed, and with a driver killed every second.
    pub reads: [f64; 2],
    /// The same for writes.
    pub writes: [f64; 2],
    /// Clients and disk.
    pub verdict: Verdict,
}

/// Updates, kills and hangs under the load of `disk-bench`, with nothing behind the disk.
pub fn swaps(bare: &Bare, config: Config, say: &mut dyn FnMut(String)) -> Result<Swaps> {
    let (packages, updates) = (&bare.packages, bare.updates);
    let mut guest = machine::start_bare(&bare.image, bare.attached, Backend::Null, LIMIT)?;
    let mut operator = demo::connect(&machine::command(&guest))?;
    let patience = Patience::default().transaction;
    demo::settled(&mut operator, DEVICE, Patience::default().boot)?;
    let mut swaps = Swaps::default();
    let mut watch = Watch::begin(&mut operator, if bare.slow { SELDOM } else { PAUSE })?;
    slow(&guest, bare.slow)?;
    for (number, release) in demo::walk(packages.releases.len(), updates)
        .into_iter()
        .enumerate()
    {
        say(format!("update {} of {updates}", number + 1));
        let package = &packages.releases[release];
        let dry_gap_ns = watch.dry_run(&mut operator, package)?;
        let update = watch.update(&mut operator, package, bare.drain_us)?;
        swaps.updates.push(Update { dry_gap_ns, ..update });
    }
    slow(&guest, false)?;
    for number in 0..KILLS {
        say(format!("kill {} of {KILLS}", number + 1));
        demo::settled(&mut operator, DEVICE, patience)?;
        // A driver that is killed right after an update waits for the memory of the one before.
        std::thread::sleep(REAPED);
        let job = operator.kill(DEVICE)?;
        swaps
            .kills
            .push(done(&mut operator, job, patience)?.figures.into());
    }
    if let Some(hanging) = bare.hanging {
        say("a driver that hangs".into());
        swaps.hangs = hangs(&mut operator, hanging, config, patience)?;
    }
    guest.shut_down().context("ending the machine")?;
    Ok(swaps)
}

/// Makes QEMU translate each instruction by itself, or not: the guest's clock counts instructions, so it then runs many times slower than the
/// host's, and whatever the host takes for a request is as many times less of the guest's time.
fn slow(guest: &Guest, on: bool) -> Result<()> {
    let line = format!("one-insn-per-tb {}", if on { "on" } else { "off" });
    let answer = guest
        .qmp()?
        .execute("human-monitor-command", json!({ "command-line": line }))?;
    // What the monitor does not know it says in words.
    ensure!(
        answer.as_str() == Some("") || !on,
        "QEMU cannot be slowed down: {answer}"
    );
    Ok(())
}

/// Puts in a driver that hangs again and again, until it is given up.
fn hangs(operator: &mut Client, driver: &str, config: Config, patience: Duration) -> Result<Vec<Update>> {
    let mut hangs = Vec::new();
    let hanging = pack::pack(&pack::find(driver)?, config)?.bytes;
    let before = demo::settled(operator, DEVICE, patience)?.package;
    let hash = operator.upload(&hanging, |_, _| {})?;
    let update = operator.update_until(DEVICE, hash, Policy::Refuse, Commit::Timed, None)?;
    let mut job = done(operator, update, patience)?.id;
    // It is restarted, hangs again, and is given up.
    loop {
        job += 1;
        let hung = demo::wait(patience, "a recovery", || {
            Ok(operator
                .job(job)
                .ok()
                .filter(|record| matches!(record.state, State::Done(_))))
        })?;
        ensure!(hung.cause == Some(Reason::RequestDeadline), "{hung:?}");
        hangs.push(hung.figures.into());
        if demo::settled(operator, DEVICE, patience)?
            .package
            .map(|one| one.hash)
            == before.as_ref().map(|one| one.hash)
        {
            break;
        }
    }
    Ok(hangs)
}

fn done(operator: &mut impl Operator, job: u32, patience: Duration) -> Result<Record> {
    let record = demo::finished(operator, job, patience)?;
    ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
    Ok(record)
}

/// The demo's system and clients: updates, then a driver killed every virtual second, then the disk is checked.
pub fn on_file(
    image: &[u8],
    packages: &Packages,
    updates: usize,
    say: &mut dyn FnMut(String),
) -> Result<OnFile> {
    let mut guest = machine::start(&Setup {
        image,
        layout: Layout::default(),
        attached: machine::Attached::of(&system::default_description())?,
        clock: Clock::Icount,
        limit: LIMIT,
        tee: Tee::Quiet,
        detached: false,
    })?;
    let mut operator = demo::connect(&machine::command(&guest))?;
    let patience = Patience::default();
    demo::loaded(&mut operator, patience.boot)?;
    let mut result = OnFile::default();
    let mut watch = Watch::begin(&mut operator, PAUSE)?;
    for (number, release) in demo::walk(packages.releases.len(), updates)
        .into_iter()
        .enumerate()
    {
        say(format!("on a file: update {} of {updates}", number + 1));
        let package = &packages.releases[release];
        result.updates.push(watch.update(&mut operator, package, None)?);
    }
    demo::settled(&mut operator, DEVICE, patience.transaction)?;
    say("on a file: undisturbed".into());
    let undisturbed = throughput(&mut operator, UNDISTURBED_NS, |_| Ok(()))?;
    say("on a file: a driver killed every virtual second".into());
    let killed = throughput(&mut operator, KILLS * SECOND_NS, |operator| {
        demo::settled(operator, DEVICE, patience.transaction)?;
        operator.kill(DEVICE)?;
        Ok(())
    })?;
    (result.reads, result.writes) = ([undisturbed[0], killed[0]], [undisturbed[1], killed[1]]);
    demo::still_loaded(&mut operator)?;
    say("on a file: stopping the clients in order".into());
    demo::stopped(&mut operator, patience.stop)?;
    let [blocks, files] = CLIENTS;
    let blocks = demo::whole_report(&mut operator, blocks)?;
    let files = demo::whole_report(&mut operator, files)?;
    let image_file = machine::disk(&guest);
    guest.shut_down().context("ending the machine")?;
    result.verdict = disk::check(&image_file, &blocks, &files)?;
    Ok(result)
}

/// Reads and writes per virtual second over about `span_ns`, with something done at the beginning of each second.
fn throughput<O: Operator>(
    operator: &mut O,
    span_ns: u64,
    mut every_second: impl FnMut(&mut O) -> Result<()>,
) -> Result<[f64; 2]> {
    let begin = counts(operator)?;
    let mut second = 0;
    loop {
        let now_ns = operator.status()?.now_ns;
        if now_ns >= begin.0 + span_ns {
            break;
        }
        if now_ns >= begin.0 + second * SECOND_NS {
            every_second(operator)?;
            second += 1;
        }
        // Every question costs the guest a little; the same for both measurements.
        std::thread::sleep(PAUSE);
    }
    let end = counts(operator)?;
    let seconds = (end.0 - begin.0) as f64 / SECOND_NS as f64;
    Ok([0, 1].map(|index| (end.1[index] - begin.1[index]) as f64 / seconds))
}

/// The guest's time, and reads and writes of all clients so far.
fn counts(operator: &mut impl Operator) -> Result<(u64, [u64; 2])> {
    let mut counts = [0; 2];
    for client in CLIENTS {
        let header = demo::header(operator, client)?;
        counts[0] += header.reads;
        counts[1] += header.writes;
    }
    Ok((operator.status()?.now_ns, counts))
}
