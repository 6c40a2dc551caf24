//! The load of `bench net`: frames to be sent, so many in flight, and buffers posted for whatever comes. It looks at no frame that
//! comes: what is measured is the way of a frame, not a client's work with the content.
//!
//! Two programs make this load: `net-bench` on a session, as any client, and `net-bench-direct` on a driver's own link.
#![no_std]
#![forbid(unsafe_code)]

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bench_load::Figures;
use device_class::net::{HEADER, HEADROOM};

/// Most frames in flight.
pub const DEPTH_MAX: usize = 32;
/// Most buffers posted: twice as many as come at once, so that some are posted while the others are looked at.
pub const BUFFERS_MAX: usize = 64;
/// Bytes from one buffer of the data region to the next; those of frames to be sent follow those for frames that come.
const STRIDE: usize = 2048;
/// Bytes of the data region.
pub const REGION: usize = (BUFFERS_MAX + DEPTH_MAX) * STRIDE;
/// Bytes of a buffer for a frame that comes.
pub const BUFFER: u32 = STRIDE as u32 - HEADROOM as u32;

/// What the load is: words that the description hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Frames in flight that are to be sent; 0: none are.
    pub in_flight: usize,
    /// Their bytes.
    pub length: u32,
}

impl Shape {
    /// As the words say with which the region `load` begins; nothing is sent if they make no sense.
    pub fn of(load: &[AtomicU64]) -> Self {
        let words = [0, 1].map(|index| load.get(index).map_or(0, |word: &AtomicU64| word.load(Relaxed)));
        let length = u32::try_from(words[1]).unwrap_or(0);
        let fits = (HEADER as u32..=BUFFER).contains(&length);
        Self {
            in_flight: if fits {
                usize::try_from(words[0]).map_or(DEPTH_MAX, |depth| depth.min(DEPTH_MAX))
            } else {
                0
            },
            length,
        }
    }
}

/// Offset of the frame to be sent from this slot.
pub fn frame_at(slot: u32) -> u64 {
    ((BUFFERS_MAX + slot as usize) * STRIDE) as u64 + HEADROOM
}

/// Offset of the buffer for a frame that comes with this number.
pub fn buffer_at(slot: u32) -> u64 {
    (slot as usize * STRIDE) as u64
}

/// What to ask next, and how much was asked. What is counted are frames of either direction.
#[derive(Debug)]
pub struct Load<'a> {
    figures: Figures<'a>,
    /// Bit per slot whose frame is not in flight.
    frames: u64,
    /// Bit per buffer that is not posted.
    buffers: u64,
}

fn bits(count: usize) -> u64 {
    1u64.checked_shl(count as u32).unwrap_or(0).wrapping_sub(1)
}

fn next(slots: &mut u64) -> Option<u32> {
    let slot = slots.checked_ilog2()?;
    *slots &= !(1 << slot);
    Some(slot)
}

impl<'a> Load<'a> {
    /// Of this shape, with so many buffers for what comes.
    pub fn new(figures: &'a [AtomicU64], shape: Shape, buffers: usize) -> Self {
        Self {
            figures: Figures::begin(figures),
            frames: bits(shape.in_flight.min(DEPTH_MAX)),
            buffers: bits(buffers.min(BUFFERS_MAX)),
        }
    }

    /// Slot of the next frame to be sent, which is in flight then.
    #[inline]
    pub fn next_frame(&mut self) -> Option<u32> {
        next(&mut self.frames)
    }

    /// The next buffer to be posted, which is posted then.
    #[inline]
    pub fn next_buffer(&mut self) -> Option<u32> {
        next(&mut self.buffers)
    }

    /// The frame of this slot was sent. `now` is asked for the time once in a while.
    #[inline]
    pub fn sent(&mut self, slot: u32, ok: bool, now: impl FnOnce() -> u64) {
        self.frames |= 1u64.checked_shl(slot).unwrap_or(0);
        self.figures.completed(ok, now);
    }

    /// A frame is in this buffer.
    #[inline]
    pub fn received(&mut self, slot: u32, ok: bool, now: impl FnOnce() -> u64) {
        self.buffers |= 1u64.checked_shl(slot).unwrap_or(0);
        self.figures.completed(ok, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_asked_for_than_the_shape_says() {
        let figures = [const { AtomicU64::new(0) }; 8];
        for in_flight in [0, 1, 31, 32] {
            let shape = Shape {
                in_flight,
                length: 64,
            };
            let mut load = Load::new(&figures, shape, 30);
            let slots: u64 = core::iter::from_fn(|| load.next_frame())
                .map(|slot| 1 << slot)
                .sum();
            assert_eq!(slots, (1 << in_flight) - 1);
            assert_eq!(core::iter::from_fn(|| load.next_buffer()).count(), 30);
            load.received(29, true, || 0);
            assert_eq!((load.next_frame(), load.next_buffer()), (None, Some(29)));
        }
    }

    #[test]
    fn frames_lie_in_the_region_with_their_headroom() {
        let (frame, buffer) = (DEPTH_MAX as u32 - 1, BUFFERS_MAX as u32 - 1);
        assert_eq!(frame_at(frame) + u64::from(BUFFER), REGION as u64);
        assert_eq!(frame_at(0) - HEADROOM, buffer_at(buffer) + STRIDE as u64);
        assert_eq!((bits(0), bits(64)), (0, u64::MAX));
    }

    #[test]
    fn shape_that_makes_no_sense_sends_nothing() {
        let shape = |words: [u64; 2]| Shape::of(&words.map(AtomicU64::new));
        assert_eq!(shape([32, 13]).in_flight, 0);
        assert_eq!(shape([32, u64::MAX]).in_flight, 0);
        assert_eq!(shape([u64::MAX, 1514]).in_flight, DEPTH_MAX);
        assert_eq!(Shape::of(&[]).in_flight, 0);
    }
}
