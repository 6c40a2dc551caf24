//! Boot tests: each case starts a machine of its own and waits for its sentinel.
//!
//! A case runs on our kernel, and, if `UMBRA_KERNEL` names another kernel, on that one too. `UMBRA_CONFIG` limits the
//! cases to one kernel configuration, and says which one the other kernel has (debug if it is not set).
#![forbid(unsafe_code)]

mod case;
mod company;
mod crashes;
mod demo;
mod drivers;
mod files;
mod hotplug;
mod kernel_file;
mod loading;
mod network;
mod nvme;
mod orders;
mod policies;
mod reach;
mod refusals;
mod releases;
mod roots;
mod running;
mod systems;
mod tear;
mod watched;
mod web;

use case::Case;
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::PathBuf;
use umbra::build::Config;
use umbra::testing::{self, Crashes};

fn main() {
    let mut arguments = Arguments::from_args();
    // Two at a time: machines are busy with one host thread each, and a starved one would miss its time.
    arguments.test_threads.get_or_insert(2);
    let cases: Vec<Case> = [roots::cases(), loading::cases(), systems::cases()].concat();
    let trials = cases
        .into_iter()
        .flat_map(trials)
        .chain(loaded_trials(
            "drivers_are_replaced_under_load_and_nothing_is_lost",
            demo::run,
        ))
        .chain(loaded_trials(
            "kernel_file_says_what_memory_is_left",
            kernel_file::run,
        ))
        .chain(loaded_trials("drivers_that_go_wrong_are_undone", drivers::run))
        .chain(loaded_trials(
            "whoever_dies_at_any_step_the_update_ends_as_the_model_says",
            crashes::run,
        ))
        .chain(loaded_trials(
            "nobody_waits_for_a_part_that_is_buried",
            crashes::burial,
        ))
        .chain(loaded_trials("orders_and_refusals_disturb_nobody", orders::run))
        .chain(loaded_trials(
            "driver_that_owes_no_answer_is_watched",
            watched::without_load,
        ))
        .chain(loaded_trials(
            "driver_that_drowns_in_interrupts_is_replaced",
            watched::under_load,
        ))
        .chain(loaded_trials(
            "files_are_shared_while_the_driver_below_is_replaced",
            files::run,
        ))
        .chain(loaded_trials("frames_outlive_the_driver_below", network::run))
        .chain(loaded_trials(
            "e1000_is_a_network_like_any_other",
            network::run_e1000,
        ))
        .chain(loaded_trials(
            "files_are_served_while_drivers_are_replaced",
            web::run,
        ))
        .chain(loaded_trials(
            "downloads_go_on_while_a_driver_floods",
            web::flood::run,
        ))
        .chain(loaded_trials(
            "policy_decides_what_a_lost_capability_means",
            policies::run,
        ))
        .chain(loaded_trials(
            "device_reaches_what_its_generation_may_and_nothing_else",
            reach::guarded,
        ))
        .chain(loaded_trials(
            "device_without_iommu_reaches_all_memory",
            reach::open,
        ))
        .chain(loaded_trials(
            "disk_comes_and_goes_while_the_system_runs",
            hotplug::run,
        ))
        .chain(loaded_trials("nvme_is_a_disk_like_any_other", nvme::run))
        .chain(loaded_trials(
            "releases_of_every_era_do_what_their_records_say",
            releases::run,
        ))
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

/// A case becomes a trial for each kernel that it can run on.
fn trials(case: Case) -> Vec<Trial> {
    let only = std::env::var(testing::CONFIG).ok();
    let chosen = |config: Config| only.as_deref().is_none_or(|only| only == config.name());
    let mut trials = Vec::new();
    if chosen(case.config) {
        let own = case.clone();
        trials.push(trial(&case.name, "own", move || own.run(None)));
    }
    let kernel = other_kernel().filter(|_| case.on_other_kernels(other_config(only.as_deref())));
    if let Some(kernel) = kernel {
        let name = case.name.clone();
        trials.push(trial(&name, "other", move || case.run(Some(&kernel))));
    }
    trials
}

/// A system under load, on a kernel in a configuration.
type Loaded = fn(Config, Option<&std::path::Path>) -> anyhow::Result<()>;

/// Tests under load: on our kernel in its release configuration, and on another kernel in that kernel's.
fn loaded_trials(name: &str, run: Loaded) -> Vec<Trial> {
    let only = std::env::var(testing::CONFIG).ok();
    let mut trials = Vec::new();
    if only.as_deref().is_none_or(|only| only == Config::Release.name()) {
        trials.push(trial(name, "own", move || run(Config::Release, None)));
    }
    if let Some(kernel) = other_kernel() {
        let config = other_config(only.as_deref());
        trials.push(trial(name, "other", move || run(config, Some(&kernel))));
    }
    trials
}

/// One that fails is tried again, once: machines and their clients outside live by a host that may let them starve. It is said, counted
/// apart, and to be looked into. Not if it is all deaths, which take half an hour.
fn trial(name: &str, kernel: &str, run: impl Fn() -> anyhow::Result<()> + Send + 'static) -> Trial {
    let name = format!("{name}/{kernel}");
    let again = name.clone();
    let run = move || {
        let Err(first) = run() else {
            return Ok(());
        };
        let first = format!("{first:#}");
        if let Crashes::All { .. } = testing::crashes() {
            return Err(Failed::from(first));
        }
        match run() {
            Ok(()) => {
                println!(
                    "{}{again}: {}",
                    testing::AGAIN,
                    first.lines().last().unwrap_or_default()
                );
                Ok(())
            }
            Err(second) => Err(Failed::from(format!("{first}\n\nagain:\n{second:#}"))),
        }
    };
    Trial::test(name, run)
}

fn other_kernel() -> Option<PathBuf> {
    std::env::var_os(testing::KERNEL).map(PathBuf::from)
}

fn other_config(name: Option<&str>) -> Config {
    let named = Config::ALL.into_iter().find(|config| Some(config.name()) == name);
    named.unwrap_or(Config::Debug)
}
