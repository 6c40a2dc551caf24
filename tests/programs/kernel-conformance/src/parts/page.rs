//! Pages: mapping, sizes, rights, attributes, addresses.

use super::tests;
use super::vspace::{access, tables};
use crate::api::{self, VSPACE, cache, page_map, page_table_map, root};
use crate::arena::{self, VOID};
use crate::code::words;
use crate::expect::{Outcome, eq, err, ok};
use crate::sys::{self, Cap, invoke};
use crate::worker::{HERE, Spec, Test};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

tests![
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
];

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
