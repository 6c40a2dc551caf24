//! Two clients with an address each talk to a gateway over one device while its driver is replaced, and killed: no frame that the
//! shadow took is refused, none is changed, none reaches the other client, and the echoes go on.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::record::{Outcome, State};
use control_protocol::request::Policy;
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
    for update in 0..UPDATES {
        let job = client.update(NETWORK, packages[update % packages.len()], Policy::Refuse)?;
        finished(client, job, patience).with_context(|| format!("update {update}"))?;
        echoes_go_on(client, patience).with_context(|| format!("after update {update}"))?;
    }
    let job = client.kill(NETWORK)?;
    finished(client, job, patience).context("kill")?;
    echoes_go_on(client, patience).context("after the kill")
}

fn finished(client: &mut Client, job: u32, patience: &Patience) -> Result<()> {
    let record = demo::finished(client, job, patience.transaction)?;
    ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
    Ok(())
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
