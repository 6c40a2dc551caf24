//! Address spaces: tables, pages, rights, attributes, cache maintenance.

use super::tests;
use crate::api::{self, ALL, VSPACE, cache, page_map, page_table_map, root};
use crate::arena::{self, VOID};
use crate::code::{self, reg, registers, words};
use crate::expect::{Failure, Outcome, eq, err, ok};
use crate::sys::{self, Cap, invoke, message};
use crate::worker::{HERE, Made, Spec, Test, need};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

tests![
    tables_are_needed_level_by_level,
    table_map_refuses,
    table_unmap,
    table_unmap_with_a_copy,
    delete_of_a_table_unmaps,
    table_can_be_mapped_elsewhere_after_unmapping,
    unmapped_table_is_empty,
    page_is_mapped_and_unmapped,
    page_map_refuses,
    page_is_mapped_once_per_capability,
    page_is_mapped_again_at_the_same_place,
    copies_are_mapped_for_themselves,
    occupied_address,
    large_page,
    large_page_refuses,
    small_page_where_a_large_one_is,
    huge_device_page,
    rights_are_those_of_mapping_and_capability,
    rights_of_a_copy_limit_the_mapping,
    pages_without_rights_are_not_accessible,
    pages_are_executable_unless_said_otherwise,
    device_attribute,
    remapping_reduces_rights_at_once,
    delete_of_a_page_unmaps,
    unmap_of_a_stale_mapping,
    addresses_of_pages,
    other_address_space,
    page_in_two_address_spaces,
    delete_of_an_address_space,
    cache_operations_of_a_page,
    cache_operations_of_a_page_refuse,
    cache_operations_of_an_address_space,
    cache_operations_of_an_address_space_refuse,
    cache_operations_after_the_pool_is_gone,
    user_cache_instructions,
];

/// Maps tables of all three levels below the top in the address space, for `address`.
fn tables(t: &mut Test, vspace: Cap, address: u64, levels: usize) -> Made<Cap> {
    let mut last = 0;
    for _ in 0..levels {
        last = t.make(O::PageTable, 0)?;
        need("table", page_table_map(last, vspace, address, 3))?;
    }
    Ok(last)
}

/// What a load from (or, with `store`, a store to) the address gives: 0 or the syndrome.
fn access(t: &mut Test, address: u64, store: bool) -> Result<u64, Failure> {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let pc = if store {
        code::store::address()
    } else {
        code::load::address()
    };
    let worker = t.run(Spec::priority(210).fault(ep), pc, &[address, 1])?;
    let got = sys::recv(ep, reply);
    let [_, _, _, syndrome] = words();
    t.forget_worker(&worker)?;
    Ok(if got.info.label() == 6 { syndrome } else { 0 })
}

fn tables_are_needed_level_by_level(t: &mut Test) -> Outcome {
    let frame = t.frame()?;
    // Bits that remain to be translated by what is missing.
    for left in [39, 30, 21] {
        err!(page_map(frame, VSPACE, VOID, 3, 7), FailedLookup, [0, 2, left]);
        let table = t.make(O::PageTable, 0)?;
        ok!(page_table_map(table, VSPACE, VOID, 3));
    }
    let table = t.make(O::PageTable, 0)?;
    err!(page_table_map(table, VSPACE, VOID, 3), DeleteFirst, []);
    ok!(page_map(frame, VSPACE, VOID, 3, 7));
    Ok(())
}

