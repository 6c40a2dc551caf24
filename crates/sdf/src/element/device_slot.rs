//! `<device_slot>`: a device, and the place of its successive drivers.

use super::irq::Irq;
use super::mmio::Mmio;
use super::pci::Pci;
use super::{pages, priority, scheduling, unknown};
use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// Number of the class of disks.
pub const CLASS_BLOCK: u32 = 1;
/// Number of the class of network devices.
pub const CLASS_NET: u32 = 2;

/// A device slot.
#[derive(Clone, Debug)]
pub struct DeviceSlot {
    /// Where it stands.
    pub at: At,
    /// Name.
    pub name: String,
    /// Class number.
    pub class: u32,
    /// PD of the shadow.
    pub shadow: String,
    /// Package that is started when the system boots.
    pub package: String,
    /// Priority of the drivers.
    pub priority: u8,
    /// µs.
    pub budget_us: u64,
    /// µs.
    pub period_us: u64,
    /// Bytes.
    pub heap_size: u64,
    /// Packages with a smaller security floor are refused.
    pub security_floor: u32,
    /// Bytes of the shadow's own data region.
    pub scratch_size: u64,
    /// Registers; those of a function on PCI are added by [`super::pci::settle`].
    pub mmio: Vec<Mmio>,
    /// The function, if the device is on PCI.
    pub pci: Option<Pci>,
    /// Interrupts.
    pub irqs: Vec<Irq>,
}

impl DeviceSlot {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&[
            "name",
            "class",
            "shadow",
            "package",
            "priority",
            "budget",
            "period",
            "heap_size",
            "scratch_size",
            "security_floor",
        ])?;
        let class = match element.required("class")? {
            "block" => CLASS_BLOCK,
            "net" => CLASS_NET,
            value => return Err(element.choice("class", value, "'block' or 'net'")),
        };
        let (mut mmio, mut irqs, mut pci) = (Vec::new(), Vec::new(), None);
        for child in element.children()? {
            match child.name() {
                "mmio" => mmio.push(Mmio::parse(&child)?),
                "irq" => irqs.push(Irq::of_slot(&child)?),
                "pci" if pci.is_some() => return Err(child.fault(Rule::Twice { element: "pci" })),
                "pci" => pci = Some(Pci::parse(&child)?),
                _ => return Err(unknown(element, &child)),
            }
        }
        match &pci {
            None if mmio.is_empty() => {
                return Err(element.fault(Rule::MissingElement { element: "mmio" }));
            }
            Some(_) if !mmio.is_empty() || !irqs.is_empty() => {
                return Err(element.fault(Rule::Unsupported {
                    element: "mmio and irq beside pci",
                    why: "a function's registers and interrupt follow from its address",
                }));
            }
            _ => {}
        }
        for (kind, count) in [
            ("register regions of a slot", mmio.len()),
            ("interrupts of a slot", irqs.len()),
        ] {
            if count > system_spec::spec::record::SLOT_MMIO {
                return Err(element.fault(Rule::TooMany {
                    kind,
                    max: system_spec::spec::record::SLOT_MMIO,
                }));
            }
        }
        let (budget_us, period_us) = scheduling(element)?;
        let size = |name, default| pages(element, name, element.number(name)?.unwrap_or(default), 1 << 20);
        Ok(Self {
            at: element.at(),
            name: element.required_name("name")?,
            class,
            shadow: element.required("shadow")?.to_owned(),
            package: element.required_name("package")?,
            priority: priority(element)?,
            budget_us,
            period_us,
            heap_size: size("heap_size", 0x4_0000)?,
            security_floor: element.number("security_floor")?.map_or(Ok(0), |floor| {
                element
                    .in_range("security_floor", floor, u32::MAX.into())
                    .map(|floor| floor as u32)
            })?,
            scratch_size: size("scratch_size", 0x1_0000)?,
            mmio,
            pci,
            irqs,
        })
    }
}
