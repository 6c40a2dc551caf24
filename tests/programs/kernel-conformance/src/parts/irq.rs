//! Interrupts: control, handlers, the physical timer (PPI 30), software-generated interrupts.

use core::arch::asm;

use super::tests;
use crate::api::{self, ALL, CNODE, IRQ_CONTROL, Slot, root};
use crate::expect::{Outcome, eq, err, ok, timed, within};
use crate::sys::{self, Cap, info, invoke, message};
use crate::worker::{Made, Test, need};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::platform::{MAX_IRQ, USER_TIMER_IRQ};

tests![
    handler_is_issued,
    get_refuses,
    kernel_timer_is_taken,
    handler_is_issued_once,
    handler_refuses,
    timer_interrupts,
    line_is_masked_until_acknowledged,
    acknowledging_a_line_that_is_active_repeats,
    badge_of_the_notification_capability,
    cleared_handler_signals_nothing,
    notification_can_be_replaced,
    interrupt_without_notification_is_dropped_and_masked,
    deleted_notification_signals_nothing,
    copy_of_a_handler,
    deleted_handler_gives_the_line_back,
    trigger_is_chosen,
    get_trigger_refuses,
    software_interrupt,
    software_interrupt_refuses,
    interrupt_preempts,
];

const TIMER: u64 = USER_TIMER_IRQ as u64;

/// Starts the physical timer: its line is active that many µs from now.
fn arm(microseconds: u64) {
    let ticks = sys::ticks(microseconds);
    // SAFETY: the contract gives user level the physical timer; only these tests use it.
    unsafe {
        asm!("msr cntp_tval_el0, {}", "msr cntp_ctl_el0, {}", "isb", in(reg) ticks, in(reg) 1u64, options(nomem, nostack));
    }
}

/// Stops it: the line is inactive.
fn disarm() {
    // SAFETY: as in `arm`.
    unsafe { asm!("msr cntp_ctl_el0, {}", "isb", in(reg) 0u64, options(nomem, nostack)) };
}

/// A handler of the timer with a notification.
fn timer(t: &mut Test) -> Made<(Cap, Cap)> {
    disarm();
    let (handler, n) = (t.slot(), t.notification()?);
    need("get", api::irq_control_get(TIMER, root(handler)))?;
    need("set", api::irq_handler_set_notification(handler, n))?;
    need("ack", api::irq_handler_ack(handler))?;
    Ok((handler, n))
}

/// Whether the notification is signalled within a while: a simulated device may be late.
fn soon(n: Cap) -> bool {
    let start = sys::now();
    while sys::now() - start < sys::ticks(500_000) {
        if signalled(n) {
            return true;
        }
    }
    false
}

/// Whether the notification was signalled.
fn signalled(n: Cap) -> bool {
    let x1 = 0x777;
    let mut x = [
        n,
        x1,
        0,
        0,
        0,
        0,
        0,
        sel4_abi::syscall::Syscall::NBWait.to_raw() as u64,
        0,
    ];
    sys::svc(&mut x);
    x[0] != 0
}

fn handler_is_issued(t: &mut Test) -> Outcome {
    for irq in [TIMER, 33, MAX_IRQ as u64, 16] {
        let slot = t.slot();
        eq!(ok!(api::irq_control_get(irq, root(slot))).length(), 0);
        ok!(api::irq_handler_ack(slot));
        ok!(api::irq_handler_clear(slot));
    }
    Ok(())
}

