//! The capability derivation tree.
//!
//! The tree is kept as one list of slots in which everything derived from a capability follows it directly. Who
//! descends from whom is not stored: it follows from what the capabilities stand for, and from a flag on those
//! that may have descendants ("original": made by retyping, or badged for the first time, or an untyped).

use crate::cap::Cap;
use crate::machine::Memory;
use crate::object::{Fields, Slot, slot};

/// Slots and their place in the derivation list, over any memory.
pub trait Tree: Memory {
    /// What the slot holds.
    #[inline]
    fn cap(&self, at: Slot) -> Cap {
        Cap::unpack(self.get(at, slot::CAP0), self.get(at, slot::CAP1))
    }

    /// Replaces the capability and leaves the slot's place in the list.
    #[inline]
    fn set_cap(&mut self, at: Slot, cap: Cap) {
        let (w0, w1) = cap.pack();
        self.set(at, slot::CAP0, w0);
        self.set(at, slot::CAP1, w1);
    }

    /// True if the slot holds nothing.
    #[inline]
    fn is_empty(&self, at: Slot) -> bool {
        self.get(at, slot::CAP0) == 0
    }

    /// The slot before `at` in the list.
    #[inline]
    fn prev(&self, at: Slot) -> Option<Slot> {
        link(self.get(at, slot::PREV))
    }

    /// The slot after `at` in the list.
    #[inline]
    fn next(&self, at: Slot) -> Option<Slot> {
        link(self.get(at, slot::NEXT))
    }

    /// May this capability have descendants?
    #[inline]
    fn is_original(&self, at: Slot) -> bool {
        self.get(at, slot::NEXT) & slot::ORIGINAL != 0
    }

    /// Puts a capability that descends from nothing into an empty slot (at boot only).
    fn plant(&mut self, at: Slot, cap: Cap) {
        self.set_cap(at, cap);
        self.set(at, slot::PREV, 0);
        self.set(at, slot::NEXT, slot::ORIGINAL);
    }

    /// Puts `cap` into the empty slot `at` as a descendant or sibling of what `source` holds.
    fn graft(&mut self, at: Slot, cap: Cap, source: Slot, original: bool) {
        let after = self.get(source, slot::NEXT);
        self.set_cap(at, cap);
        self.set(at, slot::PREV, source.addr());
        self.set(
            at,
            slot::NEXT,
            (after & slot::LINK_MASK) | if original { slot::ORIGINAL } else { 0 },
        );
        self.set_next(source, at.addr());
        if let Some(after) = link(after) {
            self.set(after, slot::PREV, at.addr());
        }
    }

    /// Derives: a copy of what `source` holds, altered to `cap`, goes into the empty slot `at`.
    fn copy_cap(&mut self, at: Slot, cap: Cap, source: Slot) {
        let parent = self.cap(source);
        let original = match (cap, parent) {
            (Cap::Untyped { .. }, _) => true,
            (Cap::IrqHandler { .. } | Cap::SgiSignal { .. }, Cap::IrqControl) => true,
            _ => cap.badge().is_some() && cap.badge() != parent.badge(),
        };
        if let (
            Cap::Untyped { .. },
            Cap::Untyped {
                at: base,
                bits,
                device,
                ..
            },
        ) = (cap, parent)
        {
            // Two capabilities must not hand out the same bytes: while the copy lives, the source is full.
            self.set_cap(
                source,
                Cap::Untyped {
                    at: base,
                    bits,
                    device,
                    free: 1 << bits,
                    clean: 0,
                },
            );
        }
        self.graft(at, cap, source, original);
    }

    /// Moves what `from` holds, altered to `cap`, into the empty slot `to`.
    fn move_cap(&mut self, to: Slot, cap: Cap, from: Slot) {
        let (prev, next) = (self.get(from, slot::PREV), self.get(from, slot::NEXT));
        self.set_cap(to, cap);
        self.wipe(from);
        self.settle(to, prev, next);
    }

    /// Exchanges two slots; `cap_b` (what `b` held, altered) ends in `a`, and `cap_a` in `b`.
    fn swap_caps(&mut self, a: Slot, cap_a: Cap, b: Slot, cap_b: Cap) {
        let place = |tree: &Self, at: Slot| (tree.get(at, slot::PREV), tree.get(at, slot::NEXT));
        // Where the two are neighbours, each takes the other's place as a neighbour too.
        let aimed = |word: u64, from: Slot, to: Slot| {
            if word & slot::LINK_MASK == from.addr() {
                word & !slot::LINK_MASK | to.addr()
            } else {
                word
            }
        };
        let ((a_prev, a_next), (b_prev, b_next)) = (place(self, a), place(self, b));
        self.set_cap(a, cap_b);
        self.set_cap(b, cap_a);
        self.settle(a, aimed(b_prev, a, b), aimed(b_next, a, b));
        self.settle(b, aimed(a_prev, b, a), aimed(a_next, b, a));
    }

