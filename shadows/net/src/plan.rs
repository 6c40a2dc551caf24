//! A session: its address and its filter, which of its frames are sent, which frames it gets.

use device_class::net::{
    Address, BROADCAST, CAP_EVERYTHING, CAP_GROUPS, Drops, FILTER_ALL_GROUPS, FILTER_BROADCAST,
    FILTER_EVERYTHING, FLAG_CHECKSUM, FLAG_SEGMENT_4, FLAG_SEGMENT_6, Filter, HEADER, HEADROOM, Header,
    NetCapabilities, NetRequest, NetResponse, Op, Status, Traffic,
};

use crate::memory::FrameMemory;
use crate::station::Arrival;

mod plain;

/// What the description says of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Its address; `None`: made of the device's.
    pub address: Option<Address>,
    /// It may ask for frames that are for nobody else here.
    pub promiscuous: bool,
    /// Its index among the sessions of the device.
    pub index: u8,
    /// Index of its data region at the driver.
    pub region: u16,
}

/// A session.
#[derive(Clone, Debug)]
pub struct Plan<M> {
    terms: Terms,
    data: M,
    /// Its address, once it is open: as a word, since it is compared with those of every frame.
    address: Option<u64>,
    filter: Filter,
    /// The filter was changed, and the journal does not say so yet.
    refiltered: bool,
    /// What it has sent and received.
    pub traffic: Traffic,
    /// What it has not.
    pub drops: Drops,
}

/// The address of session `index` at a device whose address is `device`: the first has the device's, the others have it
/// with the bit for locally administered ones set (IEEE 802, 8.4) and their number in the last byte.
fn derived(device: Address, index: u8) -> Address {
    let mut bytes = device.0;
    if index > 0 {
        bytes[0] |= 2;
        bytes[5] ^= index;
    }
    Address(bytes)
}

/// A device of this record takes what is sent to this address.
pub(crate) fn reaches(record: &NetCapabilities, address: Address) -> bool {
    address == record.address() || record.has(CAP_EVERYTHING)
}

/// A driver of this record can send it.
///
/// # Errors
/// [`Status::CapabilityLost`].
pub(crate) fn admissible(running: &NetCapabilities, request: &NetRequest) -> Result<(), Status> {
    let fits = request.op != Op::Transmit as u8
        || (running.serves(request.flags) && request.length <= running.length_max(request.flags));
    if fits { Ok(()) } else { Err(Status::CapabilityLost) }
}

/// The header of the frame at this place; `None`: it is not inside.
#[inline]
pub(crate) fn header_at(memory: &impl FrameMemory, offset: usize) -> Option<Header> {
    if let Some(pair) = memory.pair(offset, HEADER) {
        return Some(Header::of_pair(pair));
    }
    // The frame may end with the region.
    let mut bytes = [0; HEADER];
    memory.read(offset, &mut bytes).then(|| Header::parse(&bytes))
}

/// Flags and their fields make sense together.
fn offloads_make_sense(request: &NetRequest) -> bool {
    let has = |flags| request.flags & flags != 0;
    let known = FLAG_CHECKSUM | FLAG_SEGMENT_4 | FLAG_SEGMENT_6;
    let summed = if has(FLAG_CHECKSUM) {
        let sum = u32::from(request.checksum_start) + u32::from(request.checksum_offset);
        usize::from(request.checksum_start) >= HEADER && sum + 2 <= request.length
    } else {
        (request.checksum_start, request.checksum_offset) == (0, 0)
    };
    let cut = if has(FLAG_SEGMENT_4 | FLAG_SEGMENT_6) {
        request.flags & known != known
            && has(FLAG_CHECKSUM)
            && request.segment > 0
            && usize::from(request.headers) > HEADER
            && u32::from(request.headers) < request.length
    } else {
        (request.segment, request.headers) == (0, 0)
    };
    request.flags & !known == 0 && summed && cut
}

impl<M: FrameMemory> Plan<M> {
    /// A session that is not open yet; `data` is its data region.
    pub fn new(terms: Terms, data: M) -> Self {
        Self {
            terms,
            data,
            address: None,
            filter: Filter::FIRST,
            refiltered: false,
            traffic: Traffic::default(),
            drops: Drops::default(),
        }
    }

    /// Its address at a device whose own is `device`. Once open it stays what it was.
    pub fn address(&self, device: Address) -> Address {
        let wanted = self.address.map(Address::from_word).or(self.terms.address);
        wanted.unwrap_or_else(|| derived(device, self.terms.index))
    }

    /// What it receives beside what is sent to it.
    pub fn filter(&self) -> Filter {
        self.filter
    }

    /// Receive this from now on. False: the device, or the description, does not allow it.
    pub fn refilter(&mut self, filter: Filter, running: &NetCapabilities) -> bool {
        let wants = |flags| filter.flags & flags != 0;
        let groups = filter.groups != 0 || wants(FILTER_ALL_GROUPS);
        let allowed = (!groups || running.has(CAP_GROUPS | CAP_EVERYTHING))
            && (!wants(FILTER_EVERYTHING) || (self.terms.promiscuous && running.has(CAP_EVERYTHING)));
        if allowed && self.filter != filter {
            (self.filter, self.refiltered) = (filter, true);
        }
        allowed
    }

