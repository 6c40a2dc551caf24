//! Walking and changing translation tables.

use crate::kernel::Kernel;
use crate::machine::{Machine, Memory};
use crate::object::PhysAddr;
use crate::vspace::descriptor::{address, bits_left, is_table, is_valid};

/// Where a walk ended: the first entry that leads to no further table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    /// Address of the entry.
    pub entry_at: PhysAddr,
    /// Its level, 0 to 3.
    pub level: u32,
    /// The entry.
    pub entry: u64,
}

/// Walks the tables from `root` as far as they lead for `vaddr`.
pub fn walk(m: &impl Memory, root: PhysAddr, vaddr: u64) -> Reached {
    let (mut table, mut level) = (root, 0);
    loop {
        let index = vaddr >> bits_left(level) & 0x1ff;
        let entry_at = table + 8 * index;
        let entry = m.load(entry_at, 0);
        if !is_table(entry, level) {
            return Reached {
                entry_at,
                level,
                entry,
            };
        }
        table = address(entry);
        level += 1;
    }
}

/// The entry that leads to the table `to` on the way to `vaddr`, if there is one.
pub fn entry_of_table(m: &impl Memory, root: PhysAddr, vaddr: u64, to: PhysAddr) -> Option<PhysAddr> {
    let (mut table, mut level) = (root, 0);
    loop {
        let index = vaddr >> bits_left(level) & 0x1ff;
        let entry_at = table + 8 * index;
        let entry = m.load(entry_at, 0);
        if !is_table(entry, level) {
            return None;
        }
        if address(entry) == to {
            return Some(entry_at);
        }
        table = address(entry);
        level += 1;
    }
}

impl<M: Machine> Kernel<M> {
    /// Writes a table entry.
    pub(crate) fn set_entry(&mut self, at: PhysAddr, entry: u64) {
        self.m.store(at, 0, entry);
        self.m.publish_tables();
    }

    /// Removes the mapping of a frame of `2^bits` bytes, if it is still there.
    pub(crate) fn unmap_frame(&mut self, at: PhysAddr, bits: u32, asid: u16, vaddr: u64) {
        let Some(root) = self.vspace_of(asid) else { return };
        let reached = walk(&self.m, root, vaddr);
        if bits_left(reached.level) == bits && is_valid(reached.entry) && address(reached.entry) == at {
            self.set_entry(reached.entry_at, 0);
            self.m.flush_page(asid, vaddr);
        }
    }

    /// Removes a table from the address space it is mapped in, if it is still there.
    pub(crate) fn unmap_table(&mut self, at: PhysAddr, asid: u16, vaddr: u64) {
        let Some(root) = self.vspace_of(asid) else { return };
        if let Some(entry_at) = entry_of_table(&self.m, root, vaddr, at) {
            self.set_entry(entry_at, 0);
            self.m.flush_asid(asid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Arena;
    use crate::vspace::descriptor::{Access, table, user_frame};

    #[test]
    fn walk_stops_where_no_table_follows() {
        let mut arena = Arena::new(4 * 4096);
        let at = |i: u64| arena.base() + i * 4096;
        let (l0, l1, l2, l3) = (at(0), at(1), at(2), at(3));
        let vaddr = 0x40_0000_0000 + 0x20_3000;
        let access = Access {
            read: true,
            write: true,
            execute: false,
            cached: true,
        };
        assert_eq!(walk(&arena, l0, vaddr).level, 0);
        arena.store(l0, 0, table(l1));
        arena.store(l1, 8 * (vaddr >> 30), table(l2));
        arena.store(l2, 8, table(l3));
        let reached = walk(&arena, l0, vaddr);
        assert_eq!((reached.level, reached.entry_at), (3, l3 + 8 * 3));
        arena.store(l3, 8 * 3, user_frame(0x5000_0000, 3, access));
        assert_eq!(address(walk(&arena, l0, vaddr).entry), 0x5000_0000);
        assert_eq!(entry_of_table(&arena, l0, vaddr, l3), Some(l2 + 8));
        assert_eq!(entry_of_table(&arena, l0, vaddr, 0x7000), None);
        arena.store(l2, 8, user_frame(0x6000_0000, 2, access));
        assert_eq!(walk(&arena, l0, vaddr).level, 2);
    }
}
