//! The systems that are measured: one description, with the disk wherever it is wanted.

use super::Way;
use crate::demo::machine::{Attached, Bus};
use crate::workspace;
use anyhow::{Context, Result};
use std::path::PathBuf;

/// Disks that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Disk {
    /// virtio-blk on virtio-mmio
    Mmio,
    /// virtio-blk on PCI
    Pci,
    /// The same behind the SMMU, as the demo has it
    PciSmmu,
    /// An NVMe controller
    Nvme,
    /// The same behind the SMMU, as the demo has it
    NvmeSmmu,
}

/// The description's attribute that says how much is in flight.
const SIZE: &str = "_size=\"0x20000\"";

impl Disk {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Mmio => "virtio-blk on MMIO",
            Self::Pci => "virtio-blk on PCI",
            Self::PciSmmu => "virtio-blk on PCI behind the SMMU",
            Self::Nvme => "NVMe",
            Self::NvmeSmmu => "NVMe behind the SMMU",
        }
    }

    /// Its name in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Mmio => "mmio",
            Self::Pci => "pci",
            Self::PciSmmu => "pci-smmu",
            Self::Nvme => "nvme",
            Self::NvmeSmmu => "nvme-smmu",
        }
    }

    /// The system of `systems` that has it, if it is on PCI.
    fn system(self) -> Option<&'static str> {
        match self {
            Self::Mmio => None,
            Self::Pci | Self::PciSmmu => Some("disk-demo"),
            Self::Nvme | Self::NvmeSmmu => Some("disk-nvme"),
        }
    }

    fn guarded(self) -> bool {
        matches!(self, Self::PciSmmu | Self::NvmeSmmu)
    }

    /// Where a machine has it.
    pub fn attached(self) -> Attached {
        let bus = match self {
            Self::Mmio => Bus::Mmio,
            Self::Pci | Self::PciSmmu => Bus::Pci,
            Self::Nvme | Self::NvmeSmmu => Bus::Native,
        };
        Attached {
            guarded: self.guarded(),
            ..Attached::disk(bus)
        }
    }
}

/// A load on a disk.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Its way.
    pub way: Way,
    /// The disk.
    pub disk: Disk,
    /// Requests in flight.
    pub depth: u64,
    /// The driver that the system starts with; `None`: that of the system that the disk is from.
    pub driver: Option<&'a str>,
}

impl Load<'_> {
    /// File and text of the description of a system with this load.
    pub fn description(&self) -> Result<(PathBuf, String)> {
        let (file, attribute) = match self.way {
            Way::Direct => ("direct.xml", "scratch"),
            Way::Shadow => ("session.xml", "data"),
        };
        let path = workspace::root().join("systems/disk-bench").join(file);
        let xml = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let of_depth = xml.replace(
            &format!(" {attribute}{SIZE}"),
            &format!(" {attribute}_size=\"{:#x}\"", self.depth * 4096),
        );
        let mut text = match self.disk.system() {
            None => of_depth,
            Some(of) => on_pci(&of_depth, of, self.disk.guarded())?,
        };
        if let Some(driver) = self.driver {
            let package = part(&text, PACKAGE, "\"").context("no package")?;
            text = text.replace(&package, &format!("{PACKAGE}{driver}\""));
        }
        Ok((path, text))
    }
}

/// Before the name of the disk's first driver.
const PACKAGE: &str = " package=\"";

/// The first part of a text that begins and ends so.
fn part(text: &str, from: &str, to: &str) -> Option<String> {
    let start = text.find(from)?;
    let inside = start + from.len();
    let end = inside + text[inside..].find(to)? + to.len();
    Some(text[start..end].to_owned())
}

/// A description with another one's disk, that of the system `of`, which is on PCI, and with its SMMU if it is to be guarded.
fn on_pci(xml: &str, of: &str, guarded: bool) -> Result<String> {
    let path = workspace::root().join("systems").join(of).join("system.xml");
    let other = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let slot = |xml: &str| part(xml, "<device_slot", "</device_slot>").context("no device slot");
    let (ours, theirs) = (slot(xml)?, slot(&other)?);
    let host = part(&other, "<pci_host", "/>").context("no host bridge")?;
    let mut changed = ours.clone();
    for name in ["package=\"", "heap_size=\""] {
        let value = |xml: &str| part(xml, name, "\"").with_context(|| format!("no {name}"));
        changed = changed.replace(&value(&changed)?, &value(&theirs)?);
    }
    let device = part(&ours, "<mmio", "/>").context("no registers")?;
    let irq = part(&ours, "<irq", "/>").context("no interrupt")?;
    let function = part(&theirs, "<pci ", "</pci>").context("no function")?;
    changed = changed.replace(&device, &function).replace(&irq, "");
    let mut parts = vec![host];
    if guarded {
        let pd = part(
            &other,
            "<protection_domain name=\"iommu\"",
            "</protection_domain>",
        );
        parts.push(pd.context("nobody drives an SMMU")?);
        parts.push(part(&other, "<iommu ", "/>").context("no SMMU")?);
    }
    parts.push(changed);
    Ok(xml.replace(&ours, &parts.join("\n    ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_disk_is_a_system() {
        for &disk in Disk::value_variants() {
            for way in [Way::Direct, Way::Shadow] {
                let load = Load {
                    way,
                    disk,
                    depth: 32,
                    driver: None,
                };
                let (path, xml) = load.description().unwrap();
                let slots = sdf::device_slots(&path.display().to_string(), &xml).unwrap();
                let on_pci = disk != Disk::Mmio;
                assert_eq!(slots[0].1.device.pci_id != 0, on_pci, "{xml}");
                assert_eq!(xml.contains("<irq irq=\"79\""), !on_pci, "{xml}");
                assert_eq!(xml.contains("<pci_host"), on_pci, "{xml}");
                assert_eq!(sdf::has_iommu(&xml), disk.guarded(), "{xml}");
            }
        }
    }

    #[test]
    fn driver_that_is_asked_for_is_the_one_that_starts() {
        let load = Load {
            way: Way::Shadow,
            disk: Disk::Nvme,
            depth: 1,
            driver: Some("nvme-0.5.2"),
        };
        let (_, xml) = load.description().unwrap();
        assert!(
            xml.contains(" package=\"nvme-0.5.2\"") && !xml.contains("nvme-0.8.2"),
            "{xml}"
        );
    }
}
