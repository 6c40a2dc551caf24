//! The partition table, read through the driver in small pieces: GPT (UEFI specification 2.10, section 5.3), or else the
//! four primary entries of an MBR. Logical partitions are not followed.
//!
//! What is read lies in memory that the driver and the device can write: every block is copied out once and judged by
//! the copy.

use crc::{CRC_32_ISO_HDLC, Crc, Digest};
use device_class::block::{BlockCapabilities, BlockRequest, BlockResponse, Op, Status};
use heapless::Vec;
use shadow::Learning;
use system_spec::config::{MAX_SESSIONS, NAME_MAX, Name};

use crate::table::gpt::Header;

mod gpt;
mod mbr;

pub(crate) static CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Largest block, and what is copied at a time.
const BLOCK_MAX: usize = 4096;
/// Blocks asked for at a time; every driver can transfer so many.
const CHUNK: u32 = 8;

/// Memory into which the driver reads for the shadow.
pub trait Scratch {
    /// Bytes.
    fn capacity(&self) -> usize;
    /// Copy out of it. False: not inside.
    fn read(&self, offset: usize, target: &mut [u8]) -> bool;
}

impl Scratch for shared_ring::Area {
    fn capacity(&self) -> usize {
        self.len()
    }
    fn read(&self, offset: usize, target: &mut [u8]) -> bool {
        shared_ring::Area::read(self, offset, target)
    }
}

/// Details of a table that cannot be read.
pub mod detail {
    /// The driver reports an error.
    pub const READ: u64 = 1;
    /// The table contradicts itself (a checksum, a range).
    pub const DAMAGED: u64 = 2;
    /// The scratch region cannot hold what must be read at once.
    pub const SCRATCH: u64 = 3;
}

/// A partition that a session wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// By its name in the GPT.
    Name(Name),
    /// By its number, from 1.
    Number(u32),
}

/// What is being read.
#[derive(Clone)]
enum Step {
    Idle,
    /// Blocks 0 and 1.
    First,
    /// The header at the end of the device, because the one at the beginning is damaged.
    Backup,
    /// Entries from this index on.
    Entries {
        header: Header,
        next: u32,
        digest: Digest<'static, u32>,
    },
}

/// Reads the table and finds the partitions that are wished for.
pub struct TableReader<S> {
    scratch: S,
    region: u16,
    wishes: Vec<Wish, MAX_SESSIONS>,
    found: Vec<Option<(u64, u64)>, MAX_SESSIONS>,
    record: BlockCapabilities,
    step: Step,
}

impl<S: Scratch> TableReader<S> {
    /// A reader with its memory and that memory's index at the driver.
    pub fn new(scratch: S, region: u16, wishes: Vec<Wish, MAX_SESSIONS>) -> Self {
        let found = wishes.iter().map(|_| None).collect();
        Self {
            scratch,
            region,
            wishes,
            found,
            record: BlockCapabilities::default(),
            step: Step::Idle,
        }
    }

    /// First block and blocks of the partition of a wish.
    pub fn found(&self, wish: usize) -> Option<(u64, u64)> {
        self.found.get(wish).copied().flatten()
    }

    /// Start from the beginning.
    pub fn begin(&mut self, record: &BlockCapabilities) {
        self.record = *record;
        self.step = Step::First;
    }

    /// What to read next.
    pub fn next_request(&mut self) -> Option<BlockRequest> {
        let (block, count) = match &self.step {
            Step::Idle => return None,
            Step::First => (0, if self.record.capacity < 2 { 1 } else { 2 }),
            Step::Backup => (self.record.capacity - 1, 1),
            Step::Entries { header, next, .. } => {
                let done =
                    u64::from(*next) * u64::from(header.entry_size) / u64::from(self.record.block_size);
                let left = header.blocks(self.record.block_size).saturating_sub(done);
                (header.entries + done, left.min(self.chunk().into()) as u32)
            }
        };
        Some(BlockRequest {
            op: Op::Read as u8,
            region: self.region,
            count,
            block,
            ..BlockRequest::default()
        })
    }

    /// Blocks that fit into the scratch memory, at most [`CHUNK`].
    fn chunk(&self) -> u32 {
        let fit = self.scratch.capacity() / self.record.block_size.max(512) as usize;
        CHUNK.min(u32::try_from(fit).unwrap_or(CHUNK))
    }

