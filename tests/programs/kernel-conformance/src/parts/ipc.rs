//! Messages through endpoints: words, lengths, badges, queues, and what non-blocking calls do.

use super::tests;
use crate::api::{self, ALL, root};
use crate::expect::{Outcome, eq, err, ok};
use crate::log::{self, logged};
use crate::sys::{self, info, message, mr, set_mr};
use crate::worker::{Spec, Test};
use sel4_abi::message::MessageInfo;
use sel4_abi::syscall::Syscall;

tests![
    send_waits_for_a_receiver,
    receive_waits_for_a_sender,
    all_lengths_arrive,
    length_beyond_the_maximum,
    whole_label_arrives,
    receiver_does_not_see_unwrapped_bits_of_the_sender,
    badge_arrives,
    call_and_reply,
    reply_and_receive,
    nb_send_without_receiver_is_dropped,
    nb_send_with_receiver_is_delivered,
    nb_recv_of_nothing,
    nb_wait_of_nothing_on_an_endpoint,
    wait_receives_from_endpoints,
    nb_send_recv_sends_and_receives,
    nb_send_wait_sends_and_receives,
    senders_are_served_by_priority,
    senders_of_one_priority_are_served_in_order,
    receivers_are_served_by_priority,
    send_without_the_right,
    call_without_the_right,
    call_through_a_capability_that_cannot_grant,
    delete_of_an_endpoint_frees_the_waiting,
    cancel_badged_sends,
    cancel_badged_sends_needs_all_rights,
    cancel_badged_sends_of_other_objects,
    yield_goes_on,
];

fn send_waits_for_a_receiver(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(
        Spec::priority(210),
        |[ep, ..]| {
            log::push(1);
            set_mr(0, 0xabc);
            sys::send(ep, info(7, 0, 1));
            log::push(2);
        },
        [ep, 0, 0, 0],
    )?;
    logged!([1]);
    eq!(sys::wait(ep), message(0, 7, 0, 0, 1));
    eq!(mr(0), 0xabc);
    logged!([2]);
    Ok(())
}

fn receive_waits_for_a_sender(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(
        Spec::priority(210),
        |[ep, ..]| {
            let got = sys::wait(ep);
            log::push(got.info.into_word());
            log::push(mr(0));
            log::push(mr(1));
        },
        [ep, 0, 0, 0],
    )?;
    logged!([]);
    set_mr(0, 5);
    set_mr(1, 6);
    sys::send(ep, info(3, 0, 2));
    logged!([info(3, 0, 2).into_word(), 5, 6]);
    Ok(())
}

/// Receives `count` messages and logs the length and the last two words of each.
fn receive_lengths([ep, count, ..]: [u64; 4]) {
    for _ in 0..count {
        for i in 0..120 {
            set_mr(i, 0);
        }
        let length = sys::wait(ep).info.length() as usize;
        log::push(length as u64);
        log::push(if length > 0 { mr(length - 1) } else { 0 });
        log::push(if length < 120 { mr(length) } else { 0 });
    }
}

fn all_lengths_arrive(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(Spec::priority(210), receive_lengths, [ep, 121, 0, 0])?;
    for length in 0..=120 {
        for i in 0..120 {
            set_mr(i, 1000 + i as u64);
        }
        sys::send(ep, info(0, 0, length));
        // What is beyond the length stays as the receiver left it; the machine registers are always copied for a
        // message this short.
        let last = if length > 0 { 1000 + length - 1 } else { 0 };
        let after = 0;
        logged!([length, last, after]);
    }
    Ok(())
}

fn length_beyond_the_maximum(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(Spec::priority(210), receive_lengths, [ep, 3, 0, 0])?;
    for claimed in [121, 125, 127] {
        set_mr(119, 77);
        sys::send(ep, MessageInfo::from_word(claimed));
        logged!([120, 77, 0]);
    }
    Ok(())
}

/// Receives `count` messages and logs their info words and badges.
fn receive_infos([ep, count, ..]: [u64; 4]) {
    for _ in 0..count {
        let got = sys::wait(ep);
        log::push(got.info.into_word());
        log::push(got.badge);
    }
}

