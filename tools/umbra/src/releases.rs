//! The published releases of `virtio-drivers`, put in one after the other under load: what must come of each update is said
//! before, from capability records alone, and the run must agree (`docs/design/016-real-releases.md`).

mod drive;
mod plan;
mod predict;
mod record;
mod report;
mod run;

pub use drive::{Driven, Phase, drive};
pub use plan::{Choice, pairs};
pub use predict::{Forecast, forecast};
pub use report::{Report, Row};
pub use run::{Plan, run};

use crate::pack::{self, Driver, Room};
use anyhow::{Context, Result, ensure};
use device_class::block::BlockCapabilities;

/// Name that all releases have in their manifests.
const NAME: &str = "virtio-blk";
/// Transports of which virtio-mmio, which the releases are tried on, is one.
const VIRTIO: [&str; 2] = ["virtio", "virtio-mmio"];

/// A release that is to be put in.
#[derive(Clone, Debug)]
pub struct Release {
    /// Version of the published crate.
    pub version: String,
    /// What it says that it can do with the machine's disk.
    pub record: BlockCapabilities,
}

/// The releases' drivers, oldest first: those of `drivers/` that bear the name, whatever versions there are.
pub fn drivers() -> Result<Vec<Driver>> {
    let folder = Room::Product.folder();
    let mut found: Vec<Driver> = pack::drivers()?
        .into_iter()
        .filter(|driver| driver.folder.starts_with(&folder))
        .filter(|driver| driver.fields.name == NAME && VIRTIO.contains(&driver.fields.transport.as_str()))
        .collect();
    for driver in &found {
        age(&driver.fields.version).with_context(|| format!("version of {}", driver.package))?;
    }
    found.sort_by_key(|driver| age(&driver.fields.version).ok());
    ensure!(found.len() > 1, "there are no two releases to choose from");
    Ok(found)
}

/// A version's numbers, by which releases are in order.
fn age(version: &str) -> Result<Vec<u32>> {
    version
        .split('.')
        .map(|number| number.parse().with_context(|| format!("`{version}`")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_in_the_order_of_their_numbers() {
        let versions: Vec<String> = drivers()
            .unwrap()
            .into_iter()
            .map(|driver| driver.fields.version)
            .collect();
        let at = |version: &str| versions.iter().position(|found| found == version);
        assert_eq!(at("0.1.0"), Some(0));
        assert!(at("0.9.0") < at("0.10.0"), "{versions:?}");
        assert_eq!(at("0.13.0"), Some(versions.len() - 1));
        assert!(age("0.x").is_err());
    }
}
