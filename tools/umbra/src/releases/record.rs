//! The record that a release reports, from its own program for the host.

use crate::pack::Driver;
use crate::workspace;
use anyhow::{Context, Result, bail};
use device_class::block::BlockCapabilities;
use std::process::Command;

/// A program that does not come to an end is given up after so many seconds; building it counts in.
const LIMIT_S: &str = "300";

/// Runs the program, on a disk of the host's as its arguments describe it. `None`: the release does not come to an end with its probe.
pub fn of(driver: &Driver, disk: &[&str]) -> Result<Option<BlockCapabilities>> {
    let output = Command::new("timeout")
        .current_dir(workspace::root())
        .args(["-k", "5", LIMIT_S, "cargo"])
        .args(["run", "--quiet", "--package", &driver.package])
        .args(["--features", "host", "--example", "record", "--"])
        .args(disk)
        .output()
        .context("starting cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse(&text) {
        Some(record) => Ok(record),
        None => bail!(
            "{} reports no record of a disk of the host's ({}): {text}{}",
            driver.package,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// From `record CAPACITY BLOCK_SIZE FLAGS MAX_TRANSFER QUEUE_DEPTH`, or `hangs`.
fn parse(text: &str) -> Option<Option<BlockCapabilities>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words == ["hangs"] {
        return Some(None);
    }
    let ["record", capacity, block_size, flags, max_transfer, queue_depth] = words[..] else {
        return None;
    };
    Some(Some(BlockCapabilities {
        capacity: capacity.parse().ok()?,
        block_size: block_size.parse().ok()?,
        flags: flags.parse().ok()?,
        max_transfer: max_transfer.parse().ok()?,
        queue_depth: queue_depth.parse().ok()?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_but_a_record_and_a_hang_is_none() {
        let expected = BlockCapabilities {
            capacity: 131_072,
            block_size: 512,
            flags: 6,
            max_transfer: 2048,
            queue_depth: 16,
        };
        assert_eq!(parse("record 131072 512 6 2048 16\n"), Some(Some(expected)));
        assert_eq!(parse("hangs\n"), Some(None));
        for text in ["", "error 3", "record 1 2 3 4", "record 1 2 3 4 x", "hangs 1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
