//! The steps, against a running system.

use super::operator::{Operator, finished, header, settled, stopped, wait, whole_report};
use super::report::{Expected, Row};
use crate::disk::{ClientReport, State};
use anyhow::{Context, Result, bail, ensure};
use std::time::Duration;

/// A device under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Its device slot.
    pub device: &'static str,
    /// The clients that load it; a disk: a `disk-check` and a `file-check`.
    pub clients: [&'static str; 2],
}

/// The disk that every system of disks has.
pub const FIRST: Load = Load {
    device: "disk0",
    clients: ["disk-check", "file-check"],
};
/// The NVMe disk of a system with two.
pub const SECOND: Load = Load {
    device: "disk1",
    clients: ["disk-check-nvme", "file-check-nvme"],
};

/// The device of the first disk.
pub const DEVICE: &str = FIRST.device;
/// The clients of the first disk.
pub const CLIENTS: [&str; 2] = FIRST.clients;

/// What is sent to a disk.
#[derive(Clone, Debug)]
pub struct Packages {
    /// Releases, in order; the first one is started at boot.
    pub releases: Vec<Vec<u8>>,
    /// What must not come to stay.
    pub bad: Vec<Bad>,
}

/// A package that must not come to stay.
#[derive(Clone, Debug)]
pub struct Bad {
    /// The package.
    pub package: Vec<u8>,
    /// What must come of it.
    pub expected: Expected,
    /// What it is, in words: "a damaged package".
    pub what: &'static str,
}

/// What is done to a disk: updates, the bad packages, a kill.
#[derive(Clone, Debug)]
pub struct Course {
    /// The disk.
    pub disk: Load,
    /// What is sent to it.
    pub packages: Packages,
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

/// One thing the demo does to a device.
enum Action<'a> {
    Update { package: &'a [u8], expected: Expected },
    Kill,
}

/// Runs the courses, a step of each in turn, and gives the clients' last reports, by disk: `disk-check`, `file-check`. Each
/// transaction leaves a row, also if a later one fails. The machine is not yet off when this returns.
pub fn run(
    operator: &mut impl Operator,
    courses: &[Course],
    updates: usize,
    patience: &Patience,
    progress: Progress<'_>,
    rows: &mut Vec<Row>,
) -> Result<Vec<[ClientReport; 2]>> {
    let mut actions: Vec<_> = courses
        .iter()
        .flat_map(|course| {
            actions(&course.packages, updates)
                .into_iter()
                .enumerate()
                .map(|step| (course.disk, step))
        })
        .collect();
    // Stable: within a step the disks keep their order.
    actions.sort_by_key(|(_, (step, _))| *step);
    progress("waiting for all clients to load the disks", 0, actions.len());
    for course in courses {
        course.disk.loaded(operator, patience.boot)?;
    }
    for (number, (disk, (_, (action, text)))) in actions.iter().enumerate() {
        let text = format!("{}: {text}", disk.device);
        progress(&text, number, actions.len());
        rows.push(perform(operator, disk.device, action, patience).context(text)?);
        for course in courses {
            course.disk.still_loaded(operator)?;
        }
    }
    progress("stopping the clients in order", actions.len(), actions.len());
    stopped(operator, patience.stop)?;
    courses
        .iter()
        .map(|course| course.disk.reports(operator))
        .collect()
}

/// What is done to one disk, and in words.
fn actions(packages: &Packages, updates: usize) -> Vec<(Action<'_>, String)> {
    let release = |(number, release): (usize, usize)| {
        let package = &packages.releases[release];
        let update = Action::Update {
            package,
            expected: Expected::Done,
        };
        (update, format!("update {} of {updates}", number + 1))
    };
    let bad = packages.bad.iter().map(|bad| {
        let (package, expected) = (&bad.package, bad.expected);
        (
            Action::Update { package, expected },
            format!("sending {}", bad.what),
        )
    });
    let releases = walk(packages.releases.len(), updates).into_iter().enumerate();
    let kill = (Action::Kill, "killing the running driver".into());
    releases.map(release).chain(bad).chain([kill]).collect()
}

/// One transaction, from a device at rest to a device at rest.
fn perform(
    operator: &mut impl Operator,
    device: &str,
    action: &Action<'_>,
    patience: &Patience,
) -> Result<Row> {
    let before = settled(operator, device, patience.transaction)?;
    let mut sent = None;
    let (job, expected) = match action {
        Action::Update { package, expected } => {
            let hash = operator.upload(package)?;
            sent = hash.first_chunk().copied();
            (operator.update(device, hash)?, *expected)
        }
        Action::Kill => (operator.kill(device)?, Expected::Done),
    };
    let record = finished(operator, job, patience.transaction)?;
    let mut row = Row::of(device, &record, expected);
    let after = settled(operator, device, patience.transaction)?;
    let kept = before.package.as_ref().map(|package| package.hash)
        == after.package.as_ref().map(|package| package.hash);
    let untouched = before.generation == after.generation;
    // What the operator sees afterwards must agree with what the record says.
    let agrees = match (expected, action) {
        (Expected::Done, Action::Kill) => kept && !untouched,
        (Expected::Done, _) => !untouched && after.package.as_ref().map(|package| package.hash) == sent,
        (Expected::Damaged | Expected::Foreign, _) => kept && untouched,
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

impl Load {
    /// Waits until both clients load the disk.
    pub fn loaded(&self, operator: &mut impl Operator, patience: Duration) -> Result<()> {
        settled(operator, self.device, patience)?;
        for client in self.clients {
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
    pub fn still_loaded(&self, operator: &mut impl Operator) -> Result<()> {
        for client in self.clients {
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

    /// What the clients wrote down, when they have stopped.
    pub fn reports(&self, operator: &mut impl Operator) -> Result<[ClientReport; 2]> {
        let [blocks, files] = self.clients;
        Ok([whole_report(operator, blocks)?, whole_report(operator, files)?])
    }
}

/// Waits until both clients load the first disk.
pub fn loaded(operator: &mut impl Operator, patience: Duration) -> Result<()> {
    FIRST.loaded(operator, patience)
}

/// The first disk's clients have not given up.
pub fn still_loaded(operator: &mut impl Operator) -> Result<()> {
    FIRST.still_loaded(operator)
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
