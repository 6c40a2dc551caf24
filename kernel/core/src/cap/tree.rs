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
            (Cap::Smc { badge: a }, Cap::Smc { badge: b }) => a != b,
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
