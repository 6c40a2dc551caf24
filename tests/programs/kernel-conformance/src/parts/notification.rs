//! Notifications: badges, waiting, binding.

use super::tests;
use crate::api::{self, ALL, root};
use crate::expect::{Outcome, eq, err, ok};
use crate::log::{self, logged};
use crate::sys::{self, info, message};
use crate::worker::{Spec, Test};
use sel4_abi::object::ObjectType as O;

tests![
    badges_are_ored,
    poll_of_nothing,
    signal_wakes_a_waiting_thread,
    signals_wake_one_each,
    waiting_threads_are_served_by_priority,
    signal_message_is_empty,
    woken_thread_keeps_its_registers,
    signal_without_the_right,
    bound_thread_receives_signals_on_an_endpoint,
    bound_notification_comes_first,
    bound_thread_waits_on_its_notification,
    signal_to_a_bound_thread_that_does_not_receive,
    nb_recv_takes_a_bound_signal,
    bind_refuses,
    unbind_refuses,
    unbound_thread_receives_no_signal,
    rebinding_after_unbinding,
    delete_of_a_bound_notification_unbinds,
    delete_of_a_notification_restarts_the_waiting,
];

fn badges_are_ored(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let (a, b) = (t.mint(n, ALL, 0x5)?, t.mint(n, ALL, 0x30)?);
    sys::signal(a);
    sys::signal(b);
    sys::signal(a);
    eq!(sys::wait(n), message(0x35, 0, 0, 0, 0));
    eq!(sys::nb_wait(n).badge, 0);
    Ok(())
}

fn poll_of_nothing(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let number = sel4_abi::syscall::Syscall::NBWait.to_raw() as u64;
    let mut x = [n, 0x777, 1, 2, 3, 4, 5, number, 6];
    sys::svc(&mut x);
    eq!(x, [0, 0x777, 1, 2, 3, 4, 5, number, 6]);
    let number = sel4_abi::syscall::Syscall::NBRecv.to_raw() as u64;
    let mut x = [n, 0x777, 1, 2, 3, 4, 0, number, 6];
    sys::svc(&mut x);
    eq!(x, [0, 0x777, 1, 2, 3, 4, 0, number, 6]);
    Ok(())
}

/// Waits once and logs the badge and its own number.
fn wait_once([n, number, ..]: [u64; 4]) {
    let got = sys::wait(n);
    log::push(got.badge);
    log::push(number);
}

fn signal_wakes_a_waiting_thread(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let badged = t.mint(n, ALL, 6)?;
    t.start(Spec::priority(210), wait_once, [n, 1, 0, 0])?;
    logged!([]);
    sys::signal(badged);
    logged!([6, 1]);
    eq!(sys::nb_wait(n).badge, 0);
    Ok(())
}

fn signals_wake_one_each(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    for number in 1..=3 {
        t.start(Spec::priority(210), wait_once, [n, number, 0, 0])?;
    }
    for number in 1..=3 {
        let badged = t.mint(n, ALL, number << 4)?;
        sys::signal(badged);
        logged!([number << 4, number]);
    }
    Ok(())
}

fn waiting_threads_are_served_by_priority(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    for priority in [203, 210, 205] {
        t.start(Spec::priority(priority), wait_once, [n, priority, 0, 0])?;
    }
    for _ in 0..3 {
        sys::signal(n);
    }
    logged!([0, 210, 0, 205, 0, 203]);
    Ok(())
}

fn signal_message_is_empty(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let badged = t.mint(n, ALL, 0xf0)?;
    // Label, words and capabilities of the sender are not looked at.
    sys::send(badged, info(9, 0, 4));
    sys::nb_send(badged, info(9, 0, 120));
    let number = sel4_abi::syscall::Syscall::Wait.to_raw() as u64;
    let mut x = [n, 0x777, 1, 2, 3, 4, 5, number, 6];
    sys::svc(&mut x);
    // Measured: only the badge register is written.
    eq!(x, [0xf0, 0x777, 1, 2, 3, 4, 5, number, 6]);
    Ok(())
}

