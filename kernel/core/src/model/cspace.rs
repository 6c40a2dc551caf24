//! Capability address lookup (manual, section "Capability Address Lookup"): an address is a string of bits, and each CNode takes its
//! guard and its index off the front.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::cap::Cap;
use crate::cap::cspace::{LookupFault, resolve};
use crate::cap::tree::Tree;
use crate::fake::Arena;
use crate::object::Slot;
use crate::object::slot::{SLOT_BYTES, nth};

const NODES: usize = 5;
const MAX_RADIX: u64 = 4;
const GUARD_VALUE_BITS: usize = 58;

/// A capability to a CNode: which one, and the bits that an address must have before its index.
#[derive(Clone, Debug)]
struct Way {
    to: usize,
    guard: Vec<bool>,
}

#[derive(Clone, Debug)]
struct Node {
    radix: usize,
    slots: BTreeMap<u64, Way>,
}

fn number(bits: &[bool]) -> u64 {
    bits.iter().fold(0, |number, &bit| number << 1 | bit as u64)
}

/// The low `count` bits of a number, the highest first.
fn bits(number: u64, count: usize) -> Vec<bool> {
    (0..count).rev().map(|bit| number >> bit & 1 != 0).collect()
}

/// What the manual says: which slot of which node, and how many bits are left.
fn look_up(nodes: &[Node], way: &Way, address: &[bool]) -> Result<(usize, u64, u64), LookupFault> {
    let node = &nodes[way.to];
    let bits_left = address.len() as u64;
    let Some(behind) = address.strip_prefix(&way.guard[..]) else {
        return Err(LookupFault::GuardMismatch {
            bits_left,
            guard: number(&way.guard),
            guard_bits: way.guard.len() as u64,
        });
    };
    if behind.len() < node.radix {
        return Err(LookupFault::DepthMismatch {
            bits_left,
            bits_found: (way.guard.len() + node.radix) as u64,
        });
    }
    let (index, rest) = behind.split_at(node.radix);
    match node.slots.get(&number(index)) {
        Some(next) if !rest.is_empty() => look_up(nodes, next, rest),
        _ => Ok((way.to, number(index), rest.len() as u64)),
    }
}

struct Both {
    arena: Arena,
    nodes: Vec<Node>,
}

impl Both {
    fn new(nodes: Vec<Node>) -> Self {
        let mut both = Self {
            arena: Arena::new(NODES as u64 * (SLOT_BYTES << MAX_RADIX)),
            nodes,
        };
        for (index, node) in both.nodes.iter().enumerate() {
            for (&slot, way) in &node.slots {
                let (at, cap) = (nth(both.base(index), slot), both.cap(way));
                both.arena.plant(at, cap);
            }
        }
        both
    }

    fn base(&self, node: usize) -> u64 {
        self.arena.base() + node as u64 * (SLOT_BYTES << MAX_RADIX)
    }

    fn cap(&self, way: &Way) -> Cap {
        Cap::CNode {
            at: self.base(way.to),
            radix: self.nodes[way.to].radix as u8,
            guard: number(&way.guard),
            guard_bits: way.guard.len() as u8,
        }
    }

    fn check(&self, root: &Way, address: u64, depth: usize) -> Result<(), TestCaseError> {
        let expected = look_up(&self.nodes, root, &bits(address, depth))
            .map(|(node, slot, left)| (nth(self.base(node), slot), left));
        let got: Result<(Slot, u64), _> = resolve(&self.arena, self.cap(root), address, depth as u64);
        prop_assert_eq!(got, expected, "{:#x} of {} bits", address, depth);
        Ok(())
    }

    /// An address that leads somewhere: the guards of the ways taken, with some index in each node.
    fn valid(&self, root: &Way, choices: &[u64]) -> Vec<bool> {
        let (mut way, mut address) = (root, vec![]);
        for choice in choices {
            let node = &self.nodes[way.to];
            let index = match node.slots.keys().nth(*choice as usize % (node.slots.len() + 1)) {
                Some(&index) => index,
                None => choice % (1 << node.radix),
            };
            address.extend(way.guard.iter().copied().chain(bits(index, node.radix)));
            match node.slots.get(&index) {
                Some(next) => way = next,
                None => break,
            }
        }
        address
    }
}

fn ways() -> impl Strategy<Value = Way> {
    let guard = prop_oneof![
        prop::collection::vec(any::<bool>(), 0..5),
        prop::collection::vec(any::<bool>(), 0..63)
    ];
    (0..NODES, guard).prop_map(|(to, mut guard)| {
        // A capability's data word has room for so much of a guard; what is longer begins with zeroes.
        let zeroes = guard.len().saturating_sub(GUARD_VALUE_BITS);
        guard[..zeroes].fill(false);
        Way { to, guard }
    })
}

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let node = (
        1..=MAX_RADIX as usize,
        prop::collection::btree_map(0u64..16, ways(), 0..6),
    );
    let node = node.prop_map(|(radix, mut slots)| {
        slots.retain(|&slot, _| slot < 1 << radix);
        Node { radix, slots }
    });
    prop::collection::vec(node, NODES)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn lookup_is_the_manuals(
        nodes in nodes(), root in ways(), choices in prop::collection::vec(any::<u64>(), 1..8),
        extra in prop::collection::vec(any::<bool>(), 0..6), flip in 0usize..200, any_address: u64, any_depth in 1usize..=64,
    ) {
        let both = Both::new(nodes);
        both.check(&root, any_address, any_depth)?;
        let mut address = both.valid(&root, &choices);
        address.extend(extra);
        address.truncate(64);
        both.check(&root, number(&address), address.len().max(1))?;
        if let Some(bit) = address.get_mut(flip) {
            *bit = !*bit;
            both.check(&root, number(&address), address.len())?;
        }
        // What stands above the depth does not count.
        let high = if address.len() < 64 { any_address << address.len() } else { 0 };
        both.check(&root, number(&address) | high, address.len().max(1))?;
    }
}
