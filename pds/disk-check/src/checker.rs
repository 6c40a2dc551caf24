//! What to ask next, and whether an answer is legal.

use core::sync::atomic::AtomicU64;

use client_report::{Counter, Report, State, Violation, ViolationKind};

use crate::block::{self, BLOCK_SIZE, Content, Header, WORDS};
use crate::ledger::Ledger;
use crate::random::Random;

/// Requests in flight.
pub const DEPTH: usize = 32;

/// One request in so many is a flush.
const FLUSH_ONE_IN: u64 = 512;
/// One request in so many goes to one of the hot blocks, so that requests meet on the same block.
const HOT_ONE_IN: u64 = 8;
/// Blocks that are asked for much more often than the others.
const HOT_BLOCKS: u64 = 16;
/// Most sequences that are tried to explain a mixture: far more than writes of one block can meet one read.
const MIXTURE_MAX: u64 = 256;

/// A request, for the data buffer with the number of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read this block.
    Read(u64),
    /// Write this block; the buffer is filled.
    Write(u64),
    /// Make all acknowledged writes durable.
    Flush,
}

/// How a request ended: done, or the error's status number.
pub type Outcome = Result<(), u8>;

/// Why the client cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// Block 0 does not tell the seed.
    NoSeed = 1,
    /// The session could not be opened.
    NoSession = 2,
    /// The link of the session broke.
    Link = 3,
    /// No room for a ledger, or no block.
    NoRoom = 4,
}

/// What is in flight in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Free,
    /// First reading of a block.
    Learn {
        block: u64,
    },
    /// `least`: what was acknowledged when the read was sent.
    Read {
        block: u64,
        least: u32,
    },
    Write {
        block: u64,
        sequence: u32,
    },
    Flush,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Block 0 is read for its seed.
    Seed,
    /// The other blocks are read for their sequences, from here on.
    Learn {
        next: u64,
    },
    Run,
    /// Nothing new is asked.
    Drain,
    /// The last flush is to be sent, or in flight.
    LastFlush {
        sent: bool,
    },
    Stopped,
    Failed,
}

/// The client's core.
#[derive(Debug)]
pub struct Checker<'a> {
    report: Report<'a>,
    ledger: Ledger<'a>,
    buffers: &'a [[AtomicU64; WORDS]],
    slots: [Slot; DEPTH],
    /// Bit per free slot.
    free: u32,
    phase: Phase,
    seed: u64,
    random: Random,
    /// CNTPCT at the last completion.
    last_completion: u64,
}

impl<'a> Checker<'a> {
    /// For a partition of `blocks` blocks, with a buffer per request in flight. `now` is in ticks.
    pub fn new(report: Report<'a>, buffers: &'a [[AtomicU64; WORDS]], blocks: u64, now: u64) -> Self {
        let depth = buffers.len().min(DEPTH) as u32;
        let mut checker = Self {
            report,
            ledger: Ledger::new(report, blocks),
            buffers,
            slots: [Slot::Free; DEPTH],
            free: 1u32.checked_shl(depth).unwrap_or(0).wrapping_sub(1),
            phase: Phase::Seed,
            seed: 0,
            random: Random::new(0),
            last_completion: now,
        };
        if checker.ledger.blocks() == 0 || depth == 0 {
            checker.fail(Reason::NoRoom);
        }
        checker
    }