fn signal_without_the_right(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let read_only = t.mint(n, 2, 5)?;
    sys::signal(read_only);
    eq!(sys::nb_wait(n).badge, 0);
    Ok(())
}

fn woken_thread_keeps_its_registers(t: &mut Test) -> Outcome {
    let (n, ep) = (t.notification()?, t.endpoint()?);
    let badged = t.mint(n, ALL, 3)?;
    let worker = t.worker(
        Spec::priority(210),
        |[src, ..]| {
            let number = sel4_abi::syscall::Syscall::Wait.to_raw() as u64;
            let mut x = [src, 0x777, 1, 2, 3, 4, 5, number, 6];
            sys::svc(&mut x);
            for value in &x[..6] {
                log::push(*value);
            }
        },
        [n, 0, 0, 0],
    )?;
    ok!(api::tcb_resume(worker.tcb));
    sys::signal(badged);
    logged!([3, 0x777, 1, 2, 3, 4]);
    // The same through an endpoint to which it is bound.
    ok!(api::tcb_bind_notification(t.tcb, n));
    sys::signal(badged);
    let number = sel4_abi::syscall::Syscall::NBWait.to_raw() as u64;
    let mut x = [ep, 0x777, 1, 2, 3, 4, 5, number, 6];
    sys::svc(&mut x);
    eq!(x, [3, 0x777, 1, 2, 3, 4, 5, number, 6]);
    Ok(())
}

/// Receives on an endpoint `count` times and logs badge and label.
fn receive([ep, reply, count, _]: [u64; 4]) {
    for _ in 0..count {
        let _ = reply;
        let got = sys::wait(ep);
        log::push(got.badge);
        log::push(got.info.into_word());
    }
}

fn bound_thread_receives_signals_on_an_endpoint(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let badged = t.mint(n, ALL, 0x40)?;
    let worker = t.worker(Spec::priority(210), receive, [ep, 0, 2, 0])?;
    ok!(api::tcb_bind_notification(worker.tcb, n));
    ok!(api::tcb_resume(worker.tcb));
    sys::signal(badged);
    logged!([0x40, 0]);
    sys::send(ep, info(3, 0, 2));
    logged!([0, info(3, 0, 2).into_word()]);
    Ok(())
}

fn bound_notification_comes_first(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let badged = t.mint(n, ALL, 2)?;
    ok!(api::tcb_bind_notification(t.tcb, n));
    t.start(
        Spec::priority(210),
        |[ep, ..]| sys::send(ep, info(7, 0, 0)),
        [ep, 0, 0, 0],
    )?;
    sys::signal(badged);
    eq!(sys::wait(ep), message(2, 0, 0, 0, 0));
    eq!(sys::wait(ep), message(0, 7, 0, 0, 0));
    Ok(())
}

fn bound_thread_waits_on_its_notification(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let badged = t.mint(n, ALL, 2)?;
    ok!(api::tcb_bind_notification(t.tcb, n));
    sys::signal(badged);
    eq!(sys::wait(n), message(2, 0, 0, 0, 0));
    eq!(sys::nb_wait(n).badge, 0);
    Ok(())
}

fn signal_to_a_bound_thread_that_does_not_receive(t: &mut Test) -> Outcome {
    let (ep, n, m) = (t.endpoint()?, t.notification()?, t.notification()?);
    let badged = t.mint(n, ALL, 8)?;
    // Blocked on a send or on another notification, it is not woken.
    let worker = t.worker(
        Spec::priority(210),
        |[ep, m, n, _]| {
            sys::send(ep, info(1, 0, 0));
            log::push(1);
            sys::wait(m);
            log::push(2);
            log::push(sys::nb_wait(n).badge);
        },
        [ep, m, n, 0],
    )?;
    ok!(api::tcb_bind_notification(worker.tcb, n));
    ok!(api::tcb_resume(worker.tcb));
    sys::signal(badged);
    logged!([]);
    sys::wait(ep);
    logged!([1]);
    sys::signal(badged);
    logged!([]);
    sys::signal(m);
    logged!([2, 8]);
    Ok(())
}