fn get_refuses(t: &mut Test) -> Outcome {
    let (slot, ep) = (t.slot(), t.endpoint()?);
    for irq in [MAX_IRQ as u64 + 1, 1000, 1 << 32, u64::MAX] {
        err!(api::irq_control_get(irq, root(slot)), RangeError, [0, MAX_IRQ]);
    }
    err!(api::irq_control_get(40, root(ep)), DeleteFirst, []);
    err!(api::irq_control_get(40, Slot(ep, slot, 64)), FailedLookup, [0, 1]);
    err!(
        api::irq_control_get(40, Slot(CNODE, slot, 0)),
        RangeError,
        [1, 64]
    );
    err!(
        api::irq_control_get(40, Slot(CNODE, slot, 65)),
        RangeError,
        [1, 64]
    );
    for n in 0..3 {
        err!(
            invoke(IRQ_CONTROL, L::IRQIssueIRQHandler, &[40, slot, 64][..n], &[CNODE]),
            TruncatedMessage,
            []
        );
    }
    err!(
        invoke(IRQ_CONTROL, L::IRQIssueIRQHandler, &[40, slot, 64], &[]),
        TruncatedMessage,
        []
    );
    err!(invoke(IRQ_CONTROL, L::IRQAckIRQ, &[], &[]), IllegalOperation, []);
    Ok(())
}

fn kernel_timer_is_taken(t: &mut Test) -> Outcome {
    let slot = t.slot();
    err!(
        api::irq_control_get(sel4_abi::platform::KERNEL_TIMER_IRQ as u64, root(slot)),
        RevokeFirst,
        []
    );
    Ok(())
}

fn handler_is_issued_once(t: &mut Test) -> Outcome {
    let (a, b) = (t.slot(), t.slot());
    ok!(api::irq_control_get(TIMER, root(a)));
    err!(api::irq_control_get(TIMER, root(b)), RevokeFirst, []);
    ok!(api::cnode_revoke(root(IRQ_CONTROL)));
    eq!(crate::arena::is_empty(a), true);
    ok!(api::irq_control_get(TIMER, root(b)));
    Ok(())
}