    /// The next request and its slot; `None` while nothing is to be asked. What is returned is in flight.
    pub fn next_request(&mut self) -> Option<(usize, Request)> {
        let index = self.free.trailing_zeros() as usize;
        let buffer = self.buffers.get(index)?;
        let slot = match self.phase {
            Phase::Seed if self.in_flight() == 0 => Slot::Learn { block: 0 },
            Phase::Learn { next } if next < self.ledger.blocks() => {
                self.phase = Phase::Learn { next: next + 1 };
                Slot::Learn { block: next }
            }
            Phase::Run => self.choose(buffer),
            Phase::LastFlush { sent: false } => {
                self.phase = Phase::LastFlush { sent: true };
                Slot::Flush
            }
            _ => return None,
        };
        *self.slots.get_mut(index)? = slot;
        self.free &= !(1 << index);
        let request = match slot {
            Slot::Learn { block } | Slot::Read { block, .. } => Request::Read(block),
            Slot::Write { block, .. } => Request::Write(block),
            Slot::Flush | Slot::Free => Request::Flush,
        };
        Some((index, request))
    }

    /// A random request; a write is filled in and entered as submitted.
    fn choose(&mut self, buffer: &[AtomicU64; WORDS]) -> Slot {
        if self.random.below(FLUSH_ONE_IN) == 0 {
            return Slot::Flush;
        }
        let hot = self.random.below(HOT_ONE_IN) == 0;
        let blocks = self.ledger.blocks();
        let block = self
            .random
            .below(if hot { HOT_BLOCKS.min(blocks) } else { blocks });
        let mut entry = self.ledger.get(block);
        // A block whose sequences are used up is only read.
        if self.random.below(2) == 0 || entry.submitted == u32::MAX {
            return Slot::Read {
                block,
                least: entry.acknowledged,
            };
        }
        entry.submitted += 1;
        self.ledger.set(block, entry);
        let sequence = entry.submitted;
        block::fill(
            buffer,
            Header {
                block,
                sequence: sequence.into(),
                seed: self.seed,
            },
        );
        Slot::Write { block, sequence }
    }

    /// The request of `slot` was answered at `now`. False: no request was in flight there.
    pub fn completed(&mut self, slot: usize, outcome: Outcome, now: u64) -> bool {
        let Some(entry) = self.slots.get_mut(slot) else {
            return false;
        };
        let request = core::mem::replace(entry, Slot::Free);
        let Some(buffer) = self.buffers.get(slot) else {
            return false;
        };
        if request == Slot::Free {
            return false;
        }
        self.free |= 1 << slot;
        self.count(request, outcome, now);
        match (request, outcome) {
            (Slot::Learn { block }, Ok(())) => self.learn(block, buffer),
            (Slot::Read { block, least }, Ok(())) => self.judge(block, least, buffer),
            (Slot::Write { block, sequence }, Ok(())) => {
                let mut entry = self.ledger.get(block);
                entry.acknowledged = entry.acknowledged.max(sequence);
                self.ledger.set(block, entry);
            }
            _ => {}
        }
        self.advance(request, outcome, now);
        true
    }

    fn count(&mut self, request: Slot, outcome: Outcome, now: u64) {
        let gap = now.saturating_sub(self.last_completion);
        self.last_completion = now;
        if matches!(self.phase, Phase::Run | Phase::Drain) && gap > self.report.get(Counter::LongestGap) {
            self.report.set(Counter::LongestGap, gap);
        }
        self.report.add(Counter::Requests, 1);
        let (counter, index, bytes) = match request {
            Slot::Learn { block } | Slot::Read { block, .. } => (Counter::Reads, block, BLOCK_SIZE as u64),
            Slot::Write { block, .. } => (Counter::Writes, block, BLOCK_SIZE as u64),
            Slot::Flush | Slot::Free => (Counter::Flushes, u64::MAX, 0),
        };
        self.report.add(counter, 1);
        match outcome {
            Ok(()) => self.report.add(Counter::Bytes, bytes),
            Err(status) => self.violation(ViolationKind::ClientError, index, status.into(), 0, 0),
        }
    }

