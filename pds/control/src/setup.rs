//! From the configuration blob to what the core is told.

use control::clock::Limits;
use control::state::Saved;
use control::{Setup, SlotSetup};
use control_protocol::reply::Name;
use control_protocol::slot::Identity;
use driver_package::package::Configuration;
use system_spec::config::{self, ControlConfig};

/// What the core is told of the system.
pub fn setup(config: &ControlConfig, saved: Option<Saved>) -> Setup<'_> {
    let slots = config
        .slots
        .iter()
        .take(config.slot_count as usize)
        .map(|slot| SlotSetup {
            name: name(&slot.name),
            class: slot.class,
            slot: slot.slot,
            package: u8::try_from(slot.package).unwrap_or(u8::MAX),
            security_floor: slot.security_floor,
            class_abi: device_class::abi::hash_of(slot.class),
            device: identity(&slot.device),
        });
    let reports = config.reports.iter().take(config.report_count as usize);
    let traces = config.traces.iter().take(config.trace_count as usize);
    let preloaded = (config.preloaded_count as usize).min(config.preloaded_len.len());
    Setup {
        counter_hz: trace::clock::hz(),
        configuration: CONFIGURATION as u32,
        limits: Limits::default(),
        slots: slots.collect(),
        store_slots: config.package_count as usize,
        store_slot_size: u32::try_from(config.package_size).unwrap_or(u32::MAX),
        keys: config.trust.keys(),
        preloaded: &config.preloaded_len[..preloaded],
        reports: reports.map(|report| name(&report.name)).collect(),
        // Our own trace is source 0 (`Outside::new`).
        traces: core::iter::once(text("control"))
            .chain(traces.map(|trace| name(&trace.name)))
            .collect(),
        saved,
    }
}

/// The configuration of the kernel that we run on, since it is the one that we were built for.
const CONFIGURATION: Configuration = if sel4_abi::config::DEBUG_BUILD {
    Configuration::Debug
} else if sel4_abi::config::ENABLE_BENCHMARKS {
    Configuration::Benchmark
} else {
    Configuration::Release
};

fn identity(device: &config::DeviceIdentity) -> Identity {
    let pci = device.pci_id;
    Identity {
        transport: device.transport,
        virtio_id: device.virtio_id,
        pci: (pci != 0).then_some((pci as u16, (pci >> 16) as u16)),
        pci_class: (device.pci_class & config::PCI_CLASS_STATED != 0)
            .then_some(device.pci_class & !config::PCI_CLASS_STATED),
        compatible: padded(&device.compatible).try_into().unwrap_or_default(),
    }
}

fn name(name: &config::Name) -> Name {
    text(padded(name))
}

/// The text before the zeroes.
fn padded(field: &[u8]) -> &str {
    let len = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    core::str::from_utf8(&field[..len]).unwrap_or("?")
}

fn text(text: &str) -> Name {
    Name::try_from(text).unwrap_or_default()
}
