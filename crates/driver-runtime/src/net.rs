//! The network class at the driver's side: the trait that a driver implements, and [`Net`], which is served by the
//! [`Engine`](crate::engine::Engine).

use device_class::ClassId;
use device_class::net::{NetRequest, NetResponse};
use driver_package::resources::DataRegion;

pub use device_class::net::{
    CAP_CHECKSUM, CAP_EVERYTHING, CAP_GROUPS, CAP_SEGMENT_4, CAP_SEGMENT_6, CAP_VERIFY, FILTER_ALL_GROUPS,
    FILTER_BROADCAST, FILTER_EVERYTHING, FLAG_VERIFIED, HEADER, HEADROOM, LINK_DOWN, LINK_UNKNOWN, LINK_UP,
    NetCapabilities, Status,
};

pub use crate::buffer::Buffer;

use crate::ProbeError;
use crate::engine::{Class, Offer};
use crate::resources::Resources;

mod validate;

/// What any driver of a network device must do. As with disks, an update is no business of the driver.
pub trait NetDriver: Sized {
    /// Bring up the device that `resources` describe. It is in its reset state.
    ///
    /// # Errors
    /// Why it could not be brought up.
    fn probe(resources: &Resources) -> Result<Self, ProbeError>;

    /// What the device and this driver can do; how the link is, at this moment. All but the link does not change as long as the
    /// driver lives.
    fn capabilities(&self) -> NetCapabilities;

    /// Send a frame, after those that were taken before.
    fn transmit(&mut self, frame: &Frame) -> Begin;

    /// Keep a buffer for a frame that comes. There is room: at most `receive_depth` buffers are given at a time.
    fn receive(&mut self, id: u32, buffer: Buffer) -> Begin;

    /// Take at least these frames from the wire. A driver whose device takes all of them has nothing to do.
    fn set_filter(&mut self, filter: Wanted) -> Status {
        let _ = filter;
        Status::Ok
    }

    /// How the link is, as far as is known since the last interrupt: one of the `LINK_*`.
    fn link(&self) -> u32;

    /// Give each frame that was sent, and each buffer with a frame in it, to `done`, without waiting.
    fn poll(&mut self, done: impl FnMut(Ended, Completion));

    /// The device's interrupt came: make it go away. A [`poll`](Self::poll) follows.
    fn handle_interrupt(&mut self);
}

/// What became of a frame or a buffer that a driver was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The device has it; [`NetDriver::poll`] will tell its end.
    Accepted,
    /// It has ended like this: nothing more will be heard of it.
    Refused(Status),
    /// No room, and nothing was done: offer it again after the next completion. A driver that has nothing of the kind is never busy.
    Busy,
}

/// A frame to be sent, that makes sense for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// To be returned in the completion.
    pub id: u32,
    /// [`HEADROOM`] bytes that are the driver's, and the frame. The frame's owner may read and write both at any time.
    pub data: Buffer,
    /// What the device has to do to the frame; all zero if its record has no such capability.
    pub offload: Offload,
}

/// What a device has to do to a frame: the request's fields of these names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// `FLAG_CHECKSUM`, `FLAG_SEGMENT_4`, `FLAG_SEGMENT_6`.
    pub flags: u8,
    /// First byte that is summed up.
    pub checksum_start: u16,
    /// Where the sum goes, from there; both bytes lie in the frame.
    pub checksum_offset: u16,
    /// Payload bytes of a segment.
    pub segment: u16,
    /// Bytes of all headers together; less than the frame has.
    pub headers: u16,
}

/// Frames that must be taken from the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `FILTER_*` bits.
    pub flags: u8,
    /// Bits of [`group_bit`](device_class::net::group_bit).
    pub groups: u64,
}

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A frame was sent, or was not.
    Frame,
    /// A buffer has a frame in it, or something that is none.
    Buffer,
}

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The request's.
    pub id: u32,
    /// How it ended.
    pub status: Status,
    /// [`FLAG_VERIFIED`] or 0.
    pub flags: u8,
    /// Where in the buffer the frame begins.
    pub start: u16,
    /// Bytes of the frame that came.
    pub length: u32,
}

impl Completion {
    /// The end of a request that brings nothing.
    pub fn of(id: u32, status: Status) -> Self {
        Self {
            id,
            status,
            flags: 0,
            start: 0,
            length: 0,
        }
    }
}

