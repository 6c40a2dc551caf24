//! A driver of the network class over any release's raw queues: buffers by token, in the device's order.
//!
//! A release takes one stretch of memory per frame, the device's header and the frame behind it. The class's headroom is where the
//! header of a frame to be sent goes; its owner can spoil it, and with it no frame but that one. A frame that comes is put
//! behind the header at the start of its buffer, and the answer says where it begins.

use core::ptr::NonNull;

use super::NetFacts;
use super::tokens::Tokens;
use crate::ProbeError;
use crate::net::{Begin, Buffer, Completion, Ended, Frame, HEADROOM, NetCapabilities, NetDriver, Status};
use crate::resources::Resources;

/// Places of each queue. One of each is left free, so that answers to all that is under way have room in a link (64), with a filter
/// and a watch of the link.
pub const DEPTH: usize = 32;

/// What a release offers, under one name. Beginning fails with `Ok(None)` when there is no room, and with `Err` when the release
/// refuses it otherwise; the token is of the queue in question.
pub trait RawNet: Sized {
    /// Bring up the device.
    ///
    /// # Errors
    /// Why it could not be brought up.
    fn open(resources: &Resources) -> Result<(Self, NetFacts), ProbeError>;
    /// The device's address.
    fn mac(&self) -> [u8; 6];
    /// Put the header of a frame into the first bytes; how many.
    fn header(&self, bytes: &mut [u8; HEADROOM as usize]) -> Option<usize>;

    /// Begin to send a header and the frame behind it.
    ///
    /// # Errors
    /// How the release refuses.
    ///
    /// # Safety
    /// The data lie in a data region, and nothing here accesses them, until
    /// [`transmit_complete`](Self::transmit_complete).
    unsafe fn transmit_begin(&mut self, data: NonNull<[u8]>) -> Result<Option<u16>, Status>;
    /// Token of a frame that was sent.
    fn poll_transmit(&mut self) -> Option<u16>;
    /// Take the end of a frame.
    ///
    /// # Safety
    /// Token and data are those of one [`transmit_begin`](Self::transmit_begin) that is not completed.
    unsafe fn transmit_complete(&mut self, token: u16, data: NonNull<[u8]>) -> Status;

    /// Begin to receive.
    ///
    /// # Errors
    /// How the release refuses.
    ///
    /// # Safety
    /// As for `transmit_begin`, with [`receive_complete`](Self::receive_complete).
    unsafe fn receive_begin(&mut self, data: NonNull<[u8]>) -> Result<Option<u16>, Status>;
    /// Token of a buffer that something came into.
    fn poll_receive(&mut self) -> Option<u16>;
    /// Take what came: bytes of the header, and of the frame behind it.
    ///
    /// # Errors
    /// It makes no sense.
    ///
    /// # Safety
    /// Token and data are those of one [`receive_begin`](Self::receive_begin) that is not completed.
    unsafe fn receive_complete(&mut self, token: u16, data: NonNull<[u8]>) -> Result<(usize, usize), Status>;

    /// Tell the device that its interrupt was seen.
    fn acknowledge(&mut self);
}

/// What is under way, as far as its completion needs it.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    id: u32,
    data: NonNull<[u8]>,
}

/// A network device of any release as a driver of the class.
pub struct VirtioNet<N> {
    net: N,
    facts: NetFacts,
    link: u32,
    frames: Tokens<UnderWay, DEPTH>,
    buffers: Tokens<UnderWay, DEPTH>,
}

impl<N: RawNet> VirtioNet<N> {
    /// Writes the header before the frame; the header and the frame.
    fn with_header(&self, data: Buffer) -> Option<NonNull<[u8]>> {
        let mut header = [0; HEADROOM as usize];
        let len = self.net.header(&mut header)?;
        let (header, data) = (header.get(..len)?, data.as_ptr());
        let skipped = header.len().abs_diff(HEADROOM as usize);
        let rest = data.len().checked_sub(skipped)?;
        // SAFETY: `skipped` bytes and the `rest` are the buffer, which was validated to lie in a data region.
        let start = unsafe { data.cast::<u8>().add(skipped) };
        // SAFETY: the header is not longer than the headroom, with which the buffer begins, and ends with it.
        unsafe { put(start, header) };
        Some(NonNull::slice_from_raw_parts(start, rest))
    }

