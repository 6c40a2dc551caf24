//! Addressing: guards, depths, CSpaces of several levels, and how a lookup fails.

use super::tests;
use crate::api::{self, ALL, CNODE, Slot, VSPACE, root};
use crate::code::{self, reg, registers, words};
use crate::expect::{Failure, Outcome, eq, err, ok};
use crate::sys::{self, Cap, message};
use crate::worker::{Spec, Test};
use sel4_abi::cap_data::CNodeCapData;
use sel4_abi::syscall::Syscall;

tests![
    depth_selects_a_level,
    guards_are_resolved,
    wrong_guard,
    guard_larger_than_what_is_left,
    lookup_ends_early_at_what_is_no_cnode,
    guard_of_63_bits,
    guard_sizes_that_do_not_fit,
    guard_value_is_masked,
    mint_of_a_cnode_replaces_its_guard,
    thread_with_a_small_cspace,
    thread_with_two_levels,
    guard_given_by_configure,
    guard_mismatch_is_reported,
    depth_mismatch_is_reported,
    missing_capability_is_reported,
    cspace_that_is_gone,
];

fn guard(bits: u64, size: u64) -> u64 {
    CNodeCapData::new(bits, size).into_word()
}

/// Whether the slot holds something: a copy into it is refused.
fn occupied(at: Slot) -> bool {
    let answer = api::cnode_copy(at, root(CNODE), ALL);
    if answer.label == 0 {
        let _ = api::cnode_delete(at);
    }
    answer.label == sel4_abi::error::Error::DeleteFirst.to_raw()
}

fn depth_selects_a_level(t: &mut Test) -> Outcome {
    let (outer, inner, n) = (t.cnode(4)?, t.cnode(4)?, t.notification()?);
    ok!(api::cnode_copy(Slot(inner, 0xb, 4), root(n), ALL));
    ok!(api::cnode_move(Slot(outer, 0xa, 4), root(inner)));
    eq!(occupied(Slot(outer, 0xab, 8)), true);
    eq!(occupied(Slot(outer, 0xac, 8)), false);
    eq!(occupied(Slot(outer, 0xa, 4)), true);
    eq!(occupied(Slot(outer, 0xb, 4)), false);
    // Bits above the depth do not count.
    eq!(occupied(Slot(outer, 0xfff_ffab, 8)), true);
    // Between the levels there is nothing.
    err!(
        api::cnode_delete(Slot(outer, 0xab, 7)),
        FailedLookup,
        [0, 3, 3, 0]
    );
    err!(
        api::cnode_delete(Slot(outer, 0xab, 3)),
        FailedLookup,
        [0, 3, 3, 4]
    );
    Ok(())
}

fn guards_are_resolved(t: &mut Test) -> Outcome {
    let (cnode, guarded) = (t.cnode(4)?, t.slot());
    ok!(api::cnode_copy(Slot(cnode, 7, 4), root(CNODE), ALL));
    ok!(api::cnode_mint(root(guarded), root(cnode), ALL, guard(0x5a, 8)));
    eq!(occupied(Slot(guarded, 0x5a7, 12)), true);
    eq!(occupied(Slot(guarded, 0x5a8, 12)), false);
    Ok(())
}

fn wrong_guard(t: &mut Test) -> Outcome {
    let (cnode, guarded) = (t.cnode(4)?, t.slot());
    ok!(api::cnode_mint(root(guarded), root(cnode), ALL, guard(0x5a, 8)));
    // The failure, bits left, the guard, its size.
    err!(
        api::cnode_delete(Slot(guarded, 0x5b7, 12)),
        FailedLookup,
        [0, 4, 12, 0x5a, 8]
    );
    err!(
        api::cnode_copy(root(guarded + 1), Slot(guarded, 0x4a7, 12), ALL),
        FailedLookup,
        [1, 4, 12, 0x5a, 8]
    );
    Ok(())
}

fn guard_larger_than_what_is_left(t: &mut Test) -> Outcome {
    let (cnode, guarded) = (t.cnode(4)?, t.slot());
    ok!(api::cnode_mint(root(guarded), root(cnode), ALL, guard(0x5a, 8)));
    err!(
        api::cnode_delete(Slot(guarded, 0x5a, 7)),
        FailedLookup,
        [0, 4, 7, 0x5a, 8]
    );
    // The guard fits, the index does not.
    err!(
        api::cnode_delete(Slot(guarded, 0x5a, 8)),
        FailedLookup,
        [0, 3, 8, 12]
    );
    err!(
        api::cnode_delete(Slot(guarded, 0x5a0, 11)),
        FailedLookup,
        [0, 4, 11, 0x5a, 8]
    );
    Ok(())
}

