//! Priorities as authority, and the endpoints that a thread's faults go to.

use super::tests;
use crate::api::{self, CNODE, INIT_TCB, VSPACE};
use crate::expect::{Outcome, err, ok};
use crate::supervisor::RUNNER_MCP;
use crate::sys::invoke;
use crate::worker::Test;
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

tests![
    priority_range,
    mc_priority_range,
    sched_params_range,
    sched_params_refuse,
    fault_endpoints_need_rights,
    timeout_endpoints_need_rights,
];

fn priority_range(t: &mut Test) -> Outcome {
    let (tcb, ep) = (t.make(O::Tcb, 0)?, t.endpoint()?);
    let empty = t.slot();
    ok!(api::tcb_set_priority(tcb, t.tcb, RUNNER_MCP));
    ok!(api::tcb_set_priority(tcb, t.tcb, 0));
    err!(
        api::tcb_set_priority(tcb, t.tcb, RUNNER_MCP + 1),
        RangeError,
        [0, RUNNER_MCP]
    );
    err!(
        api::tcb_set_priority(tcb, t.tcb, 256),
        RangeError,
        [0, RUNNER_MCP]
    );
    err!(
        api::tcb_set_priority(tcb, t.tcb, u64::MAX),
        RangeError,
        [0, RUNNER_MCP]
    );
    ok!(api::tcb_set_priority(tcb, INIT_TCB, 255));
    err!(api::tcb_set_priority(tcb, INIT_TCB, 256), RangeError, [0, 255]);
    err!(api::tcb_set_priority(tcb, ep, 1), InvalidCapability, [1]);
    err!(api::tcb_set_priority(tcb, empty, 1), InvalidCapability, [1]);
    err!(invoke(tcb, L::TCBSetPriority, &[1], &[]), TruncatedMessage, []);
    err!(
        invoke(tcb, L::TCBSetPriority, &[], &[t.tcb]),
        TruncatedMessage,
        []
    );
    Ok(())
}

fn mc_priority_range(t: &mut Test) -> Outcome {
    let (tcb, ep) = (t.make(O::Tcb, 0)?, t.endpoint()?);
    ok!(api::tcb_set_mc_priority(tcb, t.tcb, RUNNER_MCP));
    err!(
        api::tcb_set_mc_priority(tcb, t.tcb, RUNNER_MCP + 1),
        RangeError,
        [0, RUNNER_MCP]
    );
    err!(api::tcb_set_mc_priority(tcb, ep, 1), InvalidCapability, [1]);
    err!(invoke(tcb, L::TCBSetMCPriority, &[1], &[]), TruncatedMessage, []);
    // It is authority for others at once.
    ok!(api::tcb_set_mc_priority(tcb, t.tcb, 7));
    let other = t.make(O::Tcb, 0)?;
    ok!(api::tcb_set_priority(other, tcb, 7));
    err!(api::tcb_set_priority(other, tcb, 8), RangeError, [0, 7]);
    Ok(())
}

fn sched_params_range(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    let set = |mcp, priority| api::tcb_set_sched_params(tcb, t.tcb, mcp, priority, 0, 0);
    ok!(set(RUNNER_MCP, RUNNER_MCP));
    err!(set(RUNNER_MCP + 1, 1), RangeError, [0, RUNNER_MCP]);
    err!(set(1, RUNNER_MCP + 1), RangeError, [0, RUNNER_MCP]);
    Ok(())
}

fn sched_params_refuse(t: &mut Test) -> Outcome {
    let (tcb, other, ep, n) = (
        t.make(O::Tcb, 0)?,
        t.make(O::Tcb, 0)?,
        t.endpoint()?,
        t.notification()?,
    );
    let empty = t.slot();
    let (sc, sc2, fresh) = (
        t.budget(10_000, 10_000)?,
        t.budget(10_000, 10_000)?,
        t.sched_context()?,
    );
    let set = |tcb, authority, sc, fault| api::tcb_set_sched_params(tcb, authority, 1, 1, sc, fault);
    err!(set(tcb, ep, sc, ep), InvalidCapability, [1]);
    err!(set(tcb, empty, sc, ep), InvalidCapability, [1]);
    err!(set(tcb, t.tcb, ep, ep), InvalidCapability, [2]);
    err!(set(tcb, t.tcb, sc, n), InvalidCapability, [3]);
    ok!(set(tcb, t.tcb, fresh, empty));
    // Bound already: to another context, or the context to another thread; the same again is fine.
    err!(set(tcb, t.tcb, sc, ep), IllegalOperation, []);
    ok!(set(tcb, t.tcb, fresh, ep));
    err!(set(other, t.tcb, fresh, ep), IllegalOperation, []);
    // An empty slot unbinds.
    ok!(set(tcb, t.tcb, empty, ep));
    ok!(set(other, t.tcb, fresh, ep));
    // Measured: a context that is bound to a notification can be bound to a thread as well.
    ok!(api::sched_context_bind(sc, n));
    ok!(set(tcb, t.tcb, sc, ep));
    ok!(set(tcb, t.tcb, empty, ep));
    ok!(set(tcb, t.tcb, sc2, ep));
    // Its own context cannot be taken from a thread by itself.
    err!(set(t.tcb, t.tcb, empty, ep), IllegalOperation, []);
    for n in 0..3 {
        err!(
            invoke(tcb, L::TCBSetSchedParams, &[1, 1], &[t.tcb, sc2, ep][..n]),
            TruncatedMessage,
            []
        );
    }
    err!(
        invoke(tcb, L::TCBSetSchedParams, &[1], &[t.tcb, sc2, ep]),
        TruncatedMessage,
        []
    );
    Ok(())
}

fn fault_endpoints_need_rights(t: &mut Test) -> Outcome {
    let (tcb, ep) = (t.make(O::Tcb, 0)?, t.endpoint()?);
    for (rights, accepted) in [
        (0, false),
        (1, false),
        (2, false),
        (3, false),
        (4, false),
        (8, false),
        (12, false),
        (5, true),
        (9, true),
        (15, true),
    ] {
        let cap = t.mint(ep, rights, 0)?;
        let space = api::tcb_set_space(tcb, cap, CNODE, 0, VSPACE);
        let params = api::tcb_set_sched_params(tcb, t.tcb, 1, 1, 0, cap);
        if accepted {
            ok!(space);
            ok!(params);
        } else {
            err!(space, InvalidCapability, [1]);
            err!(params, InvalidCapability, [3]);
        }
    }
    Ok(())
}

fn timeout_endpoints_need_rights(t: &mut Test) -> Outcome {
    let (tcb, ep, n) = (t.make(O::Tcb, 0)?, t.endpoint()?, t.notification()?);
    let empty = t.slot();
    ok!(api::tcb_set_timeout_endpoint(tcb, ep));
    ok!(api::tcb_set_timeout_endpoint(tcb, empty));
    err!(api::tcb_set_timeout_endpoint(tcb, n), InvalidCapability, [1]);
    let write = t.mint(ep, 3, 0)?;
    err!(api::tcb_set_timeout_endpoint(tcb, write), InvalidCapability, [1]);
    err!(
        invoke(tcb, L::TCBSetTimeoutEndpoint, &[], &[]),
        TruncatedMessage,
        []
    );
    Ok(())
}
