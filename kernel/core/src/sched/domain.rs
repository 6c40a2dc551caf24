//! The domain schedule: which domain may run, and for how long.

/// An entry of the schedule; a duration of 0 marks the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Domain that runs.
    pub domain: usize,
    /// For how many ticks.
    pub duration: u64,
}

/// Longest duration: 56 bits. It never ends.
pub const MAX_DURATION: u64 = (1 << 56) - 1;

/// A schedule of `ENTRIES` entries over `DOMAINS` domains.
#[cfg_attr(test, derive(Clone))]
#[repr(C)] // As `Kernel`.
pub struct Domains<const DOMAINS: usize, const ENTRIES: usize> {
    /// Domain of the current entry as it was when it was reached.
    domain: usize,
    /// When the current entry ends, ticks; `u64::MAX`: never.
    ends: u64,
    start: usize,
    index: usize,
    entries: [Entry; ENTRIES],
}

impl<const DOMAINS: usize, const ENTRIES: usize> Default for Domains<DOMAINS, ENTRIES> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const DOMAINS: usize, const ENTRIES: usize> Domains<DOMAINS, ENTRIES> {
    /// Domain 0 for ever.
    pub const fn new() -> Self {
        let mut entries = [Entry {
            domain: 0,
            duration: 0,
        }; ENTRIES];
        entries[0].duration = MAX_DURATION;
        Self {
            entries,
            start: 0,
            index: 0,
            domain: 0,
            ends: u64::MAX,
        }
    }

    /// The domain that runs.
    #[inline]
    pub fn current(&self) -> usize {
        self.domain
    }

    /// When its time ends, ticks; `u64::MAX`: never.
    #[inline]
    pub fn ends(&self) -> u64 {
        self.ends
    }

    /// Goes on to the next entry, or back to the start after the last.
    pub fn advance(&mut self, now: u64) {
        let next = self.index + 1;
        let is_entry = self.entries.get(next).is_some_and(|entry| entry.duration != 0);
        self.reach(if is_entry { next } else { self.start }, now);
    }

    /// Makes entry `index` the current one, from `now` on.
    fn reach(&mut self, index: usize, now: u64) {
        if let Some(entry) = self.entries.get(index) {
            self.index = index;
            self.domain = entry.domain;
            self.ends = match entry.duration {
                MAX_DURATION => u64::MAX,
                duration => now.saturating_add(duration),
            };
        }
    }

    /// Index of the entry the schedule starts with.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Entry `index`, if there is one.
    pub fn entry(&self, index: u64) -> Option<Entry> {
        self.entries.get(usize::try_from(index).ok()?).copied()
    }

    /// Replaces an entry that exists; takes effect when it is reached.
    pub fn set_entry(&mut self, index: usize, entry: Entry) {
        if let Some(old) = self.entries.get_mut(index) {
            *old = entry;
        }
    }

    /// Starts the schedule at an entry that exists and is no end marker.
    pub fn restart_at(&mut self, index: usize, now: u64) {
        self.start = index;
        self.reach(index, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_marker_leads_back_to_the_start() {
        let mut domains = Domains::<4, 8>::new();
        domains.set_entry(
            2,
            Entry {
                domain: 1,
                duration: 10,
            },
        );
        domains.set_entry(
            3,
            Entry {
                domain: 2,
                duration: 20,
            },
        );
        domains.restart_at(2, 100);
        assert_eq!((domains.current(), domains.ends()), (1, 110));
        domains.advance(111);
        assert_eq!((domains.current(), domains.ends()), (2, 131));
        domains.advance(131);
        assert_eq!(domains.current(), 1);
    }

    #[test]
    fn a_change_of_the_current_entry_waits_until_it_is_reached_again() {
        let mut domains = Domains::<4, 8>::new();
        domains.set_entry(
            0,
            Entry {
                domain: 3,
                duration: 10,
            },
        );
        assert_eq!((domains.current(), domains.ends()), (0, u64::MAX));
        domains.advance(0);
        assert_eq!((domains.current(), domains.ends()), (3, 10));
    }
}
