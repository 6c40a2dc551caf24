//! Driver packages: from a driver's crate to the file that the operator uploads, and back to something readable.
//!
//! What a manifest says stands in the crate's `[package.metadata.umbra]`; the class ABI hash and the kernel
//! configuration are those of the build.

mod accept;
mod inspect;
mod manifest;

pub use accept::{Verdict, verdicts, verdicts_of_running};
pub use inspect::{describe, to_json};
pub use manifest::{Driver, Fields, drivers, drivers_of, find};

use crate::build::{self, Config};
use crate::ctl::refusal;
use crate::image::elf::Elf;
use crate::image::flat;
use crate::keys::Keys;
use crate::workspace;
use anyhow::{Context, Result, anyhow};
use driver_package::image::DRIVER_WINDOW;
use driver_package::package::signature::KeyPair;
use driver_package::package::{self, Configuration};
use stager::KEPT_MAX;
use std::path::{Path, PathBuf};

/// A package that was made.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Name and version as the operator sees them, such as `virtio-blk-0.8.0`.
    pub label: String,
    /// The package.
    pub bytes: Vec<u8>,
}

/// Which drivers of the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The product's: `drivers/`.
    Product,
    /// The test suite's: `tests/drivers/`.
    Tests,
}

impl Room {
    /// Where they are.
    pub fn folder(self) -> PathBuf {
        workspace::root().join(match self {
            Self::Product => "drivers",
            Self::Tests => "tests/drivers",
        })
    }
}

/// Builds and packs all drivers of a room, by label.
pub fn all(room: Room, config: Config) -> Result<Vec<Packed>> {
    let folder = room.folder();
    drivers()?
        .iter()
        .filter(|driver| driver.folder.starts_with(&folder))
        .map(|driver| pack(driver, config))
        .collect()
}

/// Builds and packs one driver.
pub fn pack(driver: &Driver, config: Config) -> Result<Packed> {
    let elf = build::program(&driver.package, config)?;
    pack_elf(driver, &elf, config)
}

/// Packs a driver that was built already, signed with the default key.
pub fn pack_elf(driver: &Driver, elf: &Path, config: Config) -> Result<Packed> {
    let image = Elf::read(elf)
        .and_then(|elf| flat::flatten(&elf, &[], DRIVER_WINDOW))
        .with_context(|| format!("making an image of {}", elf.display()))?;
    let fields = &driver.fields;
    let configuration = match config {
        Config::Release => Configuration::Release,
        Config::Debug => Configuration::Debug,
        Config::Benchmark => Configuration::Benchmark,
    };
    let bytes = package::encode(&fields.source(configuration)?, &image).map_err(|error| {
        anyhow!(
            "{}: the package would be refused: {}",
            driver.package,
            refusal::package_error(error)
        )
    })?;
    let mut packed = Packed {
        label: fields.label(),
        bytes,
    };
    packed.sign(&Keys::open()?.default_signer()?)?;
    Ok(packed)
}

/// Where packages go unless somebody says otherwise.
pub fn folder(config: Config) -> PathBuf {
    workspace::target()
        .join("umbra")
        .join(config.name())
        .join("packages")
}

impl Packed {
    /// What is to be known of it before it is used: it is so long that the stager keeps no copy of it.
    pub fn note(&self) -> Option<String> {
        let len = self.bytes.len();
        (len > KEPT_MAX).then(|| {
            format!(
                "{} has {len} bytes, and the stager keeps copies of packages with {KEPT_MAX} at most: of this one it works out the hash \
                 anew for each recovery, which clients wait for. A smaller package, or a larger `LEN_MAX` in `pds/stager/src/kept.rs`, \
                 ends that",
                self.label
            )
        })
    }

    /// Signs it with `key`, in place of the key that signed it before.
    pub fn sign(&mut self, key: &KeyPair) -> Result<()> {
        package::sign(&mut self.bytes, key).map_err(|error| anyhow!(refusal::package_error(error)))
    }

    /// Name of its file.
    pub fn file_name(&self) -> String {
        format!("{}.umpk", self.label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_that_the_stager_does_not_keep_is_told_of() {
        let of = |len| Packed {
            label: "virtio-blk-0.8.0".to_owned(),
            bytes: vec![0; len],
        };
        assert_eq!(of(KEPT_MAX).note(), None);
        let note = of(KEPT_MAX + 1).note().unwrap();
        assert!(note.starts_with("virtio-blk-0.8.0 has 53249 bytes"), "{note}");
    }
}