fn table_map_refuses(t: &mut Test) -> Outcome {
    let (table, ep) = (t.make(O::PageTable, 0)?, t.endpoint()?);
    let (empty, vspace) = (t.slot(), t.make(O::VSpace, 0)?);
    err!(page_table_map(table, ep, VOID, 3), InvalidCapability, [1]);
    err!(page_table_map(table, empty, VOID, 3), InvalidCapability, [1]);
    err!(page_table_map(table, table, VOID, 3), InvalidCapability, [1]);
    err!(page_table_map(table, vspace, VOID, 3), InvalidCapability, [1]);
    for address in [1 << 47, 0x8000_0000_0000, u64::MAX, 0xffff_ff80_0000_0000] {
        err!(page_table_map(table, VSPACE, address, 3), InvalidArgument, [0]);
    }
    err!(
        invoke(table, L::ARMPageTableMap, &[VOID, 3], &[]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(table, L::ARMPageTableMap, &[VOID], &[VSPACE]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(table, L::ARMPageMap, &[VOID, 3, 3], &[VSPACE]),
        IllegalOperation,
        []
    );
    // The address need not be aligned.
    ok!(page_table_map(table, VSPACE, VOID + 0x1234, 3));
    err!(page_table_map(table, VSPACE, VOID, 3), InvalidCapability, [0]);
    Ok(())
}

fn table_unmap(t: &mut Test) -> Outcome {
    let table = t.make(O::PageTable, 0)?;
    ok!(api::page_table_unmap(table));
    let last = tables(t, VSPACE, VOID, 3)?;
    let frame = t.frame()?;
    ok!(page_map(frame, VSPACE, VOID, 3, 7));
    eq!(access(t, VOID, false)?, 0);
    ok!(api::page_table_unmap(last));
    eq!(access(t, VOID, false)?, 0x9200_0006);
    // The page's capability believes itself mapped: only at the same place it can be mapped again.
    ok!(page_table_map(last, VSPACE, VOID, 3));
    eq!(access(t, VOID, false)?, 0x9200_0007);
    ok!(page_map(frame, VSPACE, VOID, 3, 7));
    eq!(access(t, VOID, false)?, 0);
    Ok(())
}

fn table_unmap_with_a_copy(t: &mut Test) -> Outcome {
    let last = tables(t, VSPACE, VOID, 3)?;
    let copy = t.copy(last)?;
    err!(api::page_table_unmap(last), RevokeFirst, []);
    ok!(api::cnode_delete(root(copy)));
    ok!(api::page_table_unmap(last));
    // One that is not mapped cannot be copied.
    let slot = t.slot();
    err!(api::cnode_copy(root(slot), root(last), ALL), IllegalOperation, []);
    let vspace = t.make(O::VSpace, 0)?;
    err!(
        api::cnode_copy(root(slot), root(vspace), ALL),
        IllegalOperation,
        []
    );
    Ok(())
}

fn delete_of_a_table_unmaps(t: &mut Test) -> Outcome {
    let last = tables(t, VSPACE, VOID, 3)?;
    let frame = t.frame()?;
    ok!(page_map(frame, VSPACE, VOID, 3, 7));
    ok!(api::cnode_delete(root(last)));
    eq!(access(t, VOID, false)?, 0x9200_0006);
    Ok(())
}

fn table_can_be_mapped_elsewhere_after_unmapping(t: &mut Test) -> Outcome {
    let last = tables(t, VSPACE, VOID, 3)?;
    ok!(api::page_table_unmap(last));
    ok!(page_table_map(last, VSPACE, VOID + 0x20_0000, 3));
    let frame = t.frame()?;
    ok!(page_map(frame, VSPACE, VOID + 0x20_0000, 3, 7));
    Ok(())
}

fn unmapped_table_is_empty(t: &mut Test) -> Outcome {
    // A middle table that is taken out loses what was below it.
    let first = t.make(O::PageTable, 0)?;
    ok!(page_table_map(first, VSPACE, VOID, 3));
    tables(t, VSPACE, VOID, 2)?;
    ok!(api::page_table_unmap(first));
    let frame = t.frame()?;
    err!(page_map(frame, VSPACE, VOID, 3, 7), FailedLookup, [0, 2, 39]);
    ok!(page_table_map(first, VSPACE, VOID, 3));
    err!(page_map(frame, VSPACE, VOID, 3, 7), FailedLookup, [0, 2, 30]);
    Ok(())
}

fn page_is_mapped_and_unmapped(t: &mut Test) -> Outcome {
    let (frame, address) = (t.frame()?, t.page_address());
    ok!(api::page_unmap(frame));
    eq!(ok!(page_map(frame, VSPACE, address, 3, 7)).length(), 0);
    eq!((access(t, address, false)?, access(t, address, true)?), (0, 0));
    ok!(api::page_unmap(frame));
    eq!(access(t, address, false)?, 0x9200_0007);
    ok!(api::page_unmap(frame));
    // After unmapping, anywhere.
    ok!(page_map(frame, VSPACE, address + 0x1000, 3, 7));
    Ok(())
}

fn page_map_refuses(t: &mut Test) -> Outcome {
    let (frame, address, ep) = (t.frame()?, t.page_address(), t.endpoint()?);
    let (empty, vspace) = (t.slot(), t.make(O::VSpace, 0)?);
    err!(page_map(frame, ep, address, 3, 7), InvalidCapability, [1]);
    err!(page_map(frame, empty, address, 3, 7), InvalidCapability, [1]);
    err!(page_map(frame, vspace, address, 3, 7), InvalidCapability, [1]);
    for offset in [1, 8, 0x800, 0xfff] {
        err!(
            page_map(frame, VSPACE, address + offset, 3, 7),
            AlignmentError,
            []
        );
    }
    for address in [1 << 47, 0xffff_ff80_0000_0000, !0xfff] {
        err!(page_map(frame, VSPACE, address, 3, 7), InvalidArgument, [0]);
    }
    err!(
        page_map(frame, VSPACE, (1 << 47) - 0x1000, 3, 7),
        FailedLookup,
        [0, 2, 39]
    );
    err!(
        invoke(frame, L::ARMPageMap, &[address, 3, 7], &[]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(frame, L::ARMPageMap, &[address, 3], &[VSPACE]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(frame, L::ARMPageTableMap, &[address, 3], &[VSPACE]),
        IllegalOperation,
        []
    );
    Ok(())
}

fn page_is_mapped_once_per_capability(t: &mut Test) -> Outcome {
    let (frame, address) = t.mapped()?;
    err!(
        page_map(frame, VSPACE, address + 0x1000, 3, 7),
        InvalidArgument,
        [0]
    );
    let vspace = t.make(O::VSpace, 0)?;
    ok!(api::asid_pool_assign(api::ASID_POOL, vspace));
    err!(page_map(frame, vspace, address, 3, 7), InvalidCapability, [1]);
    eq!(access(t, address, false)?, 0);
    Ok(())
}

fn page_is_mapped_again_at_the_same_place(t: &mut Test) -> Outcome {
    let (frame, address) = t.mapped()?;
    ok!(page_map(frame, VSPACE, address, 3, 7));
    ok!(page_map(frame, VSPACE, address, 2, 7));
    eq!(
        (access(t, address, false)?, access(t, address, true)?),
        (0, 0x9200_004f)
    );
    ok!(page_map(frame, VSPACE, address, 3, 7));
    eq!(access(t, address, true)?, 0);
    Ok(())
}

fn copies_are_mapped_for_themselves(t: &mut Test) -> Outcome {
    let (frame, address) = t.mapped()?;
    let copy = t.copy(frame)?;
    ok!(page_map(copy, VSPACE, address + 0x1000, 3, 7));
    // SAFETY: both were mapped, and are the same page.
    let seen = unsafe {
        (address as *mut u64).write_volatile(0x55);
        ((address + 0x1000) as *const u64).read_volatile()
    };
    eq!(seen, 0x55);
    ok!(api::page_unmap(copy));
    eq!(
        (access(t, address, false)?, access(t, address + 0x1000, false)?),
        (0, 0x9200_0007)
    );
    // A copy of a mapped one is not mapped.
    ok!(page_map(copy, VSPACE, address + 0x1000, 3, 7));
    Ok(())
}

fn occupied_address(t: &mut Test) -> Outcome {
    let (first, address) = t.mapped()?;
    let second = t.frame()?;
    // SAFETY: just mapped.
    unsafe { (address as *mut u64).write_volatile(1) };
    // Measured: the second mapping replaces the first (the interface files promise an error).
    ok!(page_map(second, VSPACE, address, 3, 7));
    // SAFETY: mapped.
    eq!(unsafe { (address as *const u64).read_volatile() }, 0);
    // The first capability believes itself mapped, but does not take the other's mapping away.
    ok!(api::page_unmap(first));
    eq!(access(t, address, false)?, 0);
    // Also by a copy of the same page; of two capabilities for one mapping the first to go takes it.
    let copy = t.copy(second)?;
    ok!(page_map(copy, VSPACE, address, 2, 7));
    eq!(access(t, address, true)?, 0x9200_004f);
    ok!(api::page_unmap(second));
    eq!(access(t, address, false)?, 0x9200_0007);
    Ok(())
}

fn large_page(t: &mut Test) -> Outcome {
    let large = t.make(O::LargePage, 0)?;
    for left in [39, 30] {
        err!(page_map(large, VSPACE, VOID, 3, 7), FailedLookup, [0, 2, left]);
        tables(t, VSPACE, VOID, 1)?;
    }
    ok!(page_map(large, VSPACE, VOID, 3, 7));
    for address in [VOID, VOID + 0x1f_fff8] {
        // SAFETY: the page was just mapped there.
        unsafe { (address as *mut u64).write_volatile(address) };
    }
    eq!(access(t, VOID + 0x20_0000, false)?, 0x9200_0006);
    eq!(ok!(api::page_get_address(large)).mr(0) % 0x20_0000, 0);
    ok!(api::page_unmap(large));
    eq!(access(t, VOID, false)?, 0x9200_0006);
    Ok(())
}

fn large_page_refuses(t: &mut Test) -> Outcome {
    let large = t.make(O::LargePage, 0)?;
    tables(t, VSPACE, VOID, 3)?;
    err!(page_map(large, VSPACE, VOID + 0x1000, 3, 7), AlignmentError, []);
    // A table is there, which is no place for it.
    err!(page_map(large, VSPACE, VOID, 3, 7), FailedLookup, [0, 2, 12]);
    err!(page_map(large, VSPACE, 1 << 47, 3, 7), InvalidArgument, [0]);
    ok!(page_map(large, VSPACE, VOID + 0x20_0000, 3, 7));
    err!(
        page_map(large, VSPACE, VOID + 0x40_0000, 3, 7),
        InvalidArgument,
        [0]
    );
    Ok(())
}

fn small_page_where_a_large_one_is(t: &mut Test) -> Outcome {
    let (large, small, table) = (t.make(O::LargePage, 0)?, t.frame()?, t.make(O::PageTable, 0)?);
    tables(t, VSPACE, VOID, 2)?;
    ok!(page_map(large, VSPACE, VOID, 3, 7));
    err!(page_map(small, VSPACE, VOID, 3, 7), FailedLookup, [0, 2, 21]);
    err!(page_table_map(table, VSPACE, VOID, 3), DeleteFirst, []);
    Ok(())
}

fn huge_device_page(t: &mut Test) -> Outcome {
    let info = arena::bootinfo();
    let count = (info.untyped.end - info.untyped.start) as usize;
    let index = info.untyped_list[..count]
        .iter()
        .position(|d| d.is_device != 0 && d.size_bits >= 30);
    let untyped = info.untyped.start + index.unwrap_or(0) as u64;
    let huge = t.slot();
    ok!(api::untyped_retype(
        untyped,
        O::HugePage.to_raw(),
        0,
        HERE,
        huge,
        1
    ));
    err!(page_map(huge, VSPACE, VOID, 3, 4), FailedLookup, [0, 2, 39]);
    tables(t, VSPACE, VOID, 1)?;
    err!(page_map(huge, VSPACE, VOID + 0x20_0000, 3, 4), AlignmentError, []);
    ok!(page_map(huge, VSPACE, VOID, 3, 4));
    let table = t.make(O::PageTable, 0)?;
    err!(page_table_map(table, VSPACE, VOID, 3), DeleteFirst, []);
    ok!(api::page_unmap(huge));
    ok!(api::cnode_revoke(root(untyped)));
    Ok(())
}

fn rights_are_those_of_mapping_and_capability(t: &mut Test) -> Outcome {
    let (frame, address) = (t.frame()?, t.page_address());
    for (rights, load, store) in [
        (0, 0x9200_000f, 0x9200_004f),
        (1, 0x9200_000f, 0x9200_004f),
        (2, 0, 0x9200_004f),
        (3, 0, 0),
        (15, 0, 0),
        (12, 0x9200_000f, 0x9200_004f),
    ] {
        ok!(page_map(frame, VSPACE, address, rights, 7));
        let seen = (access(t, address, false)?, access(t, address, true)?);
        eq!((rights, seen), (rights, (load, store)));
    }
    Ok(())
}

fn rights_of_a_copy_limit_the_mapping(t: &mut Test) -> Outcome {
    let frame = t.frame()?;
    for (rights, load, store) in [
        (0, 0x9200_000f, 0x9200_004f),
        (1, 0x9200_000f, 0x9200_004f),
        (2, 0, 0x9200_004f),
        (3, 0, 0),
    ] {
        let copy = t.mint(frame, rights, 0)?;
        let address = t.page_address();
        ok!(page_map(copy, VSPACE, address, 3, 7));
        let seen = (access(t, address, false)?, access(t, address, true)?);
        eq!((rights, seen), (rights, (load, store)));
    }
    Ok(())
}

fn pages_without_rights_are_not_accessible(t: &mut Test) -> Outcome {
    let frame = t.frame()?;
    let read_only = t.mint(frame, 2, 0)?;
    let none = t.mint(read_only, 1, 0)?;
    let address = t.page_address();
    ok!(page_map(none, VSPACE, address, 3, 7));
    eq!(access(t, address, false)?, 0x9200_000f);
    Ok(())
}

/// Fills a mapped page with `udf #1` behind one `nop`, visible to instruction fetches.
fn write_code(frame: Cap, address: u64) -> Outcome {
    let nop = 0xd503_201fu32;
    // SAFETY: the caller mapped the page there.
    unsafe {
        (address as *mut u32).write_volatile(nop);
        ((address + 4) as *mut u32).write_volatile(1);
    }
    ok!(cache(frame, L::ARMPageUnifyInstruction, 0, 4096));
    Ok(())
}

fn pages_are_executable_unless_said_otherwise(t: &mut Test) -> Outcome {
    let (frame, address) = (t.frame()?, t.page_address());
    for (rights, attributes, label) in [(3, 3, 3), (2, 3, 3), (3, 7, 6), (2, 7, 6), (0, 3, 3), (2, 1, 3)] {
        ok!(page_map(frame, VSPACE, address, 3, 7));
        write_code(frame, address)?;
        ok!(page_map(frame, VSPACE, address, rights, attributes));
        let (ep, reply) = (t.endpoint()?, t.reply()?);
        let worker = t.run(Spec::priority(210).fault(ep), address, &[])?;
        let got = sys::recv(ep, reply);
        eq!(
            (rights, attributes, got.info.label()),
            (rights, attributes, label)
        );
        if label == 3 {
            eq!(sys::mr(0), address + 4);
        } else {
            eq!(words(), [address, address, 1, 0x8200_000f]);
        }
        t.forget_worker(&worker)?;
    }
    Ok(())
}

fn device_attribute(t: &mut Test) -> Outcome {
    let (frame, address) = (t.frame()?, t.page_address());
    ok!(page_map(frame, VSPACE, address, 3, 4));
    eq!((access(t, address, false)?, access(t, address, true)?), (0, 0));
    // Normal memory can be read unaligned.
    ok!(page_map(frame, VSPACE, address, 3, 5));
    eq!(access(t, address + 1, false)?, 0);
    Ok(())
}

fn remapping_reduces_rights_at_once(t: &mut Test) -> Outcome {
    let (frame, address) = t.mapped()?;
    // The translation is in use when it changes.
    // SAFETY: just mapped.
    unsafe { (address as *mut u64).write_volatile(1) };
    ok!(page_map(frame, VSPACE, address, 2, 7));
    eq!(access(t, address, true)?, 0x9200_004f);
    ok!(api::page_unmap(frame));
    eq!(access(t, address, false)?, 0x9200_0007);
    Ok(())
}

fn delete_of_a_page_unmaps(t: &mut Test) -> Outcome {
    let (frame, address) = t.mapped()?;
    let copy = t.copy(frame)?;
    ok!(api::cnode_delete(root(frame)));
    eq!(access(t, address, false)?, 0x9200_0007);
    ok!(page_map(copy, VSPACE, address, 3, 7));
    // A moved capability keeps its mapping.
    let to = t.slot();
    ok!(api::cnode_move(root(to), root(copy)));
    eq!(access(t, address, false)?, 0);
    ok!(api::page_unmap(to));
    eq!(access(t, address, false)?, 0x9200_0007);
    Ok(())
}

fn unmap_of_a_stale_mapping(t: &mut Test) -> Outcome {
    // The table went, another came, another page is mapped at the address: unmapping the first touches nothing.
    let last = tables(t, VSPACE, VOID, 3)?;
    let (old, new) = (t.frame()?, t.frame()?);
    ok!(page_map(old, VSPACE, VOID, 3, 7));
    ok!(api::cnode_delete(root(last)));
    tables(t, VSPACE, VOID, 1)?;
    ok!(page_map(new, VSPACE, VOID, 3, 7));
    ok!(api::page_unmap(old));
    eq!(access(t, VOID, false)?, 0);
    Ok(())
}

fn addresses_of_pages(t: &mut Test) -> Outcome {
    let untyped = t.untyped(14)?;
    let first = t.slots(4);
    ok!(api::untyped_retype(
        untyped,
        O::SmallPage.to_raw(),
        0,
        HERE,
        first,
        4
    ));
    let answer = ok!(api::page_get_address(first));
    eq!(answer.length(), 1);
    for i in 0..4 {
        eq!(
            ok!(api::page_get_address(first + i)).mr(0),
            answer.mr(0) + 0x1000 * i
        );
    }
    eq!(answer.mr(0) % 0x4000, 0);
    // Rights do not matter.
    let none = t.mint(first, 0, 0)?;
    eq!(ok!(api::page_get_address(none)).mr(0), answer.mr(0));
    Ok(())
}

/// An address space of its own with a page of code (load, then stop) at `VOID`.
fn space(t: &mut Test) -> Made<Cap> {
    let vspace = t.make(O::VSpace, 0)?;
    need("assign", api::asid_pool_assign(api::ASID_POOL, vspace))?;
    tables(t, vspace, VOID, 3)?;
    let (frame, address) = t.mapped()?;
    // SAFETY: just mapped. `ldr x1, [x0]`, then `udf #1`.
    unsafe {
        (address as *mut u32).write_volatile(0xf940_0001);
        ((address + 4) as *mut u32).write_volatile(1);
    }
    need("unify", cache(frame, L::ARMPageUnifyInstruction, 0, 4096))?;
    let copy = t.copy(frame)?;
    need("map code", page_map(copy, vspace, VOID, 2, 3))?;
    Ok(vspace)
}

/// Runs the code of [`space`] with that x0 in that address space; label of the fault, and x1.
fn run_in(t: &mut Test, vspace: Cap, x0: u64) -> Result<(u64, u64), Failure> {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.program(Spec::priority(210).fault(ep), VOID, &[x0])?;
    ok!(api::tcb_set_space(worker.tcb, ep, api::CNODE, 0, vspace));
    ok!(api::tcb_resume(worker.tcb));
    let got = sys::recv(ep, reply);
    let x1 = registers(worker.tcb)?[reg::X0 + 1];
    t.forget_worker(&worker)?;
    Ok((got.info.label(), x1))
}

fn other_address_space(t: &mut Test) -> Outcome {
    let vspace = space(t)?;
    let (frame, address) = t.mapped()?;
    // SAFETY: just mapped.
    unsafe { (address as *mut u64).write_volatile(0x77) };
    // What is mapped here is not mapped there.
    eq!(run_in(t, vspace, address)?, (6, 0));
    let copy = t.copy(frame)?;
    ok!(page_map(copy, vspace, VOID + 0x1000, 2, 7));
    eq!(run_in(t, vspace, VOID + 0x1000)?, (3, 0x77));
    eq!(access(t, VOID + 0x1000, false)?, 0x9200_0004);
    Ok(())
}

fn page_in_two_address_spaces(t: &mut Test) -> Outcome {
    let (a, b) = (space(t)?, space(t)?);
    let (x, y) = (t.mapped()?, t.mapped()?);
    // SAFETY: just mapped.
    unsafe {
        (x.1 as *mut u64).write_volatile(1);
        (y.1 as *mut u64).write_volatile(2);
    }
    // The same address, different pages: translations do not mix.
    let (cx, cy) = (t.copy(x.0)?, t.copy(y.0)?);
    ok!(page_map(cx, a, VOID + 0x1000, 2, 7));
    ok!(page_map(cy, b, VOID + 0x1000, 2, 7));
    for _ in 0..2 {
        eq!(run_in(t, a, VOID + 0x1000)?, (3, 1));
        eq!(run_in(t, b, VOID + 0x1000)?, (3, 2));
    }
    Ok(())
}

fn delete_of_an_address_space(t: &mut Test) -> Outcome {
    let vspace = space(t)?;
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.program(Spec::priority(210).fault(ep), VOID, &[VOID])?;
    ok!(api::tcb_set_space(worker.tcb, ep, api::CNODE, 0, vspace));
    let frame = t.frame()?;
    ok!(page_map(frame, vspace, VOID + 0x1000, 3, 7));
    // The thread holds a copy: only revocation ends the address space.
    ok!(api::cnode_revoke(root(vspace)));
    ok!(api::cnode_delete(root(vspace)));
    ok!(api::tcb_resume(worker.tcb));
    // There is nothing for it to run in.
    eq!(sys::recv(ep, reply), message(0, 6, 0, 0, 4));
    // The page does not know, and is mapped nowhere.
    ok!(api::page_unmap(frame));
    Ok(())
}

/// The four operations of pages.
const OF_PAGES: [L; 4] = [
    L::ARMPageCleanData,
    L::ARMPageInvalidateData,
    L::ARMPageCleanInvalidateData,
    L::ARMPageUnifyInstruction,
];

/// The four operations of address spaces.
const OF_SPACES: [L; 4] = [
    L::ARMVSpaceCleanData,
    L::ARMVSpaceInvalidateData,
    L::ARMVSpaceCleanInvalidateData,
    L::ARMVSpaceUnifyInstruction,
];

fn cache_operations_of_a_page(t: &mut Test) -> Outcome {
    let (frame, address) = t.mapped()?;
    // SAFETY: just mapped.
    unsafe { (address as *mut u64).write_volatile(0x1234) };
    for operation in OF_PAGES {
        ok!(cache(frame, operation, 0, 4096));
        ok!(cache(frame, operation, 5, 6));
        ok!(cache(frame, operation, 64, 4095));
    }
    // SAFETY: still mapped.
    eq!(unsafe { (address as *const u64).read_volatile() }, 0x1234);
    // Read-only mappings too, but for what would lose written data.
    ok!(page_map(frame, VSPACE, address, 2, 7));
    for operation in OF_PAGES {
        if operation == L::ARMPageInvalidateData {
            err!(cache(frame, operation, 0, 4096), IllegalOperation, []);
        } else {
            ok!(cache(frame, operation, 0, 4096));
        }
    }
    let large = t.make(O::LargePage, 0)?;
    tables(t, VSPACE, VOID, 2)?;
    ok!(page_map(large, VSPACE, VOID, 3, 7));
    ok!(cache(large, L::ARMPageCleanInvalidateData, 0, 0x20_0000));
    Ok(())
}

fn cache_operations_of_a_page_refuse(t: &mut Test) -> Outcome {
    let (frame, _) = t.mapped()?;
    let unmapped = t.frame()?;
    for operation in OF_PAGES {
        err!(cache(unmapped, operation, 0, 4096), IllegalOperation, []);
        err!(cache(frame, operation, 5, 5), InvalidArgument, [1]);
        err!(cache(frame, operation, 6, 5), InvalidArgument, [1]);
        err!(cache(frame, operation, 4096, 4097), InvalidArgument, [0]);
        err!(cache(frame, operation, 0, 4097), InvalidArgument, [0]);
        err!(cache(frame, operation, u64::MAX, 1), InvalidArgument, [1]);
        err!(invoke(frame, operation, &[0], &[]), TruncatedMessage, []);
    }
    Ok(())
}

fn cache_operations_of_an_address_space(t: &mut Test) -> Outcome {
    let (_, address) = t.mapped()?;
    for operation in OF_SPACES {
        ok!(cache(VSPACE, operation, address, address + 4096));
        ok!(cache(VSPACE, operation, address + 5, address + 6));
        // Where nothing is mapped there is nothing to do.
        ok!(cache(VSPACE, operation, VOID, VOID + 64));
    }
    Ok(())
}

fn cache_operations_of_an_address_space_refuse(t: &mut Test) -> Outcome {
    let (_, address) = t.mapped()?;
    let vspace = t.make(O::VSpace, 0)?;
    for operation in OF_SPACES {
        err!(cache(VSPACE, operation, address, address), InvalidArgument, [1]);
        err!(
            cache(VSPACE, operation, address + 1, address),
            InvalidArgument,
            [1]
        );
        err!(cache(VSPACE, operation, address, 1 << 48), IllegalOperation, []);
        err!(
            cache(VSPACE, operation, address, address + 4097),
            RangeError,
            [address, address + 4095]
        );
        err!(
            cache(VSPACE, operation, address + 0xff0, address + 0x1010),
            RangeError,
            [address + 0xff0, address + 0xfff]
        );
        err!(
            cache(vspace, operation, address, address + 1),
            InvalidCapability,
            [0]
        );
        err!(invoke(VSPACE, operation, &[address], &[]), TruncatedMessage, []);
    }
    err!(
        invoke(VSPACE, L::ARMPageMap, &[0, 0, 0], &[VSPACE]),
        IllegalOperation,
        []
    );
    Ok(())
}

fn cache_operations_after_the_pool_is_gone(t: &mut Test) -> Outcome {
    let (untyped, pool, vspace) = (t.untyped(12)?, t.slot(), t.make(O::VSpace, 0)?);
    ok!(api::asid_control_make_pool(untyped, api::root(pool)));
    ok!(api::asid_pool_assign(pool, vspace));
    tables(t, vspace, VOID, 3)?;
    let frame = t.frame()?;
    ok!(page_map(frame, vspace, VOID, 3, 7));
    ok!(api::cnode_delete(api::root(pool)));
    for operation in OF_SPACES {
        err!(cache(vspace, operation, VOID, VOID + 64), FailedLookup, [0, 1]);
    }
    for operation in OF_PAGES {
        err!(cache(frame, operation, 0, 64), FailedLookup, [0, 1]);
    }
    Ok(())
}

fn user_cache_instructions(t: &mut Test) -> Outcome {
    let (_, address) = t.mapped()?;
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    // SAFETY: just mapped.
    unsafe { (address as *mut u64).write_volatile(5) };
    let worker = t.run(Spec::priority(210).fault(ep), code::cache::address(), &[address])?;
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    eq!(registers(worker.tcb)?[reg::PC], code::cache::address() + 16);
    // Zeroing a block is not allowed; the register that says so can be read.
    let worker = t.run(
        Spec::priority(210).fault(ep),
        code::zero_block::address(),
        &[address],
    )?;
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    let seen: [u64; 4] = words();
    eq!((seen[0], seen[3]), (code::zero_block::address() + 4, 0x6212_dc08));
    // Prohibited (bit 4), blocks of 64 bytes.
    eq!(registers(worker.tcb)?[reg::X0 + 2], 0x14);
    Ok(())
}