    /// Gives a slot its place in the list, on both sides.
    fn settle(&mut self, at: Slot, prev: u64, next: u64) {
        self.set(at, slot::PREV, prev);
        self.set(at, slot::NEXT, next);
        if let Some(prev) = link(prev) {
            self.set_next(prev, at.addr());
        }
        if let Some(next) = link(next) {
            self.set(next, slot::PREV, at.addr());
        }
    }

    /// Takes the slot out of the list and empties it.
    fn uproot(&mut self, at: Slot) {
        let (prev, next) = (self.get(at, slot::PREV), self.get(at, slot::NEXT));
        if let Some(prev) = link(prev) {
            self.set_next(prev, next & slot::LINK_MASK);
        }
        if let Some(next) = link(next) {
            self.set(next, slot::PREV, prev);
        }
        self.wipe(at);
    }

    /// Does what `b` holds descend from what `a` holds, given that `b` follows `a` in the list?
    fn descends(&self, a: Slot, b: Slot) -> bool {
        if !self.is_original(a) {
            return false;
        }
        let (cap_a, cap_b) = (self.cap(a), self.cap(b));
        if !cap_a.covers(cap_b) {
            return false;
        }
        match cap_a.badge() {
            Some(badge) if badge != 0 => cap_b.badge() == Some(badge) && !self.is_original(b),
            _ => true,
        }
    }

    /// True if something is derived from what the slot holds.
    fn has_children(&self, at: Slot) -> bool {
        self.next(at).is_some_and(|next| self.descends(at, next))
    }

    /// True if the slot holds the last capability to its object.
    fn is_last(&self, at: Slot) -> bool {
        let cap = self.cap(at);
        let same = |other: Option<Slot>| other.is_some_and(|other| cap.same_object(self.cap(other)));
        !same(self.prev(at)) && !same(self.next(at))
    }

    /// Replaces the forward link and keeps the flag beside it.
    #[inline]
    fn set_next(&mut self, at: Slot, to: u64) {
        let flags = self.get(at, slot::NEXT) & !slot::LINK_MASK;
        self.set(at, slot::NEXT, flags | to);
    }

    /// Zeroes a slot.
    #[inline]
    fn wipe(&mut self, at: Slot) {
        self.set(at, slot::CAP0, 0);
        self.set(at, slot::CAP1, 0);
        self.set(at, slot::PREV, 0);
        self.set(at, slot::NEXT, 0);
    }
}

impl<M: Memory + ?Sized> Tree for M {}

