//! Capabilities in messages: transfer, unwrapping, and what is not transferred.

use super::tests;
use crate::api::{self, ALL, CNODE, Slot, WORD, root};
use crate::arena::is_empty;
use crate::expect::{Outcome, eq, ok};
use crate::log::{self, logged};
use crate::sys::{self, cap_or_badge, info, message, set_cap, set_receive_slot};
use crate::worker::{Spec, Test};

tests![
    a_capability_arrives,
    one_capability_at_most_is_transferred,
    without_grant_none_arrives,
    without_a_receive_slot_none_arrives,
    an_occupied_receive_slot_takes_none,
    capabilities_to_the_same_endpoint_are_unwrapped,
    unwrapped_and_transferred,
    transferred_and_unwrapped,
    unwrapping_needs_no_receive_slot,
    replies_carry_capabilities,
    untypeds_with_children_do_not_travel,
    empty_slot_in_a_message,
    pointer_in_a_message_that_does_not_resolve,
    receive_slot_in_a_small_cnode,
    transferred_capabilities_are_derived,
];

/// Sends up to three capabilities once, with label 5 and the number of capabilities as last argument.
fn send_caps([ep, first, second, count]: [u64; 4]) {
    for (i, cap) in [first, second, first].into_iter().enumerate() {
        set_cap(i, cap);
    }
    sys::send(ep, info(5, count, 1));
    log::push(1);
}

/// Receives with a new slot as receive slot; the message, the slot, and the three words.
fn receive(t: &mut Test, ep: sys::Cap) -> (sys::Message, sys::Cap, [u64; 3]) {
    let slot = t.slot();
    set_receive_slot(CNODE, slot, WORD);
    for i in 0..3 {
        set_cap(i, 0x99);
    }
    let got = sys::wait(ep);
    (got, slot, core::array::from_fn(cap_or_badge))
}

fn a_capability_arrives(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let badged = t.mint(n, ALL, 77)?;
    t.start(Spec::priority(210), send_caps, [ep, badged, 0, 1])?;
    let (got, slot, words) = receive(t, ep);
    eq!(got, message(0, 5, 0, 1, 1));
    // The words are not touched for what is transferred.
    eq!(words, [0x99; 3]);
    sys::signal(slot);
    eq!(sys::nb_wait(n).badge, 77);
    logged!([1]);
    Ok(())
}

fn one_capability_at_most_is_transferred(t: &mut Test) -> Outcome {
    let (ep, n, m) = (t.endpoint()?, t.notification()?, t.notification()?);
    t.start(Spec::priority(210), send_caps, [ep, n, m, 3])?;
    let (got, slot, _) = receive(t, ep);
    eq!(got, message(0, 5, 0, 1, 1));
    sys::signal(n);
    eq!(sys::nb_wait(slot), message(0, 0, 0, 0, 0));
    eq!(is_empty(slot + 1), true);
    Ok(())
}

fn without_grant_none_arrives(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    for rights in [1, 3, 1 | 8] {
        let cap = t.mint(ep, rights, 2)?;
        t.start(Spec::priority(210), send_caps, [cap, n, 0, 1])?;
        let (got, slot, _) = receive(t, ep);
        eq!(got, message(2, 5, 0, 0, 1));
        eq!(is_empty(slot), true);
    }
    // The receiver's own rights do not matter for that: it needs read only.
    let read_only = t.mint(ep, 2, 0)?;
    t.start(Spec::priority(210), send_caps, [ep, n, 0, 1])?;
    let (got, slot, _) = receive(t, read_only);
    eq!(got, message(0, 5, 0, 1, 1));
    eq!(is_empty(slot), false);
    Ok(())
}

fn without_a_receive_slot_none_arrives(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let empty = t.slot();
    for (cnode, index, depth) in [
        (0, 0, 0),
        (empty, 1, 64),
        (n, 1, 64),
        (CNODE, empty, 0),
        (CNODE, empty, 63),
        (CNODE, empty, 65),
        (CNODE, u64::MAX, 64),
    ] {
        t.start(Spec::priority(210), send_caps, [ep, n, 0, 1])?;
        set_receive_slot(cnode, index, depth);
        eq!(
            (cnode, index, depth, sys::wait(ep)),
            (cnode, index, depth, message(0, 5, 0, 0, 1))
        );
    }
    Ok(())
}

fn an_occupied_receive_slot_takes_none(t: &mut Test) -> Outcome {
    let (ep, n, m) = (t.endpoint()?, t.notification()?, t.notification()?);
    t.start(Spec::priority(210), send_caps, [ep, n, 0, 1])?;
    set_receive_slot(CNODE, m, WORD);
    eq!(sys::wait(ep), message(0, 5, 0, 0, 1));
    sys::signal(n);
    eq!(sys::nb_wait(n), message(0, 0, 0, 0, 0));
    Ok(())
}

