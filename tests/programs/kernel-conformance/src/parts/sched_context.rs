//! Scheduling contexts: configuration, binding, donation.

use super::tests;
use crate::api::{self, ALL, root, sched_control_configure};
use crate::arena;
use crate::expect::{Failure, Outcome, eq, err, ok, within};
use crate::log::{self, logged};
use crate::sys::{self, Cap, info, invoke, message};
use crate::worker::{Spec, Test, Worker};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

tests![
    configure_ranges,
    configure_refuses,
    extra_refills_depend_on_the_size,
    bind_and_unbind,
    bind_refuses,
    unbind_of_itself_is_refused,
    unbind_object_refuses,
    unbound_thread_does_not_run,
    unconfigured_context_gives_no_time,
    configuring_starts_a_bound_thread,
    reconfiguring_the_running_thread,
    delete_of_a_context_stops_its_thread,
    notification_lends_its_context,
    notification_context_binds_once,
    passive_server_runs_on_the_callers_time,
    donated_context_comes_back_with_the_reply,
    send_donates_nothing,
    passive_receiver_of_a_send_needs_no_time_yet,
    donation_through_two_servers,
    suspended_server_keeps_the_context,
    deleted_server_returns_the_context,
    deleted_reply_object_returns_the_context,
    unbind_object_takes_a_donated_context_back,
    priority_is_not_donated,
    signal_to_a_passive_thread,
];

fn configure_ranges(t: &mut Test) -> Outcome {
    let sc = t.sched_context()?;
    let configure = |budget, period| sched_control_configure(arena::control(), sc, budget, period, 0, 0, 0);
    // The least is twice the kernel's own worst case.
    let (least, most) = (20, 0x218d_ef41_6bdb);
    ok!(configure(least, least));
    ok!(configure(1_000, 1_000));
    ok!(configure(1_000, 1_001));
    err!(configure(least - 1, 1_000), RangeError, [least, most]);
    err!(configure(0, 1_000), RangeError, [least, most]);
    err!(configure(1_000, 999), RangeError, [least, 999]);
    err!(configure(1_000, 0), RangeError, [least, most]);
    err!(configure(u64::MAX, u64::MAX), RangeError, [least, most]);
    ok!(configure(most, most));
    err!(configure(1_000, most + 1), RangeError, [least, most]);
    Ok(())
}

fn configure_refuses(t: &mut Test) -> Outcome {
    let (sc, n) = (t.sched_context()?, t.notification()?);
    let empty = t.slot();
    let control = arena::control();
    err!(
        sched_control_configure(control, n, 1_000, 1_000, 0, 0, 0),
        InvalidCapability,
        [1]
    );
    err!(
        sched_control_configure(control, empty, 1_000, 1_000, 0, 0, 0),
        InvalidCapability,
        [1]
    );
    err!(
        sched_control_configure(sc, sc, 1_000, 1_000, 0, 0, 0),
        IllegalOperation,
        []
    );
    for length in 0..5 {
        err!(
            invoke(
                control,
                L::SchedControlConfigureFlags,
                &[1_000, 1_000, 0, 0, 0][..length],
                &[sc]
            ),
            TruncatedMessage,
            []
        );
    }
    err!(
        invoke(
            control,
            L::SchedControlConfigureFlags,
            &[1_000, 1_000, 0, 0, 0],
            &[]
        ),
        TruncatedMessage,
        []
    );
    // Flags that mean nothing are not refused.
    ok!(sched_control_configure(control, sc, 1_000, 1_000, 0, 0, u64::MAX));
    err!(
        invoke(control, L::SchedContextUnbind, &[], &[]),
        IllegalOperation,
        []
    );
    Ok(())
}

