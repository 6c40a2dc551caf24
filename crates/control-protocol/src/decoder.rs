//! Finds frames in a stream of bytes.
//!
//! Whatever the bytes are, the decoder goes on: what is no frame is skipped byte by byte until something is. A frame
//! that was cut off keeps the decoder waiting for the rest of its stated length, at most [`MAX_FRAME`] bytes; a
//! sender that repeats a question therefore puts [`MAX_FRAME`] zero bytes before it, which end any such wait.

use crate::frame::{Frame, MAX_FRAME, Start, parse};

/// An incremental decoder with room for one frame.
#[derive(Debug)]
pub struct Decoder {
    buffer: [u8; MAX_FRAME],
    /// `buffer[start..end]` is what was fed and not yet consumed.
    start: usize,
    end: usize,
    skipped: u64,
    damaged: u64,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            buffer: [0; MAX_FRAME],
            start: 0,
            end: 0,
            skipped: 0,
            damaged: 0,
        }
    }

    /// Bytes that belonged to no frame, ever since.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Frames with a right header and a wrong CRC, ever since.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Takes as many of the bytes as there is room for and says how many. After [`Decoder::next_frame`] has said
    /// `None` that is at least one.
    pub fn feed(&mut self, bytes: &[u8]) -> usize {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let room = &mut self.buffer[self.end..];
        let taken = room.len().min(bytes.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        self.end += taken;
        taken
    }

    /// The next whole frame, or `None`: feed more.
    ///
    /// The work is bounded by the bytes in the buffer: each is skipped or delivered once. (A byte string made for it can
    /// have most bytes summed again for every header in it, some hundred times [`MAX_FRAME`] in all.)
    pub fn next_frame(&mut self) -> Option<Frame<'_>> {
        let (header, len) = loop {
            match parse(&self.buffer[self.start..self.end]) {
                Start::Partial => return None,
                Start::Whole(header, len) => break (header, len),
                Start::Not => self.skip(),
                Start::Damaged => {
                    self.damaged = self.damaged.wrapping_add(1);
                    self.skip();
                }
            }
        };
        let frame = &self.buffer[self.start..self.start + len];
        self.start += len;
        Some(header.with_payload(frame))
    }

    fn skip(&mut self) {
        self.start += 1;
        self.skipped = self.skipped.wrapping_add(1);
    }
}