fn whole_label_arrives(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(Spec::priority(210), receive_infos, [ep, 2, 0, 0])?;
    let label = (1 << 52) - 1;
    sys::send(ep, info(label, 0, 0));
    logged!([label << 12, 0]);
    sys::send(ep, info(label, 0, 120));
    logged!([label << 12 | 120, 0]);
    Ok(())
}

fn receiver_does_not_see_unwrapped_bits_of_the_sender(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(Spec::priority(210), receive_infos, [ep, 1, 0, 0])?;
    sys::send(ep, MessageInfo::new(1, 7, 0, 2));
    logged!([MessageInfo::new(1, 0, 0, 2).into_word(), 0]);
    Ok(())
}

fn badge_arrives(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(Spec::priority(210), receive_infos, [ep, 3, 0, 0])?;
    for badge in [1, 0xffff_ffff_ffff, u64::MAX] {
        let badged = t.mint(ep, ALL, badge)?;
        sys::send(badged, info(0, 0, 0));
        logged!([0, badge]);
    }
    Ok(())
}

/// Serves `count` calls: answers with the label plus one and the first word doubled.
fn serve([ep, reply, count, _]: [u64; 4]) {
    for _ in 0..count {
        let got = sys::recv(ep, reply);
        log::push(got.badge);
        set_mr(0, mr(0) * 2);
        sys::send(reply, info(got.info.label() + 1, 0, 1));
    }
}

fn call_and_reply(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    t.start(Spec::priority(210), serve, [ep, reply, 3, 0])?;
    let badged = t.mint(ep, ALL, 9)?;
    for (cap, badge) in [(ep, 0), (badged, 9), (ep, 0)] {
        set_mr(0, 21);
        // The badge register of a caller is set too: a reply has none.
        eq!(sys::call(cap, info(4, 0, 1)), message(0, 5, 0, 0, 1));
        eq!(mr(0), 42);
        logged!([badge]);
    }
    Ok(())
}

fn reply_and_receive(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    t.start(
        Spec::priority(210),
        |[ep, reply, ..]| {
            let mut got = sys::recv(ep, reply);
            loop {
                log::push(got.info.label());
                for i in 0..120 {
                    set_mr(i, mr(i) + 1);
                }
                got = sys::reply_recv(ep, got.info, reply);
            }
        },
        [ep, reply, 0, 0],
    )?;
    for (label, length) in [(1, 0), (2, 4), (3, 5), (4, 120)] {
        for i in 0..120 {
            set_mr(i, i as u64);
        }
        eq!(
            sys::call(ep, info(label, 0, length)),
            message(0, label, 0, 0, length)
        );
        for i in 0..length as usize {
            eq!((i, mr(i)), (i, i as u64 + 1));
        }
        logged!([label]);
    }
    Ok(())
}

fn nb_send_without_receiver_is_dropped(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    sys::nb_send(ep, info(1, 0, 1));
    eq!(sys::nb_wait(ep).badge, 0);
    t.start(Spec::priority(210), receive_infos, [ep, 1, 0, 0])?;
    logged!([]);
    Ok(())
}

fn nb_send_with_receiver_is_delivered(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(Spec::priority(210), receive_infos, [ep, 1, 0, 0])?;
    sys::nb_send(ep, info(5, 0, 1));
    logged!([info(5, 0, 1).into_word(), 0]);
    Ok(())
}

fn nb_recv_of_nothing(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    // The badge is 0; nothing else is changed, not even the message info register.
    let mut x = [
        ep,
        0x1234_5678,
        11,
        12,
        13,
        14,
        reply,
        Syscall::NBRecv.to_raw() as u64,
        18,
    ];
    sys::svc(&mut x);
    eq!(
        x,
        [
            0,
            0x1234_5678,
            11,
            12,
            13,
            14,
            reply,
            Syscall::NBRecv.to_raw() as u64,
            18
        ]
    );
    Ok(())
}

fn nb_wait_of_nothing_on_an_endpoint(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let mut x = [
        ep,
        0x1234_5678,
        11,
        12,
        13,
        14,
        16,
        Syscall::NBWait.to_raw() as u64,
        18,
    ];
    sys::svc(&mut x);
    eq!(
        x,
        [
            0,
            0x1234_5678,
            11,
            12,
            13,
            14,
            16,
            Syscall::NBWait.to_raw() as u64,
            18
        ]
    );
    Ok(())
}

