//! Root's trace: what it did to generations, and when.

use core::ptr::NonNull;

use system_spec::spec::Spec;
use trace::clock::ticks;
use trace::{Event, Kind, Writer};

use super::Failure;
use super::memory::{Memory, PAGE, PAGE_BITS};
use super::regions::Regions;

/// Where root writes its trace.
pub struct Log {
    writer: Writer,
}

impl Log {
    /// In the region that the description sets aside, if it does.
    pub fn new(spec: &Spec<'_>, regions: &Regions, memory: &mut Memory) -> Result<Self, Failure> {
        let nowhere = Self {
            writer: Writer::nowhere(),
        };
        let Some(region) = spec.root_trace() else {
            return Ok(nowhere);
        };
        let frames = regions.get(region)?;
        if frames.region.page_bits != PAGE_BITS {
            return Ok(nowhere);
        }
        let mut base = None;
        for page in 0..frames.region.pages() {
            let copy = memory.copy(frames.slot + page)?;
            // One page is kept behind the other.
            let here = memory.keep(copy)?;
            base = base.or(NonNull::new(here));
        }
        let Some(base) = base else { return Ok(nowhere) };
        let len = frames.region.pages() as usize * PAGE;
        // SAFETY: these pages were mapped here for writing, contiguously and for good, by the loop above; the description
        // gives nobody else the right to write them, and nothing but this writer is given the address.
        let writer = unsafe { Writer::new(base, len) };
        Ok(Self { writer })
    }

    /// Writes an event.
    pub fn write(&mut self, kind: Kind, slot: usize, generation: u32, a: u64, b: u64) {
        self.writer
            .write(&Event::new(ticks(), kind, slot as u32, generation).with(a, b));
    }
}
