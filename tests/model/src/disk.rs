//! The block class with a partition table of one block, and what clients may ask of it.

use std::hash::{Hash, Hasher};

use device_class::block::{
    BlockCapabilities, BlockRequest, BlockResponse, CAP_FLUSH, CAP_WRITE_BACK, Op, Status,
};
use shadow::session::State as SessionState;
use shadow::{Class, Learning};
use shadow_block::plan::Plan;
use shadow_block::table::Scratch;

/// The class itself: everything but the reading of partition tables is taken from it.
type Block = shadow_block::Block<Nowhere>;

/// Blocks of the disk.
pub const BLOCKS: usize = 4;
/// The block that stands for the partition table.
const TABLE: u64 = BLOCKS as u64 - 1;
/// Most requests of a script.
pub const SCRIPT_MAX: usize = 6;
/// Bytes of a block.
pub const BLOCK: u64 = 512;
/// Most sessions.
pub const SESSIONS_MAX: usize = 2;
/// Blocks that clients' requests are about.
pub const HOMES: usize = 2;
/// What these contain in the beginning; writes write other numbers, each its own.
pub const CONTENTS: [u8; HOMES] = [0, 1];
/// Index of the sessions' data regions at the driver, and of the shadow's scratch region.
const CLIENT_REGIONS: [u16; SESSIONS_MAX] = [0, 2];
const SCRATCH_REGION: u16 = 1;

/// What a good driver can do.
pub const RECORD: BlockCapabilities = BlockCapabilities {
    capacity: BLOCKS as u64,
    block_size: BLOCK as u32,
    flags: CAP_WRITE_BACK | CAP_FLUSH,
    max_transfer: 8,
    queue_depth: 4,
};

/// No memory to read a partition table through.
#[derive(Debug)]
pub struct Nowhere;

impl Scratch for Nowhere {
    fn capacity(&self) -> usize {
        0
    }
    fn read(&self, _: usize, _: &mut [u8]) -> bool {
        false
    }
}

/// A session's plan. Its counters follow from the live requests.
#[derive(Clone, Debug)]
pub struct Confined(pub Plan);

impl Hash for Confined {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.start, self.0.len).hash(state);
    }
}

/// The table is one block, read once per generation.
#[derive(Clone, Debug, Default, Hash)]
pub struct Reading {
    asked: bool,
}

/// The block class, with a smaller table.
#[derive(Debug)]
pub struct Disk;

impl Class for Disk {
    const ID: u32 = Block::ID;
    const FATAL: u32 = Block::FATAL;
    const INVALID: Status = Block::INVALID;
    const OFFLINE: Status = Block::OFFLINE;
    type Request = BlockRequest;
    type Response = BlockResponse;
    type Record = BlockCapabilities;
    type Status = Status;
    type Session = Confined;
    type Learn = Reading;
    type Arrival = std::convert::Infallible;

    fn sane(record: &BlockCapabilities) -> bool {
        Block::sane(record)
    }
    fn lost(old: &BlockCapabilities, new: &BlockCapabilities) -> u32 {
        Block::lost(old, new)
    }
    fn client_id(request: &BlockRequest) -> u32 {
        Block::client_id(request)
    }
    fn units(request: &BlockRequest) -> u64 {
        Block::units(request)
    }
    fn unit(record: &BlockCapabilities) -> u64 {
        Block::unit(record)
    }
    fn accept(
        session: &Confined,
        told: &BlockCapabilities,
        request: &BlockRequest,
    ) -> Result<BlockRequest, Status> {
        Block::accept(&session.0, told, request)
    }
    fn admissible(running: &BlockCapabilities, request: &BlockRequest) -> Result<(), Status> {
        Block::admissible(running, request)
    }
    fn refusal(id: u32, status: Status) -> BlockResponse {
        Block::refusal(id, status)
    }
    fn stamp(request: &mut BlockRequest, tag: u32, generation: u32) {
        Block::stamp(request, tag, generation);
    }
    fn stamp_of(response: &BlockResponse) -> (u32, u32) {
        Block::stamp_of(response)
    }
    fn relay(request: &BlockRequest, response: &BlockResponse, id: u32) -> Option<BlockResponse> {
        Block::relay(request, response, id)
    }
    fn enter(session: &mut Confined, request: &BlockRequest) -> bool {
        Block::enter(&mut session.0, request)
    }
    fn leave(session: &mut Confined, request: &BlockRequest) {
        Block::leave(&mut session.0, request);
    }
    fn conflicts(a: &BlockRequest, b: &BlockRequest) -> bool {
        Block::conflicts(a, b)
    }

