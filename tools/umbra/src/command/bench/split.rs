//! Whose the instructions are that were counted.

use crate::profile::{Source, Tally};

/// Which programs of a system are what.
pub struct Roles {
    /// The client whose requests are counted.
    pub client: &'static str,
    /// Its shadow.
    pub shadow: &'static str,
    /// What drivers' names begin with.
    pub drivers: &'static [&'static str],
}

/// Instructions per request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Split {
    /// The client's.
    pub client: f64,
    /// The shadow's.
    pub shadow: f64,
    /// The driver's, without its published crate.
    pub runtime: f64,
    /// The published crate's.
    pub driver_crate: f64,
    /// The kernel's.
    pub kernel: f64,
    /// Other protection domains', such as the timer's.
    pub others: f64,
    /// Of these the program that only keeps the machine busy; in no sum.
    pub idle: f64,
    /// Instructions that could not be told whose they are; in no sum.
    pub unknown: f64,
    /// Times that user level was left.
    pub kernel_entries: f64,
}

impl Split {
    /// Of what was counted during so many requests; `names` are the programs'.
    pub fn of(tally: &Tally, names: &[&str], roles: &Roles, requests: u64) -> Self {
        let per_request = |count: u64| count as f64 / requests.max(1) as f64;
        let mut split = Self {
            unknown: per_request(tally.unknown),
            kernel_entries: per_request(tally.kernel_entries),
            ..Self::default()
        };
        for (&(program, source), &count) in &tally.counts {
            let part = match (names[program], source) {
                ("kernel", _) => &mut split.kernel,
                (name, _) if name == roles.client => &mut split.client,
                (name, _) if name == roles.shadow => &mut split.shadow,
                ("spin", _) => &mut split.idle,
                (name, Source::DriverCrate) if roles.is_driver(name) => &mut split.driver_crate,
                (name, Source::Own) if roles.is_driver(name) => &mut split.runtime,
                _ => &mut split.others,
            };
            *part += per_request(count);
        }
        split
    }

    /// All of it.
    pub fn total(&self) -> f64 {
        PARTS.iter().map(|(_, _, part)| part(self)).sum()
    }
}

impl Roles {
    fn is_driver(&self, name: &str) -> bool {
        self.drivers.iter().any(|known| name.starts_with(known))
    }
}

/// A function, and what a request costs in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its program.
    pub program: String,
    /// Its name.
    pub name: String,
    /// Instructions per request.
    pub instructions: f64,
}

/// The functions that cost most, of a measurement.
pub fn functions(what: &str, functions: &[Function]) -> String {
    let mut text = String::new();
    if !functions.is_empty() {
        text += &format!("{what}: instructions per request, by function\n");
    }
    for one in functions {
        text += &format!("{:>10.1}  {:<18} {}\n", one.instructions, one.program, one.name);
    }
    text
}

/// A line of a table: its name, its key in JSON, the part.
pub type Part = (&'static str, &'static str, fn(&Split) -> f64);

/// Parts of a sum.
pub const PARTS: [Part; 6] = [
    ("client", "client", |split| split.client),
    ("shadow", "shadow", |split| split.shadow),
    ("driver runtime", "driver_runtime", |split| split.runtime),
    ("driver crate", "driver_crate", |split| split.driver_crate),
    ("kernel", "kernel", |split| split.kernel),
    ("others", "others", |split| split.others),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn total_is_without_what_only_keeps_the_machine_busy() {
        let names = ["kernel", "spin", "disk-bench", "virtio-blk-0.8.0", "timer"];
        let roles = Roles {
            client: "disk-bench",
            shadow: "shadow-block",
            drivers: &["virtio-blk"],
        };
        let mut tally = Tally::default();
        for program in 0..names.len() {
            tally.counts.insert((program, Source::Own), 10);
        }
        tally.counts.insert((3, Source::DriverCrate), 4);
        let split = Split::of(&tally, &names, &roles, 2);
        assert_eq!((split.total(), split.idle), (22.0, 5.0));
        assert_eq!((split.runtime, split.driver_crate), (5.0, 2.0));
    }
}