fn capabilities_to_the_same_endpoint_are_unwrapped(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let (a, b) = (t.mint(ep, ALL, 0x11)?, t.mint(ep, 1, 0x22)?);
    t.start(Spec::priority(210), send_caps, [ep, a, b, 3])?;
    let (got, slot, words) = receive(t, ep);
    eq!(got, message(0, 5, 0b111, 3, 1));
    eq!(words, [0x11, 0x22, 0x11]);
    eq!(is_empty(slot), true);
    Ok(())
}

fn unwrapped_and_transferred(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let a = t.mint(ep, ALL, 0x11)?;
    t.start(Spec::priority(210), send_caps, [ep, a, n, 3])?;
    let (got, slot, words) = receive(t, ep);
    // Unwrapping goes on behind a transferred one.
    eq!(got, message(0, 5, 0b101, 3, 1));
    eq!(words, [0x11, 0x99, 0x11]);
    eq!(is_empty(slot), false);
    Ok(())
}

fn transferred_and_unwrapped(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let a = t.mint(ep, ALL, 0x11)?;
    t.start(Spec::priority(210), send_caps, [ep, n, a, 3])?;
    let (got, slot, words) = receive(t, ep);
    // The second transfer ends it.
    eq!(got, message(0, 5, 0b010, 2, 1));
    eq!(words, [0x99, 0x11, 0x99]);
    eq!(is_empty(slot), false);
    Ok(())
}

fn unwrapping_needs_no_receive_slot(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let a = t.mint(ep, ALL, 0x33)?;
    t.start(Spec::priority(210), send_caps, [ep, a, 0, 1])?;
    set_receive_slot(0, 0, 0);
    eq!(sys::wait(ep), message(0, 5, 1, 1, 1));
    eq!(cap_or_badge(0), 0x33);
    Ok(())
}

fn replies_carry_capabilities(t: &mut Test) -> Outcome {
    let (ep, reply, n) = (t.endpoint()?, t.reply()?, t.notification()?);
    t.start(
        Spec::priority(210),
        |[ep, reply, n, _]| {
            sys::recv(ep, reply);
            set_cap(0, n);
            sys::send(reply, info(6, 1, 0));
        },
        [ep, reply, n, 0],
    )?;
    let slot = t.slot();
    set_receive_slot(CNODE, slot, WORD);
    eq!(sys::call(ep, info(0, 0, 0)), message(0, 6, 0, 1, 0));
    eq!(is_empty(slot), false);
    Ok(())
}

fn untypeds_with_children_do_not_travel(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let untyped = t.untyped(12)?;
    t.make_from(untyped, sel4_abi::object::ObjectType::Endpoint, 0)?;
    t.start(Spec::priority(210), send_caps, [ep, untyped, 0, 1])?;
    let (got, slot, _) = receive(t, ep);
    eq!(got, message(0, 5, 0, 0, 1));
    eq!(is_empty(slot), true);
    Ok(())
}

fn empty_slot_in_a_message(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let empty = t.slot();
    // It ends the transfer.
    t.start(Spec::priority(210), send_caps, [ep, empty, n, 2])?;
    let (got, slot, _) = receive(t, ep);
    eq!(got, message(0, 5, 0, 0, 1));
    eq!(is_empty(slot), true);
    Ok(())
}

fn pointer_in_a_message_that_does_not_resolve(t: &mut Test) -> Outcome {
    let (ep, faults) = (t.endpoint()?, t.endpoint()?);
    // The sender faults before anything is sent.
    let spec = Spec::priority(210).fault(faults);
    t.start(spec, send_caps, [ep, 1 << 20, 0, 1])?;
    eq!(sys::wait(faults), message(0, 1, 0, 0, 7));
    let words: [u64; 6] = core::array::from_fn(|i| sys::mr(i + 1));
    eq!(words, [1 << 20, 0, 4, 64, 0, 47]);
    logged!([]);
    Ok(())
}

fn receive_slot_in_a_small_cnode(t: &mut Test) -> Outcome {
    let (ep, n, cnode) = (t.endpoint()?, t.notification()?, t.cnode(4)?);
    t.start(Spec::priority(210), send_caps, [ep, n, 0, 1])?;
    set_receive_slot(cnode, 9, 4);
    eq!(sys::wait(ep), message(0, 5, 0, 1, 1));
    let slot = t.slot();
    ok!(api::cnode_move(root(slot), Slot(cnode, 9, 4)));
    eq!(sys::nb_wait(slot).badge, 0);
    Ok(())
}

fn transferred_capabilities_are_derived(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let badged = t.mint(n, ALL, 4)?;
    t.start(Spec::priority(210), send_caps, [ep, badged, 0, 1])?;
    let (_, slot, _) = receive(t, ep);
    ok!(api::cnode_revoke(root(n)));
    eq!([n, badged, slot].map(is_empty), [false, true, true]);
    Ok(())
}
