//! Address space identifiers: pools and their exhaustion.

use super::tests;
use crate::api::{self, ASID_CONTROL, ASID_POOL, CNODE, Slot, VSPACE, root};
use crate::expect::{Outcome, eq, err, ok};
use crate::sys::invoke;
use crate::worker::{HERE, Test};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

tests![
    pool_is_made,
    make_pool_refuses,
    assign_refuses,
    pool_runs_full,
    deleted_address_spaces_make_room,
    pools_run_out,
    deleted_pool_takes_its_address_spaces,
];

fn pool_is_made(t: &mut Test) -> Outcome {
    let (untyped, slot) = (t.untyped(12)?, t.slot());
    eq!(ok!(api::asid_control_make_pool(untyped, root(slot))).length(), 0);
    let vspace = t.make(O::VSpace, 0)?;
    ok!(api::asid_pool_assign(slot, vspace));
    let frame = t.frame()?;
    err!(api::page_map(frame, vspace, 0, 3, 7), FailedLookup, [0, 2, 39]);
    // The untyped is used up, and has it back when the pool goes.
    let other = t.slot();
    err!(
        api::untyped_retype(untyped, O::Endpoint.to_raw(), 0, HERE, other, 1),
        NotEnoughMemory,
        [0]
    );
    ok!(api::cnode_delete(root(slot)));
    ok!(api::untyped_retype(
        untyped,
        O::Endpoint.to_raw(),
        0,
        HERE,
        other,
        1
    ));
    Ok(())
}

