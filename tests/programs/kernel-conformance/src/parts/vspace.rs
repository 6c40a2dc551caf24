//! Address spaces and their tables.

use super::tests;
use crate::api::{self, ALL, VSPACE, cache, page_map, page_table_map, root};
use crate::arena::VOID;
use crate::code::{self, reg, registers, words};
use crate::expect::{Failure, Outcome, eq, err, ok};
use crate::sys::{self, Cap, invoke, message};
use crate::worker::{Made, Spec, Test, need};
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
    other_address_space,
    page_in_two_address_spaces,
    delete_of_an_address_space,
];

/// Maps tables of all three levels below the top in the address space, for `address`.
pub fn tables(t: &mut Test, vspace: Cap, address: u64, levels: usize) -> Made<Cap> {
    let mut last = 0;
    for _ in 0..levels {
        last = t.make(O::PageTable, 0)?;
        need("table", page_table_map(last, vspace, address, 3))?;
    }
    Ok(last)
}

/// What a load from (or, with `store`, a store to) the address gives: 0 or the syndrome.
pub fn access(t: &mut Test, address: u64, store: bool) -> Result<u64, Failure> {
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

/// An address space of its own with a page of code (load, then stop) at `VOID`.
pub fn space(t: &mut Test) -> Made<Cap> {
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
pub fn run_in(t: &mut Test, vspace: Cap, x0: u64) -> Result<(u64, u64), Failure> {
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
