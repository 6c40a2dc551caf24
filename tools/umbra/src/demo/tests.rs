//! The steps against a system that is made up: what it does wrong, the demo must notice.

use super::operator::Operator;
use super::report::{Checked, Clock, Expected, Report, Row};
use super::steps::{self, Bad, Course, FIRST, Load, Packages, Patience, SECOND, damaged};
use crate::disk::Verdict;
use anyhow::{Result, bail};
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

/// A device of the made-up system.
struct Driven {
    disk: Load,
    generation: u32,
    running: Vec<u8>,
}

struct Fake {
    wrong: Wrong,
    /// The disk that it goes wrong on.
    at: Load,
    driven: [Driven; 2],
    uploaded: Vec<u8>,
    last: Option<Outcome>,
    transactions: usize,
    stops: usize,
}

impl Fake {
    fn new(wrong: Wrong, at: Load) -> Self {
        Self {
            wrong,
            at,
            driven: [(FIRST, 1), (SECOND, 4)].map(|(disk, package)| Driven {
                disk,
                generation: 1,
                running: vec![package; 8],
            }),
            uploaded: vec![],
            last: None,
            transactions: 0,
            stops: 0,
        }
    }

    fn driven(&mut self, device: &str) -> (&mut Driven, Wrong) {
        let wrong = if device == self.at.device {
            self.wrong
        } else {
            Wrong::Nothing
        };
        let found = self.driven.iter_mut().find(|driven| driven.disk.device == device);
        (found.unwrap(), wrong)
    }

    fn label(package: &[u8]) -> PackageLabel {
        let mut hash = [0; 8];
        hash.copy_from_slice(&package[..8]);
        PackageLabel {
            hash,
            label: Default::default(),
        }
    }

    fn outcome(&self, wrong: Wrong) -> Outcome {
        if wrong == Wrong::InstallsAnything {
            return Outcome::Done;
        }
        match self.uploaded[..] {
            [7, ..] => Outcome::Refused(Reason::WrongDevice { why: 1 }),
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
        let device = |driven: &Driven| Device {
            name: Name::try_from(driven.disk.device).unwrap(),
            class: 1,
            condition: match self.last {
                Some(Outcome::Offline(reason)) => Condition::Offline(reason),
                _ => Condition::Working,
            },
            generation: driven.generation,
            package: Some(Self::label(&driven.running)),
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
            devices: self.driven.iter().map(device).collect(),
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
        self.transactions += 1;
        let uploaded = self.uploaded.clone();
        let wrong = self.driven(device).1;
        let outcome = self.outcome(wrong);
        let (driven, _) = self.driven(device);
        match outcome {
            Outcome::Done if wrong != Wrong::PretendsUpdate => {
                driven.generation += 1;
                driven.running = uploaded;
                if wrong == Wrong::InstallsAnother {
                    driven.running = vec![55; 8];
                }
            }
            Outcome::RolledBack(_) => {
                driven.generation += 2;
                if wrong == Wrong::RollsBackElsewhere {
                    driven.running = vec![77; 8];
                }
            }
            Outcome::Refused(_) if wrong == Wrong::TouchesOnRefusal => driven.generation += 1,
            _ => {}
        }
        self.last = Some(outcome);
        Ok(1)
    }
    fn kill(&mut self, device: &str) -> Result<u32> {
        self.transactions += 1;
        let (driven, wrong) = self.driven(device);
        driven.generation += 1;
        let dead = wrong == Wrong::DiesOfKill;
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
        let disk = [FIRST, SECOND]
            .into_iter()
            .find(|disk| disk.clients.contains(&client))
            .unwrap();
        let kind = disk.clients.iter().position(|name| *name == client).unwrap() as u64 + 1;
        let fails = self.wrong == Wrong::ClientFails && disk == self.at;
        let state = match self.stops {
            0 if fails && self.transactions > 2 => 4,
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

fn course(disk: Load, releases: &[u8], bad: &[(u8, Expected)]) -> Course {
    let releases: Vec<_> = releases.iter().map(|release| vec![*release; 8]).collect();
    let damaged = Bad {
        package: damaged(&releases[0]),
        expected: Expected::Damaged,
        what: "a damaged package",
    };
    let others = bad.iter().map(|&(package, expected)| Bad {
        package: vec![package; 8],
        expected,
        what: "another",
    });
    Course {
        disk,
        packages: Packages {
            bad: std::iter::once(damaged).chain(others).collect(),
            releases,
        },
    }
}

/// Runs all steps, with three releases and two; what came of it, and the rows.
fn run(wrong: Wrong, at: Load) -> (Result<()>, Vec<Row>) {
    let lossy = [(8, Expected::CapabilityLost), (9, Expected::Faulted)];
    let courses = [
        course(FIRST, &[1, 2, 3], &lossy),
        course(
            SECOND,
            &[4, 5],
            &[(7, Expected::Foreign), (8, Expected::CapabilityLost)],
        ),
    ];
    let short = Duration::from_millis(50);
    let patience = Patience {
        boot: short,
        transaction: short,
        stop: short,
    };
    let mut rows = Vec::new();
    let result = steps::run(
        &mut Fake::new(wrong, at),
        &courses,
        5,
        &patience,
        &mut |_, _, _| {},
        &mut rows,
    );
    (result.map(drop), rows)
}

fn held(wrong: Wrong, at: Load) -> bool {
    let (result, rows) = run(wrong, at);
    let verdict = Verdict {
        requests: 1,
        blocks: 1,
        files: 1,
        ..Verdict::default()
    };
    let disks = [FIRST, SECOND].map(|disk| Checked {
        device: disk.device.into(),
        verdict: verdict.clone(),
    });
    result.is_ok()
        && Report {
            clock: Clock::Icount,
            rows,
            disks: disks.into(),
        }
        .ok()
}

#[test]
fn system_that_does_right_passes_with_a_row_per_transaction() {
    assert!(held(Wrong::Nothing, FIRST));
    let rows = run(Wrong::Nothing, FIRST).1;
    assert_eq!(rows.len(), 2 * 5 + 4 + 4);
    // The disks take turns: nobody's driver is at rest for long.
    assert!(
        rows.chunks(2)
            .all(|pair| pair[0].device == "disk0" && pair[1].device == "disk1")
    );
}

#[test]
fn system_that_does_wrong_on_either_disk_fails() {
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
        for at in [FIRST, SECOND] {
            assert!(!held(wrong, at), "{wrong:?} {at:?}");
        }
    }
}

#[test]
fn rows_stay_when_a_later_step_fails() {
    let (result, rows) = run(Wrong::ClientFails, FIRST);
    assert!(result.is_err());
    assert_eq!(rows.len(), 3);
}
