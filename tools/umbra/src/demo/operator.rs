//! What the demo asks of the running system.

use crate::disk::{ClientReport, Header};
use anyhow::{Context, Result, bail, ensure};
use control_protocol::PackageHash;
use control_protocol::record::{Record, State};
use control_protocol::reply::{Condition, Device, Status, Stop};
use std::time::{Duration, Instant};

/// The command channel, as far as the demo needs it. Waiting is the caller's business, in [`wait`].
pub trait Operator {
    /// State of the devices.
    fn status(&mut self) -> Result<Status>;
    /// Put a package into the store; its name there.
    fn upload(&mut self, package: &[u8]) -> Result<PackageHash>;
    /// Begin an update; the job's number.
    fn update(&mut self, device: &str, package: PackageHash) -> Result<u32>;
    /// Kill the driver; the job's number.
    fn kill(&mut self, device: &str) -> Result<u32>;
    /// How far a job is.
    fn job(&mut self, job: u32) -> Result<Record>;
    /// Bytes of a client's report region; shorter only at the region's end.
    fn report(&mut self, client: &str, offset: usize, len: usize) -> Result<Vec<u8>>;
    /// Begin or follow the orderly stop.
    fn stop(&mut self) -> Result<Stop>;
}

/// Pause between two questions about the same thing, on the host's clock.
const PAUSE: Duration = Duration::from_millis(2);

/// Asks again until there is an answer, for at most `patience` of the host's time.
pub fn wait<T>(patience: Duration, what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        ensure!(
            Instant::now() < deadline,
            "{what}: nothing after {} s",
            patience.as_secs()
        );
        std::thread::sleep(PAUSE);
    }
}

/// Waits until a job is over.
pub fn finished(operator: &mut impl Operator, job: u32, patience: Duration) -> Result<Record> {
    wait(patience, "the transaction", || {
        let record = operator.job(job)?;
        Ok(matches!(record.state, State::Done(_)).then_some(record))
    })
}

/// Waits until the device can be changed again (the driver of before is given back), and gives its state.
pub fn settled(operator: &mut impl Operator, device: &str, patience: Duration) -> Result<Device> {
    wait(patience, "the device", || {
        let device = find(&operator.status()?, device)?;
        match device.condition {
            Condition::Working | Condition::Probation => Ok(Some(device)),
            Condition::Empty | Condition::Changing { .. } => Ok(None),
            Condition::Offline(reason) => bail!("device {} is offline: {reason:?}", device.name),
        }
    })
}

fn find(status: &Status, device: &str) -> Result<Device> {
    let found = status.devices.iter().find(|found| found.name == device);
    found
        .cloned()
        .with_context(|| format!("the system has no device {device}"))
}

/// Stops the clients in order, and waits until they have.
pub fn stopped(operator: &mut impl Operator, patience: Duration) -> Result<()> {
    wait(patience, "the orderly stop", || {
        Ok(operator.stop()?.halted.then_some(()))
    })
}

/// A client's header.
pub fn header(operator: &mut impl Operator, client: &str) -> Result<Header> {
    let bytes = operator.report(client, 0, 256)?;
    Header::parse(&bytes).with_context(|| format!("report of {client}"))
}

/// A client's whole report.
pub fn whole_report(operator: &mut impl Operator, client: &str) -> Result<ClientReport> {
    let len = ClientReport::len(&header(operator, client)?);
    let bytes = operator.report(client, 0, len)?;
    ClientReport::parse(&bytes).with_context(|| format!("report of {client}"))
}