fn extra_refills_depend_on_the_size(t: &mut Test) -> Outcome {
    for (bits, most) in [(7, 0), (8, 8), (9, 24), (12, 248)] {
        let sc = t.make(O::SchedContext, bits)?;
        let configure = |extra| sched_control_configure(arena::control(), sc, 1_000, 10_000, extra, 0, 0);
        ok!(configure(most));
        err!(configure(most + 1), RangeError, [0, most]);
        err!(configure(u64::MAX), RangeError, [0, most]);
        // For round robin they are not used, but looked at.
        err!(
            sched_control_configure(arena::control(), sc, 1_000, 1_000, most + 1, 0, 0),
            RangeError,
            [0, most]
        );
    }
    Ok(())
}

fn bind_and_unbind(t: &mut Test) -> Outcome {
    let (sc, tcb) = (t.budget(1_000, 1_000)?, t.make(O::Tcb, 0)?);
    ok!(api::sched_context_bind(sc, tcb));
    ok!(api::sched_context_unbind(sc));
    ok!(api::sched_context_unbind(sc));
    ok!(api::sched_context_bind(sc, tcb));
    ok!(api::sched_context_unbind_object(sc, tcb));
    ok!(api::sched_context_bind(sc, tcb));
    Ok(())
}

fn bind_refuses(t: &mut Test) -> Outcome {
    let (sc, other) = (t.budget(1_000, 1_000)?, t.budget(1_000, 1_000)?);
    let (tcb, second, ep) = (t.make(O::Tcb, 0)?, t.make(O::Tcb, 0)?, t.endpoint()?);
    let (n, m) = (t.notification()?, t.notification()?);
    let empty = t.slot();
    err!(api::sched_context_bind(sc, ep), InvalidCapability, [1]);
    err!(api::sched_context_bind(sc, empty), InvalidCapability, [1]);
    err!(api::sched_context_bind(sc, sc), InvalidCapability, [1]);
    err!(invoke(sc, L::SchedContextBind, &[], &[]), TruncatedMessage, []);
    ok!(api::sched_context_bind(sc, tcb));
    err!(api::sched_context_bind(sc, tcb), IllegalOperation, []);
    err!(api::sched_context_bind(sc, second), IllegalOperation, []);
    err!(api::sched_context_bind(other, tcb), IllegalOperation, []);
    // Measured: it can be bound to a thread and to a notification, one of each.
    ok!(api::sched_context_bind(sc, n));
    err!(api::sched_context_bind(sc, m), IllegalOperation, []);
    err!(api::sched_context_bind(other, n), IllegalOperation, []);
    ok!(api::sched_context_bind(other, m));
    ok!(api::sched_context_bind(other, second));
    // Unbinding takes both.
    ok!(api::sched_context_unbind(other));
    ok!(api::sched_context_bind(other, m));
    ok!(api::sched_context_bind(other, second));
    Ok(())
}

fn unbind_of_itself_is_refused(t: &mut Test) -> Outcome {
    let worker = t.worker(
        Spec::priority(210),
        |[sc_slot, tcb_slot, ..]| {
            log::push(api::sched_context_unbind(sc_slot).label);
            log::push(api::sched_context_unbind_object(sc_slot, tcb_slot).label);
            log::push(api::sched_context_yield_to(sc_slot).label);
        },
        [0; 4],
    )?;
    let mut all = crate::code::registers(worker.tcb)?;
    all[crate::code::reg::X0 + 2] = worker.sc;
    all[crate::code::reg::X0 + 3] = worker.tcb;
    ok!(api::tcb_write_registers(worker.tcb, true, &all));
    logged!([3, 3, 3]);
    Ok(())
}

fn unbind_object_refuses(t: &mut Test) -> Outcome {
    let (sc, tcb, n, ep) = (
        t.budget(1_000, 1_000)?,
        t.make(O::Tcb, 0)?,
        t.notification()?,
        t.endpoint()?,
    );
    err!(api::sched_context_unbind_object(sc, tcb), IllegalOperation, []);
    err!(api::sched_context_unbind_object(sc, n), IllegalOperation, []);
    err!(api::sched_context_unbind_object(sc, ep), InvalidCapability, [1]);
    err!(
        invoke(sc, L::SchedContextUnbindObject, &[], &[]),
        TruncatedMessage,
        []
    );
    ok!(api::sched_context_bind(sc, n));
    ok!(api::sched_context_unbind_object(sc, n));
    err!(api::sched_context_unbind_object(sc, n), IllegalOperation, []);
    Ok(())
}

