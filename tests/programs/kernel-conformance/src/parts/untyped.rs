//! Retyping: what can be made of untyped memory, where the capabilities go, and when memory comes back.

use super::tests;
use crate::api::{self, CNODE, Slot, WORD, root, untyped_retype};
use crate::arena::{self, is_empty};
use crate::expect::{Outcome, eq, err, ok};
use crate::sys::{self, invoke};
use crate::worker::{HERE, Test};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::{self, ObjectType as O};

tests![
    makes_every_type,
    places_several_in_a_row,
    places_in_a_cnode_by_path,
    short_messages,
    unknown_types,
    sizes_out_of_range,
    destination_is_no_cnode,
    destination_does_not_resolve,
    window_out_of_range,
    window_is_occupied,
    memory_runs_out,
    alignment_takes_memory,
    memory_comes_back_when_all_is_gone,
    memory_stays_while_a_child_lives,
    revoke_takes_children_of_children,
    copy_takes_the_memory_over,
    copy_of_a_parent_is_refused,
    memory_is_zeroed_again,
    largest_fan_out,
    device_memory_gives_frames_only,
    device_frames_are_no_ipc_buffers,
    method_is_not_of_an_untyped,
];

const UNTYPED: u64 = O::Untyped as u64;
const ENDPOINT: u64 = O::Endpoint as u64;
const CNODE_TYPE: u64 = O::CNode as u64;
const PAGE: u64 = O::SmallPage as u64;
const TCB: u64 = O::Tcb as u64;

fn makes_every_type(t: &mut Test) -> Outcome {
    let sizes = [
        (O::Untyped, 4),
        (O::CNode, 1),
        (O::SchedContext, 7),
        (O::Untyped, 12),
    ];
    let fixed = [
        O::Tcb,
        O::Endpoint,
        O::Notification,
        O::Reply,
        O::VSpace,
        O::SmallPage,
        O::LargePage,
        O::PageTable,
    ];
    for (ty, size) in sizes.into_iter().chain(fixed.map(|ty| (ty, 0))) {
        let slot = t.slot();
        let answer = ok!(untyped_retype(arena::memory(), ty.to_raw(), size, HERE, slot, 1));
        eq!(answer.length(), 0);
        eq!(is_empty(slot), false);
    }
    Ok(())
}

fn places_several_in_a_row(t: &mut Test) -> Outcome {
    let first = t.slots(6);
    ok!(untyped_retype(arena::memory(), ENDPOINT, 0, HERE, first + 1, 4));
    let seen: [bool; 6] = core::array::from_fn(|i| is_empty(first + i as u64));
    eq!(seen, [true, false, false, false, false, true]);
    Ok(())
}

fn places_in_a_cnode_by_path(t: &mut Test) -> Outcome {
    let cnode = t.cnode(4)?;
    let dest = Slot(CNODE, cnode, WORD);
    ok!(untyped_retype(arena::memory(), ENDPOINT, 0, dest, 13, 3));
    ok!(api::cnode_delete(Slot(cnode, 15, 4)));
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, dest, 12, 2),
        DeleteFirst,
        []
    );
    // A CNode as the root itself: index and depth 0.
    ok!(untyped_retype(
        arena::memory(),
        ENDPOINT,
        0,
        Slot(cnode, 0, 0),
        12,
        1
    ));
    // With depth 0 the index is not looked at.
    ok!(untyped_retype(
        arena::memory(),
        ENDPOINT,
        0,
        Slot(cnode, 77, 0),
        11,
        1
    ));
    Ok(())
}

fn short_messages(t: &mut Test) -> Outcome {
    let slot = t.slot();
    let words = [ENDPOINT, 0, 0, 0, slot, 1];
    for n in 0..6 {
        err!(
            invoke(arena::memory(), L::UntypedRetype, &words[..n], &[CNODE]),
            TruncatedMessage,
            []
        );
    }
    err!(
        invoke(arena::memory(), L::UntypedRetype, &words, &[]),
        TruncatedMessage,
        []
    );
    eq!(is_empty(slot), true);
    Ok(())
}

fn unknown_types(t: &mut Test) -> Outcome {
    let slot = t.slot();
    for ty in [object::OBJECT_TYPE_COUNT as u64, 100, 1 << 32, u64::MAX] {
        err!(
            untyped_retype(arena::memory(), ty, 12, HERE, slot, 1),
            InvalidArgument,
            [0]
        );
    }
    Ok(())
}

