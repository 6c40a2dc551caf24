//! The load of `bench block`: 4 KiB reads and writes in turn, all over the device, as many in flight as its data region has
//! blocks. It looks at no data: what is measured is the way of a request, not a client's work with the content.
//!
//! Two programs make this load: `disk-bench` on a session, as any client, and `disk-bench-direct` on a driver's own link.
//! The latter takes the place of a shadow in a system of its own, so that the same driver can be measured without one.
#![no_std]
#![forbid(unsafe_code)]

use core::sync::atomic::AtomicU64;

use bench_load::Figures;
use device_class::block::Op;

/// Bytes of a request's data.
pub const BLOCK_SIZE: usize = 4096;
/// Most requests in flight.
pub const DEPTH_MAX: usize = 32;

/// Requests are this many blocks apart: a prime, so that they meet every block before one comes twice.
const STRIDE: u64 = 1_000_003;

/// A request, for the data buffer with the number of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Slot; returned with the answer.
    pub slot: u32,
    /// Read or write.
    pub op: Op,
    /// Block of 4 KiB.
    pub block: u64,
}

/// What to ask next, and how much was asked.
#[derive(Debug)]
pub struct Load<'a> {
    figures: Figures<'a>,
    blocks: u64,
    next: u64,
    stride: u64,
    /// Bit per free slot.
    free: u32,
}

impl<'a> Load<'a> {
    /// On `blocks` blocks of 4 KiB, with `depth` in flight; no load without either.
    pub fn new(figures: &'a [AtomicU64], blocks: u64, depth: usize) -> Self {
        let depth = if blocks == 0 { 0 } else { depth.min(DEPTH_MAX) };
        Self {
            figures: Figures::begin(figures),
            blocks,
            next: 0,
            stride: STRIDE.checked_rem(blocks).unwrap_or(0),
            free: u32::try_from((1u64 << depth) - 1).unwrap_or(u32::MAX),
        }
    }

    /// The next request, which is in flight then; `None` if all slots are.
    #[inline]
    pub fn next_request(&mut self) -> Option<Request> {
        if self.free == 0 {
            return None;
        }
        let slot = self.free.trailing_zeros();
        self.free &= self.free - 1;
        let block = self.next;
        self.next += self.stride;
        if self.next >= self.blocks {
            self.next -= self.blocks;
        }
        let op = if block.is_multiple_of(2) {
            Op::Read
        } else {
            Op::Write
        };
        Some(Request { slot, op, block })
    }

    /// The request of `slot` was answered. `now` is asked for the time once in a while.
    #[inline]
    pub fn completed(&mut self, slot: u32, ok: bool, now: impl FnOnce() -> u64) {
        self.free |= 1u32.checked_shl(slot).unwrap_or(0);
        self.figures.completed(ok, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures<const N: usize>() -> [AtomicU64; N] {
        [const { AtomicU64::new(0) }; N]
    }

    #[test]
    fn no_more_than_depth_are_in_flight() {
        let figures = figures::<8>();
        for depth in [0, 1, 31, 32, 40] {
            let mut load = Load::new(&figures, 1 << 30, depth);
            let asked = core::iter::from_fn(|| load.next_request()).count();
            assert_eq!(asked, depth.min(DEPTH_MAX));
        }
        assert_eq!(Load::new(&figures, 0, 32).next_request(), None);
    }

    #[test]
    fn requests_stay_on_the_device_and_meet_each_block() {
        let figures = figures::<8>();
        let mut load = Load::new(&figures, 97, 1);
        let mut seen = [0; 97];
        for _ in 0..2 * 97 {
            let request = load.next_request().unwrap();
            seen[request.block as usize] += 1;
            load.completed(request.slot, true, || 0);
        }
        assert_eq!(seen, [2; 97]);
    }
}