fn handler_refuses(t: &mut Test) -> Outcome {
    let (handler, n, ep) = (t.slot(), t.notification()?, t.endpoint()?);
    let empty = t.slot();
    ok!(api::irq_control_get(40, root(handler)));
    err!(
        api::irq_handler_set_notification(handler, ep),
        InvalidCapability,
        [0]
    );
    err!(
        api::irq_handler_set_notification(handler, empty),
        InvalidCapability,
        [0]
    );
    let read_only = t.mint(n, 2, 0)?;
    err!(
        api::irq_handler_set_notification(handler, read_only),
        InvalidCapability,
        [0]
    );
    err!(
        invoke(handler, L::IRQSetIRQHandler, &[], &[]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(handler, L::IRQIssueIRQHandler, &[40, 0, 0], &[CNODE]),
        IllegalOperation,
        []
    );
    let write_only = t.mint(n, 1, 3)?;
    ok!(api::irq_handler_set_notification(handler, write_only));
    Ok(())
}

fn timer_interrupts(t: &mut Test) -> Outcome {
    let (_, n) = timer(t)?;
    let start = sys::now();
    arm(2_000);
    eq!(sys::wait(n), message(0, 0, 0, 0, 0));
    within!(sys::now() - start, sys::ticks(2_000), sys::ticks(2_300));
    disarm();
    Ok(())
}

fn badged_timer(t: &mut Test, badge: u64) -> Made<(Cap, Cap)> {
    let (handler, n) = timer(t)?;
    let badged = t.mint(n, ALL, badge)?;
    need("set", api::irq_handler_set_notification(handler, badged))?;
    Ok((handler, n))
}

fn line_is_masked_until_acknowledged(t: &mut Test) -> Outcome {
    let (handler, n) = badged_timer(t, 1)?;
    arm(100);
    sys::wait(n);
    // Still active: but not signalled again.
    sys::spin(500);
    eq!(signalled(n), false);
    disarm();
    arm(100);
    sys::spin(500);
    eq!(signalled(n), false);
    // The acknowledge lets it through, being active.
    ok!(api::irq_handler_ack(handler));
    eq!(soon(n), true);
    disarm();
    ok!(api::irq_handler_ack(handler));
    eq!(signalled(n), false);
    Ok(())
}

fn acknowledging_a_line_that_is_active_repeats(t: &mut Test) -> Outcome {
    let (handler, n) = badged_timer(t, 1)?;
    arm(100);
    for _ in 0..3 {
        eq!(sys::wait(n).badge, 1);
        ok!(api::irq_handler_ack(handler));
    }
    disarm();
    Ok(())
}

fn badge_of_the_notification_capability(t: &mut Test) -> Outcome {
    let (_, n) = badged_timer(t, 0x800)?;
    arm(100);
    eq!(sys::wait(n), message(0x800, 0, 0, 0, 0));
    disarm();
    Ok(())
}

fn cleared_handler_signals_nothing(t: &mut Test) -> Outcome {
    let (handler, n) = badged_timer(t, 1)?;
    ok!(api::irq_handler_clear(handler));
    arm(100);
    sys::spin(500);
    eq!(signalled(n), false);
    disarm();
    Ok(())
}

fn notification_can_be_replaced(t: &mut Test) -> Outcome {
    let (handler, n) = badged_timer(t, 1)?;
    let m = t.notification()?;
    let badged = t.mint(m, ALL, 2)?;
    ok!(api::irq_handler_set_notification(handler, badged));
    arm(100);
    eq!(sys::wait(m).badge, 2);
    eq!(signalled(n), false);
    disarm();
    Ok(())
}

fn interrupt_without_notification_is_dropped_and_masked(t: &mut Test) -> Outcome {
    let (handler, n) = badged_timer(t, 1)?;
    ok!(api::irq_handler_clear(handler));
    arm(100);
    sys::spin(500);
    // Setting the notification afterwards does not bring it back; acknowledging does.
    let badged = t.mint(n, ALL, 4)?;
    ok!(api::irq_handler_set_notification(handler, badged));
    sys::spin(100);
    eq!(signalled(n), false);
    ok!(api::irq_handler_ack(handler));
    eq!(soon(n), true);
    disarm();
    Ok(())
}

fn deleted_notification_signals_nothing(t: &mut Test) -> Outcome {
    let (handler, n) = timer(t)?;
    ok!(api::cnode_revoke(root(n)));
    ok!(api::cnode_delete(root(n)));
    arm(100);
    sys::spin(500);
    disarm();
    ok!(api::irq_handler_ack(handler));
    Ok(())
}

fn copy_of_a_handler(t: &mut Test) -> Outcome {
    let (handler, n) = badged_timer(t, 1)?;
    let copy = t.copy(handler)?;
    ok!(api::cnode_delete(root(handler)));
    // Deleting one of two changes nothing.
    arm(100);
    eq!(sys::wait(n).badge, 1);
    disarm();
    ok!(api::irq_handler_ack(copy));
    let slot = t.slot();
    err!(api::irq_control_get(TIMER, root(slot)), RevokeFirst, []);
    Ok(())
}

fn deleted_handler_gives_the_line_back(t: &mut Test) -> Outcome {
    let (handler, n) = badged_timer(t, 1)?;
    ok!(api::cnode_delete(root(handler)));
    arm(100);
    sys::spin(500);
    eq!(signalled(n), false);
    disarm();
    let slot = t.slot();
    ok!(api::irq_control_get(TIMER, root(slot)));
    Ok(())
}

fn trigger_is_chosen(t: &mut Test) -> Outcome {
    for (irq, trigger) in [(45, 0), (46, 1), (47, 2), (TIMER, 0)] {
        let slot = t.slot();
        eq!(
            (irq, api::irq_control_get_trigger(irq, trigger, root(slot)).label),
            (irq, 0)
        );
        ok!(api::irq_handler_ack(slot));
    }
    Ok(())
}

fn get_trigger_refuses(t: &mut Test) -> Outcome {
    let (slot, ep) = (t.slot(), t.endpoint()?);
    err!(
        api::irq_control_get_trigger(160, 0, root(slot)),
        RangeError,
        [0, MAX_IRQ]
    );
    err!(api::irq_control_get_trigger(45, 0, root(ep)), DeleteFirst, []);
    err!(
        api::irq_control_get_trigger(45, 0, Slot(ep, 0, 64)),
        FailedLookup,
        [0, 1]
    );
    for n in 0..4 {
        err!(
            invoke(
                IRQ_CONTROL,
                L::ARMIRQIssueIRQHandlerTrigger,
                &[45, 0, slot, 64][..n],
                &[CNODE]
            ),
            TruncatedMessage,
            []
        );
    }
    err!(
        invoke(
            IRQ_CONTROL,
            L::ARMIRQIssueIRQHandlerTrigger,
            &[45, 0, slot, 64],
            &[]
        ),
        TruncatedMessage,
        []
    );
    ok!(api::irq_control_get_trigger(45, 0, root(slot)));
    let other = t.slot();
    err!(api::irq_control_get_trigger(45, 0, root(other)), RevokeFirst, []);
    Ok(())
}

fn software_interrupt(t: &mut Test) -> Outcome {
    let (sgi, handler, n) = (t.slot(), t.slot(), t.notification()?);
    let badged = t.mint(n, ALL, 0x10)?;
    ok!(api::irq_control_get(3, root(handler)));
    ok!(api::irq_handler_set_notification(handler, badged));
    eq!(ok!(api::irq_control_issue_sgi(3, 0, root(sgi))).length(), 0);
    sys::signal(sgi);
    eq!(sys::wait(n).badge, 0x10);
    ok!(api::irq_handler_ack(handler));
    sys::nb_send(sgi, info(0, 0, 0));
    eq!(sys::wait(n).badge, 0x10);
    ok!(api::irq_handler_ack(handler));
    // A call is answered.
    eq!(sys::call(sgi, info(5, 0, 3)), message(0, 0, 0, 0, 0));
    eq!(sys::wait(n).badge, 0x10);
    // This interrupt controller cannot mask them: the next one comes without an acknowledgement.
    sys::signal(sgi);
    eq!(soon(n), true);
    let copy = t.copy(sgi)?;
    ok!(api::irq_handler_ack(handler));
    sys::signal(copy);
    eq!(soon(n), true);
    ok!(api::irq_handler_ack(handler));
    Ok(())
}

fn software_interrupt_refuses(t: &mut Test) -> Outcome {
    let (slot, ep) = (t.slot(), t.endpoint()?);
    err!(api::irq_control_issue_sgi(16, 0, root(slot)), RangeError, [0, 15]);
    err!(
        api::irq_control_issue_sgi(u64::MAX, 0, root(slot)),
        RangeError,
        [0, 15]
    );
    err!(api::irq_control_issue_sgi(1, 8, root(slot)), InvalidArgument, [1]);
    err!(
        api::irq_control_issue_sgi(1, u64::MAX, root(slot)),
        InvalidArgument,
        [1]
    );
    err!(api::irq_control_issue_sgi(1, 0, root(ep)), DeleteFirst, []);
    err!(
        api::irq_control_issue_sgi(1, 0, Slot(ep, 0, 64)),
        FailedLookup,
        [0, 1]
    );
    for n in 0..4 {
        err!(
            invoke(
                IRQ_CONTROL,
                L::ARMIRQIssueSGISignal,
                &[1, 0, slot, 64][..n],
                &[CNODE]
            ),
            TruncatedMessage,
            []
        );
    }
    err!(
        invoke(IRQ_CONTROL, L::ARMIRQIssueSGISignal, &[1, 0, slot, 64], &[]),
        TruncatedMessage,
        []
    );
    // As often as wanted.
    ok!(api::irq_control_issue_sgi(1, 0, root(slot)));
    let other = t.slot();
    ok!(api::irq_control_issue_sgi(1, 0, root(other)));
    Ok(())
}

fn interrupt_preempts(t: &mut Test) -> Outcome {
    timed!();
    let (_, n) = badged_timer(t, 1)?;
    t.start(
        crate::worker::Spec::priority(210),
        |[n, ..]| {
            sys::wait(n);
            crate::log::push(sys::now());
        },
        [n, 0, 0, 0],
    )?;
    let start = sys::now();
    arm(1_000);
    sys::spin(2_000);
    disarm();
    let (count, [at]) = crate::log::take();
    eq!(count, 1);
    within!(at - start, sys::ticks(1_000), sys::ticks(1_300));
    Ok(())
}
