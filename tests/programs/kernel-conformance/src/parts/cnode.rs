//! CNode operations on slots: copy, mint, move, mutate, rotate, delete, revoke.

use super::tests;
use crate::api::{self, ALL, CNODE, Slot, root};
use crate::arena::is_empty;
use crate::expect::{Outcome, eq, err, ok};
use crate::sys::{self, invoke};
use crate::worker::Test;
use sel4_abi::cap_data::CNodeCapData;
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

tests![
    copy_gives_the_same_object,
    copy_reduces_rights,
    copy_to_an_occupied_slot,
    copy_from_an_empty_slot,
    mint_badges_endpoints_and_notifications,
    mint_does_not_badge_twice,
    mint_of_what_has_no_badge,
    move_leaves_nothing_behind,
    mutate_moves_and_changes_no_badge,
    rotate_moves_two,
    rotate_swaps_two,
    rotate_refuses_bad_slots,
    delete_of_an_empty_slot_succeeds,
    delete_of_a_copy_keeps_the_object,
    revoke_spares_the_master,
    revoke_follows_the_derivation_tree,
    revoke_of_a_badged_copy,
    moved_capabilities_stay_in_the_tree,
    objects_die_with_their_last_capability,
    unique_capabilities_are_not_copied,
    short_messages,
    wrong_objects,
    slots_that_do_not_resolve,
    every_operation_refuses_bad_slots,
    mint_of_a_parent,
];

/// Data word of a CNode with that guard.
fn guard(bits: u64, size: u64) -> u64 {
    CNodeCapData::new(bits, size).into_word()
}

/// Badge with which a signal through that capability arrives.
fn badge_of(cap: sys::Cap, notification: sys::Cap) -> u64 {
    sys::signal(cap);
    sys::nb_wait(notification).badge
}

fn copy_gives_the_same_object(t: &mut Test) -> Outcome {
    let notification = t.notification()?;
    let copy = t.slot();
    let answer = ok!(api::cnode_copy(root(copy), root(notification), ALL));
    eq!(answer.length(), 0);
    sys::signal(copy);
    eq!(sys::nb_wait(notification), sys::message(0, 0, 0, 0, 0));
    Ok(())
}

fn copy_reduces_rights(t: &mut Test) -> Outcome {
    let notification = t.notification()?;
    let badged = t.mint(notification, ALL, 6)?;
    let read_only = t.slot();
    ok!(api::cnode_copy(root(read_only), root(badged), 2));
    // A copy keeps its badge; a copy of a copy cannot gain a right.
    let again = t.slot();
    ok!(api::cnode_copy(root(again), root(read_only), ALL));
    sys::signal(badged);
    eq!(sys::nb_wait(again), sys::message(6, 0, 0, 0, 0));
    let send_only = t.mint(notification, 1, 9)?;
    eq!(badge_of(send_only, notification), 9);
    Ok(())
}

fn copy_to_an_occupied_slot(t: &mut Test) -> Outcome {
    let a = t.endpoint()?;
    let b = t.endpoint()?;
    err!(api::cnode_copy(root(a), root(b), ALL), DeleteFirst, []);
    err!(api::cnode_mint(root(a), root(b), ALL, 1), DeleteFirst, []);
    err!(api::cnode_move(root(a), root(b)), DeleteFirst, []);
    err!(api::cnode_mutate(root(a), root(b), 1), DeleteFirst, []);
    // The destination is looked at before the source.
    let empty = t.slot();
    err!(api::cnode_copy(root(a), root(empty), ALL), DeleteFirst, []);
    err!(api::cnode_copy(root(a), root(a), ALL), DeleteFirst, []);
    Ok(())
}