fn lookup_ends_early_at_what_is_no_cnode(t: &mut Test) -> Outcome {
    let (cnode, n) = (t.cnode(4)?, t.notification()?);
    ok!(api::cnode_copy(Slot(cnode, 7, 4), root(n), ALL));
    // Four bits are left over when the notification is reached.
    err!(
        api::cnode_delete(Slot(cnode, 0x70, 8)),
        FailedLookup,
        [0, 3, 4, 0]
    );
    Ok(())
}

fn guard_of_63_bits(t: &mut Test) -> Outcome {
    let (cnode, guarded) = (t.cnode(1)?, t.slot());
    ok!(api::cnode_mint(root(guarded), root(cnode), ALL, guard(0x5, 63)));
    eq!(occupied(Slot(guarded, 0xa, 64)), false);
    eq!(occupied(Slot(guarded, 0xb, 64)), false);
    err!(
        api::cnode_delete(Slot(guarded, 0xc, 64)),
        FailedLookup,
        [0, 4, 64, 5, 63]
    );
    Ok(())
}

fn guard_sizes_that_do_not_fit(t: &mut Test) -> Outcome {
    let (cnode, to) = (t.cnode(4)?, t.slot());
    // Guard and index together have at most a word: else there is no capability.
    err!(
        api::cnode_mint(root(to), root(cnode), ALL, guard(0, 61)),
        IllegalOperation,
        []
    );
    ok!(api::cnode_mint(root(to), root(cnode), ALL, guard(0, 60)));
    Ok(())
}

fn guard_value_is_masked(t: &mut Test) -> Outcome {
    let (cnode, to) = (t.cnode(4)?, t.slot());
    ok!(api::cnode_mint(root(to), root(cnode), ALL, guard(0xfff5, 4)));
    eq!(occupied(Slot(to, 0x51, 8)), false);
    Ok(())
}

fn mint_of_a_cnode_replaces_its_guard(t: &mut Test) -> Outcome {
    let (cnode, a, b, c) = (t.cnode(4)?, t.slot(), t.slot(), t.slot());
    ok!(api::cnode_mint(root(a), root(cnode), ALL, guard(0x5, 4)));
    ok!(api::cnode_mint(root(b), root(a), ALL, guard(0x3, 2)));
    eq!(occupied(Slot(b, 0x31, 6)), false);
    // A copy keeps it; data 0 of a mint means a guard of no bits.
    ok!(api::cnode_copy(root(c), root(a), ALL));
    eq!(occupied(Slot(c, 0x51, 8)), false);
    let d = t.slot();
    ok!(api::cnode_mint(root(d), root(a), ALL, 0));
    eq!(occupied(Slot(d, 0x1, 4)), false);
    Ok(())
}

/// A thread with that CSpace waits on `src`; the words of the fault, or the badge it got.
fn wait_in(t: &mut Test, cspace: Cap, data: u64, src: u64) -> Result<(sys::Message, [u64; 7]), Failure> {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let x = [src, 0, 0, 0, 0, 0, 0, Syscall::NBWait.to_raw() as u64];
    let worker = t.program(Spec::priority(210).fault(ep), code::system_call::address(), &x)?;
    ok!(api::tcb_configure(
        worker.tcb,
        cspace,
        data,
        VSPACE,
        worker.buffer,
        worker.frame
    ));
    ok!(api::tcb_resume(worker.tcb));
    let got = sys::recv(ep, reply);
    let seen: [u64; 7] = words();
    if got.info.label() == 3 {
        let badge = registers(worker.tcb)?[reg::X0];
        return Ok((got, [badge, 0, 0, 0, 0, 0, 0]));
    }
    Ok((
        got,
        core::array::from_fn(|i| {
            if i < got.info.length() as usize {
                seen[i]
            } else {
                0
            }
        }),
    ))
}

