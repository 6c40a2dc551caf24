//! From the configuration blob to what the core is told.

use control::clock::Limits;
use control::state::Saved;
use control::{Setup, SlotSetup};
use control_protocol::reply::Name;
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
        });
    let reports = config.reports.iter().take(config.report_count as usize);
    let traces = config.traces.iter().take(config.trace_count as usize);
    let preloaded = (config.preloaded_count as usize).min(config.preloaded_len.len());
    Setup {
        counter_hz: trace::clock::hz(),
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

fn name(padded: &config::Name) -> Name {
    let len = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    text(core::str::from_utf8(&padded[..len]).unwrap_or("?"))
}

fn text(text: &str) -> Name {
    Name::try_from(text).unwrap_or_default()
}
