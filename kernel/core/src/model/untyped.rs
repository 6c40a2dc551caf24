//! Untyped memory (manual, section "Memory Management"): a watermark that only moves up, objects aligned to their size behind it,
//! and a new start once all that was made is gone. Whatever is made lies apart from all else that lives, inside its parent, and
//! is made of zeroes.

use core::ops::Range;

use proptest::prelude::*;
use sel4_abi::error::Error;
use sel4_abi::object::ObjectType;

use crate::booted::{Booted, ROOT_CNODE, label};
use crate::cap::Cap;
use crate::machine::Memory;

/// Slots of the test; the first holds the untyped that everything else is made of.
const FIRST: u64 = 100;
const SLOTS: u64 = 24;
/// log2 of the bytes of the first untyped.
const BITS: u64 = 17;

/// What lives in a slot.
#[derive(Clone, Debug)]
struct Live {
    parent: usize,
    at: u64,
    bits: u64,
    /// Of an untyped, the offset of the first byte that was never given out since its last start.
    used: Option<u64>,
}

struct Both {
    booted: Booted,
    live: Vec<Option<Live>>,
}

impl Both {
    fn new() -> Self {
        let mut booted = Booted::new();
        booted.make(ObjectType::Untyped, BITS, FIRST, 1);
        let mut live = vec![None; SLOTS as usize];
        live[0] = Some(Live {
            parent: usize::MAX,
            at: at(booted.cap(FIRST)),
            bits: BITS,
            used: Some(0),
        });
        Self { booted, live }
    }

    fn has_children(&self, of: usize) -> bool {
        self.live.iter().flatten().any(|live| live.parent == of)
    }

    /// Retypes; with `interrupt` one comes while it is at work, and `abandoned` does not repeat what was preempted.
    fn retype(
        &mut self,
        from: usize,
        (kind, size): (ObjectType, u64),
        to: usize,
        count: u64,
        interrupt: bool,
        abandoned: bool,
    ) {
        let Some(Live {
            at: base,
            bits: whole,
            used: Some(used),
            ..
        }) = self.live[from].clone()
        else {
            return;
        };
        if (to..to + count as usize).any(|slot| self.live.get(slot).is_none_or(Option::is_some)) {
            return;
        }
        if interrupt {
            self.booted.kernel.m.pending.push(100);
        }
        let words = [kind as u64, size, 0, 0, FIRST + to as u64, count];
        let (cptr, number) = (FIRST + from as u64, label("UntypedRetype"));
        let answer = match abandoned {
            true => self.booted.call(cptr, number, &words, &[ROOT_CNODE]),
            false => self.booted.call_to_end(cptr, number, &words, &[ROOT_CNODE]),
        };
        self.booted.kernel.m.pending.clear();
        let bits = kind.physical_size_bits(size as usize) as u64;
        let used = if self.has_children(from) { used } else { 0 };
        let start = used.next_multiple_of(1 << bits);
        let end = start + (count << bits);
        if end > 1 << whole {
            assert_eq!(answer.label(), Error::NotEnoughMemory as u64);
            assert_eq!(
                self.booted.first_word(),
                (1 << whole) - used,
                "the bytes that are left"
            );
            return;
        }
        if self.booted.was_preempted() {
            // What it had passed over is given up; nothing else has happened.
            self.live[from].as_mut().unwrap().used = Some(start);
            return;
        }
        assert_eq!(
            answer.label(),
            0,
            "{count} of {kind:?} from {used:#x} of 2^{whole}"
        );
        self.live[from].as_mut().unwrap().used = Some(end);
        for index in 0..count {
            let (slot, at) = (to + index as usize, base + start + (index << bits));
            self.live[slot] = Some(Live {
                parent: from,
                at,
                bits,
                used: (kind == ObjectType::Untyped).then_some(0),
            });
            assert_eq!(
                self.booted.cap(FIRST + slot as u64).region(),
                Some((at, bits as u32))
            );
            self.examine(kind, at..at + (1 << bits));
        }
    }

