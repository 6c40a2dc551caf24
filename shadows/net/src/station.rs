//! What the shadow asks a driver on its own account.

use device_class::net::{
    Address, FILTER_EVERYTHING, FLAG_VERIFIED, Filter, HEADER, LINK_UP, NetCapabilities, NetRequest,
    NetResponse, Op, RECEIVE_BUFFER, Status, Strays, group_bit,
};
use shadow::{Arrived, Learning};

use crate::memory::FrameMemory;
use crate::plan::{self, Plan};

/// First entry of the tracker with a receive buffer.
const FIRST_BUFFER: usize = 32;
/// Entry of the request that is answered when the link changes.
const LINK: usize = 62;
/// Receive buffers.
pub const BUFFERS: usize = LINK - FIRST_BUFFER;
/// Entries of the tracker that are this module's.
pub const ENTRIES: u64 = (1 << (LINK + 1)) - (1 << FIRST_BUFFER);
/// Bytes from one receive buffer to the next.
const STRIDE: usize = 2048;
/// Bytes that the receive region must have.
pub const REGION_LEN: usize = BUFFERS * STRIDE;
/// Frames are copied by words of this many bytes, if they begin at a multiple of it.
const WORD: usize = 8;
const _: () = assert!(RECEIVE_BUFFER as usize + WORD <= STRIDE);

/// A frame that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Where it begins in the receive region.
    pub offset: usize,
    /// Its bytes.
    pub length: u32,
    /// [`FLAG_VERIFIED`] or 0.
    pub flags: u8,
    /// Whom it is for.
    pub destination: Address,
    /// The bit of a multicast filter that stands for that, 0 for a station's.
    pub group: u64,
}

/// The shadow as a station of its own: its receive region, and what it wants of the device.
#[derive(Debug)]
pub struct Station<M> {
    frames: M,
    /// Index of the receive region at the driver.
    region: u16,
    /// Where in its stretch a buffer begins, so that the frame behind the driver's header begins at a multiple of a word.
    lead: usize,
    device: Address,
    /// What all sessions together want.
    filter: Filter,
    asked: bool,
    /// The driver cannot know how the link is.
    blind: bool,
    /// Frames that nobody got.
    pub strays: Strays,
}

impl<M: FrameMemory> Station<M> {
    /// A station with this receive region; its index at the driver.
    pub fn new(frames: M, region: u16) -> Self {
        Self {
            frames,
            region,
            lead: 0,
            device: Address::default(),
            filter: Filter { flags: 0, groups: 0 },
            asked: false,
            blind: false,
            strays: Strays::default(),
        }
    }

    /// The receive region.
    pub fn frames(&self) -> &M {
        &self.frames
    }

    /// A driver of this record serves from now on. [`include`](Self::include) follows for every session.
    pub fn begin(&mut self, record: &NetCapabilities) {
        self.device = record.address();
        self.filter = Filter { flags: 0, groups: 0 };
        (self.asked, self.blind) = (false, false);
    }

    /// The driver must take what this session wants.
    pub fn include(&mut self, session: &Plan<M>) {
        let filter = session.filter();
        self.filter.flags |= filter.flags;
        self.filter.groups |= filter.groups;
        if session.address(self.device) != self.device {
            self.filter.flags |= FILTER_EVERYTHING;
        }
    }

    /// The request that tells the driver so, once.
    pub fn next_request(&mut self) -> Option<NetRequest> {
        let first = !core::mem::replace(&mut self.asked, true);
        first.then_some(NetRequest {
            op: Op::Filter as u8,
            flags: self.filter.flags,
            offset: self.filter.groups,
            ..NetRequest::default()
        })
    }

    /// Its answer.
    pub fn answered(response: &NetResponse) -> Learning {
        match Status::from_byte(response.status) {
            // A device that has no filter takes everything, or said in its record that it does not.
            Some(Status::Ok | Status::Unsupported) => Learning::Known(0),
            _ => Learning::Failed(response.status.into()),
        }
    }

    /// The request for an entry of [`ENTRIES`].
    #[inline]
    pub fn standing(&self, running: &NetCapabilities, index: usize) -> Option<NetRequest> {
        if index == LINK {
            return (!self.blind).then_some(NetRequest {
                op: Op::Link as u8,
                length: running.link,
                ..NetRequest::default()
            });
        }
        let buffer = index.checked_sub(FIRST_BUFFER)?;
        (buffer < BUFFERS.min(running.receive_depth.into())).then_some(NetRequest {
            op: Op::Receive as u8,
            region: self.region,
            length: RECEIVE_BUFFER,
            offset: (buffer * STRIDE + self.lead) as u64,
            ..NetRequest::default()
        })
    }

    /// Its answer; `None`: it makes no sense.
    #[inline]
    pub fn arrived(
        &mut self,
        running: &mut NetCapabilities,
        request: &NetRequest,
        response: &NetResponse,
    ) -> Option<Arrived<Arrival>> {
        let status = Status::from_byte(response.status)?;
        if request.op == Op::Receive as u8 {
            self.received(running, request, response, status)
        } else {
            self.link_changed(running, request, response, status)
        }
    }

    fn received(
        &mut self,
        running: &NetCapabilities,
        request: &NetRequest,
        response: &NetResponse,
        status: Status,
    ) -> Option<Arrived<Arrival>> {
        if status != Status::Ok {
            self.strays.damaged += 1;
            return Some(Arrived::Nothing);
        }
        let end = u32::from(response.start).checked_add(response.length)?;
        if end > request.length {
            return None;
        }
        // The network may send what it likes; the driver is not to blame for that.
        if (response.length as usize) < HEADER || response.length > running.frame_max() {
            self.strays.misshapen += 1;
            return Some(Arrived::Rubbish);
        }
        let offset = request.offset as usize + usize::from(response.start);
        self.lead = usize::from(response.start).wrapping_neg() % WORD;
        let destination = plan::header_at(&self.frames, offset)?.destination;
        Some(Arrived::Delivery(Arrival {
            offset,
            length: response.length,
            flags: response.flags & FLAG_VERIFIED,
            destination,
            group: if destination.is_group() {
                group_bit(destination)
            } else {
                0
            },
        }))
    }

    fn link_changed(
        &mut self,
        running: &mut NetCapabilities,
        request: &NetRequest,
        response: &NetResponse,
        status: Status,
    ) -> Option<Arrived<Arrival>> {
        match status {
            Status::Ok if response.length <= LINK_UP && response.length != request.length => {
                running.link = response.length;
                Some(Arrived::Changed)
            }
            Status::Unsupported => {
                self.blind = true;
                Some(Arrived::Nothing)
            }
            _ => None,
        }
    }
}
