//! Queues of threads that wait at an endpoint or a notification: by priority, then by arrival.

use crate::machine::Memory;
use crate::object::tcb;
use crate::object::{Fields, Tcb};

/// Both ends of a queue, as an object stores them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitQueue {
    /// Who is served first.
    pub head: Option<Tcb>,
    /// Who is served last.
    pub tail: Option<Tcb>,
}

impl WaitQueue {
    /// Adds a thread behind all of its priority and higher.
    #[inline(always)]
    pub fn insert(&mut self, m: &mut impl Memory, thread: Tcb) {
        let priority = m.get(thread, tcb::PRIORITY);
        let (mut before, mut after) = (self.tail, None);
        while let Some(other) = before
            && m.get(other, tcb::PRIORITY) < priority
        {
            after = before;
            before = m.get(other, tcb::WAIT_PREV);
        }
        m.set(thread, tcb::WAIT_PREV, before);
        m.set(thread, tcb::WAIT_NEXT, after);
        match before {
            Some(before) => m.set(before, tcb::WAIT_NEXT, Some(thread)),
            None => self.head = Some(thread),
        }
        match after {
            Some(after) => m.set(after, tcb::WAIT_PREV, Some(thread)),
            None => self.tail = Some(thread),
        }
    }

    /// Takes a thread out.
    #[inline(always)]
    pub fn remove(&mut self, m: &mut impl Memory, thread: Tcb) {
        let (prev, next) = (m.get(thread, tcb::WAIT_PREV), m.get(thread, tcb::WAIT_NEXT));
        match prev {
            Some(prev) => m.set(prev, tcb::WAIT_NEXT, next),
            None => self.head = next,
        }
        match next {
            Some(next) => m.set(next, tcb::WAIT_PREV, prev),
            None => self.tail = prev,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Arena;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn higher_priorities_first_and_fair_among_equals(
            ops in proptest::collection::vec((0usize..10, any::<bool>()), 1..80)
        ) {
            let mut arena = Arena::new(10 * 4096);
            let mut queue = WaitQueue { head: None, tail: None };
            let mut model: Vec<(u64, Tcb)> = vec![];
            let threads: Vec<Tcb> = (0..10).map(|i| Tcb::at(arena.base() + i * 4096)).collect();
            for (i, &thread) in threads.iter().enumerate() {
                arena.set(thread, tcb::PRIORITY, i as u64 / 3);
            }
            for (i, insert) in ops {
                let thread = threads[i];
                let known = model.iter().any(|&(_, t)| t == thread);
                if insert && !known {
                    queue.insert(&mut arena, thread);
                    let priority = i as u64 / 3;
                    let at = model.iter().position(|&(p, _)| p < priority).unwrap_or(model.len());
                    model.insert(at, (priority, thread));
                } else if !insert && known {
                    queue.remove(&mut arena, thread);
                    model.retain(|&(_, t)| t != thread);
                }
                let mut walked = vec![];
                let mut at = queue.head;
                while let Some(thread) = at {
                    walked.push(thread);
                    at = arena.get(thread, tcb::WAIT_NEXT);
                }
                prop_assert_eq!(&walked, &model.iter().map(|&(_, t)| t).collect::<Vec<_>>());
                prop_assert_eq!(queue.tail, walked.last().copied());
            }
        }
    }
}