fn copy_from_an_empty_slot(t: &mut Test) -> Outcome {
    let from = t.slot();
    let to = t.slot();
    err!(
        api::cnode_copy(root(to), root(from), ALL),
        FailedLookup,
        [1, 2, 64]
    );
    err!(
        api::cnode_mint(root(to), root(from), ALL, 0),
        FailedLookup,
        [1, 2, 64]
    );
    err!(api::cnode_move(root(to), root(from)), FailedLookup, [1, 2, 64]);
    err!(
        api::cnode_mutate(root(to), root(from), 0),
        FailedLookup,
        [1, 2, 64]
    );
    Ok(())
}

fn mint_badges_endpoints_and_notifications(t: &mut Test) -> Outcome {
    let notification = t.notification()?;
    for badge in [1, 0x8000_0000, u64::MAX] {
        let copy = t.mint(notification, ALL, badge)?;
        eq!(badge_of(copy, notification), badge);
    }
    Ok(())
}

fn mint_does_not_badge_twice(t: &mut Test) -> Outcome {
    let endpoint = t.endpoint()?;
    let notification = t.notification()?;
    for object in [endpoint, notification] {
        let badged = t.mint(object, ALL, 3)?;
        let slot = t.slot();
        // What results has no capability: that is a null capability, which cannot be inserted.
        err!(
            api::cnode_mint(root(slot), root(badged), ALL, 4),
            IllegalOperation,
            []
        );
        err!(
            api::cnode_mint(root(slot), root(badged), ALL, 3),
            IllegalOperation,
            []
        );
        err!(
            api::cnode_mint(root(slot), root(badged), ALL, 0),
            IllegalOperation,
            []
        );
        ok!(api::cnode_copy(root(slot), root(badged), ALL));
    }
    // Badge 0 is no badge: it can be given one later.
    let unbadged = t.mint(notification, ALL, 0)?;
    let badged = t.mint(unbadged, ALL, 8)?;
    eq!(badge_of(badged, notification), 8);
    Ok(())
}

fn mint_of_what_has_no_badge(t: &mut Test) -> Outcome {
    // The badge is ignored for all else.
    let tcb = t.make(O::Tcb, 0)?;
    let copy = t.mint(tcb, ALL, 77)?;
    ok!(api::tcb_suspend(copy));
    let frame = t.frame()?;
    t.mint(frame, ALL, 77)?;
    Ok(())
}

fn move_leaves_nothing_behind(t: &mut Test) -> Outcome {
    let notification = t.notification()?;
    let badged = t.mint(notification, 1, 5)?;
    let to = t.slot();
    ok!(api::cnode_move(root(to), root(badged)));
    eq!(is_empty(badged), true);
    eq!(badge_of(to, notification), 5);
    Ok(())
}

fn mutate_moves_and_changes_no_badge(t: &mut Test) -> Outcome {
    let notification = t.notification()?;
    let copy = t.copy(notification)?;
    let to = t.slot();
    // Measured: neither an unbadged nor a badged capability can get a badge by mutation, not even badge 0.
    for badge in [0, 12] {
        err!(
            api::cnode_mutate(root(to), root(copy), badge),
            IllegalOperation,
            []
        );
    }
    let badged = t.mint(notification, ALL, 3)?;
    err!(api::cnode_mutate(root(to), root(badged), 3), IllegalOperation, []);
    eq!([copy, badged, to].map(is_empty), [false, false, true]);
    // A CNode can get another guard, everything else is just moved.
    let cnode = t.cnode(4)?;
    ok!(api::cnode_copy(Slot(cnode, 5, 4), root(CNODE), ALL));
    ok!(api::cnode_mutate(root(to), root(cnode), guard(0xa, 4)));
    eq!([cnode, to].map(is_empty), [true, false]);
    ok!(api::cnode_delete(Slot(to, 0xa5, 8)));
    let tcb = t.make(O::Tcb, 0)?;
    ok!(api::cnode_mutate(root(cnode), root(tcb), 99));
    ok!(api::tcb_suspend(cnode));
    Ok(())
}

