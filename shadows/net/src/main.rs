//! The protection domain of the network shadow: addresses and channels of its configuration.

#![no_std]
#![no_main]

use core::sync::atomic::AtomicU64;

use sel4_microkit::{protection_domain, var};
use shadow::assemble::{State, assemble};
use shadow::ledger::SLOT_WORDS;
use shadow::pd::Pd;
use shadow::state::{kept_len, ledger_in};
use shadow_net::Net;
use shadow_net::assemble::Stations;
use shared_ring::page::SharedPage;
use shared_ring::{Area, mapped};
use system_spec::config::{LinkConfig, RegionConfig, ShadowConfig};

/// Whoever built the image promises it.
const MAPPED: &str = "an address in the configuration";

fn pages(link: &LinkConfig) -> (SharedPage, SharedPage) {
    // SAFETY: the description's compiler mapped these two pages for this link and for nothing else, the first writable.
    let page = |vaddr| unsafe { mapped::page(vaddr) }.expect(MAPPED);
    (page(link.own), page(link.peer))
}

fn area(region: &RegionConfig) -> Area {
    // SAFETY: the description's compiler mapped `len` bytes here, page-aligned: a client's data region, writable, or the receive
    // region, which the shadow only reads.
    unsafe { mapped::area(region.vaddr, region.len) }.expect(MAPPED)
}

#[protection_domain]
fn init() -> Pd<Net<Area>, &'static [AtomicU64; SLOT_WORDS]> {
    const NOTHING: ShadowConfig = zerocopy::transmute!([0u8; size_of::<ShadowConfig>()]);
    let config: &ShadowConfig = var!(umbra_config: ShadowConfig = NOTHING);
    let (state, kept) = (&config.state, kept_len(config.slot_count as usize));
    // SAFETY: mapped for the shadow alone, writable and page-aligned, and this is the only time that it is asked for.
    let (kept, work) = unsafe { mapped::kept_and_work(state.vaddr, state.len, kept) }.expect(MAPPED);
    // SAFETY: mapped for this PD's events, which nobody else writes.
    let trace = unsafe { trace::Writer::at(config.trace.vaddr, config.trace.len) };
    let memory = State {
        region: &kept,
        ledger: |slot| ledger_in(kept, slot),
        work,
    };
    Pd::begin(config, trace, |times, now| {
        assemble(config, memory, pages, &Stations(area), times, now)
    })
    .expect("a configuration that can be")
}
