//! A stack of calls on one scheduling context, and what becomes of it when a part of it goes.
//!
//! A client calls a passive server, which calls the next, which calls the last; the last waits. Then something of the stack is taken
//! away, the last goes on, and at the end whoever still waits is answered. What is logged: 10 + n when server n is called, 20 + n
//! when it is answered, the client's answer, and 100 when the last was told to go on, 101 and 102 when the callers of the first and
//! of the second server were answered from outside.

use super::tests;
use crate::api::{self, root};
use crate::expect::{Failure, Outcome, eq, ok};
use crate::log;
use crate::sys::{self, Cap, info};
use crate::worker::{Made, Spec, Test, Worker};

tests![
    whole,
    client_suspended,
    client_deleted,
    middle_suspended,
    middle_deleted,
    caller_of_the_last_suspended,
    lowest_reply_object_deleted,
    middle_reply_object_deleted,
    highest_reply_object_deleted,
    middle_answered_early,
    context_unbound,
    context_deleted,
];

/// The stack: servers from the first called to the last, and the reply object each of them has.
struct Chain {
    client: Worker,
    servers: [Worker; 3],
    replies: [Cap; 3],
    go_on: Cap,
}

/// Server `n`: calls the next one, or waits for the notification if it is the last.
fn serve([endpoint, reply, next, n]: [u64; 4]) {
    let mut got = sys::recv(endpoint, reply);
    loop {
        log::push(10 + n);
        if n == 3 {
            sys::wait(next);
        } else {
            sys::call(next, info(n, 0, 0));
        }
        log::push(20 + n);
        got = sys::reply_recv(endpoint, info(got.info.label() + 50, 0, 0), reply);
    }
}

fn build(t: &mut Test) -> Made<Chain> {
    let go_on = t.notification()?;
    let mut replies = [0; 3];
    let mut endpoints = [0, 0, 0, go_on];
    for i in 0..3 {
        (endpoints[i], replies[i]) = (t.endpoint()?, t.reply()?);
    }
    let (starter, faults) = (t.budget(10_000, 10_000)?, t.endpoint()?);
    let mut server = |i: usize| -> Made<Worker> {
        let arguments = [endpoints[i], replies[i], endpoints[i + 1], i as u64 + 1];
        let server = t.worker(Spec::passive(211 + i as u64).fault(faults), serve, arguments)?;
        ok!(api::sched_context_bind(starter, server.tcb));
        ok!(api::tcb_resume(server.tcb));
        ok!(api::sched_context_unbind(starter));
        Ok(server)
    };
    let servers = [server(0)?, server(1)?, server(2)?];
    let client = t.start(
        Spec::priority(205),
        |[endpoint, ..]| log::push(sys::call(endpoint, info(1, 0, 0)).info.label()),
        [endpoints[0], 0, 0, 0],
    )?;
    Ok(Chain {
        client,
        servers,
        replies,
        go_on,
    })
}

/// Builds the stack, cuts it, and returns what is logged after that.
fn after(t: &mut Test, cut: impl FnOnce(&Chain) -> Outcome) -> Result<(usize, [u64; 10]), Failure> {
    let chain = build(t)?;
    eq!(log::take(), (3, [11, 12, 13]));
    cut(&chain)?;
    sys::signal(chain.go_on);
    log::push(100);
    sys::nb_send(chain.replies[0], info(61, 0, 0));
    log::push(101);
    sys::nb_send(chain.replies[1], info(62, 0, 0));
    log::push(102);
    Ok(log::take())
}

fn logged(entries: &[u64]) -> (usize, [u64; 10]) {
    let mut all = [0; 10];
    all[..entries.len()].copy_from_slice(entries);
    (entries.len(), all)
}

fn whole(t: &mut Test) -> Outcome {
    eq!(after(t, |_| Ok(()))?, logged(&[23, 22, 21, 51, 100, 101, 102]));
    Ok(())
}

fn client_suspended(t: &mut Test) -> Outcome {
    let cut = |chain: &Chain| {
        ok!(api::tcb_suspend(chain.client.tcb));
        Ok(())
    };
    eq!(after(t, cut)?, logged(&[23, 22, 21, 100, 101, 102]));
    Ok(())
}

fn client_deleted(t: &mut Test) -> Outcome {
    let cut = |chain: &Chain| {
        ok!(api::cnode_delete(root(chain.client.tcb)));
        Ok(())
    };
    eq!(after(t, cut)?, logged(&[23, 22, 21, 100, 101, 102]));
    Ok(())
}

fn middle_suspended(t: &mut Test) -> Outcome {
    let cut = |chain: &Chain| {
        ok!(api::tcb_suspend(chain.servers[0].tcb));
        Ok(())
    };
    eq!(after(t, cut)?, logged(&[23, 22, 100, 101, 102]));
    Ok(())
}

fn middle_deleted(t: &mut Test) -> Outcome {
    let cut = |chain: &Chain| {
        ok!(api::cnode_delete(root(chain.servers[0].tcb)));
        Ok(())
    };
    eq!(after(t, cut)?, logged(&[23, 22, 100, 101, 102]));
    Ok(())
}

fn caller_of_the_last_suspended(t: &mut Test) -> Outcome {
    let cut = |chain: &Chain| {
        ok!(api::tcb_suspend(chain.servers[1].tcb));
        Ok(())
    };
    eq!(after(t, cut)?, logged(&[23, 100, 101, 102]));
    Ok(())
}

fn lowest_reply_object_deleted(t: &mut Test) -> Outcome {
    eq!(
        after(t, |chain| delete(chain.replies[0]))?,
        logged(&[23, 22, 21, 100, 101, 102])
    );
    Ok(())
}

fn middle_reply_object_deleted(t: &mut Test) -> Outcome {
    eq!(
        after(t, |chain| delete(chain.replies[1]))?,
        logged(&[23, 22, 100, 101, 102])
    );
    Ok(())
}

fn highest_reply_object_deleted(t: &mut Test) -> Outcome {
    eq!(
        after(t, |chain| delete(chain.replies[2]))?,
        logged(&[100, 101, 21, 102])
    );
    Ok(())
}

fn middle_answered_early(t: &mut Test) -> Outcome {
    let cut = |chain: &Chain| {
        sys::nb_send(chain.replies[1], info(70, 0, 0));
        Ok(())
    };
    eq!(after(t, cut)?, logged(&[23, 22, 100, 101, 102]));
    Ok(())
}

fn context_unbound(t: &mut Test) -> Outcome {
    let cut = |chain: &Chain| {
        ok!(api::sched_context_unbind(chain.client.sc));
        Ok(())
    };
    eq!(after(t, cut)?, logged(&[100, 101, 102]));
    Ok(())
}

fn context_deleted(t: &mut Test) -> Outcome {
    eq!(
        after(t, |chain| delete(chain.client.sc))?,
        logged(&[100, 101, 102])
    );
    Ok(())
}

fn delete(cap: Cap) -> Outcome {
    ok!(api::cnode_delete(root(cap)));
    Ok(())
}
