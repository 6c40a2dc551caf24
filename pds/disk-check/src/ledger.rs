//! What was acknowledged, submitted and seen of each block, kept in the report region where the operator can read it.

use client_report::{Counter, Report};

const ENTRY: usize = 16;

/// One block's entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Greatest sequence answered with success.
    pub acknowledged: u32,
    /// Greatest sequence handed over.
    pub submitted: u32,
    /// Greatest sequence that a read returned.
    pub seen: u32,
}

/// The entries of all blocks.
#[derive(Clone, Debug)]
pub struct Ledger<'a> {
    report: Report<'a>,
    blocks: u64,
}

impl<'a> Ledger<'a> {
    /// For as many of `blocks` as there is room for; all entries zero.
    pub fn new(report: Report<'a>, blocks: u64) -> Self {
        let blocks = blocks.min(report.room(ENTRY) as u64);
        for index in 0..blocks as usize {
            report.store_entry(index, ENTRY, 0, 0);
            report.store_entry(index, ENTRY, 1, 0);
        }
        report.set(Counter::Entries, blocks);
        Self { report, blocks }
    }

    /// Blocks in the ledger.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }

    /// A block's entry.
    #[inline]
    pub fn get(&self, block: u64) -> Entry {
        let writes = self.report.load_entry(block as usize, ENTRY, 0);
        Entry {
            acknowledged: writes as u32,
            submitted: (writes >> 32) as u32,
            seen: self.report.load_entry(block as usize, ENTRY, 1) as u32,
        }
    }

    /// Replace it. Each of the two words is written at once, so a reader never sees half a step.
    #[inline]
    pub fn set(&self, block: u64, entry: Entry) {
        let writes = u64::from(entry.acknowledged) | u64::from(entry.submitted) << 32;
        self.report.store_entry(block as usize, ENTRY, 0, writes);
        self.report
            .store_entry(block as usize, ENTRY, 1, entry.seen.into());
    }
}