fn rotate_moves_two(t: &mut Test) -> Outcome {
    // Pivot goes to the destination, the source to the pivot; CNodes may get another guard on the way.
    let (pivot, src, dest) = (t.cnode(4)?, t.make(O::Tcb, 0)?, t.slot());
    ok!(api::cnode_rotate(
        root(dest),
        guard(1, 2),
        root(pivot),
        0,
        root(src)
    ));
    eq!(is_empty(src), true);
    ok!(api::cnode_copy(Slot(dest, 0x13, 6), root(CNODE), ALL));
    ok!(api::tcb_suspend(pivot));
    // Badges cannot be given, as in a mutation.
    let n = t.notification()?;
    let (pivot, src) = (t.copy(n)?, t.copy(n)?);
    let dest = t.slot();
    for (a, b) in [(1, 2), (0, 0)] {
        err!(
            api::cnode_rotate(root(dest), a, root(pivot), b, root(src)),
            IllegalOperation,
            []
        );
    }
    Ok(())
}

fn rotate_swaps_two(t: &mut Test) -> Outcome {
    let (n, m) = (t.notification()?, t.notification()?);
    let (a, b) = (t.mint(n, ALL, 1)?, t.mint(m, ALL, 2)?);
    // Destination and source are the same slot: a swap with the pivot.
    err!(
        api::cnode_rotate(root(a), 0, root(b), 0, root(a)),
        IllegalOperation,
        []
    );
    let (a, b) = (t.make(O::Tcb, 0)?, t.frame()?);
    ok!(api::cnode_rotate(root(a), 0, root(b), 0, root(a)));
    ok!(api::tcb_suspend(b));
    ok!(api::page_get_address(a));
    Ok(())
}

fn rotate_refuses_bad_slots(t: &mut Test) -> Outcome {
    let (a, b) = (t.endpoint()?, t.endpoint()?);
    let empty = t.slot();
    let dest = t.slot();
    err!(
        api::cnode_rotate(root(dest), 0, root(a), 0, root(a)),
        IllegalOperation,
        []
    );
    err!(
        api::cnode_rotate(root(a), 0, root(a), 0, root(b)),
        IllegalOperation,
        []
    );
    err!(
        api::cnode_rotate(root(CNODE), 0, root(a), 0, root(b)),
        DeleteFirst,
        []
    );
    err!(
        api::cnode_rotate(root(dest), 0, root(a), 0, root(empty)),
        FailedLookup,
        [1, 2, 64]
    );
    err!(
        api::cnode_rotate(root(dest), 0, root(empty), 0, root(a)),
        FailedLookup,
        [0, 2, 64]
    );
    Ok(())
}

fn delete_of_an_empty_slot_succeeds(t: &mut Test) -> Outcome {
    let empty = t.slot();
    ok!(api::cnode_delete(root(empty)));
    ok!(api::cnode_revoke(root(empty)));
    Ok(())
}

fn delete_of_a_copy_keeps_the_object(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let copy = t.copy(n)?;
    sys::signal(n);
    ok!(api::cnode_delete(root(n)));
    eq!(is_empty(n), true);
    eq!(sys::nb_wait(copy), sys::message(0, 0, 0, 0, 0));
    Ok(())
}

fn revoke_spares_the_master(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let a = t.mint(n, ALL, 1)?;
    let b = t.mint(n, ALL, 2)?;
    ok!(api::cnode_revoke(root(n)));
    eq!([n, a, b].map(is_empty), [false, true, true]);
    ok!(api::cnode_revoke(root(n)));
    Ok(())
}

fn revoke_follows_the_derivation_tree(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    // An unbadged copy is a sibling: it has no children, and is itself one of the first.
    let sibling = t.copy(n)?;
    let badged = t.mint(n, ALL, 1)?;
    let of_badged = t.copy(badged)?;
    ok!(api::cnode_revoke(root(sibling)));
    eq!([n, sibling, badged, of_badged].map(is_empty), [false; 4]);
    ok!(api::cnode_revoke(root(n)));
    eq!(
        [n, sibling, badged, of_badged].map(is_empty),
        [false, true, true, true]
    );
    Ok(())
}

