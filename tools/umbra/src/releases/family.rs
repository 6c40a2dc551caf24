//! The published drivers whose releases are tried, and the machines that they are tried on.

use super::Class;
use crate::demo::machine::Attached;
use crate::pack::{self, Driver};
use crate::{system, workspace};
use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::time::Duration;

/// The releases of one published driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Family {
    /// Releases of `virtio-drivers`, on virtio-mmio, which all of them know
    VirtioBlk,
    /// Releases of `nvme-driver`, behind the SMMU
    Nvme,
    /// Network drivers of the releases of `virtio-drivers`
    VirtioNet,
}

impl Family {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::VirtioBlk, Self::Nvme, Self::VirtioNet];

    /// Name that all its releases have in their manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VirtioBlk => "virtio-blk",
            Self::Nvme => "nvme",
            Self::VirtioNet => "virtio-net",
        }
    }

    /// Class of what they drive.
    pub const fn class(self) -> Class {
        match self {
            Self::VirtioBlk | Self::Nvme => Class::Block,
            Self::VirtioNet => Class::Net,
        }
    }

    /// Transports by which its releases reach the machine's device.
    const fn transports(self) -> &'static [&'static str] {
        match self {
            Self::VirtioBlk | Self::VirtioNet => &["virtio", "virtio-mmio"],
            Self::Nvme => &["pci"],
        }
    }

    /// Random pairs if nobody says how many: of a family of three, one of which hangs for a second at each try, a few tell all;
    /// of seven releases there are 42 pairs.
    pub const fn pairs(self) -> usize {
        match self {
            Self::VirtioBlk => 200,
            Self::Nvme => 12,
            Self::VirtioNet => 84,
        }
    }

    /// What the programs for the host are told of the device: for virtio what QEMU's offers (features 0 to 31), then a disk's sectors,
    /// `blk_size` and `size_max`, a network device's address, `status` and `mtu`; for NVMe blocks and the bytes of one. Every record is
    /// of this same device, so only what releases make of it differs.
    pub(super) const fn device(self) -> &'static [&'static str] {
        match self {
            Self::VirtioBlk => &["805334612", "131072", "512", "0"],
            Self::Nvme => &["131072", "512"],
            Self::VirtioNet => &["968851556", "94781640299602", "1", "0"],
        }
    }

    /// The system that they are tried in.
    pub(super) fn description(self) -> PathBuf {
        match self {
            Self::VirtioBlk => system::on_mmio(),
            Self::Nvme => workspace::root().join("systems/disk-nvme/system.xml"),
            Self::VirtioNet => workspace::root().join("tests/systems/net/system.xml"),
        }
    }

    /// Where that has its device.
    pub(super) fn attached(self) -> Result<Attached> {
        Attached::of(&self.description())
    }

    /// How long an update may take, on the host's clock. A release that hangs does so for a second of the guest's, in which it does
    /// nothing but read a register, and that takes a simulator long.
    pub(super) const fn patience(self) -> Duration {
        match self {
            Self::VirtioBlk | Self::VirtioNet => Duration::from_secs(60),
            Self::Nvme => Duration::from_secs(240),
        }
    }

    /// The releases' drivers, oldest first: those that bear the name, whatever versions there are.
    pub fn drivers(self) -> Result<Vec<Driver>> {
        let is_one = |driver: &Driver| {
            driver.fields.name == self.name() && self.transports().contains(&driver.fields.transport.as_str())
        };
        let mut found: Vec<Driver> = pack::drivers()?.into_iter().filter(is_one).collect();
        for driver in &found {
            age(&driver.fields.version).with_context(|| format!("version of {}", driver.package))?;
        }
        found.sort_by_key(|driver| age(&driver.fields.version).ok());
        ensure!(found.len() > 1, "there are no two releases to choose from");
        Ok(found)
    }
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

    fn versions(family: Family) -> Vec<String> {
        let drivers = family.drivers().unwrap().into_iter();
        drivers.map(|driver| driver.fields.version).collect()
    }

    #[test]
    fn releases_are_in_the_order_of_their_numbers() {
        let versions = versions(Family::VirtioBlk);
        let at = |version: &str| versions.iter().position(|found| found == version);
        assert_eq!(at("0.1.0"), Some(0));
        assert!(at("0.9.0") < at("0.10.0"), "{versions:?}");
        assert_eq!(at("0.13.0"), Some(versions.len() - 1));
        assert!(age("0.x").is_err());
    }

    #[test]
    fn release_that_hangs_is_one_of_its_family() {
        assert_eq!(versions(Family::Nvme), ["0.3.1", "0.5.2", "0.8.2"]);
    }
}