    /// The words for the journal, if the filter was changed.
    pub fn reconfined(&mut self) -> Option<[u64; 2]> {
        core::mem::take(&mut self.refiltered).then(|| self.words())
    }

    /// Open at a device of this record; the words for the journal. `None`: the device does not take what is sent to it.
    pub fn open(&mut self, record: &NetCapabilities) -> Option<[u64; 2]> {
        let address = self.address(record.address());
        if !reaches(record, address) {
            return None;
        }
        self.address = Some(address.to_word());
        Some(self.words())
    }

    fn words(&self) -> [u64; 2] {
        let address = self.address.unwrap_or_default();
        [address | u64::from(self.filter.flags) << 48, self.filter.groups]
    }

    /// As the journal says.
    pub fn restore(&mut self, words: [u64; 2]) {
        self.address = Some(Address::from_word(words[0]).to_word());
        self.filter = Filter {
            flags: (words[0] >> 48) as u8,
            groups: words[1],
        };
    }

    /// Validate a frame to be sent, and translate the request. The source is read once, from memory that the client can still
    /// change: it keeps mistakes off the network, and liars only as far as they are slower than the device.
    ///
    /// # Errors
    /// How it is to be answered.
    #[inline]
    pub fn accept(&self, told: &NetCapabilities, request: &NetRequest) -> Result<NetRequest, Status> {
        let reserved = (request.generation, request.region) != (0, 0);
        if request.op != Op::Transmit as u8 || reserved || !offloads_make_sense(request) {
            return Err(Status::Invalid);
        }
        if !told.serves(request.flags) {
            return Err(Status::Unsupported);
        }
        if (request.length as usize) < HEADER || request.length > told.length_max(request.flags) {
            return Err(Status::Invalid);
        }
        let source = self.source_of(request).ok_or(Status::OutOfRange)?;
        if Some(source.to_word()) != self.address {
            return Err(Status::Spoofed);
        }
        Ok(NetRequest {
            region: self.terms.region,
            ..*request
        })
    }

    /// Whom a frame says it is from; `None`: frame or headroom lie outside the data region.
    #[inline]
    fn source_of(&self, request: &NetRequest) -> Option<Address> {
        let start = usize::try_from(request.offset).ok()?;
        let end = start.checked_add(request.length as usize)?;
        if request.offset < HEADROOM || end > self.data.len() {
            return None;
        }
        Some(header_at(&self.data, start)?.source)
    }

    /// The frame was sent to this session.
    #[inline]
    pub fn owns(&self, arrival: &Arrival) -> bool {
        Some(arrival.destination.to_word()) == self.address
    }

    /// The frame was sent to nobody here, and this session wants to have it.
    #[inline]
    pub fn wants(&self, arrival: &Arrival) -> bool {
        let has = |flags| self.filter.flags & flags != 0;
        if has(FILTER_EVERYTHING) {
            true
        } else if arrival.destination == BROADCAST {
            has(FILTER_BROADCAST)
        } else {
            arrival.destination.is_group()
                && (has(FILTER_ALL_GROUPS) || self.filter.groups & arrival.group != 0)
        }
    }

    /// Copy the frame into the client's buffer; what the client is told.
    pub fn deliver(&mut self, frames: &M, arrival: &Arrival, buffer: &NetRequest) -> NetResponse {
        let answer = |status: Status, length| NetResponse {
            id: buffer.id,
            status: status as u8,
            length,
            ..NetResponse::default()
        };
        let status = self.fill(frames, arrival, buffer);
        match status {
            Status::Ok => {
                self.traffic.received += 1;
                self.traffic.received_bytes += u64::from(arrival.length);
                NetResponse {
                    flags: arrival.flags,
                    ..answer(status, arrival.length)
                }
            }
            Status::Truncated => {
                self.drops.bad_buffer += 1;
                answer(status, arrival.length)
            }
            _ => {
                self.drops.bad_buffer += 1;
                answer(status, 0)
            }
        }
    }

    fn fill(&self, frames: &M, arrival: &Arrival, buffer: &NetRequest) -> Status {
        let plain = NetRequest {
            id: buffer.id,
            op: Op::Receive as u8,
            length: buffer.length,
            offset: buffer.offset,
            ..NetRequest::default()
        };
        if *buffer != plain {
            return Status::Invalid;
        }
        let Ok(offset) = usize::try_from(buffer.offset) else {
            return Status::OutOfRange;
        };
        let end = offset.checked_add(buffer.length as usize);
        if end.is_none_or(|end| end > self.data.len()) {
            return Status::OutOfRange;
        }
        if buffer.length < arrival.length {
            return Status::Truncated;
        }
        let length = arrival.length as usize;
        if self.data.copy_from(offset, frames, arrival.offset, length) {
            Status::Ok
        } else {
            Status::OutOfRange
        }
    }

    /// A request to send was answered.
    #[inline]
    pub fn count(&mut self, request: &NetRequest, answer: &NetResponse) {
        if answer.status == Status::Ok as u8 {
            self.traffic.sent += 1;
            self.traffic.sent_bytes += u64::from(request.length);
        } else if answer.status == Status::Spoofed as u8 {
            self.drops.spoofed += 1;
        } else {
            self.drops.refused += 1;
        }
    }
}