fn revoke_of_a_badged_copy(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let badged = t.mint(n, ALL, 1)?;
    let other = t.mint(n, ALL, 2)?;
    let copy = t.copy(badged)?;
    ok!(api::cnode_revoke(root(badged)));
    eq!(
        [n, badged, other, copy].map(is_empty),
        [false, false, false, true]
    );
    Ok(())
}

fn moved_capabilities_stay_in_the_tree(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let a = t.mint(n, ALL, 1)?;
    let moved = t.slot();
    ok!(api::cnode_move(root(moved), root(a)));
    let master = t.slot();
    ok!(api::cnode_move(root(master), root(n)));
    ok!(api::cnode_revoke(root(master)));
    eq!([n, a, moved, master].map(is_empty), [true, true, true, false]);
    Ok(())
}

fn objects_die_with_their_last_capability(t: &mut Test) -> Outcome {
    let untyped = t.untyped(12)?;
    let cnode = t.make_from(untyped, O::CNode, 7)?;
    // A CNode that holds a capability to itself and one to something else.
    ok!(api::cnode_move(Slot(cnode, 1, 7), root(cnode)));
    eq!(is_empty(cnode), true);
    err!(
        api::untyped_retype(untyped, O::SmallPage as u64, 0, crate::worker::HERE, cnode, 1),
        NotEnoughMemory,
        [0]
    );
    ok!(api::cnode_revoke(root(untyped)));
    ok!(api::untyped_retype(
        untyped,
        O::SmallPage as u64,
        0,
        crate::worker::HERE,
        cnode,
        1
    ));
    Ok(())
}

fn unique_capabilities_are_not_copied(t: &mut Test) -> Outcome {
    let to = t.slot();
    err!(
        api::cnode_copy(root(to), root(api::IRQ_CONTROL), ALL),
        IllegalOperation,
        []
    );
    let reply = t.reply()?;
    ok!(api::cnode_copy(root(to), root(reply), ALL));
    let to = t.slot();
    ok!(api::cnode_copy(root(to), root(api::ASID_CONTROL), ALL));
    let to = t.slot();
    ok!(api::cnode_copy(root(to), root(api::DOMAIN), ALL));
    let to = t.slot();
    ok!(api::cnode_copy(root(to), root(crate::arena::control()), ALL));
    Ok(())
}

fn short_messages(t: &mut Test) -> Outcome {
    let (a, to) = (t.endpoint()?, t.slot());
    let words = [to, 64, a, 64, ALL, 0, 0, 0];
    let full: [(L, usize, usize); 8] = [
        (L::CNodeRevoke, 2, 0),
        (L::CNodeDelete, 2, 0),
        (L::CNodeCancelBadgedSends, 2, 0),
        (L::CNodeCopy, 5, 1),
        (L::CNodeMint, 6, 1),
        (L::CNodeMove, 4, 1),
        (L::CNodeMutate, 5, 1),
        (L::CNodeRotate, 8, 2),
    ];
    let caps = [CNODE, CNODE];
    for (label, needed, extra) in full {
        for n in 0..needed {
            err!(
                invoke(CNODE, label, &words[..n], &caps[..extra]),
                TruncatedMessage,
                []
            );
        }
        for n in 0..extra {
            err!(
                invoke(CNODE, label, &words[..needed], &caps[..n]),
                TruncatedMessage,
                []
            );
        }
    }
    eq!(is_empty(to), true);
    Ok(())
}