fn sizes_out_of_range(t: &mut Test) -> Outcome {
    let slot = t.slot();
    let retype = |ty, size| untyped_retype(arena::memory(), ty, size, HERE, slot, 1);
    err!(retype(UNTYPED, 3), InvalidArgument, [1]);
    err!(retype(UNTYPED, 0), InvalidArgument, [1]);
    err!(retype(UNTYPED, 48), RangeError, [0, 47]);
    err!(retype(UNTYPED, 63), RangeError, [0, 47]);
    err!(retype(UNTYPED, 64), RangeError, [0, 47]);
    err!(retype(UNTYPED, u64::MAX), RangeError, [0, 47]);
    err!(retype(CNODE_TYPE, 0), InvalidArgument, [1]);
    err!(retype(CNODE_TYPE, 43), RangeError, [0, 47]);
    err!(retype(CNODE_TYPE, 64), RangeError, [0, 47]);
    err!(retype(O::SchedContext as u64, 6), InvalidArgument, [1]);
    err!(retype(O::SchedContext as u64, 0), InvalidArgument, [1]);
    err!(retype(O::SchedContext as u64, 48), RangeError, [0, 47]);
    // The size of an object of fixed size is not used, but must not be a whole word or more.
    ok!(retype(ENDPOINT, 63));
    err!(retype(ENDPOINT, 64), RangeError, [0, 47]);
    Ok(())
}

fn destination_is_no_cnode(t: &mut Test) -> Outcome {
    let endpoint = t.endpoint()?;
    let slot = t.slot();
    // Word 0: the failure is one of the destination; then why, and bits left.
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, Slot(endpoint, 0, 0), slot, 1),
        FailedLookup,
        [0, 2, 0]
    );
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, Slot(endpoint, 1, 64), slot, 1),
        FailedLookup,
        [0, 1]
    );
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, Slot(CNODE, endpoint, WORD), 0, 1),
        FailedLookup,
        [0, 2, 64]
    );
    Ok(())
}

fn destination_does_not_resolve(t: &mut Test) -> Outcome {
    let empty = t.slot();
    let cnode = t.cnode(4)?;
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, Slot(CNODE, empty, WORD), 0, 1),
        FailedLookup,
        [0, 2, 64]
    );
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, Slot(cnode, 1, 5), 0, 1),
        FailedLookup,
        [0, 3, 1, 0]
    );
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, Slot(cnode, 1, 3), 0, 1),
        FailedLookup,
        [0, 3, 3, 4]
    );
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, Slot(cnode, 1, 65), 0, 1),
        RangeError,
        [1, 64]
    );
    Ok(())
}

fn window_out_of_range(t: &mut Test) -> Outcome {
    let cnode = t.cnode(4)?;
    let retype =
        |offset, count| untyped_retype(arena::memory(), ENDPOINT, 0, Slot(cnode, 0, 0), offset, count);
    err!(retype(16, 1), RangeError, [0, 15]);
    err!(retype(u64::MAX, 1), RangeError, [0, 15]);
    err!(retype(0, 0), RangeError, [1, 256]);
    err!(retype(0, 257), RangeError, [1, 256]);
    err!(retype(0, u64::MAX), RangeError, [1, 256]);
    err!(retype(0, 17), RangeError, [1, 16]);
    err!(retype(10, 7), RangeError, [1, 6]);
    ok!(retype(10, 6));
    Ok(())
}

fn window_is_occupied(t: &mut Test) -> Outcome {
    let first = t.slots(3);
    ok!(untyped_retype(arena::memory(), ENDPOINT, 0, HERE, first + 2, 1));
    err!(
        untyped_retype(arena::memory(), ENDPOINT, 0, HERE, first, 3),
        DeleteFirst,
        []
    );
    eq!((is_empty(first), is_empty(first + 1)), (true, true));
    Ok(())
}

fn memory_runs_out(t: &mut Test) -> Outcome {
    let untyped = t.untyped(12)?;
    let first = t.slots(80);
    let retype = |ty, size, offset, count| untyped_retype(untyped, ty, size, HERE, first + offset, count);
    err!(retype(UNTYPED, 13, 0, 1), NotEnoughMemory, [4096]);
    err!(retype(UNTYPED, 47, 0, 1), NotEnoughMemory, [4096]);
    ok!(retype(O::Notification as u64, 0, 0, 60));
    err!(retype(O::Notification as u64, 0, 60, 5), NotEnoughMemory, [256]);
    ok!(retype(O::Notification as u64, 0, 60, 4));
    err!(retype(ENDPOINT, 0, 70, 1), NotEnoughMemory, [0]);
    Ok(())
}

