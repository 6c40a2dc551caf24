//! Two clients with an address each talk to a gateway over one device while its driver is replaced, and killed: no frame that the
//! shadow took is refused, none is changed, none reaches the other client, and the echoes go on. Then drivers come that are less
//! than the others, or go wrong.

use crate::drivers::{Bad, send_to};
use crate::running::Running;
use anyhow::{Context, Result, bail, ensure};
use control_protocol::record::{Outcome, Reason, State};
use control_protocol::request::Policy;
use device_class::net::{LOST_CHECKSUM, LOST_MTU};
use std::path::Path;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, Patience};
use umbra::disk::{Header, State as ClientState};
use umbra::pack;

const NETWORK: &str = "net0";
const CLIENTS: [&str; 2] = ["net-a", "net-b"];
/// Their addresses in the description, the first byte lowest.
const ADDRESSES: [u64; 2] = [0x0f34_1200_5452, 0x1034_1200_5452];
/// Releases of before and after the crate's frames lost their own buffers.
const RELEASES: [&str; 3] = ["virtio-net-0.13.0", "virtio-net-0.9.0", "virtio-net-0.12.0"];
const UPDATES: usize = 9;
/// Echoes that each client has between two updates.
const BETWEEN: u64 = 20;

/// Drivers of `tests/drivers` that go wrong, and what must come of an update to them.
const BAD: [Bad; 2] = [
    // What it says of a frame makes no sense for the buffer.
    Bad {
        driver: "corrupts-lengths",
        late: true,
        why: |why| matches!(why, Reason::UnknownRequest),
    },
    Bad {
        driver: "net-hangs",
        late: true,
        why: |why| matches!(why, Reason::RequestDeadline),
    },
];

/// The same of another kind of device, whose line it leaves as it is.
const HANGS: Bad = Bad {
    driver: "e1000-hangs",
    late: true,
    why: |why| matches!(why, Reason::RequestDeadline | Reason::Storm { .. }),
};

/// A driver that lacks the checksums that the one has with which the system starts and of which clients were told; one
/// that takes shorter frames than any release.
const LESSER: [(&str, u32); 2] = [(RELEASES[0], LOST_CHECKSUM), ("small-mtu", LOST_MTU)];

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::test_system("net", config, kernel)?;
    running.operate(|client, patience| play(client, config, patience))?;
    running.operate(|client, patience| {
        demo::stopped(client, patience.stop)?;
        let reports = headers(client)?;
        for (name, report) in CLIENTS.into_iter().zip(&reports) {
            unharmed(report).context(name)?;
            ensure!(report.state == ClientState::Stopped, "{name}: {report:?}");
        }
        Ok(())
    })?;
    running.shut_down()
}

/// Runs the case of another kind of device below the same class.
pub fn run_e1000(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::test_system("net-e1000", config, kernel)?;
    running.operate(|client, patience| play_e1000(client, config, patience))?;
    // Nobody asks the clients to stop: they look for that when they rest.
    running.operate(|client, _| headers(client)?.iter().try_for_each(unharmed))?;
    running.shut_down()
}

/// It takes no driver but its own, and that one is replaced, killed and hung like any other. The clients never rest: whoever builds drivers
/// gets no time but what root gives him.
fn play_e1000(client: &mut Client, config: Config, patience: &Patience) -> Result<()> {
    demo::settled(client, NETWORK, patience.boot)?;
    echoes_go_on(client, patience)?;
    let wrong = update(client, RELEASES[0], Policy::Force, config, patience)?;
    ensure!(
        matches!(wrong, Outcome::Refused(Reason::WrongDevice { .. })),
        "{wrong:?}"
    );
    lessen(client, ("e1000-test", LOST_MTU), config, patience)?;
    let better = update(client, "e1000", Policy::Refuse, config, patience)?;
    ensure!(better == Outcome::Done, "{better:?}");
    echoes_go_on(client, patience).context("after the update")?;
    let job = client.kill(NETWORK)?;
    finished(client, job, patience).context("kill")?;
    echoes_go_on(client, patience).context("after the kill")?;
    send_to(client, NETWORK, &HANGS, config, patience).context(HANGS.driver)?;
    echoes_go_on(client, patience).context(HANGS.driver)
}