fn nb_recv_takes_a_bound_signal(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let badged = t.mint(n, ALL, 2)?;
    ok!(api::tcb_bind_notification(t.tcb, n));
    sys::signal(badged);
    eq!(sys::nb_wait(ep), message(2, 0, 0, 0, 0));
    eq!(sys::nb_wait(ep).badge, 0);
    Ok(())
}

fn bind_refuses(t: &mut Test) -> Outcome {
    let (n, m, ep) = (t.notification()?, t.notification()?, t.endpoint()?);
    let (a, b) = (t.make(O::Tcb, 0)?, t.make(O::Tcb, 0)?);
    let empty = t.slot();
    err!(api::tcb_bind_notification(a, ep), IllegalOperation, []);
    err!(api::tcb_bind_notification(a, empty), IllegalOperation, []);
    let write_only = t.mint(n, 1, 0)?;
    err!(api::tcb_bind_notification(a, write_only), IllegalOperation, []);
    let read_only = t.mint(n, 2, 0)?;
    ok!(api::tcb_bind_notification(a, read_only));
    err!(api::tcb_bind_notification(a, n), IllegalOperation, []);
    err!(api::tcb_bind_notification(a, m), IllegalOperation, []);
    err!(api::tcb_bind_notification(b, n), IllegalOperation, []);
    err!(
        sys::invoke(
            a,
            sel4_abi::invocation::InvocationLabel::TCBBindNotification,
            &[],
            &[]
        ),
        TruncatedMessage,
        []
    );
    // Somebody waits on it.
    t.start(Spec::priority(210), wait_once, [m, 1, 0, 0])?;
    err!(api::tcb_bind_notification(b, m), IllegalOperation, []);
    Ok(())
}

fn unbind_refuses(t: &mut Test) -> Outcome {
    let a = t.make(O::Tcb, 0)?;
    let n = t.notification()?;
    err!(api::tcb_unbind_notification(a), IllegalOperation, []);
    ok!(api::tcb_bind_notification(a, n));
    ok!(api::tcb_unbind_notification(a));
    err!(api::tcb_unbind_notification(a), IllegalOperation, []);
    Ok(())
}

fn unbound_thread_receives_no_signal(t: &mut Test) -> Outcome {
    let (ep, n) = (t.endpoint()?, t.notification()?);
    let badged = t.mint(n, ALL, 1)?;
    let worker = t.worker(Spec::priority(210), receive, [ep, 0, 1, 0])?;
    ok!(api::tcb_bind_notification(worker.tcb, n));
    ok!(api::tcb_resume(worker.tcb));
    ok!(api::tcb_unbind_notification(worker.tcb));
    sys::signal(badged);
    logged!([]);
    eq!(sys::nb_wait(n).badge, 1);
    Ok(())
}

fn rebinding_after_unbinding(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let (a, b) = (t.make(O::Tcb, 0)?, t.make(O::Tcb, 0)?);
    ok!(api::tcb_bind_notification(a, n));
    ok!(api::tcb_unbind_notification(a));
    ok!(api::tcb_bind_notification(b, n));
    // Deletion of a thread unbinds.
    ok!(api::cnode_delete(root(b)));
    ok!(api::tcb_bind_notification(a, n));
    Ok(())
}

fn delete_of_a_bound_notification_unbinds(t: &mut Test) -> Outcome {
    let (n, m) = (t.notification()?, t.notification()?);
    let a = t.make(O::Tcb, 0)?;
    ok!(api::tcb_bind_notification(a, n));
    ok!(api::cnode_delete(root(n)));
    err!(api::tcb_unbind_notification(a), IllegalOperation, []);
    ok!(api::tcb_bind_notification(a, m));
    Ok(())
}

fn delete_of_a_notification_restarts_the_waiting(t: &mut Test) -> Outcome {
    let (n, faults) = (t.notification()?, t.endpoint()?);
    t.start(Spec::priority(210).fault(faults), wait_once, [n, 1, 0, 0])?;
    ok!(api::cnode_delete(root(n)));
    // Its system call is made again, on an empty slot.
    let fault = sys::wait(faults);
    eq!((fault.info.label(), sys::mr(1), sys::mr(2)), (1, n, 1));
    Ok(())
}
