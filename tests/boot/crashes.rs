//! Somebody dies at an instant of an update, and one machine sees all of it: control before each of its effects, stager, bus and IOMMU around
//! each of theirs; and at each of control's instants the driver that has the device, the shadow, the timer, the guard clock or the command
//! PD. Each time the update ends as the model says that it may, and the clients notice nothing.
//!
//! Nobody lists the instants: the programs count them, and those of the model must be among those that control was at.

mod hangs;
mod plan;
mod torment;

use crate::running::Running;
use anyhow::{Result, ensure};
use crash_points::Party;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};
use torment::{Packages, Torment};
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, Patience};
use umbra::testing::{self, Crashes};
use umbra_model::endings::{Crash, Endings};

/// Complaints after which there is no point in going on.
const ENOUGH: usize = 40;
/// For one transaction, by the host's time: a stager that hangs has some 6 s of the guest's, of which a busy host makes a minute.
const WHOEVER_HANGS: Duration = Duration::from_secs(240);
/// Cases of a run that does not do them all.
const SOME: usize = 60;

/// One machine sees all cases.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let choice = testing::crashes();
    println!("deaths: {choice:?}");
    let mut running = Running::test_system_within("crash", config, kernel, choice.limit())?;
    let packages = Packages::new(config)?;
    let patience = Patience {
        transaction: WHOEVER_HANGS,
        ..Patience::default()
    };
    running.operate(|client, _| campaign(client, &patience, &packages, choice))?;
    let verdict = running.check()?;
    ensure!(verdict.holds(), "{verdict:?}");
    Ok(())
}

/// A part of the system that cannot be helped.
pub fn burial(config: Config, kernel: Option<&Path>) -> Result<()> {
    let mut running = Running::test_system("crash", config, kernel)?;
    let packages = Packages::new(config)?;
    running.operate(|client, patience| Torment::new(client, patience, &packages)?.bus_is_buried())?;
    running.shut_down()
}

fn campaign(client: &mut Client, patience: &Patience, packages: &Packages, choice: Crashes) -> Result<()> {
    demo::loaded(client, patience.boot)?;
    let mut torment = Torment::new(client, patience, packages)?;
    for commit in [true, false] {
        if let Crashes::All { commit: Some(only) } = choice
            && only != commit
        {
            continue;
        }
        let endings = Endings::search(!commit);
        let passed = torment.undisturbed(commit, &endings)?;
        println!("an update that {}: {passed:?}", plan::ends(commit));
        let cases = match choice {
            Crashes::All { .. } => plan::all(commit, &passed),
            Crashes::Some { seed } => plan::some(commit, &passed, seed, SOME / 2),
        };
        let began = Instant::now();
        for (done, case) in cases.iter().enumerate() {
            print!(
                "{:>5} of {}{} ",
                done + 1,
                cases.len(),
                left(began, done, cases.len())
            );
            torment.case(case, &endings)?;
            ensure!(
                torment.complaints.len() < ENOUGH,
                "{}",
                torment.complaints.join("\n")
            );
        }
        if let Crashes::All { .. } = choice {
            let missed = unseen(&endings, &torment.instants);
            ensure!(
                missed.is_empty(),
                "of the model's instants nobody died at {missed:?}"
            );
        }
        torment.instants.clear();
        if commit {
            torment.bus_hangs(passed[Party::Bus as usize], &endings)?;
            torment.whoever_hangs_is_found(matches!(choice, Crashes::All { .. }))?;
        }
    }
    if let Crashes::All { .. } = choice {
        torment.stager_hangs()?;
    }
    println!(
        "{} cases, of which {} met their instant",
        torment.cases, torment.met
    );
    ensure!(torment.met * 4 >= torment.cases * 3, "too many of them did not");
    ensure!(torment.complaints.is_empty(), "{}", torment.complaints.join("\n"));
    Ok(())
}

/// How long the rest takes if it goes on like that.
fn left(began: Instant, done: usize, of: usize) -> String {
    let each = began.elapsed().as_secs_f64() / done.max(1) as f64;
    match (each * (of - done) as f64 / 60.0).ceil() {
        _ if done == 0 => String::new(),
        minutes => format!(", {minutes:.0} min left"),
    }
}

/// Instants of control that the model has and at which it did not die.
fn unseen(endings: &Endings, seen: &BTreeSet<(u32, u32)>) -> Vec<(u32, u32)> {
    let instants = endings.crashes().filter_map(|crash| match crash {
        Crash::Control { after, before } => Some((after, before)),
        _ => None,
    });
    instants.filter(|instant| !seen.contains(instant)).collect()
}

/// The instants that each party passes in one update.
type Passed = [u32; Party::ALL.len()];