fn alignment_takes_memory(t: &mut Test) -> Outcome {
    let untyped = t.untyped(13)?;
    let first = t.slots(4);
    let retype = |ty, offset| untyped_retype(untyped, ty, 0, HERE, first + offset, 1);
    ok!(retype(ENDPOINT, 0));
    // The page goes to the second half; what lay between is lost until all is revoked.
    ok!(retype(PAGE, 1));
    err!(retype(ENDPOINT, 2), NotEnoughMemory, [0]);
    let address = ok!(api::page_get_address(first + 1)).mr(0);
    eq!(address % 8192, 4096);
    Ok(())
}

fn memory_comes_back_when_all_is_gone(t: &mut Test) -> Outcome {
    let untyped = t.untyped(12)?;
    let slot = t.slot();
    for _ in 0..3 {
        ok!(untyped_retype(untyped, PAGE, 0, HERE, slot, 1));
        err!(
            untyped_retype(untyped, PAGE, 0, HERE, slot + 1, 1),
            NotEnoughMemory,
            [0]
        );
        ok!(api::cnode_delete(root(slot)));
    }
    ok!(untyped_retype(untyped, PAGE, 0, HERE, slot, 1));
    ok!(api::cnode_revoke(root(untyped)));
    eq!(is_empty(slot), true);
    ok!(untyped_retype(untyped, PAGE, 0, HERE, slot, 1));
    Ok(())
}

fn memory_stays_while_a_child_lives(t: &mut Test) -> Outcome {
    let untyped = t.untyped(12)?;
    let first = t.slots(4);
    ok!(untyped_retype(untyped, UNTYPED, 11, HERE, first, 2));
    ok!(api::cnode_delete(root(first)));
    err!(
        untyped_retype(untyped, UNTYPED, 11, HERE, first, 1),
        NotEnoughMemory,
        [0]
    );
    ok!(api::cnode_delete(root(first + 1)));
    ok!(untyped_retype(untyped, UNTYPED, 11, HERE, first, 2));
    Ok(())
}

fn revoke_takes_children_of_children(t: &mut Test) -> Outcome {
    let outer = t.untyped(14)?;
    let inner = t.make_from(outer, O::Untyped, 13)?;
    let endpoint = t.make_from(inner, O::Endpoint, 0)?;
    let copy = t.copy(endpoint)?;
    let badged = t.mint(endpoint, api::ALL, 5)?;
    let cnode = t.make_from(inner, O::CNode, 4)?;
    ok!(api::cnode_copy(Slot(cnode, 3, 4), root(CNODE), api::ALL));
    ok!(api::cnode_revoke(root(outer)));
    let gone = [inner, endpoint, copy, badged, cnode].map(is_empty);
    eq!(gone, [true; 5]);
    eq!(is_empty(outer), false);
    Ok(())
}

fn copy_takes_the_memory_over(t: &mut Test) -> Outcome {
    let untyped = t.untyped(12)?;
    let copy = t.copy(untyped)?;
    let slot = t.slot();
    // Two capabilities cannot both give the same memory: the copied one counts as full, the copy is its child.
    err!(
        untyped_retype(untyped, PAGE, 0, HERE, slot, 1),
        NotEnoughMemory,
        [0]
    );
    ok!(untyped_retype(copy, PAGE, 0, HERE, slot, 1));
    ok!(api::cnode_revoke(root(untyped)));
    eq!([copy, slot].map(is_empty), [true; 2]);
    ok!(untyped_retype(untyped, PAGE, 0, HERE, slot, 1));
    Ok(())
}

fn copy_of_a_parent_is_refused(t: &mut Test) -> Outcome {
    let untyped = t.untyped(12)?;
    let first = t.slots(2);
    ok!(untyped_retype(untyped, ENDPOINT, 0, HERE, first, 1));
    err!(
        api::cnode_copy(root(first + 1), root(untyped), api::ALL),
        RevokeFirst,
        []
    );
    ok!(api::cnode_delete(root(first)));
    ok!(api::cnode_copy(root(first + 1), root(untyped), api::ALL));
    Ok(())
}

