//! Reply objects: who can be answered through them, once, and what becomes of callers when they go.

use super::tests;
use crate::api::{self, root};
use crate::expect::{Outcome, eq, ok};
use crate::log::{self, logged};
use crate::sys::{self, info, message};
use crate::worker::{Spec, Test, Worker};

tests![
    answers_once,
    answer_of_nobody,
    copies_answer_too,
    receive_with_a_used_reply_object,
    receive_without_a_reply_object,
    receive_with_what_is_no_reply_object,
    delete_of_a_reply_object_stops_the_caller,
    revoke_of_the_memory_of_a_reply_object,
    two_callers_two_reply_objects,
    caller_that_is_suspended_needs_no_answer,
    caller_that_is_deleted_needs_no_answer,
    server_that_is_deleted_leaves_the_reply_object,
    send_does_not_use_the_reply_object,
    reply_recv_answers_the_previous_caller,
    reply_recv_without_a_caller,
    call_of_a_reply_object,
    nested_calls,
    nested_calls_with_the_middle_gone,
];

/// Calls and logs the label of the answer.
fn call_once([ep, label, ..]: [u64; 4]) {
    log::push(sys::call(ep, info(label, 0, 0)).info.label());
}

fn caller(t: &mut Test, ep: sys::Cap, label: u64) -> Result<Worker, crate::expect::Failure> {
    t.start(Spec::priority(210), call_once, [ep, label, 0, 0])
}

fn answers_once(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    caller(t, ep, 1)?;
    sys::recv(ep, reply);
    sys::send(reply, info(2, 0, 0));
    logged!([2]);
    sys::send(reply, info(3, 0, 0));
    logged!([]);
    Ok(())
}

fn answer_of_nobody(t: &mut Test) -> Outcome {
    let reply = t.reply()?;
    sys::send(reply, info(2, 0, 4));
    sys::nb_send(reply, info(2, 0, 4));
    Ok(())
}

fn copies_answer_too(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let copy = t.copy(reply)?;
    caller(t, ep, 1)?;
    sys::recv(ep, reply);
    sys::send(copy, info(9, 0, 0));
    logged!([9]);
    sys::send(reply, info(8, 0, 0));
    logged!([]);
    Ok(())
}

fn receive_with_a_used_reply_object(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    caller(t, ep, 1)?;
    caller(t, ep, 2)?;
    eq!(sys::recv(ep, reply).info.label(), 1);
    // The first caller is given up: it will never be answered.
    eq!(sys::recv(ep, reply).info.label(), 2);
    sys::send(reply, info(5, 0, 0));
    logged!([5]);
    sys::send(reply, info(6, 0, 0));
    logged!([]);
    Ok(())
}

fn receive_without_a_reply_object(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let w = caller(t, ep, 1)?;
    eq!(sys::wait(ep), message(0, 1, 0, 0, 0));
    logged!([]);
    // Measured: the caller is stopped for good; resumed, it calls again.
    ok!(api::tcb_resume(w.tcb));
    eq!(sys::wait(ep), message(0, 1, 0, 0, 0));
    Ok(())
}

fn receive_with_what_is_no_reply_object(t: &mut Test) -> Outcome {
    let (ep, faults) = (t.endpoint()?, t.endpoint()?);
    let empty = t.slot();
    for (i, no_reply) in [ep, empty, 0].into_iter().enumerate() {
        t.start(
            Spec::priority(210).fault(faults),
            |[ep, reply, ..]| {
                sys::recv(ep, reply);
                log::push(1);
            },
            [ep, no_reply, 0, 0],
        )?;
        let fault = sys::nb_wait(faults);
        let words: [u64; 4] = core::array::from_fn(|i| sys::mr(i + 1));
        eq!(
            (i, fault, words),
            (i, message(0, 1, 0, 0, 5), [no_reply, 1, 2, 0])
        );
    }
    Ok(())
}

fn delete_of_a_reply_object_stops_the_caller(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let w = caller(t, ep, 1)?;
    sys::recv(ep, reply);
    ok!(api::cnode_delete(root(reply)));
    logged!([]);
    eq!(sys::nb_wait(ep).badge, 0);
    // It is inactive: resumed, it makes its call again.
    ok!(api::tcb_resume(w.tcb));
    eq!(sys::wait(ep), message(0, 1, 0, 0, 0));
    Ok(())
}

fn revoke_of_the_memory_of_a_reply_object(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let untyped = t.untyped(12)?;
    let reply = t.make_from(untyped, sel4_abi::object::ObjectType::Reply, 0)?;
    let w = caller(t, ep, 1)?;
    sys::recv(ep, reply);
    ok!(api::cnode_revoke(root(untyped)));
    logged!([]);
    ok!(api::tcb_suspend(w.tcb));
    Ok(())
}

