//! Events that wait for control.

use heapless::Deque;
use supervision::root::Event;
use system_spec::config::MAX_SLOTS;

/// Most events that wait.
const CAPACITY: usize = 16;

/// The queue. When it is full, the oldest event of a slot that has a newer one is dropped: control never misses
/// the newest event of any slot.
#[derive(Clone, Debug, Default)]
pub struct Events {
    queue: Deque<Event, CAPACITY>,
}

const _: () = assert!(CAPACITY > MAX_SLOTS);

impl Events {
    /// Empty.
    pub const fn new() -> Self {
        Self { queue: Deque::new() }
    }
    /// Adds an event.
    pub fn push(&mut self, event: Event) {
        if self.queue.is_full() {
            self.drop_one(event.slot);
        }
        // There is room: a full queue has lost one.
        let _ = self.queue.push_back(event);
    }
    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// Drops the oldest event that is not the newest of its slot, `newest` being about to come.
    fn drop_one(&mut self, newest: u32) {
        let superseded = |index: usize, slot: u32| {
            slot == newest || self.queue.iter().skip(index + 1).any(|later| later.slot == slot)
        };
        let victim = self
            .queue
            .iter()
            .enumerate()
            .find(|(index, event)| superseded(*index, event.slot));
        let victim = victim.map_or(0, |(index, _)| index);
        for index in 0..self.queue.len() {
            if let Some(event) = self.queue.pop_front()
                && index != victim
            {
                let _ = self.queue.push_back(event);
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

    #[test]
    fn events_come_in_order() {
        let mut events = Events::new();
        events.push(event(0, 1));
        events.push(event(1, 2));
        assert_eq!(events.pop().map(|e| e.generation), Some(1));
        assert_eq!(events.pop().map(|e| e.generation), Some(2));
        assert_eq!(events.pop(), None);
    }

    #[test]
    fn overflow_keeps_the_newest_of_every_slot() {
        let mut events = Events::new();
        events.push(event(1, 1));
        for generation in 0..100 {
            events.push(event(0, generation));
        }
        let all: std::vec::Vec<Event> = core::iter::from_fn(|| events.pop()).collect();
        assert_eq!(all.len(), CAPACITY);
        assert_eq!(all[0], event(1, 1));
        assert_eq!(all[CAPACITY - 1], event(0, 99));
    }
}
