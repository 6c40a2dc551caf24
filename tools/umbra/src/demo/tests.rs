//! The steps against a system that is made up: what it does wrong, the demo must notice.

use super::operator::Operator;
use super::report::{Clock, Report, Row};
use super::steps::{self, CLIENTS, DEVICE, Packages, Patience};
use crate::disk::Verdict;
use anyhow::{Result, bail, ensure};
use control_protocol::PackageHash;
use control_protocol::record::{Figures, Kind, Outcome, PackageLabel, Reason, Record, State};
use control_protocol::reply::{Condition, Device, Name, Status, Stop};
use std::time::Duration;

/// What the made-up system does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Nothing,
    /// Installs whatever comes.
    InstallsAnything,
    /// Says that it refused, and yet restarted the driver.
    TouchesOnRefusal,
    /// Says that it updated, and has not.
    PretendsUpdate,
    /// Updates to another driver than the one that was sent.
    InstallsAnother,
    /// Goes back to another driver than the one of before.
    RollsBackElsewhere,
    /// Goes offline when the driver is killed.
    DiesOfKill,
    /// A client gives up on the way.
    ClientFails,
    /// The clients never stop.
    NeverStops,
}

struct Fake {
    wrong: Wrong,
    generation: u32,
    running: Vec<u8>,
    uploaded: Vec<u8>,
    last: Option<Outcome>,
    transactions: usize,
    stops: usize,
}

impl Fake {
    fn new(wrong: Wrong) -> Self {
        Self {
            wrong,
            generation: 1,
            running: vec![1; 8],
            uploaded: vec![],
            last: None,
            transactions: 0,
            stops: 0,
        }
    }

    fn label(package: &[u8]) -> PackageLabel {
        let mut hash = [0; 8];
        hash.copy_from_slice(&package[..8]);
        PackageLabel {
            hash,
            label: Default::default(),
        }
    }

    fn outcome(&self) -> Outcome {
        if self.wrong == Wrong::InstallsAnything {
            return Outcome::Done;
        }
        match self.uploaded[..] {
            [8, ..] => Outcome::RolledBack(Reason::CapabilityLost { fields: 8 }),
            [9, ..] => Outcome::RolledBack(Reason::Fault {
                label: 6,
                address: 16,
                pc: 0,
            }),
            ref bytes if bytes.iter().any(|byte| *byte != bytes[0]) => {
                Outcome::Refused(Reason::Damaged { detail: 1 })
            }
            _ => Outcome::Done,
        }
    }
}