fn unbound_thread_does_not_run(t: &mut Test) -> Outcome {
    let worker = t.start(Spec::priority(100), |_| log::push(1), [0; 4])?;
    ok!(api::sched_context_unbind(worker.sc));
    t.settle()?;
    logged!([]);
    ok!(api::sched_context_bind(worker.sc, worker.tcb));
    t.settle()?;
    logged!([1]);
    Ok(())
}

fn unconfigured_context_gives_no_time(t: &mut Test) -> Outcome {
    let worker = t.worker(Spec::passive(210), |_| log::push(1), [0; 4])?;
    let sc = t.sched_context()?;
    ok!(api::sched_context_bind(sc, worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    logged!([]);
    eq!(ok!(api::sched_context_consumed(sc)).mr(0), 0);
    Ok(())
}

fn configuring_starts_a_bound_thread(t: &mut Test) -> Outcome {
    let worker = t.worker(Spec::passive(210), |_| log::push(1), [0; 4])?;
    let sc = t.sched_context()?;
    ok!(api::sched_context_bind(sc, worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    logged!([]);
    ok!(sched_control_configure(
        arena::control(),
        sc,
        1_000,
        1_000,
        0,
        0,
        0
    ));
    logged!([1]);
    Ok(())
}

fn reconfiguring_the_running_thread(t: &mut Test) -> Outcome {
    // A thread that runs on 50 ms reduces its own context to 2 in 20. Measured: it still runs for what it had.
    let worker = t.worker(
        Spec::priority(210).budget(50_000, 50_000),
        |[sc, control, ..]| {
            sys::spin(1_000);
            let answer = sched_control_configure(control, sc, 2_000, 20_000, 0, 0, 0);
            log::push(answer.label);
            loop {
                core::hint::spin_loop();
            }
        },
        [0; 4],
    )?;
    let mut all = crate::code::registers(worker.tcb)?;
    all[crate::code::reg::X0 + 2] = worker.sc;
    all[crate::code::reg::X0 + 3] = arena::control();
    let start = sys::now();
    ok!(api::tcb_write_registers(worker.tcb, true, &all));
    within!(sys::now() - start, sys::ticks(49_800), sys::ticks(51_500));
    logged!([0]);
    within!(ok!(api::sched_context_consumed(worker.sc)).mr(0), 49_800, 50_500);
    sys::spin(60_000);
    within!(ok!(api::sched_context_consumed(worker.sc)).mr(0), 0, 0);
    Ok(())
}

fn delete_of_a_context_stops_its_thread(t: &mut Test) -> Outcome {
    let worker = t.start(Spec::priority(100), |_| log::push(1), [0; 4])?;
    ok!(api::cnode_delete(root(worker.sc)));
    t.settle()?;
    logged!([]);
    let sc = t.budget(1_000, 1_000)?;
    ok!(api::sched_context_bind(sc, worker.tcb));
    t.settle()?;
    logged!([1]);
    Ok(())
}

fn notification_lends_its_context(t: &mut Test) -> Outcome {
    let (n, sc) = (t.notification()?, t.budget(10_000, 10_000)?);
    let badged = t.mint(n, ALL, 5)?;
    ok!(api::sched_context_bind(sc, n));
    let worker = t.worker(
        Spec::passive(210),
        |[n, ..]| loop {
            log::push(sys::wait(n).badge);
        },
        [n, 0, 0, 0],
    )?;
    // It needs time once to come to its wait.
    let first = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(first, worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    ok!(api::sched_context_unbind(first));
    for _ in 0..2 {
        sys::signal(badged);
        logged!([5]);
    }
    // Without its context, the signal arrives but there is no time to run on.
    ok!(api::sched_context_unbind_object(sc, n));
    sys::signal(badged);
    logged!([]);
    ok!(api::sched_context_bind(first, worker.tcb));
    logged!([5]);
    Ok(())
}

fn notification_context_binds_once(t: &mut Test) -> Outcome {
    let (n, sc) = (t.notification()?, t.budget(10_000, 10_000)?);
    let tcb = t.make(O::Tcb, 0)?;
    ok!(api::sched_context_bind(sc, n));
    ok!(api::cnode_delete(root(n)));
    // The end of the notification unbinds.
    ok!(api::sched_context_bind(sc, tcb));
    Ok(())
}

/// A passive server at that priority that waits on the endpoint; it logs and answers label plus one.
fn passive_server(t: &mut Test, priority: u64, ep: Cap, reply: Cap) -> Result<Worker, Failure> {
    let worker = t.worker(
        Spec::passive(priority),
        |[ep, reply, ..]| {
            let mut got = sys::recv(ep, reply);
            loop {
                log::push(got.info.label());
                got = sys::reply_recv(ep, info(got.info.label() + 1, 0, 0), reply);
            }
        },
        [ep, reply, 0, 0],
    )?;
    let sc = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(sc, worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    if priority < crate::supervisor::RUNNER_PRIORITY {
        t.settle()?;
    }
    ok!(api::sched_context_unbind(sc));
    Ok(worker)
}

fn passive_server_runs_on_the_callers_time(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    passive_server(t, 210, ep, reply)?;
    for label in [3, 5] {
        eq!(sys::call(ep, info(label, 0, 0)), message(0, label + 1, 0, 0, 0));
        logged!([label]);
    }
    Ok(())
}

fn donated_context_comes_back_with_the_reply(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let server = t.worker(
        Spec::passive(160),
        |[ep, reply, ..]| {
            sys::recv(ep, reply);
            sys::spin(3_000);
            sys::reply_recv(ep, info(0, 0, 0), reply);
        },
        [ep, reply, 0, 0],
    )?;
    let sc = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(sc, server.tcb));
    ok!(api::tcb_resume(server.tcb));
    t.settle()?;
    ok!(api::sched_context_unbind(sc));
    let client = t.start(
        Spec::priority(150),
        |[ep, ..]| {
            sys::call(ep, info(0, 0, 0));
            sys::spin(2_000);
            log::push(1);
        },
        [ep, 0, 0, 0],
    )?;
    t.settle()?;
    logged!([1]);
    // What the server used was the client's.
    within!(ok!(api::sched_context_consumed(client.sc)).mr(0), 4_900, 5_500);
    Ok(())
}

fn send_donates_nothing(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let server = passive_server(t, 210, ep, reply)?;
    sys::send(ep, info(7, 0, 0));
    // The message arrived; without a context the server cannot look at it.
    logged!([]);
    let sc = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(sc, server.tcb));
    logged!([7]);
    Ok(())
}

fn passive_receiver_of_a_send_needs_no_time_yet(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    passive_server(t, 210, ep, reply)?;
    sys::nb_send(ep, info(7, 0, 0));
    logged!([]);
    // It is no longer waiting: a call queues.
    sys::nb_send(ep, info(8, 0, 0));
    logged!([]);
    Ok(())
}

fn donation_through_two_servers(t: &mut Test) -> Outcome {
    let (a, b, ra, rb) = (t.endpoint()?, t.endpoint()?, t.reply()?, t.reply()?);
    passive_server(t, 212, b, rb)?;
    let middle = t.worker(
        Spec::passive(211),
        |[a, ra, b, _]| {
            let mut got = sys::recv(a, ra);
            loop {
                let answer = sys::call(b, info(got.info.label() + 10, 0, 0));
                got = sys::reply_recv(a, answer.info, ra);
            }
        },
        [a, ra, b, 0],
    )?;
    let sc = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(sc, middle.tcb));
    ok!(api::tcb_resume(middle.tcb));
    ok!(api::sched_context_unbind(sc));
    eq!(sys::call(a, info(1, 0, 0)).info.label(), 12);
    eq!(sys::call(a, info(2, 0, 0)).info.label(), 13);
    logged!([11, 12]);
    Ok(())
}

/// A server that answers only when it is told to, and a client that calls it and logs the label.
fn stuck_server(t: &mut Test) -> Result<(Worker, Worker, Cap), Failure> {
    let (ep, reply, n) = (t.endpoint()?, t.reply()?, t.notification()?);
    let server = t.worker(
        Spec::passive(210),
        |[ep, reply, n, _]| {
            sys::recv(ep, reply);
            log::push(1);
            sys::wait(n);
            log::push(2);
            sys::send(reply, info(9, 0, 0));
        },
        [ep, reply, n, 0],
    )?;
    let sc = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(sc, server.tcb));
    ok!(api::tcb_resume(server.tcb));
    ok!(api::sched_context_unbind(sc));
    let client = t.start(
        Spec::priority(205),
        |[ep, ..]| log::push(sys::call(ep, info(0, 0, 0)).info.label()),
        [ep, 0, 0, 0],
    )?;
    Ok((server, client, reply))
}

fn suspended_server_keeps_the_context(t: &mut Test) -> Outcome {
    let (server, client, reply) = stuck_server(t)?;
    logged!([1]);
    ok!(api::tcb_suspend(server.tcb));
    // Its client cannot run: the context is still the server's. The answer brings it back.
    err!(
        api::sched_context_bind(client.sc, client.tcb),
        IllegalOperation,
        []
    );
    sys::send(reply, info(4, 0, 0));
    logged!([4]);
    Ok(())
}

fn deleted_server_returns_the_context(t: &mut Test) -> Outcome {
    let (server, _, reply) = stuck_server(t)?;
    logged!([1]);
    ok!(api::cnode_delete(root(server.tcb)));
    logged!([]);
    sys::send(reply, info(4, 0, 0));
    logged!([4]);
    Ok(())
}

fn deleted_reply_object_returns_the_context(t: &mut Test) -> Outcome {
    let (server, client, reply) = stuck_server(t)?;
    logged!([1]);
    ok!(api::cnode_delete(root(reply)));
    logged!([]);
    // Measured: the client is inactive, and has its context again; the server is passive.
    err!(
        api::sched_context_bind(client.sc, client.tcb),
        IllegalOperation,
        []
    );
    let sc = t.budget(10_000, 10_000)?;
    let bound = api::sched_context_bind(sc, server.tcb);
    log::push(bound.label);
    logged!([0]);
    Ok(())
}

fn unbind_object_takes_a_donated_context_back(t: &mut Test) -> Outcome {
    let (server, client, reply) = stuck_server(t)?;
    logged!([1]);
    ok!(api::sched_context_unbind_object(client.sc, server.tcb));
    let b = api::sched_context_bind(client.sc, client.tcb);
    log::push(b.label);
    sys::send(reply, info(6, 0, 0));
    logged!([0, 6]);
    Ok(())
}

fn priority_is_not_donated(t: &mut Test) -> Outcome {
    // A passive server keeps its own priority: below the ready thread, it does not answer a client above it.
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    passive_server(t, 120, ep, reply)?;
    t.start(Spec::priority(130), |_| log::push(100), [0; 4])?;
    t.start(
        Spec::priority(140),
        |[ep, ..]| {
            sys::call(ep, info(1, 0, 0));
            log::push(50);
        },
        [ep, 0, 0, 0],
    )?;
    t.settle()?;
    logged!([100, 1, 50]);
    Ok(())
}

fn signal_to_a_passive_thread(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let worker = t.worker(
        Spec::passive(210),
        |[n, ..]| log::push(sys::wait(n).badge + 1),
        [n, 0, 0, 0],
    )?;
    let sc = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(sc, worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    ok!(api::sched_context_unbind(sc));
    sys::signal(n);
    logged!([]);
    ok!(api::sched_context_bind(sc, worker.tcb));
    logged!([1]);
    Ok(())
}