fn wait_receives_from_endpoints(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    t.start(
        Spec::priority(210),
        |[ep, ..]| {
            set_mr(0, 3);
            sys::send(ep, info(9, 0, 1));
            sys::send(ep, info(10, 0, 1));
        },
        [ep, 0, 0, 0],
    )?;
    eq!(sys::wait(ep), message(0, 9, 0, 0, 1));
    eq!(sys::nb_wait(ep), message(0, 10, 0, 0, 1));
    Ok(())
}

fn nb_send_recv_sends_and_receives(t: &mut Test) -> Outcome {
    let (to, from, reply) = (t.endpoint()?, t.endpoint()?, t.reply()?);
    t.start(
        Spec::priority(210),
        |[to, from, ..]| {
            let got = sys::wait(to);
            log::push(got.info.label());
            log::push(mr(0));
            set_mr(0, 8);
            log::push(sys::call(from, info(2, 0, 1)).info.label());
        },
        [to, from, 0, 0],
    )?;
    set_mr(0, 6);
    eq!(
        sys::nb_send_recv(to, info(1, 0, 1), from, reply),
        message(0, 2, 0, 0, 1)
    );
    eq!(mr(0), 8);
    logged!([1, 6]);
    sys::send(reply, info(3, 0, 0));
    logged!([3]);
    Ok(())
}

fn nb_send_wait_sends_and_receives(t: &mut Test) -> Outcome {
    let (to, n) = (t.endpoint()?, t.notification()?);
    t.start(
        Spec::priority(210),
        |[to, n, ..]| {
            log::push(sys::wait(to).info.label());
            sys::signal(n);
        },
        [to, n, 0, 0],
    )?;
    // A signal writes the badge register only: the message info is the one that was sent.
    eq!(sys::nb_send_wait(to, info(1, 0, 0), n), message(0, 1, 0, 0, 0));
    logged!([1]);
    Ok(())
}

/// Sends its second argument as label.
fn send_label([ep, label, ..]: [u64; 4]) {
    sys::send(ep, info(label, 0, 0));
    log::push(label);
}

fn senders_are_served_by_priority(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    for priority in [203, 210, 205, 210] {
        t.start(Spec::priority(priority), send_label, [ep, priority, 0, 0])?;
    }
    let labels: [u64; 4] = core::array::from_fn(|_| sys::wait(ep).info.label());
    eq!(labels, [210, 210, 205, 203]);
    Ok(())
}

fn senders_of_one_priority_are_served_in_order(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    for label in [3, 1, 2] {
        t.start(Spec::priority(210), send_label, [ep, label, 0, 0])?;
    }
    let labels: [u64; 3] = core::array::from_fn(|_| sys::wait(ep).info.label());
    eq!(labels, [3, 1, 2]);
    logged!([3, 1, 2]);
    Ok(())
}

fn receivers_are_served_by_priority(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    for priority in [203, 210, 205, 210] {
        t.start(
            Spec::priority(priority),
            |[ep, priority, ..]| {
                log::push(sys::wait(ep).info.label());
                log::push(priority);
            },
            [ep, priority, 0, 0],
        )?;
    }
    for label in 1..=4 {
        sys::send(ep, info(label, 0, 0));
    }
    logged!([1, 210, 2, 210, 3, 205, 4, 203]);
    Ok(())
}

fn send_without_the_right(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let read_only = t.mint(ep, 2, 0)?;
    t.start(Spec::priority(210), receive_infos, [ep, 1, 0, 0])?;
    // No error can be returned to a sender that does not wait for one: nothing happens.
    sys::send(read_only, info(1, 0, 0));
    sys::nb_send(read_only, info(1, 0, 0));
    logged!([]);
    Ok(())
}

fn call_without_the_right(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let read_only = t.mint(ep, 2, 0)?;
    err!(sys::invoke_raw(read_only, 55, &[], &[]), InvalidCapability, [0]);
    let n = t.notification()?;
    let read_only = t.mint(n, 2, 0)?;
    err!(sys::invoke_raw(read_only, 55, &[], &[]), InvalidCapability, [0]);
    // A call of a notification is a signal that succeeds.
    eq!(sys::call(n, info(3, 0, 4)), message(0, 0, 0, 0, 0));
    eq!(sys::nb_wait(n).badge, 0);
    Ok(())
}

