//! Domains and their schedule.

use super::tests;
use crate::api::{self, DOMAIN, domain_schedule_configure, domain_schedule_set_start, domain_set};
use crate::expect::{Outcome, eq, err, ok, timed, within};
use crate::log::{self, logged};
use crate::sys::{self, invoke};
use crate::worker::{Spec, Test};
use sel4_abi::config::{NUM_DOMAIN_SCHEDULES, NUM_DOMAINS};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

tests![
    set_refuses,
    configure_refuses,
    set_start_refuses,
    thread_of_another_domain_does_not_run,
    domains_take_turns,
    entries_count_from_the_start,
    thread_comes_back_to_its_domain,
    domain_of_a_blocked_thread,
];

/// The last entry that can be used. Measured: one less than there are.
const LAST: u64 = NUM_DOMAIN_SCHEDULES as u64 - 2;

/// The longest duration there is.
const FOR_EVER: u64 = (1 << 56) - 1;

/// Makes the schedule what it was after boot: domain 0 for ever.
fn restore() -> Outcome {
    ok!(domain_schedule_configure(0, 0, FOR_EVER));
    ok!(domain_schedule_set_start(0));
    for index in 1..4 {
        ok!(domain_schedule_configure(index, 0, 0));
    }
    Ok(())
}

fn set_refuses(t: &mut Test) -> Outcome {
    let (tcb, ep) = (t.make(O::Tcb, 0)?, t.endpoint()?);
    let empty = t.slot();
    for domain in [NUM_DOMAINS as u64, 17, 255] {
        err!(domain_set(domain, tcb), InvalidArgument, [0]);
    }
    // The argument has eight bits, but is looked at whole.
    err!(domain_set(256, tcb), InvalidArgument, [0]);
    err!(domain_set(0, ep), InvalidArgument, [1]);
    err!(domain_set(0, empty), InvalidArgument, [1]);
    err!(invoke(DOMAIN, L::DomainSetSet, &[], &[tcb]), TruncatedMessage, []);
    err!(invoke(DOMAIN, L::DomainSetSet, &[0], &[]), TruncatedMessage, []);
    err!(invoke(DOMAIN, L::TCBSuspend, &[0], &[tcb]), IllegalOperation, []);
    eq!(ok!(domain_set(15, tcb)).length(), 0);
    ok!(domain_set(0, tcb));
    Ok(())
}

fn configure_refuses(_: &mut Test) -> Outcome {
    let last = LAST;
    err!(domain_schedule_configure(last + 1, 0, 1), RangeError, [0, last]);
    err!(domain_schedule_configure(u64::MAX, 0, 1), RangeError, [0, last]);
    err!(domain_schedule_configure(3, 16, 1), RangeError, [0, 15]);
    err!(domain_schedule_configure(3, 255, 1), RangeError, [0, 15]);
    err!(domain_schedule_configure(3, 1, 0), InvalidArgument, [1]);
    err!(domain_schedule_configure(3, 1, 1 << 56), InvalidArgument, [2]);
    // The start is no end marker.
    err!(domain_schedule_configure(0, 0, 0), InvalidArgument, [2]);
    for n in 0..3 {
        err!(
            invoke(DOMAIN, L::DomainScheduleConfigure, &[3, 1, 1][..n], &[]),
            TruncatedMessage,
            []
        );
    }
    ok!(domain_schedule_configure(last, 15, FOR_EVER));
    ok!(domain_schedule_configure(last, 0, 0));
    Ok(())
}

fn set_start_refuses(_: &mut Test) -> Outcome {
    // Measured: the start may be any of them.
    let last = LAST + 1;
    err!(domain_schedule_set_start(last), InvalidArgument, [0]);
    err!(domain_schedule_set_start(last + 1), RangeError, [0, last]);
    err!(domain_schedule_set_start(u64::MAX), RangeError, [0, last]);
    err!(domain_schedule_set_start(1), InvalidArgument, [0]);
    err!(
        invoke(DOMAIN, L::DomainScheduleSetStart, &[], &[]),
        TruncatedMessage,
        []
    );
    ok!(domain_schedule_set_start(0));
    Ok(())
}