    /// A new object: user level must find zeroes, in memory too, and leaves something behind.
    fn examine(&mut self, kind: ObjectType, bytes: Range<u64>) {
        if matches!(kind, ObjectType::Untyped | ObjectType::Tcb) {
            return;
        }
        let m = &mut self.booted.kernel.m;
        assert!(
            bytes.clone().step_by(8).all(|at| m.load(at, 0) == 0),
            "a new {kind:?} is zeroes"
        );
        if kind == ObjectType::SmallPage {
            assert!(!m.is_dirty(bytes.clone()), "the zeroes have reached memory");
            bytes
                .step_by(8)
                .for_each(|at| m.store(at, 0, 0x5555_5555_5555_5555));
        }
    }

    fn delete(&mut self, slot: usize) {
        let Some(gone) = self.live[slot].take() else {
            return;
        };
        self.booted
            .must(ROOT_CNODE, "CNodeDelete", &[FIRST + slot as u64, 64], &[]);
        for child in self.live.iter_mut().flatten().filter(|live| live.parent == slot) {
            child.parent = gone.parent;
        }
    }

    fn revoke(&mut self, slot: usize) {
        if self.live[slot].is_none() {
            return;
        }
        self.booted
            .must(ROOT_CNODE, "CNodeRevoke", &[FIRST + slot as u64, 64], &[]);
        while let Some(child) = (0..self.live.len()).find(|&child| {
            self.live[child]
                .as_ref()
                .is_some_and(|live| self.is_below(live, slot))
        }) {
            self.live[child] = None;
        }
    }

    fn is_below(&self, live: &Live, above: usize) -> bool {
        let mut parent = live.parent;
        while parent != above {
            match self.live.get(parent) {
                Some(Some(next)) => parent = next.parent,
                // Its parent was taken away a moment ago, because it is below too.
                Some(None) => return true,
                None => return false,
            }
        }
        true
    }

    fn check(&self) {
        for (slot, live) in self.live.iter().enumerate() {
            assert_eq!(
                self.booted.cap(FIRST + slot as u64) == Cap::Null,
                live.is_none(),
                "slot {slot}"
            );
            let Some(live) = live else { continue };
            for (other, b) in self.live.iter().enumerate().filter(|&(other, _)| other != slot) {
                let Some(b) = b else { continue };
                let apart = live.at + (1 << live.bits) <= b.at || b.at + (1 << b.bits) <= live.at;
                let inside = self.is_below(live, other) || self.is_below(b, slot);
                assert!(apart || inside, "slots {slot} and {other} share memory");
            }
        }
    }
}

fn at(cap: Cap) -> u64 {
    cap.region().unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn memory_is_given_out_once_and_as_zeroes(
        ops in prop::collection::vec((0u8..12, 0..SLOTS as usize, 0..SLOTS as usize, 0usize..8, 1u64..20, 0u8..6), 1..60)
    ) {
        const KINDS: [(ObjectType, u64); 8] = [
            (ObjectType::SmallPage, 0), (ObjectType::SmallPage, 0), (ObjectType::CNode, 10), (ObjectType::CNode, 3),
            (ObjectType::Endpoint, 0), (ObjectType::Tcb, 0), (ObjectType::Untyped, 14), (ObjectType::Untyped, 8),
        ];
        let mut both = Both::new();
        for (op, a, b, kind, count, interrupt) in ops {
            match op {
                0..7 => both.retype(if op < 4 { 0 } else { a }, KINDS[kind], b, 1 + count % 3, interrupt < 2, interrupt == 0),
                7 => both.retype(0, KINDS[kind], b, count, interrupt < 4, interrupt < 2),
                8 | 9 if a != 0 => both.delete(a),
                10 => both.revoke(0),
                _ => both.revoke(a),
            }
            both.check();
        }
    }
}
