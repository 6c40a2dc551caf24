//! The record that a release reports, from its own program for the host.

use super::{Class, Family, Record};
use crate::pack::Driver;
use crate::workspace;
use anyhow::{Context, Result, bail};
use std::process::Command;

/// A program that does not come to an end is given up after so many seconds; building it counts in.
const LIMIT_S: &str = "300";

/// Runs the program, on a device of the host's as its family describes it. `None`: the release does not come to an end with its
/// probe.
pub fn of(driver: &Driver, family: Family) -> Result<Option<Record>> {
    let output = Command::new("timeout")
        .current_dir(workspace::root())
        .args(["-k", "5", LIMIT_S, "cargo"])
        .args(["run", "--quiet", "--package", &driver.package])
        .args(["--features", "host", "--example", "record", "--"])
        .args(family.device())
        .output()
        .context("starting cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse(&text, family.class()) {
        Some(record) => Ok(record),
        None => bail!(
            "{} reports no record of a device of the host's ({}): {text}{}",
            driver.package,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// From `record` and its numbers, or `hangs`.
fn parse(text: &str, class: Class) -> Option<Option<Record>> {
    let mut words = text.split_whitespace();
    match words.next()? {
        "hangs" if words.next().is_none() => Some(None),
        "record" => {
            let numbers: Result<Vec<u64>, _> = words.map(str::parse).collect();
            Some(Some(class.record(&numbers.ok()?)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device_class::block::BlockCapabilities;

    #[test]
    fn anything_but_a_record_and_a_hang_is_none() {
        let expected = BlockCapabilities {
            capacity: 131_072,
            block_size: 512,
            flags: 6,
            max_transfer: 2048,
            queue_depth: 16,
        };
        assert_eq!(
            parse("record 131072 512 6 2048 16\n", Class::Block),
            Some(Some(Record::Block(expected)))
        );
        assert_eq!(parse("hangs\n", Class::Net), Some(None));
        for text in ["", "error 3", "record 1 2 3 4", "record 1 2 3 4 x", "hangs 1"] {
            assert_eq!(parse(text, Class::Block), None, "{text}");
        }
    }
}
