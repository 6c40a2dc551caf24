//! `cargo umbra bench update`: how long clients wait for an update, and for what.

use crate::build::Config;
use crate::cli::Exit;
use crate::demo::{self, Clock, Plan, Row, Spread};
use crate::progress::Step;
use crate::qemu::Tee;
use crate::setup;
use crate::system;
use anyhow::Result;
use std::path::PathBuf;

/// Update the disk driver again and again under load
#[derive(clap::Args)]
pub struct Arguments {
    /// Updates
    #[arg(long, value_name = "N", default_value_t = 60)]
    updates: usize,
    /// Measure in the host's time instead of virtual time (instructions)
    #[arg(long)]
    real_time: bool,
    /// Kernel configuration of userland and kernel
    #[arg(long, value_enum, default_value_t = Config::Release)]
    config: Config,
    /// Kernel to start it on, instead of ours; of the same configuration
    #[arg(long, value_name = "ELF")]
    kernel: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Exit> {
    setup::qemu()?;
    setup::rust_target()?;
    let description = system::default_description();
    let image = system::boot_image(&description, arguments.kernel.as_deref(), arguments.config)?;
    let mut step = None;
    let report = demo::demonstrate(
        &Plan {
            image: &image,
            packages: &demo::packages(arguments.config)?,
            updates: arguments.updates,
            clock: if arguments.real_time {
                Clock::Real
            } else {
                Clock::Icount
            },
            seed: 1,
            tee: Tee::Quiet,
            keep_disk: None,
        },
        &mut |text, done, of| step = Some(Step::start(format!("[{done}/{of}] {text}"))),
    )?;
    drop(step);
    // The bad inputs at the end belong to the demo's proof, not to the measurement.
    let rows = &report.rows[..report.rows.len().min(arguments.updates)];
    print!("{}", figures(rows));
    if !report.ok() {
        eprint!("{}", report.table());
        return Ok(Exit::Failed);
    }
    Ok(Exit::Success)
}

/// A part of a transaction: its name, and its nanoseconds in a row.
type Part = (&'static str, fn(&Row) -> Option<u64>);

const PARTS: [Part; 8] = [
    ("blackout", |row| row.figures.blackout_ns),
    ("  drain", |row| Some(row.figures.quiesce_ns)),
    ("  cut", |row| Some(row.figures.cut_ns)),
    ("  reset", |row| Some(row.figures.reset_ns)),
    ("  attach", |row| Some(row.figures.attach_ns)),
    ("  start, probe, check, replay", |row| Some(row.figures.enable_ns)),
    ("client gap", |row| row.figures.client_gap_ns),
    ("staging (clients go on)", |row| Some(row.figures.stage_ns)),
];

fn figures(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<32}{:>12}{:>12}{:>12}   µs, {} updates\n",
        "",
        "p50",
        "p99",
        "worst",
        rows.len()
    );
    for (name, part) in PARTS {
        if let Some(Spread { p50, p99, worst }) = Spread::of(micros(rows, part)) {
            text += &format!("{name:<32}{p50:>12.1}{p99:>12.1}{worst:>12.1}\n");
        }
    }
    text + "\nblackout\n" + &histogram(&micros(rows, |row| row.figures.blackout_ns).collect::<Vec<_>>())
}

fn micros(rows: &[Row], part: fn(&Row) -> Option<u64>) -> impl Iterator<Item = f64> {
    rows.iter()
        .filter_map(move |row| part(row).map(|ns| ns as f64 / 1000.0))
}

/// Upper ends of the histogram's classes, in microseconds; the last class has none.
const CLASSES: [f64; 8] = [100.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 2000.0, 5000.0];
/// Characters of the longest bar.
const BAR: usize = 50;

fn histogram(values: &[f64]) -> String {
    let class = |value: f64| {
        CLASSES
            .iter()
            .position(|end| value < *end)
            .unwrap_or(CLASSES.len())
    };
    let mut counts = [0usize; CLASSES.len() + 1];
    for value in values {
        counts[class(*value)] += 1;
    }
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let mut text = String::new();
    for (index, count) in counts.into_iter().enumerate() {
        let name = match CLASSES.get(index) {
            Some(end) => format!("< {end} µs"),
            None => "longer".to_owned(),
        };
        let bar = "#".repeat((count * BAR).div_ceil(most));
        text += &format!("{name:>12} {count:>5} {bar}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_in_one_class() {
        let text = histogram(&[0.0, 99.9, 100.0, 999.0, 5000.0, 1e9]);
        let counts: Vec<usize> = text
            .lines()
            .map(|line| {
                line.trim_end_matches(['#', ' '])
                    .rsplit(' ')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 1, 0, 0, 2]);
        assert!(histogram(&[]).lines().all(|line| line.trim_end().ends_with('0')));
    }
}
