//! The six steps, against a running system.

use super::operator::{Operator, finished, header, settled, stopped, wait, whole_report};
use super::report::{Expected, Row};
use crate::disk::{ClientReport, State};
use anyhow::{Context, Result, bail, ensure};
use std::time::Duration;

/// The device whose driver is replaced.
pub const DEVICE: &str = "disk0";
/// The clients that load it.
pub const CLIENTS: [&str; 2] = ["disk-check", "file-check"];

/// The packages of the demo.
#[derive(Clone, Debug)]
pub struct Packages {
    /// Releases, in order; the first one is started at boot.
    pub releases: Vec<Vec<u8>>,
    /// A driver without flush.
    pub no_flush: Vec<u8>,
    /// A driver that faults in probe.
    pub faulting: Vec<u8>,
}

/// How long to wait, on the host's clock.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From power-on until both clients load the disk.
    pub boot: Duration,
    /// For one transaction.
    pub transaction: Duration,
    /// For the clients to stop.
    pub stop: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            boot: Duration::from_secs(60),
            transaction: Duration::from_secs(60),
            stop: Duration::from_secs(60),
        }
    }
}

/// Says what is being done: text, and how many of how many transactions are over.
pub type Progress<'a> = &'a mut dyn FnMut(&str, usize, usize);

/// A package with one bit wrong: in the middle, where the driver's code is.
pub fn damaged(package: &[u8]) -> Vec<u8> {
    let mut bytes = package.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    bytes
}

/// The releases in the order in which they are installed: up, down, up, … One step at a time, so that each neighbouring pair is
/// crossed in both directions. Release 0 runs at the start.
pub fn walk(releases: usize, updates: usize) -> Vec<usize> {
    let top = releases.saturating_sub(1);
    (1..=updates)
        .map(|step| {
            let phase = step % (2 * top).max(1);
            if phase <= top { phase } else { 2 * top - phase }
        })
        .collect()
}

/// One thing the demo does to the device.
enum Action<'a> {
    Update {
        package: &'a [u8],
        expected: Expected,
        text: String,
    },
    Kill,
}

/// Runs the steps, and gives the clients' last reports: `disk-check`, `file-check`. Each transaction leaves a row, also if a later
/// one fails. The machine is not yet off when this returns.
pub fn run(
    operator: &mut impl Operator,
    packages: &Packages,
    updates: usize,
    patience: &Patience,
    progress: Progress<'_>,
    rows: &mut Vec<Row>,
) -> Result<[ClientReport; 2]> {
    let broken = packages
        .releases
        .first()
        .map(|package| damaged(package))
        .unwrap_or_default();
    let actions = actions(packages, updates, &broken);
    progress("waiting for both clients to load the disk", 0, actions.len());
    loaded(operator, patience.boot)?;
    for (number, action) in actions.iter().enumerate() {
        let text = match action {
            Action::Update { text, .. } => text,
            Action::Kill => "killing the running driver",
        };
        progress(text, number, actions.len());
        rows.push(perform(operator, action, patience).with_context(|| text.to_owned())?);
        still_loaded(operator)?;
    }
    progress("stopping the clients in order", actions.len(), actions.len());
    stopped(operator, patience.stop)?;
    let [first, second] = CLIENTS;
    Ok([whole_report(operator, first)?, whole_report(operator, second)?])
}

fn actions<'a>(packages: &'a Packages, updates: usize, broken: &'a [u8]) -> Vec<Action<'a>> {
    let update = |package, expected, text: String| Action::Update {
        package,
        expected,
        text,
    };
    let mut actions: Vec<Action<'a>> = walk(packages.releases.len(), updates)
        .into_iter()
        .enumerate()
        .map(|(number, release)| {
            let text = format!("update {} of {updates}", number + 1);
            update(&packages.releases[release], Expected::Done, text)
        })
        .collect();
    actions.push(update(
        broken,
        Expected::Damaged,
        "sending a damaged package".into(),
    ));
    actions.push(update(
        &packages.no_flush,
        Expected::CapabilityLost,
        "sending a driver that lost a capability".into(),
    ));
    actions.push(update(
        &packages.faulting,
        Expected::Faulted,
        "sending a driver that faults in probe".into(),
    ));
    actions.push(Action::Kill);
    actions
}

/// One transaction, from a device at rest to a device at rest.
fn perform(operator: &mut impl Operator, action: &Action<'_>, patience: &Patience) -> Result<Row> {
    let before = settled(operator, DEVICE, patience.transaction)?;
    let mut sent = None;
    let (job, expected) = match action {
        Action::Update {
            package, expected, ..
        } => {
            let hash = operator.upload(package)?;
            sent = hash.first_chunk().copied();
            (operator.update(DEVICE, hash)?, *expected)
        }
        Action::Kill => (operator.kill(DEVICE)?, Expected::Done),
    };
    let record = finished(operator, job, patience.transaction)?;
    let mut row = Row::of(&record, expected);
    let after = settled(operator, DEVICE, patience.transaction)?;
    let kept = before.package.as_ref().map(|package| package.hash)
        == after.package.as_ref().map(|package| package.hash);
    let untouched = before.generation == after.generation;
    // What the operator sees afterwards must agree with what the record says.
    let agrees = match (expected, action) {
        (Expected::Done, Action::Kill) => kept && !untouched,
        (Expected::Done, _) => !untouched && after.package.as_ref().map(|package| package.hash) == sent,
        (Expected::Damaged, _) => kept && untouched,
        (Expected::CapabilityLost | Expected::Faulted, _) => kept && !untouched,
    };
    if row.ok && !agrees {
        row.ok = false;
        row.result = format!(
            "{}, but generation {} became {}",
            row.result, before.generation, after.generation
        );
    }
    Ok(row)
}

/// Waits until both clients load the disk.
pub fn loaded(operator: &mut impl Operator, patience: Duration) -> Result<()> {
    settled(operator, DEVICE, patience)?;
    for client in CLIENTS {
        wait(patience, client, || {
            // The region is empty until the client has begun.
            let Ok(header) = header(operator, client) else {
                return Ok(None);
            };
            match header.state {
                State::Running => Ok(Some(())),
                State::Starting => Ok(None),
                state => bail!("{client} is {state:?} (reason {})", header.reason),
            }
        })?;
    }
    Ok(())
}

/// A demo whose clients have given up shows nothing.
pub fn still_loaded(operator: &mut impl Operator) -> Result<()> {
    for client in CLIENTS {
        let header = header(operator, client)?;
        ensure!(
            header.state == State::Running,
            "{client} is {:?} (reason {})",
            header.state,
            header.reason
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walk_crosses_each_pair_of_neighbours_both_ways() {
        assert_eq!(walk(3, 9), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(walk(2, 4), [1, 0, 1, 0]);
        assert_eq!(walk(1, 2), [0, 0]);
        assert_eq!(walk(3, 200).len(), 200);
    }

    #[test]
    fn damaged_package_differs_in_one_bit() {
        let package = vec![7; 100];
        let bad = damaged(&package);
        let bits: u32 = package.iter().zip(&bad).map(|(a, b)| (a ^ b).count_ones()).sum();
        assert_eq!((bits, bad.len()), (1, 100));
        assert!(damaged(&[]).is_empty());
    }
}
