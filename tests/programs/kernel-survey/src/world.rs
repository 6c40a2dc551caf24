//! What the tests share: slots, memory, threads.

use sel4_abi::bootinfo::BootInfo;
use sel4_abi::invocation::InvocationLabel as L;

use crate::console::say;
use crate::sys::{self, Answer};

pub const TCB: u64 = 1;
pub const CNODE: u64 = 2;
pub const VSPACE: u64 = 3;
pub const IRQ_CONTROL: u64 = 4;
pub const ASID_CONTROL: u64 = 5;
pub const ASID_POOL: u64 = 6;
pub const DOMAIN: u64 = 11;
pub const SC: u64 = 14;

pub struct World<'a> {
    pub info: &'a BootInfo,
    next: u64,
    /// A large untyped for everything.
    pub memory: u64,
}

impl<'a> World<'a> {
    pub fn new(info: &'a BootInfo) -> Self {
        let count = info.untyped.end - info.untyped.start;
        let list = &info.untyped_list[..count as usize];
        let at = list
            .iter()
            .position(|u| u.is_device == 0 && u.size_bits == 26)
            .unwrap_or(0);
        Self {
            info,
            next: info.empty.start + 64,
            memory: info.untyped.start + at as u64,
        }
    }

    pub fn slot(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    pub fn slots(&mut self, count: u64) -> u64 {
        self.next += count;
        self.next - count
    }

    /// Makes an object out of `from`.
    pub fn retype_from(&mut self, from: u64, kind: u64, size: u64) -> u64 {
        let slot = self.slot();
        let a = sys::invoke(
            from,
            L::UntypedRetype as u64,
            &[kind, size, 0, 0, slot, 1],
            &[CNODE],
        );
        if a.label != 0 {
            say!("retype {kind} {size}: {a:?}");
        }
        slot
    }

    pub fn new_object(&mut self, kind: u64, size: u64) -> u64 {
        self.retype_from(self.memory, kind, size)
    }

    /// A copy with badge and rights.
    pub fn mint(&mut self, from: u64, rights: u64, badge: u64) -> u64 {
        let slot = self.slot();
        let a = cnode(L::CNodeMint, slot, &[from, 64, rights, badge], &[CNODE]);
        if a.label != 0 {
            say!("mint: {a:?}");
        }
        slot
    }
}

/// An invocation on the root CNode at full depth.
pub fn cnode(label: L, index: u64, words: &[u64], caps: &[u64]) -> Answer {
    let mut all = [0; 12];
    all[0] = index;
    all[1] = 64;
    all[2..2 + words.len()].copy_from_slice(words);
    sys::invoke(CNODE, label as u64, &all[..2 + words.len()], caps)
}

pub fn delete(index: u64) -> Answer {
    cnode(L::CNodeDelete, index, &[], &[])
}

/// Prints an answer.
pub fn show(name: &str, a: Answer) {
    let shown = a.length.min(6);
    say!("{name}: {} {} {:x?}", a.label, a.length, &a.words[..shown]);
}

/// Types.
pub mod kind {
    pub const UNTYPED: u64 = 0;
    pub const TCB: u64 = 1;
    pub const ENDPOINT: u64 = 2;
    pub const NOTIFICATION: u64 = 3;
    pub const CNODE: u64 = 4;
    pub const SC: u64 = 5;
    pub const REPLY: u64 = 6;
    pub const VSPACE: u64 = 8;
    pub const PAGE: u64 = 9;
    pub const LARGE: u64 = 10;
    pub const TABLE: u64 = 11;
}