fn play(client: &mut Client, config: Config, patience: &Patience) -> Result<()> {
    demo::settled(client, NETWORK, patience.boot)?;
    let mut packages = Vec::new();
    for label in RELEASES {
        let package = pack::pack(&pack::find(label)?, config)?.bytes;
        packages.push(client.upload(&package, |_, _| {})?);
    }
    echoes_go_on(client, patience)?;
    for (report, address) in headers(client)?.iter().zip(ADDRESSES) {
        ensure!(report.seed == address, "{:x} is not {address:x}", report.seed);
    }
    lessen(client, LESSER[0], config, patience)?;
    for update in 0..UPDATES {
        let job = client.update(NETWORK, packages[update % packages.len()], Policy::Refuse)?;
        finished(client, job, patience).with_context(|| format!("update {update}"))?;
        echoes_go_on(client, patience).with_context(|| format!("after update {update}"))?;
    }
    let job = client.kill(NETWORK)?;
    finished(client, job, patience).context("kill")?;
    echoes_go_on(client, patience).context("after the kill")?;
    lessen(client, LESSER[1], config, patience)?;
    for bad in &BAD {
        send_to(client, NETWORK, bad, config, patience).context(bad.driver)?;
        echoes_go_on(client, patience).context(bad.driver)?;
    }
    flood(client, config, patience).context("a flood")
}

fn finished(client: &mut Client, job: u32, patience: &Patience) -> Result<()> {
    let outcome = ended(client, job, patience)?;
    ensure!(outcome == Outcome::Done, "{outcome:?}");
    Ok(())
}

fn ended(client: &mut Client, job: u32, patience: &Patience) -> Result<Outcome> {
    match demo::finished(client, job, patience.transaction)?.state {
        State::Done(outcome) => Ok(outcome),
        state => bail!("{state:?}"),
    }
}

/// Updates to a driver of this name.
fn update(
    client: &mut Client,
    driver: &str,
    policy: Policy,
    config: Config,
    patience: &Patience,
) -> Result<Outcome> {
    demo::settled(client, NETWORK, patience.transaction)?;
    let package = pack::pack(&pack::find(driver)?, config)?.bytes;
    let hash = client.upload(&package, |_, _| {})?;
    let job = client.update(NETWORK, hash, policy)?;
    ended(client, job, patience)
}

/// A driver that lacks something is refused, and taken if the operator insists; what does not need it goes on either way.
fn lessen(
    client: &mut Client,
    (lesser, lost): (&str, u32),
    config: Config,
    patience: &Patience,
) -> Result<()> {
    let refused = update(client, lesser, Policy::Refuse, config, patience)?;
    let fields = u64::from(lost);
    ensure!(
        refused == Outcome::RolledBack(Reason::CapabilityLost { fields }),
        "{lesser}: {refused:?}"
    );
    echoes_go_on(client, patience).with_context(|| format!("{lesser} was refused"))?;
    let taken = update(client, lesser, Policy::Degrade, config, patience)?;
    ensure!(taken == Outcome::Done, "{lesser}: {taken:?}");
    echoes_go_on(client, patience).with_context(|| format!("{lesser} was taken"))
}

/// A driver that invents frames: it has its share of the processor and no more, so clients and operator are served, and the
/// update away from it is one like any other.
fn flood(client: &mut Client, config: Config, patience: &Patience) -> Result<()> {
    let outcome = update(client, "floods", Policy::Refuse, config, patience)?;
    ensure!(outcome == Outcome::Done, "{outcome:?}");
    let before = headers(client)?.map(|report| report.reads);
    echoes_go_on(client, patience)?;
    let after = headers(client)?;
    ensure!(
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| after.reads - before > 10 * BETWEEN),
        "no flood: {after:?}"
    );
    let outcome = update(client, RELEASES[0], Policy::Refuse, config, patience)?;
    ensure!(outcome == Outcome::Done, "{outcome:?}");
    echoes_go_on(client, patience)
}

fn headers(client: &mut Client) -> Result<[Header; 2]> {
    let [first, second] = CLIENTS;
    Ok([demo::header(client, first)?, demo::header(client, second)?])
}

fn unharmed(report: &Header) -> Result<()> {
    let violation = report.first_violation().map(|violation| violation.to_string());
    ensure!(
        violation.is_none(),
        "{}: {report:?}",
        violation.unwrap_or_default()
    );
    Ok(())
}

/// Waits until both clients have had some echoes more.
fn echoes_go_on(client: &mut Client, patience: &Patience) -> Result<()> {
    let running = |client: &mut Client| {
        let reports = headers(client)?;
        reports.iter().try_for_each(unharmed)?;
        anyhow::Ok(reports.map(|report| report.requests))
    };
    let before = demo::wait(patience.boot, "the clients' reports", || Ok(running(client).ok()))?;
    demo::wait(patience.transaction, "echoes", || {
        let now = running(client)?;
        let enough = now
            .iter()
            .zip(&before)
            .all(|(now, before)| now - before >= BETWEEN);
        Ok(enough.then_some(()))
    })
}