fn memory_is_zeroed_again(t: &mut Test) -> Outcome {
    let untyped = t.untyped(12)?;
    let address = t.page_address();
    for _ in 0..2 {
        let frame = t.make_from(untyped, O::SmallPage, 0)?;
        ok!(api::page_map(frame, api::VSPACE, address, 3, 7));
        let words = address as *mut u64;
        for i in [0, 100, 511] {
            // SAFETY: the page was just mapped there.
            eq!(unsafe { words.add(i).read_volatile() }, 0);
            // SAFETY: as before.
            unsafe { words.add(i).write_volatile(0x5555_5555) };
        }
        ok!(api::cnode_revoke(root(untyped)));
    }
    Ok(())
}

fn largest_fan_out(t: &mut Test) -> Outcome {
    let cnode = t.cnode(9)?;
    ok!(untyped_retype(
        arena::memory(),
        ENDPOINT,
        0,
        Slot(cnode, 0, 0),
        100,
        256
    ));
    err!(
        api::cnode_copy(Slot(cnode, 355, 9), root(CNODE), api::ALL),
        DeleteFirst,
        []
    );
    ok!(api::cnode_copy(Slot(cnode, 356, 9), root(CNODE), api::ALL));
    Ok(())
}

/// A device untyped that nothing else in the suite uses, of at least a page.
fn device() -> (sys::Cap, u64) {
    let info = arena::bootinfo();
    let count = (info.untyped.end - info.untyped.start) as usize;
    let list = &info.untyped_list[..count];
    let unused = |d: &sel4_abi::bootinfo::UntypedDesc| {
        d.is_device != 0 && (14..40).contains(&d.size_bits) && d.paddr >= 0xa00_0000
    };
    let index = list.iter().position(unused).unwrap_or(0);
    (info.untyped.start + index as u64, list[index].paddr)
}

fn device_memory_gives_frames_only(t: &mut Test) -> Outcome {
    let (untyped, paddr) = device();
    let first = t.slots(3);
    let retype = |ty, size, offset| untyped_retype(untyped, ty, size, HERE, first + offset, 1);
    for ty in [
        O::Tcb,
        O::Endpoint,
        O::Notification,
        O::CNode,
        O::SchedContext,
        O::Reply,
        O::VSpace,
        O::PageTable,
    ] {
        err!(retype(ty.to_raw(), 8, 0), InvalidArgument, [1]);
    }
    ok!(retype(UNTYPED, 12, 0));
    ok!(untyped_retype(first, PAGE, 0, HERE, first + 1, 1));
    eq!(ok!(api::page_get_address(first + 1)).mr(0), paddr);
    ok!(api::cnode_revoke(root(untyped)));
    eq!(is_empty(first + 1), true);
    Ok(())
}

fn device_frames_are_no_ipc_buffers(t: &mut Test) -> Outcome {
    let (untyped, _) = device();
    let frame = t.slot();
    let tcb = t.make(O::Tcb, 0)?;
    ok!(untyped_retype(untyped, PAGE, 0, HERE, frame, 1));
    err!(
        api::tcb_set_ipc_buffer(tcb, arena::SCRATCH, frame),
        IllegalOperation,
        []
    );
    ok!(api::cnode_revoke(root(untyped)));
    Ok(())
}

fn method_is_not_of_an_untyped(t: &mut Test) -> Outcome {
    let slot = t.slot();
    let words = [ENDPOINT, 0, 0, 0, slot, 1];
    for label in [L::TCBSuspend, L::CNodeCopy, L::ARMPageMap] {
        err!(
            invoke(arena::memory(), label, &words, &[CNODE]),
            IllegalOperation,
            []
        );
    }
    // No method at all.
    for label in [0, 1000, 1 << 40] {
        err!(
            sys::invoke_raw(arena::memory(), label, &words, &[CNODE]),
            IllegalOperation,
            []
        );
    }
    // Retype is a method of untypeds only.
    let tcb = t.make(O::Tcb, 0)?;
    let endpoint_words = [TCB, 0, 0, 0, slot, 1];
    err!(
        invoke(tcb, L::UntypedRetype, &endpoint_words, &[CNODE]),
        IllegalOperation,
        []
    );
    Ok(())
}
