//! Jobs and history: the newest records of what happened to each device.

use control_protocol::Record;
use control_protocol::record::{Figures, Kind, Outcome, PackageLabel, Reason, State, Step};
use control_protocol::reply::HISTORY_PAGE;
use heapless::{Deque, Vec};

/// Records that are kept.
pub const KEPT: usize = 64;

/// The newest records, oldest first.
#[derive(Debug, Default)]
pub struct History {
    records: Deque<Record, KEPT>,
    last: u32,
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
        let _ = self.records.push_back(record);
        self.last
    }

    /// The record of that number.
    pub fn get(&self, id: u32) -> Option<&Record> {
        self.records.iter().find(|record| record.id == id)
    }

    fn get_mut(&mut self, id: u32) -> Option<&mut Record> {
        self.records.iter_mut().find(|record| record.id == id)
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
        if let Some(record) = self.get_mut(id) {
            record.state = State::Done(outcome);
            record.result = result;
            record.figures = *figures;
        }
    }

    /// The first records of a device after number `after`, and whether there are more.
    pub fn page(&self, device: u8, after: u32) -> (Vec<Record, HISTORY_PAGE>, bool) {
        let mut newer = self
            .records
            .iter()
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