    /// Take over what is on the disk at the start.
    fn learn(&mut self, block: u64, buffer: &[AtomicU64; WORDS]) {
        let header = match block::check(buffer) {
            Content::Intact(header) => header,
            Content::Damaged => {
                self.violation(ViolationKind::Corrupt, block, 0, 0, 0);
                return;
            }
        };
        if self.phase == Phase::Seed && header.block == block {
            self.seed = header.seed;
            self.random = Random::new(header.seed);
            self.report.set(Counter::Seed, header.seed);
            self.phase = Phase::Learn { next: 1 };
        }
        match u32::try_from(header.sequence) {
            Ok(sequence) if header.block == block && header.seed == self.seed => {
                let mut entry = self.ledger.get(block);
                (entry.acknowledged, entry.submitted, entry.seen) = (sequence, sequence, sequence);
                self.ledger.set(block, entry);
            }
            _ => self.violation(ViolationKind::Corrupt, block, header.sequence, 0, 0),
        }
    }

    /// The rule of what a read may return.
    fn judge(&mut self, block: u64, least: u32, buffer: &[AtomicU64; WORDS]) {
        let mut entry = self.ledger.get(block);
        let (least, most) = (u64::from(least), u64::from(entry.submitted));
        let found = match block::check(buffer) {
            Content::Intact(header) if header.block == block && header.seed == self.seed => {
                Some(header.sequence)
            }
            _ => None,
        };
        let kind = match found {
            Some(sequence) if (least..=most).contains(&sequence) => {
                entry.seen = entry.seen.max(sequence as u32);
                self.ledger.set(block, entry);
                return;
            }
            Some(sequence) if sequence < u64::from(entry.seen) && sequence < least => ViolationKind::Stale,
            Some(sequence) if sequence < least => ViolationKind::Lost,
            None if most > least => {
                let first = least.max(most.saturating_sub(MIXTURE_MAX));
                if block::is_mixture(buffer, block, self.seed, first, most) {
                    self.report.add(Counter::MixedOrPasses, 1);
                    return;
                }
                ViolationKind::Corrupt
            }
            _ => ViolationKind::Corrupt,
        };
        self.violation(kind, block, found.unwrap_or(u64::MAX), least, most);
    }

    /// Go on to the next phase when this one has ended.
    fn advance(&mut self, request: Slot, outcome: Outcome, now: u64) {
        let idle = self.in_flight() == 0;
        match self.phase {
            Phase::Seed => self.fail(Reason::NoSeed),
            Phase::Learn { next } if idle && next >= self.ledger.blocks() => {
                self.phase = Phase::Run;
                self.last_completion = now;
                self.report.set_state(State::Running, 0);
            }
            Phase::Drain if idle => self.phase = Phase::LastFlush { sent: false },
            Phase::LastFlush { sent: true } if request == Slot::Flush => {
                // A flush that failed is a client error: said, and not hidden behind a second try.
                let _ = outcome;
                self.phase = Phase::Stopped;
                self.report.set_state(State::Stopped, 0);
            }
            _ => {}
        }
    }

    /// Ask nothing new; drain, flush, and be stopped.
    pub fn stop(&mut self) {
        match self.phase {
            Phase::Seed | Phase::Learn { .. } | Phase::Run => {}
            _ => return,
        }
        self.report.set_state(State::Stopping, 0);
        self.phase = if self.in_flight() == 0 {
            Phase::LastFlush { sent: false }
        } else {
            Phase::Drain
        };
    }

    /// Everything is drained and flushed.
    pub fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    /// The client cannot work any more.
    pub fn has_failed(&self) -> bool {
        self.phase == Phase::Failed
    }

    /// Requests in flight.
    pub fn in_flight(&self) -> usize {
        self.slots.iter().filter(|slot| **slot != Slot::Free).count()
    }

    /// Give up, and say why.
    pub fn fail(&mut self, reason: Reason) {
        self.phase = Phase::Failed;
        self.report.set_state(State::Failed, reason as u32);
    }

    fn violation(&self, kind: ViolationKind, index: u64, found: u64, least: u64, most: u64) {
        self.report.violation(Violation {
            kind,
            index,
            found,
            least,
            most,
        });
    }
}