fn thread_with_a_small_cspace(t: &mut Test) -> Outcome {
    let (cnode, n) = (t.cnode(4)?, t.notification()?);
    ok!(api::cnode_mint(Slot(cnode, 3, 4), root(n), ALL, 0));
    let badged = t.mint(n, ALL, 8)?;
    sys::signal(badged);
    // Without a guard the index is at the top of the word; what is left below it does not count.
    let (got, seen) = wait_in(t, cnode, 0, 3 << 60 | 0x1234)?;
    eq!((got.info.label(), seen[0]), (3, 8));
    sys::signal(badged);
    let (got, seen) = wait_in(t, cnode, guard(0, 60), 3)?;
    eq!((got.info.label(), seen[0]), (3, 8));
    Ok(())
}

fn thread_with_two_levels(t: &mut Test) -> Outcome {
    let (outer, inner, n) = (t.cnode(8)?, t.cnode(4)?, t.notification()?);
    let badged = t.mint(n, ALL, 8)?;
    ok!(api::cnode_copy(Slot(inner, 3, 4), root(n), ALL));
    ok!(api::cnode_mint(
        Slot(outer, 0x12, 8),
        root(inner),
        ALL,
        guard(0xabc, 52)
    ));
    sys::signal(badged);
    let (got, seen) = wait_in(t, outer, 0, 0x12 << 56 | 0xabc << 4 | 3)?;
    eq!((got.info.label(), seen[0]), (3, 8));
    Ok(())
}

fn guard_given_by_configure(t: &mut Test) -> Outcome {
    let (cnode, n) = (t.cnode(4)?, t.notification()?);
    let badged = t.mint(n, ALL, 8)?;
    ok!(api::cnode_copy(Slot(cnode, 3, 4), root(n), ALL));
    sys::signal(badged);
    let (got, seen) = wait_in(t, cnode, guard(0x77, 60), 0x773)?;
    eq!((got.info.label(), seen[0]), (3, 8));
    Ok(())
}

fn guard_mismatch_is_reported(t: &mut Test) -> Outcome {
    let cnode = t.cnode(4)?;
    let pc = code::system_call::address();
    let (got, seen) = wait_in(t, cnode, guard(0x77, 60), 0x783)?;
    eq!(got, message(0, 1, 0, 0, 7));
    eq!(seen, [pc, 0x783, 1, 4, 64, 0x77, 60]);
    Ok(())
}

fn depth_mismatch_is_reported(t: &mut Test) -> Outcome {
    let (outer, inner) = (t.cnode(8)?, t.cnode(4)?);
    ok!(api::cnode_mint(
        Slot(outer, 0x12, 8),
        root(inner),
        ALL,
        guard(0, 54)
    ));
    let pc = code::system_call::address();
    let (got, seen) = wait_in(t, outer, 0, 0x12 << 56)?;
    eq!(got, message(0, 1, 0, 0, 6));
    eq!(seen, [pc, 0x12 << 56, 1, 3, 56, 58, 0]);
    Ok(())
}

fn missing_capability_is_reported(t: &mut Test) -> Outcome {
    let cnode = t.cnode(4)?;
    let pc = code::system_call::address();
    let (got, seen) = wait_in(t, cnode, guard(0, 60), 5)?;
    eq!(got, message(0, 1, 0, 0, 5));
    eq!(seen, [pc, 5, 1, 2, 0, 0, 0]);
    Ok(())
}

fn cspace_that_is_gone(t: &mut Test) -> Outcome {
    let (ep, reply, cnode) = (t.endpoint()?, t.reply()?, t.cnode(4)?);
    let x = [5, 0, 0, 0, 0, 0, 0, Syscall::NBWait.to_raw() as u64];
    let worker = t.program(Spec::priority(210).fault(ep), code::system_call::address(), &x)?;
    ok!(api::tcb_configure(
        worker.tcb,
        cnode,
        guard(0, 60),
        VSPACE,
        worker.buffer,
        worker.frame
    ));
    // The thread's own copy keeps the CNode alive; revoking the master takes it.
    ok!(api::cnode_revoke(root(cnode)));
    ok!(api::tcb_resume(worker.tcb));
    let got = sys::recv(ep, reply);
    eq!(got.info.label(), 1);
    let seen: [u64; 5] = words();
    eq!(got.info.length(), 4);
    // An invalid root.
    eq!(&seen[1..], [5, 1, 1, 0]);
    Ok(())
}
