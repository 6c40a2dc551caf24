//! The elements of a description, one file each: parsing, and the rules that concern the element alone.

pub mod channel;
pub mod device_slot;
pub mod dma;
pub mod file_session;
pub mod iommu;
pub mod irq;
pub mod map;
pub mod memory_region;
pub mod mmio;
pub mod package_store;
pub mod pci;
pub mod program_image;
pub mod protection_domain;
pub mod session;
pub mod setvar;
pub mod system;

use crate::error::{Fault, Rule};
use crate::xml::Element;

/// Elements of Microkit's format for machines and kernels that this system does not run on, and why not.
const UNSUPPORTED: &[(&str, &str, &str)] = &[
    (
        "virtual_machine",
        "virtual_machine",
        "the kernel runs at EL1, without virtual machines",
    ),
    ("vcpu", "vcpu", "the kernel runs at EL1, without virtual machines"),
    ("ioport", "ioport", "the machine has no I/O ports"),
    (
        "io_address_space",
        "io_address_space",
        "the kernel has no SMMU support; DMA is confined by a PD",
    ),
    (
        "domains",
        "domains",
        "scheduling domains would stop the drivers' clocks",
    ),
    (
        "cspace",
        "cspace",
        "extra capabilities would defeat the rules of revocation",
    ),
];

/// The fault of an element that has no place in `parent`.
fn unknown(parent: &Element<'_>, child: &Element<'_>) -> Fault {
    match UNSUPPORTED.iter().find(|(name, _, _)| *name == child.name()) {
        Some(&(_, element, why)) => child.fault(Rule::Unsupported { element, why }),
        None => child.fault(Rule::UnknownElement {
            parent: parent.name().to_owned(),
        }),
    }
}

/// Budget and period in µs; the defaults are Microkit's.
fn scheduling(element: &Element<'_>) -> Result<(u64, u64), Fault> {
    /// Twice the least that the kernel takes: with that alone the first system call would be the end of each turn, and never be done.
    const MIN_US: u64 = 40;
    /// An hour.
    const MAX_US: u64 = 3_600_000_000;
    let budget = element.number("budget")?.unwrap_or(1000);
    let period = element.number("period")?.unwrap_or(budget);
    if budget > period {
        return Err(element.fault(Rule::Budget { budget, period }));
    }
    if budget < MIN_US {
        return Err(element.fault(Rule::TooSmall {
            name: "budget",
            value: budget,
            min: MIN_US,
        }));
    }
    element.in_range("period", period, MAX_US)?;
    Ok((budget, period))
}

/// A priority from 0 to 254.
fn priority(element: &Element<'_>) -> Result<u8, Fault> {
    let value = element.in_range("priority", element.number("priority")?.unwrap_or(0), 254)?;
    Ok(value as u8)
}

/// A size in whole pages.
fn pages(element: &Element<'_>, name: &'static str, value: u64, max: u64) -> Result<u64, Fault> {
    if value == 0 {
        return Err(element.fault(Rule::TooSmall {
            name,
            value,
            min: 4096,
        }));
    }
    if !value.is_multiple_of(4096) {
        return Err(element.fault(Rule::Misaligned {
            name,
            value,
            to: 4096,
        }));
    }
    element.in_range(name, value, max)
}