fn link(word: u64) -> Option<Slot> {
    match word & slot::LINK_MASK {
        0 => None,
        at => Some(Slot::at(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Arena;
    use crate::object::Obj;
    use crate::object::slot::nth;
    use proptest::prelude::*;
    use sel4_abi::rights::CapRights;

    const SLOTS: u64 = 24;

    /// The tree as the manual draws it: every capability with its parent.
    #[derive(Clone, Copy, Debug)]
    struct Node {
        parent: Option<usize>,
        /// May have derived capabilities below it.
        original: bool,
    }

    struct Model {
        nodes: [Option<Node>; SLOTS as usize],
    }

    impl Model {
        fn is_below(&self, below: usize, above: usize) -> bool {
            let mut at = self.nodes[below].unwrap().parent;
            while let Some(index) = at {
                if index == above {
                    return true;
                }
                at = self.nodes[index].unwrap().parent;
            }
            false
        }
        fn replace_parent(&mut self, old: usize, new: Option<usize>) {
            for node in self
                .nodes
                .iter_mut()
                .flatten()
                .filter(|node| node.parent == Some(old))
            {
                node.parent = new;
            }
        }
        fn children(&self, of: usize) -> usize {
            self.nodes
                .iter()
                .flatten()
                .filter(|node| node.parent == Some(of))
                .count()
        }
    }

    struct Both {
        arena: Arena,
        model: Model,
        badge: u64,
    }

    impl Both {
        fn slot(&self, index: usize) -> Slot {
            nth(self.arena.base(), index as u64)
        }

        fn new() -> Self {
            let arena = Arena::new(SLOTS * slot::SLOT_BYTES);
            let mut both = Self {
                arena,
                model: Model {
                    nodes: [None; SLOTS as usize],
                },
                badge: 0,
            };
            let at = both.slot(0);
            both.arena.plant(
                at,
                Cap::Untyped {
                    at: 0x5000_0000,
                    bits: 16,
                    device: false,
                    free: 0,
                    clean: 0,
                },
            );
            both.model.nodes[0] = Some(Node {
                parent: None,
                original: true,
            });
            both
        }

        /// A new object out of the untyped in `from`: an endpoint, or an untyped half as large.
        fn retype(&mut self, from: usize, to: usize, untyped: bool) {
            let Cap::Untyped { at, bits, free, .. } = self.arena.cap(self.slot(from)) else {
                return;
            };
            let size = if untyped { 1 << (bits - 1) } else { 16 };
            let start = free.next_multiple_of(size);
            if start + size > 1 << bits || bits < 6 {
                return;
            }
            let used = Cap::Untyped {
                at,
                bits,
                device: false,
                free: start + size,
                clean: 0,
            };
            let (from_slot, to_slot) = (self.slot(from), self.slot(to));
            self.arena.set_cap(from_slot, used);
            let cap = if untyped {
                Cap::Untyped {
                    at: at + start,
                    bits: bits - 1,
                    device: false,
                    free: 0,
                    clean: 0,
                }
            } else {
                Cap::Endpoint {
                    ep: Obj::at(at + start),
                    badge: 0,
                    rights: CapRights::ALL,
                }
            };
            self.arena.graft(to_slot, cap, from_slot, true);
            self.model.nodes[to] = Some(Node {
                parent: Some(from),
                original: true,
            });
        }

        /// A copy, with a badge of its own if `badged` and there is none yet.
        fn copy(&mut self, from: usize, to: usize, badged: bool) {
            let cap = self.arena.cap(self.slot(from));
            let untyped = matches!(cap, Cap::Untyped { .. });
            if untyped && self.model.children(from) > 0 {
                return;
            }
            self.badge += 1;
            let mint = badged && cap.badge() == Some(0);
            let copy = if mint {
                cap.with_data(self.badge, false).unwrap()
            } else {
                cap
            };
            let (from_slot, to_slot) = (self.slot(from), self.slot(to));
            self.arena.copy_cap(to_slot, copy, from_slot);
            let source = self.model.nodes[from].unwrap();
            let parent = if source.original {
                Some(from)
            } else {
                source.parent
            };
            self.model.nodes[to] = Some(Node {
                parent,
                original: untyped || mint,
            });
        }

        fn relocate(&mut self, from: usize, to: usize) {
            let cap = self.arena.cap(self.slot(from));
            let (from_slot, to_slot) = (self.slot(from), self.slot(to));
            self.arena.move_cap(to_slot, cap, from_slot);
            self.model.nodes[to] = self.model.nodes[from].take();
            self.model.replace_parent(from, Some(to));
        }

        fn swap(&mut self, a: usize, b: usize) {
            let (slot_a, slot_b) = (self.slot(a), self.slot(b));
            let (cap_a, cap_b) = (self.arena.cap(slot_a), self.arena.cap(slot_b));
            self.arena.swap_caps(slot_a, cap_a, slot_b, cap_b);
            self.model.nodes.swap(a, b);
            for node in self.model.nodes.iter_mut().flatten() {
                node.parent = match node.parent {
                    Some(p) if p == a => Some(b),
                    Some(p) if p == b => Some(a),
                    other => other,
                };
            }
        }

        fn delete(&mut self, index: usize) {
            let parent = self.model.nodes[index].take().unwrap().parent;
            self.model.replace_parent(index, parent);
            let at = self.slot(index);
            self.arena.uproot(at);
        }

        fn revoke(&mut self, index: usize) {
            let at = self.slot(index);
            while let Some(next) = self.arena.next(at)
                && self.arena.descends(at, next)
            {
                let below = ((next.addr() - self.arena.base()) / slot::SLOT_BYTES) as usize;
                assert!(
                    self.model.is_below(below, index),
                    "only what is derived is deleted"
                );
                self.delete(below);
            }
            let left = (0..SLOTS as usize)
                .filter(|&other| self.model.nodes[other].is_some() && self.model.is_below(other, index))
                .count();
            assert_eq!(left, 0, "all that is derived is deleted");
        }

        fn check(&self) {
            for index in 0..SLOTS as usize {
                let at = self.slot(index);
                assert_eq!(self.model.nodes[index].is_some(), !self.arena.is_empty(at));
                if self.arena.is_empty(at) {
                    continue;
                }
                let cap = self.arena.cap(at);
                let others = (0..SLOTS as usize).filter(|&other| other != index);
                let shared = others
                    .into_iter()
                    .any(|other| self.arena.cap(self.slot(other)).same_object(cap));
                if !matches!(cap, Cap::Untyped { .. }) {
                    assert_eq!(
                        self.arena.is_last(at),
                        !shared,
                        "the last capability is known to be it"
                    );
                }
                assert_eq!(
                    self.arena.has_children(at),
                    self.has_model_children(index),
                    "slot {index}"
                );
            }
        }

        fn has_model_children(&self, index: usize) -> bool {
            (0..SLOTS as usize)
                .any(|other| self.model.nodes[other].is_some() && self.model.is_below(other, index))
        }
    }

    proptest! {
        #[test]
        fn derivation_is_the_manuals_tree(ops in proptest::collection::vec((0u8..12, 0usize..24, 0usize..24), 1..160)) {
            let mut both = Both::new();
            for (op, a, b) in ops {
                let (held, empty) = (both.model.nodes[a].is_some(), both.model.nodes[b].is_none());
                match op {
                    0..3 if held && empty => both.retype(a, b, op == 0),
                    3..5 if held && empty => both.copy(a, b, false),
                    5..7 if held && empty => both.copy(a, b, true),
                    7 if held && empty => both.relocate(a, b),
                    8 | 9 if held && !empty && a != b => both.swap(a, b),
                    10 if held && a != 0 => both.delete(a),
                    11 if held && a % 3 == 0 => both.revoke(a),
                    _ => {}
                }
                both.check();
            }
        }
    }
}
