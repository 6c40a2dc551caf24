//! The protection domain of the block shadow: addresses and channels of its configuration.

#![no_std]
#![no_main]

#[cfg(not(feature = "crash-points"))]
use core::sync::atomic::AtomicU64;

use sel4_microkit::{protection_domain, var};
use shadow::assemble::{State, assemble};
#[cfg(feature = "crash-points")]
use shadow::ledger::Part;
#[cfg(not(feature = "crash-points"))]
use shadow::ledger::SLOT_WORDS;
use shadow::pd::Pd;
use shadow::state::kept_len;
#[cfg(not(feature = "crash-points"))]
use shadow::state::ledger_in;
use shadow_block::Block;
use shadow_block::assemble::Disks;
use shared_ring::page::SharedPage;
use shared_ring::{Area, mapped};
use system_spec::config::{LinkConfig, RegionConfig, ShadowConfig};

#[cfg(feature = "crash-points")]
mod mortal;

/// What outlives us of a slot.
#[cfg(not(feature = "crash-points"))]
type Kept = &'static [AtomicU64; SLOT_WORDS];
/// In a test: who writes it dies over it.
#[cfg(feature = "crash-points")]
type Kept = Part<mortal::Mortal>;

/// Whoever built the image promises it.
const MAPPED: &str = "an address in the configuration";

fn pages(link: &LinkConfig) -> (SharedPage, SharedPage) {
    // SAFETY: the description's compiler mapped these two pages for this link and for nothing else, the first writable.
    let page = |vaddr| unsafe { mapped::page(vaddr) }.expect(MAPPED);
    (page(link.own), page(link.peer))
}

fn area(region: &RegionConfig) -> Area {
    // SAFETY: the description's compiler mapped `len` bytes here, page-aligned, for the shadow's reads alone.
    unsafe { mapped::area(region.vaddr, region.len) }.expect(MAPPED)
}

#[protection_domain]
fn init() -> Pd<Block<Area>, Kept> {
    const NOTHING: ShadowConfig = zerocopy::transmute!([0u8; size_of::<ShadowConfig>()]);
    let config: &ShadowConfig = var!(umbra_config: ShadowConfig = NOTHING);
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    let (state, kept) = (&config.state, kept_len(config.slot_count as usize));
    // SAFETY: mapped for the shadow alone, writable and page-aligned, and this is the only time that it is asked for.
    let (kept, work) = unsafe { mapped::kept_and_work(state.vaddr, state.len, kept) }.expect(MAPPED);
    #[cfg(not(feature = "crash-points"))]
    let ledger = |slot| ledger_in(kept, slot);
    #[cfg(feature = "crash-points")]
    let kept = mortal::Mortal(kept);
    #[cfg(feature = "crash-points")]
    let ledger = |slot| Some(shadow::state::ledger(kept, slot));
    // SAFETY: mapped for this PD's events, which nobody else writes.
    let trace = unsafe { trace::Writer::at(config.trace.vaddr, config.trace.len) };
    let memory = State {
        region: &kept,
        ledger,
        work,
    };
    Pd::begin(config, trace, |times, now| {
        assemble(config, memory, pages, &Disks(area), times, now)
    })
    .expect("a configuration that can be")
}