fn make_pool_refuses(t: &mut Test) -> Outcome {
    let (slot, ep) = (t.slot(), t.endpoint()?);
    let empty = t.slot();
    let make = |untyped| api::asid_control_make_pool(untyped, root(slot));
    for bits in [11, 13] {
        let untyped = t.untyped(bits)?;
        err!(make(untyped), InvalidCapability, [1]);
    }
    err!(make(ep), InvalidCapability, [1]);
    err!(make(empty), InvalidCapability, [1]);
    let untyped = t.untyped(12)?;
    err!(api::asid_control_make_pool(untyped, root(ep)), DeleteFirst, []);
    err!(
        api::asid_control_make_pool(untyped, Slot(ep, 0, 64)),
        FailedLookup,
        [0, 1]
    );
    err!(
        api::asid_control_make_pool(untyped, Slot(CNODE, slot, 0)),
        RangeError,
        [1, 64]
    );
    err!(
        api::asid_control_make_pool(untyped, Slot(CNODE, slot, 10)),
        FailedLookup,
        [0, 4, 10, 0, 47]
    );
    t.make_from(untyped, O::Endpoint, 0)?;
    err!(make(untyped), RevokeFirst, []);
    let untyped = t.untyped(12)?;
    err!(
        invoke(
            ASID_CONTROL,
            L::ARMASIDControlMakePool,
            &[slot],
            &[untyped, CNODE]
        ),
        TruncatedMessage,
        []
    );
    err!(
        invoke(ASID_CONTROL, L::ARMASIDControlMakePool, &[slot, 64], &[untyped]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(ASID_CONTROL, L::ARMASIDPoolAssign, &[slot, 64], &[untyped, CNODE]),
        IllegalOperation,
        []
    );
    Ok(())
}

fn assign_refuses(t: &mut Test) -> Outcome {
    let (vspace, ep) = (t.make(O::VSpace, 0)?, t.endpoint()?);
    let table = t.make(O::PageTable, 0)?;
    let empty = t.slot();
    err!(api::asid_pool_assign(ASID_POOL, ep), InvalidCapability, [1]);
    err!(api::asid_pool_assign(ASID_POOL, empty), InvalidCapability, [1]);
    err!(api::asid_pool_assign(ASID_POOL, table), InvalidCapability, [1]);
    err!(api::asid_pool_assign(ASID_POOL, VSPACE), InvalidCapability, [1]);
    err!(
        invoke(ASID_POOL, L::ARMASIDPoolAssign, &[], &[]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(ASID_POOL, L::ARMPageUnmap, &[], &[vspace]),
        IllegalOperation,
        []
    );
    ok!(api::asid_pool_assign(ASID_POOL, vspace));
    err!(api::asid_pool_assign(ASID_POOL, vspace), InvalidCapability, [1]);
    Ok(())
}

/// A new pool, and a CNode of 1024 slots with address spaces in its first 600.
fn many(t: &mut Test) -> Result<(u64, u64), crate::expect::Failure> {
    let (untyped, pool, cnode) = (t.untyped(12)?, t.slot(), t.cnode(10)?);
    ok!(api::asid_control_make_pool(untyped, root(pool)));
    for offset in [0, 200, 400] {
        ok!(api::untyped_retype(
            crate::arena::memory(),
            O::VSpace.to_raw(),
            0,
            Slot(cnode, 0, 0),
            offset,
            200
        ));
    }
    Ok((pool, cnode))
}

/// Assigns the address space in that slot of the CNode, by way of a slot of the root.
fn assign(pool: u64, cnode: u64, index: u64, by: u64) -> crate::sys::Answer {
    let _ = api::cnode_move(root(by), Slot(cnode, index, 10));
    let answer = api::asid_pool_assign(pool, by);
    let _ = api::cnode_move(Slot(cnode, index, 10), root(by));
    answer
}

fn pool_runs_full(t: &mut Test) -> Outcome {
    let (pool, cnode) = many(t)?;
    let by = t.slot();
    for index in 0..512 {
        eq!((index, assign(pool, cnode, index, by).label), (index, 0));
    }
    err!(assign(pool, cnode, 512, by), DeleteFirst, []);
    Ok(())
}

fn deleted_address_spaces_make_room(t: &mut Test) -> Outcome {
    let (pool, cnode) = many(t)?;
    let by = t.slot();
    for index in 0..512 {
        ok!(assign(pool, cnode, index, by));
    }
    ok!(api::cnode_delete(Slot(cnode, 100, 10)));
    ok!(assign(pool, cnode, 512, by));
    err!(assign(pool, cnode, 513, by), DeleteFirst, []);
    Ok(())
}

fn pools_run_out(t: &mut Test) -> Outcome {
    // 128 of them, of which the root task has one.
    let (untyped, cnode) = (t.untyped(20)?, t.cnode(9)?);
    ok!(api::untyped_retype(
        untyped,
        O::Untyped.to_raw(),
        12,
        Slot(cnode, 0, 0),
        0,
        128
    ));
    let by = t.slot();
    let make = |i: u64| {
        let _ = api::cnode_move(root(by), Slot(cnode, i, 9));
        let answer = api::asid_control_make_pool(by, Slot(cnode, 256 + i, 9));
        let _ = api::cnode_move(Slot(cnode, i, 9), root(by));
        answer
    };
    for i in 0..127 {
        eq!((i, make(i).label), (i, 0));
    }
    err!(make(127), DeleteFirst, []);
    ok!(api::cnode_delete(Slot(cnode, 256 + 50, 9)));
    ok!(make(127));
    Ok(())
}

fn deleted_pool_takes_its_address_spaces(t: &mut Test) -> Outcome {
    let (untyped, pool) = (t.untyped(12)?, t.slot());
    ok!(api::asid_control_make_pool(untyped, root(pool)));
    let (vspace, frame) = (t.make(O::VSpace, 0)?, t.frame()?);
    ok!(api::asid_pool_assign(pool, vspace));
    let table = t.make(O::PageTable, 0)?;
    ok!(api::page_table_map(table, vspace, 0, 3));
    ok!(api::cnode_delete(root(pool)));
    err!(api::page_map(frame, vspace, 0, 3, 7), FailedLookup, [0, 1]);
    let other = t.make(O::PageTable, 0)?;
    err!(
        api::page_table_map(other, vspace, 1 << 39, 3),
        FailedLookup,
        [0, 1]
    );
    // Its capability still says that it has an identifier: it cannot get another one.
    err!(api::asid_pool_assign(ASID_POOL, vspace), InvalidCapability, [1]);
    ok!(api::page_table_unmap(table));
    Ok(())
}