fn call_through_a_capability_that_cannot_grant(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let write_only = t.mint(ep, 1, 5)?;
    let caller = t.start(
        Spec::priority(210),
        |[ep, ..]| {
            sys::call(ep, info(6, 0, 0));
            log::push(1);
        },
        [write_only, 0, 0, 0],
    )?;
    // The message arrives, but nobody can answer it: the caller is stopped.
    eq!(sys::recv(ep, reply), message(5, 6, 0, 0, 0));
    sys::send(reply, info(0, 0, 0));
    logged!([]);
    ok!(api::tcb_suspend(caller.tcb));
    // Grant-reply is enough to be answered.
    let grant_reply = t.mint(ep, 1 | 8, 7)?;
    t.start(
        Spec::priority(210),
        |[ep, ..]| log::push(sys::call(ep, info(6, 0, 0)).info.label()),
        [grant_reply, 0, 0, 0],
    )?;
    eq!(sys::recv(ep, reply), message(7, 6, 0, 0, 0));
    sys::send(reply, info(44, 0, 0));
    logged!([44]);
    Ok(())
}

fn delete_of_an_endpoint_frees_the_waiting(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    // A thread blocked on an endpoint that goes is restarted: it makes its system call again. A send to an empty slot
    // is an error nobody is told of; a receive from one is a fault.
    t.start(Spec::priority(210), send_label, [ep, 1, 0, 0])?;
    t.start(Spec::priority(210), send_label, [ep, 2, 0, 0])?;
    logged!([]);
    ok!(api::cnode_delete(root(ep)));
    // Measured: the last one is the first to run.
    logged!([2, 1]);
    let (ep, faults) = (t.endpoint()?, t.endpoint()?);
    t.start(Spec::priority(210).fault(faults), receive_infos, [ep, 1, 0, 0])?;
    ok!(api::cnode_delete(root(ep)));
    eq!(sys::wait(faults), message(0, 1, 0, 0, 5));
    eq!((mr(1), mr(2), mr(3)), (ep, 1, 2));
    Ok(())
}

fn cancel_badged_sends(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let (one, two) = (t.mint(ep, ALL, 1)?, t.mint(ep, ALL, 2)?);
    // The cancelled senders are restarted: they send again and are queued behind the other. Measured: last first.
    t.start(Spec::priority(210), send_label, [one, 11, 0, 0])?;
    t.start(Spec::priority(210), send_label, [two, 22, 0, 0])?;
    t.start(Spec::priority(210), send_label, [one, 33, 0, 0])?;
    ok!(api::cnode_cancel_badged_sends(root(one)));
    let labels: [u64; 3] = core::array::from_fn(|_| sys::wait(ep).info.label());
    eq!(labels, [22, 33, 11]);
    logged!([22, 33, 11]);
    Ok(())
}

fn cancel_badged_sends_needs_all_rights(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    for rights in [1, 2, 3, 7, 11, 14] {
        let cap = t.mint(ep, rights, 1)?;
        err!(api::cnode_cancel_badged_sends(root(cap)), IllegalOperation, []);
    }
    let unbadged = t.copy(ep)?;
    ok!(api::cnode_cancel_badged_sends(root(unbadged)));
    Ok(())
}

fn cancel_badged_sends_of_other_objects(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let cnode = t.cnode(1)?;
    let empty = t.slot();
    err!(api::cnode_cancel_badged_sends(root(n)), IllegalOperation, []);
    err!(api::cnode_cancel_badged_sends(root(cnode)), IllegalOperation, []);
    err!(api::cnode_cancel_badged_sends(root(empty)), IllegalOperation, []);
    Ok(())
}

fn yield_goes_on(_: &mut Test) -> Outcome {
    // Alone at its priority, a thread that yields comes back.
    let mut x = [1, 2, 3, 4, 5, 6, 7, Syscall::Yield.to_raw() as u64, 9];
    sys::svc(&mut x);
    eq!(x, [1, 2, 3, 4, 5, 6, 7, Syscall::Yield.to_raw() as u64, 9]);
    Ok(())
}