    /// Take what was read.
    pub fn answered(&mut self, response: &BlockResponse) -> Learning {
        let outcome = if self.chunk() < 2 {
            Learning::Failed(detail::SCRATCH)
        } else if response.status != Status::Ok as u8 {
            Learning::Failed(detail::READ)
        } else {
            let step = core::mem::replace(&mut self.step, Step::Idle);
            self.judge(step, response.count)
                .unwrap_or(Learning::Failed(detail::DAMAGED))
        };
        if outcome != Learning::More {
            self.step = Step::Idle;
        }
        outcome
    }

    fn judge(&mut self, step: Step, count: u32) -> Option<Learning> {
        match step {
            Step::Idle => None,
            Step::First => self.judge_first(count),
            Step::Backup => {
                let block = self.block(0)?;
                let header = Header::parse(self.bytes(&block), self.record.capacity - 1, &self.record)?;
                self.read_entries(header)
            }
            Step::Entries { header, next, digest } => self.judge_entries(header, next, digest, count),
        }
    }

    fn judge_first(&mut self, count: u32) -> Option<Learning> {
        let first = self.block(0)?;
        let Some(table) = mbr::Table::parse(&first) else {
            // No table at all: nobody finds a partition, and that is known.
            self.forget();
            return Some(Learning::Known(0));
        };
        if !table.is_protective() {
            self.forget();
            for (wish, found) in self.wishes.iter().zip(&mut self.found) {
                if let Wish::Number(number) = wish {
                    *found = table
                        .partition(*number)
                        // Block 0 is the table's.
                        .filter(|&range| range.0 > 0 && inside(range, &self.record));
                }
            }
            return Some(Learning::Known(table.digest()));
        }
        if count < 2 {
            return None;
        }
        let second = self.block(1)?;
        match Header::parse(self.bytes(&second), 1, &self.record) {
            Some(header) => self.read_entries(header),
            None => {
                self.step = Step::Backup;
                Some(Learning::More)
            }
        }
    }

    fn read_entries(&mut self, header: Header) -> Option<Learning> {
        self.forget();
        self.step = Step::Entries {
            header,
            next: 0,
            digest: CRC32.digest(),
        };
        Some(Learning::More)
    }

    fn judge_entries(
        &mut self,
        header: Header,
        mut next: u32,
        mut digest: Digest<'static, u32>,
        count: u32,
    ) -> Option<Learning> {
        for index in 0..count as usize {
            let block = self.block(index)?;
            for entry in self.bytes(&block).chunks_exact(header.entry_size as usize) {
                if next == header.entry_count {
                    break;
                }
                digest.update(entry);
                next += 1;
                self.compare(&header, next, entry);
            }
        }
        if next < header.entry_count {
            self.step = Step::Entries { header, next, digest };
            return Some(Learning::More);
        }
        // Until the checksum is right, what was found counts for nothing.
        if digest.finalize() != header.entries_crc {
            self.forget();
            return None;
        }
        Some(Learning::Known(header.digest()))
    }

    fn compare(&mut self, header: &Header, number: u32, entry: &[u8]) {
        let Some((range, name)) = gpt::entry(header, entry) else {
            return;
        };
        for (wish, found) in self.wishes.iter().zip(&mut self.found) {
            let matches = match wish {
                Wish::Name(wanted) => gpt::same_name(name, wanted),
                Wish::Number(wanted) => *wanted == number,
            };
            // The first of two partitions of the same name counts.
            if matches && found.is_none() {
                *found = Some(range);
            }
        }
    }

    fn forget(&mut self) {
        self.found.iter_mut().for_each(|found| *found = None);
    }

    /// Copy of the block at this place in the scratch memory.
    fn block(&self, index: usize) -> Option<[u8; BLOCK_MAX]> {
        let mut block = [0; BLOCK_MAX];
        let size = self.record.block_size as usize;
        self.scratch
            .read(index * size, block.get_mut(..size)?)
            .then_some(block)
    }

    fn bytes<'b>(&self, block: &'b [u8; BLOCK_MAX]) -> &'b [u8] {
        &block[..(self.record.block_size as usize).min(BLOCK_MAX)]
    }
}

/// The range (first block, blocks) lies on the device and is not empty.
fn inside((start, len): (u64, u64), record: &BlockCapabilities) -> bool {
    len > 0 && start.checked_add(len).is_some_and(|end| end <= record.capacity)
}

/// The wish of a session's configuration; `None`: the whole device.
pub fn wish(name: &Name, number: u32) -> Option<Wish> {
    match (name.first(), number) {
        (Some(0) | None, 0) => None,
        (Some(0) | None, number) => Some(Wish::Number(number)),
        _ => Some(Wish::Name(*name)),
    }
}

const _: () = assert!(NAME_MAX == 36);
