//! Jobs and history: the newest records of what happened to each device. They survive control ([`crate::ledger`]), each with
//! the request that asked for it: a tool that asks again after control's death is told of the job that it has already.

use core::hash::{Hash, Hasher};
use core::mem::discriminant;

use control_protocol::Record;
use control_protocol::record::{Figures, Kind, Outcome, PackageLabel, Reason, State, Step};
use control_protocol::reply::HISTORY_PAGE;
use heapless::{Deque, Vec};

use crate::ledger;
use crate::world::World;

/// Records that are kept.
pub const KEPT: usize = 64;

/// A request, by the numbers in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The tool's session.
    pub session: u64,
    /// Its count of requests.
    pub request: u32,
}

/// A record and what the operator does not see of it.
#[derive(Clone, Debug)]
struct Kept {
    record: Record,
    asker: Option<Asker>,
    /// How it will end, known before it is published.
    decided: Option<Outcome>,
    /// Changed since it was written to where it survives.
    dirty: bool,
}

/// The newest records, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    records: Deque<Kept, KEPT>,
    last: u32,
    /// Whose request is being executed: the record that it opens is his.
    asker: Option<Asker>,
}

/// What others do depends on: everything but what is only reported (figures, causes, packages).
impl Hash for History {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for kept in &self.records {
            identity(&kept.record, state);
            (kept.decided.as_ref().map(discriminant), kept.dirty).hash(state);
        }
        self.last.hash(state);
    }
}

/// The same of one record.
pub fn identity(record: &Record, state: &mut impl Hasher) {
    let outcome = match &record.state {
        State::Done(outcome) => Some(discriminant(outcome)),
        _ => None,
    };
    (record.id, discriminant(&record.kind), outcome).hash(state);
}

impl History {
    /// Opens a record; the oldest is forgotten if there is no room. Answers its number.
    pub fn open(
        &mut self,
        device: u8,
        kind: Kind,
        from: Option<PackageLabel>,
        to: Option<PackageLabel>,
        cause: Option<Reason>,
    ) -> u32 {
        self.last = self.last.wrapping_add(1).max(1);
        if self.records.is_full() {
            self.records.pop_front();
        }
        let asker = self.asker.take();
        let record = Record {
            id: self.last,
            device,
            kind,
            state: State::Waiting,
            from,
            to,
            result: None,
            cause,
            figures: Figures::default(),
        };
        // There is room by the lines above.
        let _ = self.records.push_back(Kept {
            record,
            asker,
            decided: None,
            dirty: true,
        });
        self.last
    }

    /// Takes what a predecessor kept for all that there is. In place: all records are more than a stack should hold twice.
    pub fn restore(&mut self, world: &mut impl World) {
        let mut found: Vec<(u32, usize), KEPT> = Vec::new();
        for place in 0..KEPT {
            if let Some((record, _)) = ledger::read_record(world, place) {
                // As many as `found` has room for.
                let _ = found.push((record.id, place));
            }
        }
        found.sort_unstable();
        self.last = found.last().map_or(0, |(id, _)| *id);
        self.records.clear();
        for (_, place) in found {
            if let Some((record, asker)) = ledger::read_record(world, place) {
                // As many as were found.
                let _ = self.records.push_back(Kept {
                    record,
                    asker,
                    decided: None,
                    dirty: false,
                });
            }
        }
    }

    /// Writes what changed to where it survives.
    pub fn flush(&mut self, world: &mut impl World) {
        for kept in self.records.iter_mut().filter(|kept| kept.dirty) {
            kept.dirty = false;
            let state = kept.decided.map_or(kept.record.state, State::Done);
            let record = Record {
                state,
                ..kept.record.clone()
            };
            ledger::write_record(world, record.id as usize % KEPT, &record, kept.asker);
        }
    }

    /// A request is executed now, or no more.
    pub fn asked_by(&mut self, asker: Option<Asker>) {
        self.asker = asker;
    }

    /// The job that this request began, if it was executed before.
    pub fn job_of(&self, asker: Asker) -> Option<u32> {
        let mut kept = self.records.iter();
        kept.find(|kept| kept.asker == Some(asker))
            .map(|kept| kept.record.id)
    }

    /// The newest record of a device that is not over.
    pub fn unfinished(&self, device: u8) -> Option<(u32, Kind)> {
        let open = |record: &Record| record.device == device && !matches!(record.state, State::Done(_));
        let mut records = self.records.iter().rev().map(|kept| &kept.record);
        records
            .find(|record| open(record))
            .map(|record| (record.id, record.kind))
    }

    /// How the record's transaction will end: who takes over before it is published takes this for it.
    pub fn decide(&mut self, id: u32, outcome: Outcome) {
        if let Some(kept) = self.kept_mut(id) {
            kept.decided = Some(outcome);
        }
    }

    /// The record of that number.
    pub fn get(&self, id: u32) -> Option<&Record> {
        let mut records = self.records.iter().map(|kept| &kept.record);
        records.find(|record| record.id == id)
    }

    fn kept_mut(&mut self, id: u32) -> Option<&mut Kept> {
        let kept = self.records.iter_mut().find(|kept| kept.record.id == id)?;
        kept.dirty = true;
        Some(kept)
    }

    fn get_mut(&mut self, id: u32) -> Option<&mut Record> {
        self.kept_mut(id).map(|kept| &mut kept.record)
    }

    /// The record's transaction is at this step.
    pub fn at(&mut self, id: u32, step: Step, figures: &Figures) {
        if let Some(record) = self.get_mut(id) {
            record.state = State::Running(step);
            record.figures = *figures;
        }
    }

    /// A driver that ran was lost on the way.
    pub fn lost(&mut self, id: u32, cause: Reason) {
        if let Some(record) = self.get_mut(id) {
            record.cause.get_or_insert(cause);
        }
    }

    /// The record's transaction is over.
    pub fn close(&mut self, id: u32, outcome: Outcome, result: Option<PackageLabel>, figures: &Figures) {
        if let Some(kept) = self.kept_mut(id) {
            kept.decided = None;
            kept.record.state = State::Done(outcome);
            kept.record.result = result;
            kept.record.figures = *figures;
        }
    }

    /// All records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().map(|kept| &kept.record)
    }

    /// The first records of a device after number `after`, and whether there are more.
    pub fn page(&self, device: u8, after: u32) -> (Vec<Record, HISTORY_PAGE>, bool) {
        let mut newer = self
            .records
            .iter()
            .map(|kept| &kept.record)
            .filter(|record| record.device == device && record.id > after);
        let page = newer.by_ref().take(HISTORY_PAGE).cloned().collect();
        (page, newer.next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_record_makes_room_and_pages_cover_the_rest() {
        let mut history = History::default();
        for n in 0..KEPT as u32 + 10 {
            assert_eq!(history.open((n % 2) as u8, Kind::Update, None, None, None), n + 1);
        }
        assert!(history.get(10).is_none());
        assert!(history.get(11).is_some());
        let (mut seen, mut after) = (0, 0);
        loop {
            let (page, more) = history.page(1, after);
            assert!(page.iter().all(|record| record.device == 1 && record.id > after));
            seen += page.len();
            after = page.last().map_or(after, |record| record.id);
            if !more {
                break;
            }
        }
        assert_eq!(seen, KEPT / 2);
    }
}