fn thread_of_another_domain_does_not_run(t: &mut Test) -> Outcome {
    let worker = t.worker(Spec::priority(210), |_| log::push(1), [0; 4])?;
    ok!(domain_set(1, worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    t.settle()?;
    logged!([]);
    // Measured: it does not preempt at once.
    ok!(domain_set(0, worker.tcb));
    logged!([]);
    t.settle()?;
    logged!([1]);
    Ok(())
}

fn domains_take_turns(t: &mut Test) -> Outcome {
    timed!();
    // 2 ms for domain 0, 3 ms for domain 1. A thread there, and this one here, see when they do not run.
    let worker = t.worker(
        Spec::priority(150),
        |_| {
            let mut last = sys::now();
            loop {
                let now = sys::now();
                if now - last > sys::ticks(500) {
                    log::push(1);
                    log::push(now - last);
                }
                last = now;
            }
        },
        [0; 4],
    )?;
    ok!(domain_set(1, worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    ok!(domain_schedule_configure(0, 0, sys::ticks(2_000)));
    ok!(domain_schedule_configure(1, 1, sys::ticks(3_000)));
    ok!(domain_schedule_set_start(0));
    let start = sys::now();
    let mut last = start;
    while last - start < sys::ticks(12_500) {
        let now = sys::now();
        if now - last > sys::ticks(500) {
            log::push(0);
            log::push(now - last);
        }
        last = now;
    }
    restore()?;
    let (_, seen) = log::take::<8>();
    eq!([seen[0], seen[2], seen[4], seen[6]], [0, 1, 0, 1]);
    within!(seen[1], sys::ticks(2_950), sys::ticks(3_100));
    within!(seen[3], sys::ticks(1_950), sys::ticks(2_100));
    within!(seen[5], sys::ticks(2_950), sys::ticks(3_100));
    Ok(())
}

fn entries_count_from_the_start(t: &mut Test) -> Outcome {
    timed!();
    // The schedule begins at its start index, not at 0: domain 2 has no time until the start is moved.
    let worker = t.worker(Spec::priority(150), |_| log::push(2), [0; 4])?;
    ok!(domain_set(2, worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    ok!(domain_schedule_configure(2, 0, sys::ticks(1_000)));
    ok!(domain_schedule_configure(3, 2, sys::ticks(1_000)));
    sys::spin(3_000);
    logged!([]);
    ok!(domain_schedule_set_start(2));
    sys::spin(3_000);
    restore()?;
    logged!([2]);
    Ok(())
}

fn thread_comes_back_to_its_domain(t: &mut Test) -> Outcome {
    timed!();
    // This thread leaves its domain: it goes on when the other one has its turn.
    let tcb = t.tcb;
    ok!(domain_schedule_configure(0, 0, sys::ticks(1_000)));
    ok!(domain_schedule_configure(1, 1, sys::ticks(1_000)));
    ok!(domain_schedule_set_start(0));
    let start = sys::now();
    ok!(domain_set(1, tcb));
    let away = sys::now() - start;
    ok!(domain_set(0, tcb));
    let back = sys::now() - start;
    restore()?;
    within!(away, sys::ticks(900), sys::ticks(1_200));
    within!(back, sys::ticks(1_900), sys::ticks(2_200));
    Ok(())
}

fn domain_of_a_blocked_thread(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let worker = t.start(
        Spec::priority(210),
        |[n, ..]| {
            sys::wait(n);
            log::push(1);
        },
        [n, 0, 0, 0],
    )?;
    ok!(domain_set(3, worker.tcb));
    sys::signal(n);
    t.settle()?;
    logged!([]);
    // Measured: it does not preempt at once.
    ok!(domain_set(0, worker.tcb));
    logged!([]);
    t.settle()?;
    logged!([1]);
    Ok(())
}