fn wrong_objects(t: &mut Test) -> Outcome {
    let (a, to) = (t.endpoint()?, t.slot());
    let tcb = t.make(O::Tcb, 0)?;
    // The service is no CNode.
    err!(api::cnode_delete(Slot(tcb, a, 64)), IllegalOperation, []);
    // The source's root is none.
    err!(
        api::cnode_copy(root(to), Slot(tcb, a, 64), ALL),
        FailedLookup,
        [1, 1]
    );
    // A method that CNodes have not.
    err!(
        invoke(CNODE, L::TCBSuspend, &[0, 0, 0, 0], &[]),
        IllegalOperation,
        []
    );
    err!(
        invoke(CNODE, L::UntypedRetype, &[0; 6], &[CNODE]),
        IllegalOperation,
        []
    );
    Ok(())
}

fn slots_that_do_not_resolve(t: &mut Test) -> Outcome {
    let (a, to) = (t.endpoint()?, t.slot());
    let small = t.cnode(4)?;
    // Depth of the destination: 1 to 64.
    err!(api::cnode_delete(Slot(CNODE, a, 0)), RangeError, [1, 64]);
    err!(api::cnode_delete(Slot(CNODE, a, 65)), RangeError, [1, 64]);
    err!(
        api::cnode_copy(root(to), Slot(CNODE, a, 0), ALL),
        RangeError,
        [1, 64]
    );
    err!(
        api::cnode_copy(root(to), Slot(CNODE, a, 65), ALL),
        RangeError,
        [1, 64]
    );
    // Only the low 8 bits of the depth count.
    err!(api::cnode_delete(Slot(CNODE, a, 0x140)), RangeError, [1, 64]);
    // Too few bits for the CNode; too many for an empty one.
    err!(api::cnode_delete(Slot(small, 1, 3)), FailedLookup, [0, 3, 3, 4]);
    err!(api::cnode_delete(Slot(small, 1, 5)), FailedLookup, [0, 3, 1, 0]);
    ok!(api::cnode_delete(Slot(small, 1, 4)));
    Ok(())
}

fn every_operation_refuses_bad_slots(t: &mut Test) -> Outcome {
    let (good, small) = (root(t.slot()), t.cnode(4)?);
    let endpoint = root(t.endpoint()?);
    let operations: [fn(Slot, Slot) -> sys::Answer; 8] = [
        |bad, _| api::cnode_revoke(bad),
        |bad, _| api::cnode_delete(bad),
        |bad, _| api::cnode_cancel_badged_sends(bad),
        |bad, from| api::cnode_copy(bad, from, ALL),
        |bad, from| api::cnode_mint(bad, from, ALL, 1),
        |bad, from| api::cnode_move(bad, from),
        |bad, from| api::cnode_mutate(bad, from, 0),
        |bad, from| api::cnode_rotate(bad, 0, root(0), 0, from),
    ];
    for operation in operations {
        err!(operation(Slot(small, 1, 0), endpoint), RangeError, [1, 64]);
        err!(operation(Slot(small, 1, 65), endpoint), RangeError, [1, 64]);
        err!(operation(Slot(small, 1, 3), endpoint), FailedLookup, [0, 3, 3, 4]);
    }
    let sources: [fn(Slot, Slot) -> sys::Answer; 4] = [
        |to, bad| api::cnode_copy(to, bad, ALL),
        |to, bad| api::cnode_mint(to, bad, ALL, 1),
        api::cnode_move,
        |to, bad| api::cnode_mutate(to, bad, 0),
    ];
    for operation in sources {
        err!(operation(good, Slot(small, 1, 0)), RangeError, [1, 64]);
        err!(operation(good, Slot(small, 1, 3)), FailedLookup, [1, 3, 3, 4]);
        err!(operation(good, Slot(small, 1, 4)), FailedLookup, [1, 2, 4]);
    }
    Ok(())
}

fn mint_of_a_parent(t: &mut Test) -> Outcome {
    let (untyped, to) = (t.untyped(12)?, t.slot());
    t.make_from(untyped, O::Endpoint, 0)?;
    err!(api::cnode_mint(root(to), root(untyped), ALL, 0), RevokeFirst, []);
    err!(api::cnode_copy(root(to), root(untyped), ALL), RevokeFirst, []);
    Ok(())
}
