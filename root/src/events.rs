//! Events that wait for control, until it says that it has dealt with them.

use heapless::Deque;
use supervision::root::Event;
use system_spec::config::MAX_SLOTS;

/// Most events that wait.
const CAPACITY: usize = 16;

/// The queue. When it is full, the oldest event of a slot that has a newer one is dropped: control never misses
/// the newest event of any slot.
#[derive(Clone, Debug, Default)]
pub struct Events {
    queue: Deque<Numbered, CAPACITY>,
    last: u64,
}

/// An event, and its number, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number.
    pub number: u64,
    /// What happened.
    pub event: Event,
}

const _: () = assert!(CAPACITY > MAX_SLOTS);

impl Events {
    /// Empty.
    pub const fn new() -> Self {
        Self {
            queue: Deque::new(),
            last: 0,
        }
    }
    /// Adds an event.
    pub fn push(&mut self, event: Event) {
        if self.queue.is_full() {
            self.drop_one(event.slot);
        }
        // There is room: a full queue has lost one.
        self.last += 1;
        let _ = self.queue.push_back(Numbered {
            number: self.last,
            event,
        });
    }
    /// The oldest; those up to number `dealt_with` are forgotten.
    pub fn next(&mut self, dealt_with: u64) -> Option<Numbered> {
        while self
            .queue
            .front()
            .is_some_and(|oldest| oldest.number <= dealt_with)
        {
            self.queue.pop_front();
        }
        self.queue.front().copied()
    }

    /// Drops the oldest event that is not the newest of its slot, `newest` being about to come.
    fn drop_one(&mut self, newest: u32) {
        let superseded = |index: usize, slot: u32| {
            slot == newest
                || self
                    .queue
                    .iter()
                    .skip(index + 1)
                    .any(|later| later.event.slot == slot)
        };
        let victim = self
            .queue
            .iter()
            .enumerate()
            .find(|(index, one)| superseded(*index, one.event.slot));
        let victim = victim.map_or(0, |(index, _)| index);
        for index in 0..self.queue.len() {
            if let Some(one) = self.queue.pop_front()
                && index != victim
            {
                let _ = self.queue.push_back(one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use supervision::root::EventKind;

    fn event(slot: u32, generation: u32) -> Event {
        Event {
            kind: EventKind::Fault,
            slot,
            generation,
            detail: 6,
            address: 0,
            pc: 0,
        }
    }

    /// As control takes them.
    fn drain(events: &mut Events) -> std::vec::Vec<Event> {
        let mut seen = 0;
        core::iter::from_fn(|| {
            let next = events.next(seen)?;
            seen = next.number;
            Some(next.event)
        })
        .collect()
    }

    #[test]
    fn event_that_nobody_dealt_with_comes_again() {
        let mut events = Events::new();
        events.push(event(0, 1));
        let first = events.next(0);
        assert_eq!(first, events.next(0), "control died with it in its hands");
        events.push(event(0, 2));
        assert_eq!(events.next(1).map(|next| next.event.generation), Some(2));
        assert_eq!(events.next(2), None);
    }

    #[test]
    fn events_come_in_order() {
        let mut events = Events::new();
        events.push(event(0, 1));
        events.push(event(1, 2));
        let all = drain(&mut events);
        assert_eq!(all, [event(0, 1), event(1, 2)]);
    }

    #[test]
    fn overflow_keeps_the_newest_of_every_slot() {
        let mut events = Events::new();
        events.push(event(1, 1));
        for generation in 0..100 {
            events.push(event(0, generation));
        }
        let all = drain(&mut events);
        assert_eq!(all.len(), CAPACITY);
        assert_eq!(all[0], event(1, 1));
        assert_eq!(all[CAPACITY - 1], event(0, 99));
    }
}
