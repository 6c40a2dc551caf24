//! Frames on their way out.

use device_class::net::{HEADROOM, NetClient, RequestError};
use shared_ring::Area;
use shared_ring::page::Page;
use smoltcp::phy;
use zerocopy::IntoBytes;

use super::{BUFFER, Copied, FRAME_MAX};
use crate::{handshake, sums};

/// What sending needs.
#[derive(Debug)]
pub(super) struct Out<P> {
    pub client: NetClient<P>,
    pub data: Area,
    /// A bit for each buffer that is not on its way.
    pub free: u32,
    pub first: usize,
    /// Longest frame that the device takes.
    pub frame_max: usize,
    /// Peers are not told how long segments may be.
    pub is_silent: bool,
    pub broken: Option<RequestError>,
}

impl<P: Page> Out<P> {
    /// Sends the frame at the beginning of a buffer. False: it was not.
    pub fn send(&mut self, frame: &Copied, length: usize) -> bool {
        let slot = self.free.trailing_zeros();
        let offset = self.first + slot as usize * BUFFER + HEADROOM as usize;
        let Some(source) = frame.as_bytes().get(..length) else {
            return false;
        };
        if slot == u32::BITS || length > self.frame_max || !self.data.write(offset, source) {
            return false;
        }
        match self.client.transmit(slot, offset as u64, length as u32) {
            Ok(()) => self.free &= !(1 << slot),
            // All answers to frames are taken before there is room for another, so the ring is never full.
            Err(error) => self.broken = Some(error),
        }
        self.broken.is_none()
    }
}

/// Room for a frame to be sent.
#[derive(Debug)]
pub struct Send<'a, P> {
    pub(super) out: &'a mut Out<P>,
    pub(super) frame: &'a mut Copied,
}

impl<P: Page> phy::TxToken for Send<'_, P> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        // The library asks for no more than the capabilities say.
        let length = length.min(FRAME_MAX);
        let result = f(&mut self.frame.as_mut_bytes()[..length]);
        if self.out.is_silent {
            handshake::forget_segment_size(&mut self.frame.as_mut_bytes()[..length]);
        }
        sums::complete(self.frame, length);
        // There is room.
        let _ = self.out.send(self.frame, length);
        result
    }
}
