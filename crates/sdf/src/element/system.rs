//! `<system>`: everything.

use super::channel::Channel;
use super::device_slot::DeviceSlot;
use super::file_session::FileSession;
use super::iommu::Iommu;
use super::memory_region::MemoryRegion;
use super::package_store::PackageStore;
use super::pci::{self, PciHost};
use super::protection_domain::ProtectionDomain;
use super::session::Session;
use crate::error::{Fault, Rule};
use crate::xml::Element;

/// A description, each element checked for itself.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Protection domains, parents before their children.
    pub pds: Vec<ProtectionDomain>,
    /// Memory regions.
    pub regions: Vec<MemoryRegion>,
    /// Channels.
    pub channels: Vec<Channel>,
    /// Device slots.
    pub slots: Vec<DeviceSlot>,
    /// PCI host bridge.
    pub pci: Option<PciHost>,
    /// SMMU.
    pub iommu: Option<Iommu>,
    /// Sessions.
    pub sessions: Vec<Session>,
    /// File sessions.
    pub file_sessions: Vec<FileSession>,
    /// Package store.
    pub store: Option<PackageStore>,
}

impl Description {
    /// Whether a slot's device is behind the SMMU.
    pub fn guards(&self, slot: &DeviceSlot) -> bool {
        self.iommu.is_some() && slot.pci.is_some()
    }
    /// Reads the root element.
    pub fn parse(root: &Element<'_>) -> Result<Self, Fault> {
        if root.name() != "system" {
            return Err(root.fault(Rule::Root));
        }
        root.only(&[])?;
        let mut description = Self::default();
        for child in root.children()? {
            match child.name() {
                "protection_domain" => ProtectionDomain::parse(&child, None, &mut description.pds)?,
                "memory_region" => description.regions.push(MemoryRegion::parse(&child)?),
                "channel" => description.channels.push(Channel::parse(&child)?),
                "device_slot" => description.slots.push(DeviceSlot::parse(&child)?),
                "session" => description.sessions.push(Session::parse(&child)?),
                "file_session" => description.file_sessions.push(FileSession::parse(&child)?),
                "pci_host" if description.pci.is_some() => {
                    return Err(child.fault(Rule::Twice { element: "pci_host" }));
                }
                "pci_host" => description.pci = Some(PciHost::parse(&child)?),
                "iommu" if description.iommu.is_some() => {
                    return Err(child.fault(Rule::Twice { element: "iommu" }));
                }
                "iommu" => description.iommu = Some(Iommu::parse(&child)?),
                "package_store" if description.store.is_some() => {
                    return Err(child.fault(Rule::Twice {
                        element: "package_store",
                    }));
                }
                "package_store" => description.store = Some(PackageStore::parse(&child)?),
                _ => return Err(super::unknown(root, &child)),
            }
        }
        pci::settle(&mut description)?;
        Ok(description)
    }
}
