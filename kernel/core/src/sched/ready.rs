//! Ready queues: a list of threads per domain and priority, and a bitmap of the lists that are not empty.

use sel4_abi::config::{NUM_DOMAINS, NUM_PRIORITIES};

use crate::machine::Memory;
use crate::object::tcb::{self, Queued};
use crate::object::{Fields, Tcb};

const WORDS: usize = NUM_PRIORITIES / 64;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct List {
    head: Option<Tcb>,
    tail: Option<Tcb>,
}

/// Threads that can run and are not running.
#[cfg_attr(test, derive(Clone, PartialEq))]
#[repr(C)] // As `Kernel`.
pub struct ReadyQueues {
    /// One bit per priority.
    used: [[u64; WORDS]; NUM_DOMAINS],
    lists: [[List; NUM_PRIORITIES]; NUM_DOMAINS],
}

impl Default for ReadyQueues {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadyQueues {
    /// All empty.
    pub const fn new() -> Self {
        Self {
            lists: [[List {
                head: None,
                tail: None,
            }; NUM_PRIORITIES]; NUM_DOMAINS],
            used: [[0; WORDS]; NUM_DOMAINS],
        }
    }

    /// Domain and priority of a thread, as indices that are in range whatever memory says.
    #[inline(always)]
    fn place(m: &impl Memory, thread: Tcb) -> (usize, usize) {
        let domain = m.get(thread, tcb::DOMAIN) as usize % NUM_DOMAINS;
        (domain, m.get(thread, tcb::PRIORITY) as usize % NUM_PRIORITIES)
    }

    /// Adds a thread that is in no queue, before the others of its priority.
    #[inline]
    pub fn push_front(&mut self, m: &mut impl Memory, thread: Tcb) {
        let (domain, priority) = Self::place(m, thread);
        let list = &mut self.lists[domain][priority];
        m.set(thread, tcb::RUN_PREV, None);
        m.set(thread, tcb::RUN_NEXT, list.head);
        m.set(thread, tcb::QUEUED, Queued::Ready);
        match list.head {
            Some(head) => m.set(head, tcb::RUN_PREV, Some(thread)),
            None => {
                list.tail = Some(thread);
                self.used[domain][priority / 64] |= 1 << (priority % 64);
            }
        }
        list.head = Some(thread);
    }

    /// Adds a thread that is in no queue, after the others of its priority.
    #[inline]
    pub fn push_back(&mut self, m: &mut impl Memory, thread: Tcb) {
        let (domain, priority) = Self::place(m, thread);
        let list = &mut self.lists[domain][priority];
        m.set(thread, tcb::RUN_PREV, list.tail);
        m.set(thread, tcb::RUN_NEXT, None);
        m.set(thread, tcb::QUEUED, Queued::Ready);
        match list.tail {
            Some(tail) => m.set(tail, tcb::RUN_NEXT, Some(thread)),
            None => {
                list.head = Some(thread);
                self.used[domain][priority / 64] |= 1 << (priority % 64);
            }
        }
        list.tail = Some(thread);
    }

    /// Takes a thread out of its queue.
    #[inline]
    pub fn remove(&mut self, m: &mut impl Memory, thread: Tcb) {
        let (domain, priority) = Self::place(m, thread);
        let list = &mut self.lists[domain][priority];
        let (prev, next) = (m.get(thread, tcb::RUN_PREV), m.get(thread, tcb::RUN_NEXT));
        match prev {
            Some(prev) => m.set(prev, tcb::RUN_NEXT, next),
            None => list.head = next,
        }
        match next {
            Some(next) => m.set(next, tcb::RUN_PREV, prev),
            None => list.tail = prev,
        }
        if list.head.is_none() {
            self.used[domain][priority / 64] &= !(1 << (priority % 64));
        }
        m.set(thread, tcb::QUEUED, Queued::Not);
    }

    /// The highest priority of `domain` that has a thread.
    #[inline]
    pub fn highest(&self, domain: usize) -> Option<usize> {
        let used = &self.used[domain % NUM_DOMAINS];
        (0..WORDS)
            .rev()
            .find(|&word| used[word] != 0)
            .map(|word| word * 64 + 63 - used[word].leading_zeros() as usize)
    }

    /// The first thread of the highest priority of `domain`.
    #[inline]
    pub fn first(&self, domain: usize) -> Option<Tcb> {
        let priority = self.highest(domain)?;
        self.lists[domain % NUM_DOMAINS][priority].head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Arena;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        /// Against a model: a double-ended queue per priority.
        #[test]
        fn order_is_that_of_the_model(ops in proptest::collection::vec((0usize..12, 0u8..3), 1..120)) {
            let mut arena = Arena::new(12 * 4096);
            let mut queues = ReadyQueues::new();
            let mut model: Vec<VecDeque<Tcb>> = vec![VecDeque::new(); 256];
            let threads: Vec<Tcb> = (0..12).map(|i| Tcb::at(arena.base() + i * 4096)).collect();
            for (i, &thread) in threads.iter().enumerate() {
                arena.set(thread, tcb::PRIORITY, [0, 63, 64, 255][i % 4]);
            }
            for (i, op) in ops {
                let thread = threads[i];
                let list = &mut model[arena.get(thread, tcb::PRIORITY) as usize];
                let queued = arena.get(thread, tcb::QUEUED) == Queued::Ready;
                prop_assert_eq!(queued, list.contains(&thread));
                match (op, queued) {
                    (0, false) => { queues.push_front(&mut arena, thread); list.push_front(thread); }
                    (1, false) => { queues.push_back(&mut arena, thread); list.push_back(thread); }
                    (_, true) => { queues.remove(&mut arena, thread); list.retain(|&t| t != thread); }
                    _ => {}
                }
                let expected = model.iter().rev().find_map(|list| list.front().copied());
                prop_assert_eq!(queues.first(0), expected);
                prop_assert_eq!(queues.first(1), None);
            }
        }
    }
}