/// A request that makes sense for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Send.
    Transmit(Frame),
    /// Keep a buffer.
    Receive {
        /// Its request.
        id: u32,
        /// The buffer.
        buffer: Buffer,
    },
    /// Take these frames from the wire.
    Filter {
        /// Its request.
        id: u32,
        /// Which.
        wanted: Wanted,
    },
    /// Answer when the link is not so.
    Link {
        /// Its request.
        id: u32,
        /// One of the `LINK_*`.
        known: u32,
    },
}

/// A driver of the class, as the engine serves it.
#[derive(Debug)]
pub struct Net<D> {
    pub(crate) driver: D,
    /// Who waits for the link to change: the request, and how it knows the link.
    watch: Option<(u32, u32)>,
    /// Buffers that the driver has, and how many it takes.
    buffers: u16,
    buffers_max: u16,
}

impl<D: NetDriver> Net<D> {
    fn receive(&mut self, id: u32, buffer: Buffer) -> Offer<Completion> {
        // A buffer that is held back would hold back the frames to be sent behind it.
        if self.buffers >= self.buffers_max {
            return Offer::Done(Completion::of(id, Status::Invalid));
        }
        match self.driver.receive(id, buffer) {
            Begin::Accepted => {
                self.buffers += 1;
                Offer::Accepted
            }
            Begin::Refused(status) => Offer::Done(Completion::of(id, status)),
            Begin::Busy => Offer::Done(Completion::of(id, Status::IoError)),
        }
    }

    fn watch(&mut self, id: u32, known: u32) -> Offer<Completion> {
        let link = self.driver.link();
        if link == LINK_UNKNOWN {
            return Offer::Done(Completion::of(id, Status::Unsupported));
        }
        if link != known {
            return Offer::Done(link_is(id, link));
        }
        if self.watch.is_some() {
            return Offer::Done(Completion::of(id, Status::Invalid));
        }
        self.watch = Some((id, known));
        Offer::Accepted
    }
}

fn link_is(id: u32, link: u32) -> Completion {
    Completion {
        length: link,
        ..Completion::of(id, Status::Ok)
    }
}

impl<D: NetDriver> Class for Net<D> {
    const ID: ClassId = ClassId::Net;
    type Asked = NetRequest;
    type Answer = NetResponse;
    type Record = NetCapabilities;
    type Request = Request;
    type Completion = Completion;

    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let driver = D::probe(resources)?;
        let buffers_max = driver.capabilities().receive_depth;
        Ok(Self {
            driver,
            watch: None,
            buffers: 0,
            buffers_max,
        })
    }

    fn record(&self) -> NetCapabilities {
        self.driver.capabilities()
    }

    #[inline]
    fn validate(
        asked: &NetRequest,
        generation: u32,
        record: &NetCapabilities,
        regions: &[DataRegion],
    ) -> Result<Request, Completion> {
        validate::validate(asked, generation, record, regions)
            .map_err(|status| Completion::of(asked.id, status))
    }

    #[inline]
    fn offer(&mut self, request: &Request) -> Offer<Completion> {
        match *request {
            Request::Transmit(frame) => match self.driver.transmit(&frame) {
                Begin::Accepted => Offer::Accepted,
                Begin::Refused(status) => Offer::Done(Completion::of(frame.id, status)),
                Begin::Busy => Offer::Busy,
            },
            Request::Receive { id, buffer } => self.receive(id, buffer),
            Request::Filter { id, wanted } => Offer::Done(Completion::of(id, self.driver.set_filter(wanted))),
            Request::Link { id, known } => self.watch(id, known),
        }
    }

    #[inline]
    fn poll(&mut self, mut done: impl FnMut(Completion)) {
        let Self { driver, buffers, .. } = self;
        driver.poll(|ended, completion| {
            if ended == Ended::Buffer {
                *buffers = buffers.saturating_sub(1);
            }
            done(completion);
        });
        if let Some((id, known)) = self.watch {
            let link = self.driver.link();
            if link != known {
                self.watch = None;
                done(link_is(id, link));
            }
        }
    }

    fn handle_interrupt(&mut self) {
        self.driver.handle_interrupt();
    }

    #[inline]
    fn answer(completion: Completion, generation: u32) -> NetResponse {
        NetResponse {
            id: completion.id,
            generation,
            status: completion.status as u8,
            flags: completion.flags,
            start: completion.start,
            length: completion.length,
        }
    }
}

#[cfg(test)]
mod tests;