impl Operator for Fake {
    fn status(&mut self) -> Result<Status> {
        let device = Device {
            name: Name::try_from(DEVICE).unwrap(),
            class: 1,
            condition: match self.last {
                Some(Outcome::Offline(reason)) => Condition::Offline(reason),
                _ => Condition::Working,
            },
            generation: self.generation,
            package: Some(Self::label(&self.running)),
            previous: None,
            staged: None,
            awaits_commit: false,
            security_floor: 0,
            updates: 0,
            failures: 0,
            causes: Default::default(),
            tried: Default::default(),
        };
        Ok(Status {
            devices: [device].into_iter().collect(),
            ..Status::default()
        })
    }
    fn upload(&mut self, package: &[u8]) -> Result<PackageHash> {
        self.uploaded = package.to_vec();
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&package[..8]);
        Ok(hash)
    }
    fn update(&mut self, device: &str, _: PackageHash) -> Result<u32> {
        ensure!(device == DEVICE);
        self.transactions += 1;
        let outcome = self.outcome();
        match outcome {
            Outcome::Done if self.wrong != Wrong::PretendsUpdate => {
                self.generation += 1;
                self.running = self.uploaded.clone();
                if self.wrong == Wrong::InstallsAnother {
                    self.running = vec![55; 8];
                }
            }
            Outcome::RolledBack(_) => {
                self.generation += 2;
                if self.wrong == Wrong::RollsBackElsewhere {
                    self.running = vec![77; 8];
                }
            }
            Outcome::Refused(_) if self.wrong == Wrong::TouchesOnRefusal => self.generation += 1,
            _ => {}
        }
        self.last = Some(outcome);
        Ok(1)
    }
    fn kill(&mut self, _: &str) -> Result<u32> {
        self.transactions += 1;
        self.generation += 1;
        let dead = self.wrong == Wrong::DiesOfKill;
        self.last = Some(if dead {
            Outcome::Offline(Reason::Killed)
        } else {
            Outcome::Done
        });
        Ok(1)
    }
    fn job(&mut self, _: u32) -> Result<Record> {
        let Some(outcome) = self.last else { bail!("no job") };
        Ok(Record {
            id: 1,
            device: 0,
            kind: Kind::Update,
            state: State::Done(outcome),
            from: None,
            to: None,
            result: None,
            cause: None,
            figures: Figures::default(),
        })
    }
    fn report(&mut self, client: &str, offset: usize, len: usize) -> Result<Vec<u8>> {
        let kind = CLIENTS.iter().position(|name| *name == client).unwrap() as u64 + 1;
        let state = match self.stops {
            0 if self.wrong == Wrong::ClientFails && self.transactions > 2 => 4,
            0 => 1u64,
            _ => 3,
        };
        let mut bytes = vec![0; 4096];
        bytes[..8].copy_from_slice(b"UMBRARPT");
        bytes[8..16].copy_from_slice(&(1 | kind << 32).to_le_bytes());
        bytes[16..24].copy_from_slice(&state.to_le_bytes());
        Ok(bytes[offset..(offset + len).min(4096)].to_vec())
    }
    fn stop(&mut self) -> Result<Stop> {
        self.stops += 1;
        Ok(Stop {
            waiting: Default::default(),
            halted: self.stops > 2 && self.wrong != Wrong::NeverStops,
        })
    }
}

/// Runs all steps with three releases; what came of it, and the rows.
fn run(wrong: Wrong) -> (Result<()>, Vec<Row>) {
    let packages = Packages {
        releases: vec![vec![1; 8], vec![2; 8], vec![3; 8]],
        no_flush: vec![8; 8],
        faulting: vec![9; 8],
    };
    let short = Duration::from_millis(50);
    let patience = Patience {
        boot: short,
        transaction: short,
        stop: short,
    };
    let mut rows = Vec::new();
    let result = steps::run(
        &mut Fake::new(wrong),
        &packages,
        5,
        &patience,
        &mut |_, _, _| {},
        &mut rows,
    );
    (result.map(drop), rows)
}

fn held(wrong: Wrong) -> bool {
    let (result, rows) = run(wrong);
    let verdict = Verdict {
        requests: 1,
        blocks: 1,
        files: 1,
        ..Verdict::default()
    };
    result.is_ok()
        && Report {
            clock: Clock::Icount,
            rows,
            verdict,
        }
        .ok()
}

#[test]
fn system_that_does_right_passes_with_a_row_per_transaction() {
    assert!(held(Wrong::Nothing));
    assert_eq!(run(Wrong::Nothing).1.len(), 5 + 4);
}

#[test]
fn system_that_does_wrong_fails() {
    for wrong in [
        Wrong::InstallsAnything,
        Wrong::TouchesOnRefusal,
        Wrong::PretendsUpdate,
        Wrong::InstallsAnother,
        Wrong::RollsBackElsewhere,
        Wrong::DiesOfKill,
        Wrong::ClientFails,
        Wrong::NeverStops,
    ] {
        assert!(!held(wrong), "{wrong:?}");
    }
}

#[test]
fn rows_stay_when_a_later_step_fails() {
    let (result, rows) = run(Wrong::ClientFails);
    assert!(result.is_err());
    assert_eq!(rows.len(), 3);
}