    fn learn_begin(learn: &mut Reading, _: &BlockCapabilities) {
        learn.asked = false;
    }
    fn learn_next(learn: &mut Reading) -> Option<BlockRequest> {
        let first = !std::mem::replace(&mut learn.asked, true);
        first.then_some(BlockRequest {
            op: Op::Read as u8,
            region: SCRATCH_REGION,
            count: 1,
            block: TABLE,
            ..BlockRequest::default()
        })
    }
    fn learn_answer(_: &mut Reading, response: &BlockResponse) -> Learning {
        match response.status == Status::Ok as u8 {
            true => Learning::Known(1),
            false => Learning::Failed(1),
        }
    }
    fn open(session: &mut Confined, _: &Reading, record: &BlockCapabilities) -> Option<[u64; 2]> {
        // There is a partition of one block for each of the first blocks.
        (session.0.start, session.0.len) = match session.0.wish {
            None => (0, record.capacity),
            Some(block) => (block as u64, 1),
        };
        Some([session.0.start, session.0.len])
    }
    fn restore(session: &mut Confined, words: [u64; 2]) {
        Block::restore(&mut session.0, words);
    }
    fn reopen(words: [u64; 2], record: &BlockCapabilities) -> bool {
        Block::reopen(words, record)
    }
    fn call(
        _: SessionState,
        _: &mut Confined,
        _: &Reading,
        _: Option<&BlockCapabilities>,
        label: u64,
        _: [u64; 2],
    ) -> (u64, [u64; 4]) {
        (label, [0; 4])
    }
    fn tells(_: u64) -> bool {
        false
    }
    fn unlearns(_: &Confined, _: &BlockRequest) -> bool {
        false
    }
}

/// A session, and what its client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asking {
    /// Its requests, in this order, all on its first block.
    pub script: &'static [Wanted],
    /// The block that it is confined to; `None`: the whole disk.
    pub partition: Option<usize>,
}

impl Asking {
    /// The block of the disk that its requests are about.
    pub fn home(&self) -> usize {
        self.partition.unwrap_or(0)
    }

    /// What the session `index` is confined to.
    pub fn plan(&self, index: usize) -> Confined {
        let data = BLOCK * SCRIPT_MAX as u64;
        Confined(Plan::new(self.partition, data, CLIENT_REGIONS[index]))
    }
}

/// A client's request, on its session's first block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Write this content, which no other request writes.
    Write(u8),
    /// Read.
    Read,
    /// What was answered before is on stable storage; once in a script.
    Flush,
}

impl Wanted {
    /// As it is sent; it is known by its place in the script.
    pub fn request(self, place: usize) -> BlockRequest {
        let op = match self {
            Self::Write(_) => Op::Write,
            Self::Read => Op::Read,
            Self::Flush => {
                return BlockRequest {
                    id: place as u32,
                    op: Op::Flush as u8,
                    ..BlockRequest::default()
                };
            }
        };
        BlockRequest {
            id: place as u32,
            op: op as u8,
            count: 1,
            offset: place as u64 * BLOCK,
            ..BlockRequest::default()
        }
    }

    /// Both are about the block, and one of them changes it. A flush says nothing about what was not answered.
    pub fn overlaps(self, other: Self) -> bool {
        use Wanted::{Flush, Read};
        !matches!((self, other), (Flush, _) | (_, Flush) | (Read, Read))
    }
}

/// A client's request: its session, and its place in the script, unless it is the flush, which is there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its session.
    pub session: usize,
    /// Its place; `None`: the flush.
    pub place: Option<usize>,
}

/// Whose request it is that a driver has; `None`: the shadow's own.
pub fn origin(request: &BlockRequest) -> Option<Origin> {
    let session = CLIENT_REGIONS
        .iter()
        .position(|region| *region == request.region)?;
    let place = (request.op != Op::Flush as u8).then_some((request.offset / BLOCK) as usize);
    Some(Origin { session, place })
}