    /// What came into a buffer of `room` bytes. How long a frame must be is for the shadow to say: the network sends what it likes.
    fn came(id: u32, room: usize, ended: Result<(usize, usize), Status>) -> Completion {
        let sane = |&(start, length): &(usize, usize)| {
            start <= HEADROOM as usize && start.checked_add(length).is_some_and(|end| end <= room)
        };
        match ended {
            Ok((start, length)) if sane(&(start, length)) => Completion {
                start: start as u16,
                length: length as u32,
                ..Completion::of(id, Status::Ok)
            },
            Ok(_) => Completion::of(id, Status::IoError),
            Err(status) => Completion::of(id, status),
        }
    }
}

/// Write bytes, by words where they can be. Their owner may write them meanwhile, so that what the device reads is anybody's guess, and no
/// reference to them exists.
///
/// # Safety
/// There is room for them at `target`, in a data region.
unsafe fn put(target: NonNull<u8>, bytes: &[u8]) {
    let (mut words, mut rest) = bytes.as_chunks::<4>();
    if !target.cast::<u32>().is_aligned() {
        (words, rest) = (&[], bytes);
    }
    for (at, word) in words.iter().enumerate() {
        // SAFETY: by the contract; aligned, as was looked at.
        unsafe {
            target
                .cast::<u32>()
                .add(at)
                .write_volatile(u32::from_ne_bytes(*word))
        };
    }
    for (at, byte) in rest.iter().enumerate() {
        // SAFETY: by the contract.
        unsafe { target.add(4 * words.len() + at).write_volatile(*byte) };
    }
}

fn begun(
    tokens: &mut Tokens<UnderWay, DEPTH>,
    begun: Result<Option<u16>, Status>,
    under_way: UnderWay,
) -> Begin {
    match begun {
        Ok(Some(token)) => {
            tokens.put(token, under_way);
            Begin::Accepted
        }
        // A queue that is full while it is empty will never have room.
        Ok(None) if tokens.is_empty() => Begin::Refused(Status::IoError),
        Ok(None) => Begin::Busy,
        Err(status) => Begin::Refused(status),
    }
}

impl<N: RawNet> NetDriver for VirtioNet<N> {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let (net, facts) = N::open(resources)?;
        Ok(Self {
            net,
            link: facts.link(),
            facts,
            frames: Tokens::new(),
            buffers: Tokens::new(),
        })
    }

    fn capabilities(&self) -> NetCapabilities {
        self.facts.capabilities(self.net.mac(), DEPTH as u16 - 1)
    }

    fn transmit(&mut self, frame: &Frame) -> Begin {
        if self.frames.is_full() {
            return Begin::Busy;
        }
        let Some(data) = self.with_header(frame.data) else {
            return Begin::Refused(Status::IoError);
        };
        // SAFETY: header and frame lie in a data region; we have written the last of it.
        let sent = unsafe { self.net.transmit_begin(data) };
        let under_way = UnderWay { id: frame.id, data };
        begun(&mut self.frames, sent, under_way)
    }

    fn receive(&mut self, id: u32, buffer: Buffer) -> Begin {
        if self.buffers.is_full() {
            return Begin::Busy;
        }
        let data = buffer.as_ptr();
        // SAFETY: validated to lie in a data region; nothing here looks into a buffer.
        let posted = unsafe { self.net.receive_begin(data) };
        begun(&mut self.buffers, posted, UnderWay { id, data })
    }

    fn link(&self) -> u32 {
        self.link
    }

    fn poll(&mut self, mut done: impl FnMut(Ended, Completion)) {
        // As many as can be in a queue: a device that goes on for ever does not keep us here. A token that nobody has: the
        // device is broken, and stays so. The shadow's deadline ends it.
        for _ in 0..DEPTH {
            let Some((token, frame)) = self.net.poll_transmit().and_then(|token| self.frames.take(token))
            else {
                break;
            };
            // SAFETY: `begun` put what `transmit_begin` was called with under its token, and `take` gives it once.
            let status = unsafe { self.net.transmit_complete(token, frame.data) };
            done(Ended::Frame, Completion::of(frame.id, status));
        }
        for _ in 0..DEPTH {
            let Some((token, buffer)) = self.net.poll_receive().and_then(|token| self.buffers.take(token))
            else {
                break;
            };
            // SAFETY: as above, with `receive_begin`.
            let ended = unsafe { self.net.receive_complete(token, buffer.data) };
            done(Ended::Buffer, Self::came(buffer.id, buffer.data.len(), ended));
        }
    }

    fn handle_interrupt(&mut self) {
        self.net.acknowledge();
        self.link = self.facts.link();
    }
}

#[cfg(test)]
mod tests;
