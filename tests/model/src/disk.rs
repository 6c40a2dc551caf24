//! The block class with a partition table of one block, and what is kept of the truth: the client's requests, the
//! disk's blocks, and which contents each block may have.

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
/// Index of the client's data region at the driver, and of the shadow's scratch region.
pub const CLIENT_REGION: u16 = 0;
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
        (session.0.start, session.0.len) = (0, record.capacity);
        Some([0, record.capacity])
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

/// A client's request, on block 0.
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

/// Place in the client's script of a request at the driver; `None`: the shadow's own.
pub fn place_of(request: &BlockRequest, script: &[Wanted]) -> Option<usize> {
    if request.op == Op::Flush as u8 {
        return script.iter().position(|wanted| *wanted == Wanted::Flush);
    }
    (request.region == CLIENT_REGION).then_some((request.offset / BLOCK) as usize)
}
