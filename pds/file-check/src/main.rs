//! The protection domain: carries the FAT library's requests to the session, one at a time.

#![no_std]
#![no_main]

use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use client_report::{Kind, Report, State};
use device_class::block::BlockClient;
use fat_partition::Session;
use fat_partition::pd::Channels;
use file_check::{Checker, Reason};
use sel4_microkit::{NullHandler, protection_domain, var};
use shared_ring::{Area, Link, shared_words};
use system_spec::config::ClientConfig;
use trace::clock::ticks;

/// Open the session and work until told to stop.
fn run(config: &ClientConfig, report: Report<'static>, stop: &Cell<bool>) -> Result<(), Reason> {
    let data = NonNull::new(config.data.vaddr as *mut u8).ok_or(Reason::NoRoom)?;
    // SAFETY: the description's compiler mapped the region there, readable and writable, for this purpose only.
    let data = unsafe { Area::new(data, config.data.len as usize) };
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    let link = unsafe { Link::new(config.link.own as *mut u8, config.link.peer as *const u8) };
    let session = Session::open(BlockClient::new(link), Channels::new(config, stop), data)
        .map_err(|_| Reason::NoVolume)?;
    let mut checker = Checker::open(session, ticks, report)?;
    while !stop.get() {
        checker.step();
    }
    checker.stop();
    Ok(())
}

#[protection_domain]
fn init() -> NullHandler {
    const NOTHING: ClientConfig = zerocopy::transmute!([0u8; size_of::<ClientConfig>()]);
    let config: &ClientConfig = var!(umbra_config: ClientConfig = NOTHING);
    let region: &'static [AtomicU64] = match NonNull::new(config.report.vaddr as *mut u8) {
        // SAFETY: the description's compiler mapped the region there, readable and writable, for this purpose only.
        Some(base) => unsafe { shared_words(base, config.report.len as usize) },
        None => &[],
    };
    let report = Report::begin(region, Kind::FileCheck).expect("report region in the description");
    let stop = Cell::new(false);
    if let Err(reason) = run(config, report, &stop) {
        report.set_state(State::Failed, reason as u32);
    }
    Channels::new(config, &stop).stopped()
}
