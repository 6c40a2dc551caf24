//! The partition, with every request counted in the report.

use client_report::{Counter, Report, Violation, ViolationKind};
use fat_partition::{SECTOR, Sectors};

/// Passes requests on and counts them.
#[derive(Debug)]
pub struct Counted<'a, S, C> {
    sectors: S,
    clock: C,
    report: Report<'a>,
    last_completion: u64,
}

impl<'a, S: Sectors, C: Fn() -> u64> Counted<'a, S, C> {
    /// Over a partition; `clock` is the counter, in ticks.
    pub fn new(sectors: S, clock: C, report: Report<'a>) -> Self {
        let last_completion = clock();
        Self {
            sectors,
            clock,
            report,
            last_completion,
        }
    }

    /// `sector`: what a failure is reported for.
    fn count(
        &mut self,
        counter: Counter,
        bytes: usize,
        sector: u64,
        outcome: Result<(), u8>,
    ) -> Result<(), u8> {
        let now = (self.clock)();
        let gap = now.saturating_sub(core::mem::replace(&mut self.last_completion, now));
        if gap > self.report.get(Counter::LongestGap) {
            self.report.set(Counter::LongestGap, gap);
        }
        self.report.add(Counter::Requests, 1);
        self.report.add(counter, 1);
        match outcome {
            Ok(()) => self.report.add(Counter::Bytes, bytes as u64),
            Err(status) => self.report.violation(Violation {
                kind: ViolationKind::ClientError,
                index: sector,
                found: status.into(),
                least: 0,
                most: 0,
            }),
        }
        outcome
    }
}

impl<S: Sectors, C: Fn() -> u64> Sectors for Counted<'_, S, C> {
    fn count(&self) -> u64 {
        self.sectors.count()
    }

    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), u8> {
        let outcome = self.sectors.read(first, data);
        self.count(Counter::Reads, SECTOR, first, outcome)
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), u8> {
        let outcome = self.sectors.write(first, data);
        self.count(Counter::Writes, SECTOR, first, outcome)
    }

    fn flush(&mut self) -> Result<(), u8> {
        let outcome = self.sectors.flush();
        self.count(Counter::Flushes, 0, u64::MAX, outcome)
    }
}
