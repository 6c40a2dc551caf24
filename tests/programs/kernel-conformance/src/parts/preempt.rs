//! Long operations do not lock others out, and resume.

use super::tests;
use crate::api::{self, ALL, Slot, root};
use crate::arena;
use crate::expect::{Outcome, eq, ok, within};
use crate::log::{self, cell};
use crate::sys;
use crate::worker::{HERE, Spec, Test};
use core::sync::atomic::Ordering::SeqCst;
use sel4_abi::object::ObjectType as O;

tests![
    revoke_is_preempted,
    delete_of_a_full_cnode_is_preempted,
    retype_of_much_memory_is_preempted,
    cancelling_a_long_queue,
    revoke_of_a_cnode_in_itself,
];

/// Starts a thread that looks at the clock every millisecond and keeps in cell 1 the most it was late, in cell 0 how often it
/// looked.
fn start_observer(t: &mut Test) -> Outcome {
    t.start(
        Spec::priority(215).budget(200, 1_000),
        |_| {
            let mut last = sys::now();
            loop {
                sys::r#yield();
                let now = sys::now();
                cell(0).fetch_add(1, SeqCst);
                cell(1).fetch_max((now - last).saturating_sub(sys::ticks(1_000)), SeqCst);
                last = now;
            }
        },
        [0; 4],
    )?;
    Ok(())
}

/// Runs the operation with an observer; it took at least `least` µs, and nobody was locked out for more than 300.
fn observe(t: &mut Test, least: u64, operation: impl FnOnce(&mut Test) -> Outcome) -> Outcome {
    start_observer(t)?;
    let start = sys::now();
    operation(t)?;
    let took = sys::now() - start;
    within!(took, sys::ticks(least), u64::MAX);
    within!(
        cell(0).load(SeqCst),
        (took / sys::ticks(1_000)).saturating_sub(1),
        u64::MAX
    );
    within!(cell(1).load(SeqCst), 0, sys::ticks(300));
    Ok(())
}

fn revoke_is_preempted(t: &mut Test) -> Outcome {
    let (n, cnode) = (t.notification()?, t.cnode(13)?);
    for i in 0..8_192 {
        let answer = api::cnode_mint(Slot(cnode, i, 13), root(n), ALL, 1 + i);
        eq!((i, answer.label), (i, 0));
    }
    observe(t, 1_500, |_| {
        ok!(api::cnode_revoke(root(n)));
        Ok(())
    })?;
    for i in [0, 4_000, 8_191] {
        ok!(api::cnode_copy(Slot(cnode, i, 13), root(n), ALL));
    }
    Ok(())
}

fn delete_of_a_full_cnode_is_preempted(t: &mut Test) -> Outcome {
    let (n, cnode) = (t.notification()?, t.cnode(13)?);
    for i in 0..8_192 {
        let answer = api::cnode_mint(Slot(cnode, i, 13), root(n), ALL, 1 + i);
        eq!((i, answer.label), (i, 0));
    }
    observe(t, 1_000, |_| {
        ok!(api::cnode_delete(root(cnode)));
        Ok(())
    })?;
    eq!(arena::is_empty(cnode), true);
    Ok(())
}

fn retype_of_much_memory_is_preempted(t: &mut Test) -> Outcome {
    let (untyped, slot) = (t.untyped(21)?, t.slot());
    ok!(api::untyped_retype(
        untyped,
        O::LargePage.to_raw(),
        0,
        HERE,
        slot,
        1
    ));
    ok!(api::cnode_delete(root(slot)));
    // The memory that was used has to be zeroed before it is used again.
    observe(t, 50, |_| {
        ok!(api::untyped_retype(untyped, O::CNode.to_raw(), 16, HERE, slot, 1));
        Ok(())
    })?;
    eq!(arena::is_empty(slot), false);
    Ok(())
}

fn cancelling_a_long_queue(t: &mut Test) -> Outcome {
    // Deleting an endpoint with several senders wakes all of them.
    let ep = t.endpoint()?;
    for _ in 0..8 {
        t.start(
            Spec::priority(150),
            |[ep, ..]| {
                sys::send(ep, sys::info(0, 0, 0));
                log::push(1);
            },
            [ep, 0, 0, 0],
        )?;
    }
    t.settle()?;
    ok!(api::cnode_delete(root(ep)));
    t.settle()?;
    eq!(log::take::<1>().0, 8);
    Ok(())
}

fn revoke_of_a_cnode_in_itself(t: &mut Test) -> Outcome {
    let untyped = t.untyped(16)?;
    let (a, b) = (
        t.make_from(untyped, O::CNode, 4)?,
        t.make_from(untyped, O::CNode, 4)?,
    );
    // Each holds the other's last capability: only a revocation from above frees them.
    ok!(api::cnode_copy(Slot(a, 1, 4), root(b), ALL));
    ok!(api::cnode_copy(Slot(b, 1, 4), root(a), ALL));
    ok!(api::cnode_delete(root(a)));
    ok!(api::cnode_delete(root(b)));
    ok!(api::cnode_revoke(root(untyped)));
    let slot = t.slot();
    ok!(api::untyped_retype(
        untyped,
        O::Untyped.to_raw(),
        16,
        HERE,
        slot,
        1
    ));
    Ok(())
}