fn two_callers_two_reply_objects(t: &mut Test) -> Outcome {
    let (ep, a, b) = (t.endpoint()?, t.reply()?, t.reply()?);
    caller(t, ep, 1)?;
    caller(t, ep, 2)?;
    sys::recv(ep, a);
    sys::recv(ep, b);
    sys::send(b, info(22, 0, 0));
    logged!([22]);
    sys::send(a, info(11, 0, 0));
    logged!([11]);
    Ok(())
}

fn caller_that_is_suspended_needs_no_answer(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let w = caller(t, ep, 1)?;
    sys::recv(ep, reply);
    ok!(api::tcb_suspend(w.tcb));
    sys::send(reply, info(2, 0, 0));
    logged!([]);
    // Resumed, it calls again; the reply object is free for it.
    ok!(api::tcb_resume(w.tcb));
    eq!(sys::recv(ep, reply), message(0, 1, 0, 0, 0));
    sys::send(reply, info(3, 0, 0));
    logged!([3]);
    Ok(())
}

fn caller_that_is_deleted_needs_no_answer(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let w = caller(t, ep, 1)?;
    sys::recv(ep, reply);
    ok!(api::cnode_delete(root(w.tcb)));
    sys::send(reply, info(2, 0, 0));
    logged!([]);
    Ok(())
}

fn server_that_is_deleted_leaves_the_reply_object(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let server = t.start(
        Spec::priority(211),
        |[ep, reply, ..]| {
            sys::recv(ep, reply);
            log::push(1);
        },
        [ep, reply, 0, 0],
    )?;
    caller(t, ep, 1)?;
    logged!([1]);
    ok!(api::cnode_delete(root(server.tcb)));
    sys::send(reply, info(7, 0, 0));
    logged!([7]);
    Ok(())
}

fn send_does_not_use_the_reply_object(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    caller(t, ep, 1)?;
    sys::recv(ep, reply);
    t.start(
        Spec::priority(210),
        |[ep, ..]| sys::send(ep, info(2, 0, 0)),
        [ep, 0, 0, 0],
    )?;
    let other = t.reply()?;
    eq!(sys::recv(ep, other), message(0, 2, 0, 0, 0));
    // Nothing is bound to the other.
    sys::send(other, info(4, 0, 0));
    logged!([]);
    sys::send(reply, info(3, 0, 0));
    logged!([3]);
    Ok(())
}

fn reply_recv_answers_the_previous_caller(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    caller(t, ep, 1)?;
    caller(t, ep, 2)?;
    eq!(sys::recv(ep, reply), message(0, 1, 0, 0, 0));
    eq!(sys::reply_recv(ep, info(8, 0, 0), reply), message(0, 2, 0, 0, 0));
    logged!([8]);
    Ok(())
}

fn reply_recv_without_a_caller(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    caller(t, ep, 1)?;
    eq!(sys::reply_recv(ep, info(8, 0, 0), reply), message(0, 1, 0, 0, 0));
    logged!([]);
    Ok(())
}

fn call_of_a_reply_object(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    caller(t, ep, 1)?;
    sys::recv(ep, reply);
    // A call of it answers too, and is answered by the kernel.
    eq!(sys::call(reply, info(6, 0, 0)), message(0, 0, 0, 0, 0));
    logged!([6]);
    Ok(())
}

/// Receives a call, passes it on as a call, and answers with what it got.
fn relay([from, reply, to, _]: [u64; 4]) {
    loop {
        let got = sys::recv(from, reply);
        let answer = sys::call(to, got.info);
        sys::send(reply, answer.info);
    }
}

fn nested_calls(t: &mut Test) -> Outcome {
    let (a, b) = (t.endpoint()?, t.endpoint()?);
    let (ra, rb) = (t.reply()?, t.reply()?);
    t.start(Spec::priority(211), relay, [a, ra, b, 0])?;
    caller(t, a, 5)?;
    eq!(sys::recv(b, rb), message(0, 5, 0, 0, 0));
    sys::send(rb, info(6, 0, 0));
    logged!([6]);
    Ok(())
}

fn nested_calls_with_the_middle_gone(t: &mut Test) -> Outcome {
    let (a, b) = (t.endpoint()?, t.endpoint()?);
    let (ra, rb) = (t.reply()?, t.reply()?);
    let middle = t.start(Spec::priority(211), relay, [a, ra, b, 0])?;
    caller(t, a, 5)?;
    sys::recv(b, rb);
    ok!(api::cnode_delete(root(middle.tcb)));
    // The answer to the middle goes nowhere; the caller can still be answered through the middle's reply object.
    sys::send(rb, info(6, 0, 0));
    logged!([]);
    sys::send(ra, info(7, 0, 0));
    logged!([7]);
    Ok(())
}
