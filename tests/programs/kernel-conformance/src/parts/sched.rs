//! Who runs when: priorities, round robin, budgets, refills, timeouts.
//!
//! Times are stated with room for the kernel's own work, so that they hold on a simulated clock and on a real one.

use super::tests;
use crate::api::{self, ALL, INIT_TCB};
use crate::code::{self, reg, registers, words};
use crate::expect::{Outcome, eq, ok, timed, within};
use crate::log::{self, cell, logged};
use crate::supervisor::{RUNNER_MCP, RUNNER_PRIORITY};
use crate::sys::{self, info, message, set_mr};
use crate::worker::{Made, Spec, Test};
use core::sync::atomic::Ordering::SeqCst;

tests![
    higher_priority_runs_at_once,
    lower_priority_waits,
    equal_priority_waits_its_turn,
    priorities_decide_the_order,
    raised_thread_preempts,
    lowered_thread_is_preempted,
    lowering_itself,
    yield_goes_to_the_next_of_the_same_priority,
    yield_of_a_periodic_budget_waits_for_the_refill,
    woken_thread_is_first_of_its_priority,
    preempted_thread_stays_first,
    round_robin_takes_turns,
    spent_budget_waits_for_the_period,
    period_repeats,
    budget_limits_the_share,
    sporadic_refill_comes_a_period_after_use,
    timeout_fault,
    timeout_fault_reply,
    timeout_fault_without_handler,
    timeout_of_a_server_on_donated_time,
    consumed_counts_and_resets,
    blocked_time_is_not_consumed,
    yield_to,
    yield_to_refuses,
];

/// Logs its number.
fn note([number, ..]: [u64; 4]) {
    log::push(number);
}

/// Logs its number after each of `count` yields.
fn note_and_yield([number, count, ..]: [u64; 4]) {
    for _ in 0..count {
        log::push(number);
        sys::r#yield();
    }
}

fn higher_priority_runs_at_once(t: &mut Test) -> Outcome {
    t.start(Spec::priority(RUNNER_PRIORITY + 1), note, [1, 0, 0, 0])?;
    logged!([1]);
    Ok(())
}

fn lower_priority_waits(t: &mut Test) -> Outcome {
    t.start(Spec::priority(RUNNER_PRIORITY - 1), note, [1, 0, 0, 0])?;
    logged!([]);
    t.settle()?;
    logged!([1]);
    Ok(())
}

fn equal_priority_waits_its_turn(t: &mut Test) -> Outcome {
    t.start(Spec::priority(RUNNER_PRIORITY), note, [1, 0, 0, 0])?;
    t.start(Spec::priority(RUNNER_PRIORITY), note, [2, 0, 0, 0])?;
    log::push(0);
    sys::r#yield();
    log::push(3);
    logged!([0, 1, 2, 3]);
    Ok(())
}

fn priorities_decide_the_order(t: &mut Test) -> Outcome {
    for priority in [100, 5, 150, 99, 2, 199, 100] {
        t.start(Spec::priority(priority), note, [priority, 0, 0, 0])?;
    }
    t.settle()?;
    logged!([199, 150, 100, 100, 99, 5, 2]);
    Ok(())
}

fn raised_thread_preempts(t: &mut Test) -> Outcome {
    let worker = t.start(Spec::priority(100), note, [1, 0, 0, 0])?;
    ok!(api::tcb_set_priority(worker.tcb, t.tcb, RUNNER_PRIORITY));
    logged!([]);
    ok!(api::tcb_set_priority(worker.tcb, t.tcb, RUNNER_PRIORITY + 1));
    logged!([1]);
    Ok(())
}

fn lowered_thread_is_preempted(t: &mut Test) -> Outcome {
    t.start(Spec::priority(150), note, [1, 0, 0, 0])?;
    ok!(api::tcb_set_priority(t.tcb, INIT_TCB, 120));
    logged!([1]);
    ok!(api::tcb_set_priority(t.tcb, INIT_TCB, RUNNER_PRIORITY));
    Ok(())
}

fn lowering_itself(t: &mut Test) -> Outcome {
    // At the priority of a ready thread, one that lowered itself goes on: or not. Measured.
    t.start(Spec::priority(150), note, [1, 0, 0, 0])?;
    ok!(api::tcb_set_priority(t.tcb, INIT_TCB, 150));
    log::push(2);
    sys::r#yield();
    logged!([2, 1]);
    Ok(())
}

fn yield_goes_to_the_next_of_the_same_priority(t: &mut Test) -> Outcome {
    // Measured: a thread made ready below the running one goes to the head of its queue. Yield puts it at the tail.
    for number in 1..=3 {
        t.start(Spec::priority(150), note_and_yield, [number, 3, 0, 0])?;
    }
    t.settle()?;
    logged!([3, 2, 1, 3, 2, 1, 3, 2, 1]);
    Ok(())
}

fn yield_of_a_periodic_budget_waits_for_the_refill(t: &mut Test) -> Outcome {
    timed!();
    let start = sys::now();
    let n = t.notification()?;
    t.start(
        Spec::priority(210).budget(1_000, 10_000),
        |[n, ..]| {
            for _ in 0..3 {
                log::push(sys::now());
                sys::r#yield();
            }
            sys::signal(n);
        },
        [n, 0, 0, 0],
    )?;
    sys::wait(n);
    let (_, times) = log::take::<3>();
    within!(times[0] - start, 0, sys::ticks(1_000));
    within!(times[1] - times[0], sys::ticks(9_900), sys::ticks(10_200));
    within!(times[2] - times[1], sys::ticks(9_900), sys::ticks(10_200));
    Ok(())
}

fn woken_thread_is_first_of_its_priority(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    t.start(
        Spec::priority(150),
        |[n, ..]| {
            sys::wait(n);
            log::push(1);
        },
        [n, 0, 0, 0],
    )?;
    t.settle()?;
    t.start(Spec::priority(150), note, [2, 0, 0, 0])?;
    sys::signal(n);
    t.start(Spec::priority(150), note, [3, 0, 0, 0])?;
    t.settle()?;
    logged!([3, 1, 2]);
    Ok(())
}

fn preempted_thread_stays_first(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    t.start(
        Spec::priority(210),
        |[n, ..]| {
            sys::wait(n);
            log::push(9);
        },
        [n, 0, 0, 0],
    )?;
    t.start(
        Spec::priority(150),
        |[n, ..]| {
            log::push(1);
            sys::signal(n);
            log::push(2);
        },
        [n, 0, 0, 0],
    )?;
    t.start(Spec::priority(149), note, [3, 0, 0, 0])?;
    t.settle()?;
    logged!([1, 9, 2, 3]);
    Ok(())
}

/// Spins until cell 0 is set; counts in its own cell how often it found that another had run since its last look.
fn take_turns([number, ..]: [u64; 4]) {
    let last = cell(1);
    while cell(0).load(SeqCst) == 0 {
        if last.swap(number, SeqCst) != number {
            cell(1 + number as usize).fetch_add(1, SeqCst);
        }
    }
}

/// Sleeps for about that many µs: a thread of higher priority is woken by its period.
fn sleep(t: &mut Test, microseconds: u64) -> Made<()> {
    let n = t.notification()?;
    let worker = t.start(
        Spec::priority(215).budget(500, microseconds),
        |[n, ..]| {
            sys::r#yield();
            sys::signal(n);
        },
        [n, 0, 0, 0],
    )?;
    sys::wait(n);
    t.forget_worker(&worker)
}

fn round_robin_takes_turns(t: &mut Test) -> Outcome {
    timed!();
    // 5 ms each, for 62 ms: the first has seven turns, the second six.
    for number in [1, 2] {
        let spec = Spec::priority(150).budget(5_000, 5_000);
        t.start(spec, take_turns, [number, 0, 0, 0])?;
    }
    sleep(t, 62_000)?;
    cell(0).store(1, SeqCst);
    within!(cell(2).load(SeqCst), 6, 7);
    within!(cell(3).load(SeqCst), 6, 7);
    Ok(())
}

fn spent_budget_waits_for_the_period(t: &mut Test) -> Outcome {
    timed!();
    let worker = t.start(
        Spec::priority(150).budget(2_000, 20_000),
        |_| loop {
            cell(0).store(sys::now(), SeqCst);
        },
        [0; 4],
    )?;
    let start = sys::now();
    sleep(t, 10_000)?;
    // It ran for its budget and is waiting.
    within!(cell(0).load(SeqCst) - start, sys::ticks(1_800), sys::ticks(2_800));
    let consumed = ok!(api::sched_context_consumed(worker.sc)).mr(0);
    within!(consumed, 1_900, 2_100);
    Ok(())
}

/// Loops and logs the begin of each stretch in which it ran.
fn log_stretches(_: [u64; 4]) {
    let mut last = sys::now();
    log::push(last);
    loop {
        let now = sys::now();
        if now - last > sys::ticks(1_000) {
            log::push(now);
        }
        last = now;
    }
}

fn period_repeats(t: &mut Test) -> Outcome {
    timed!();
    t.start(Spec::priority(150).budget(2_000, 10_000), log_stretches, [0; 4])?;
    sleep(t, 45_000)?;
    let (count, begins) = log::take::<5>();
    eq!(count, 5);
    for pair in begins.windows(2) {
        within!(pair[1] - pair[0], sys::ticks(9_800), sys::ticks(10_300));
    }
    Ok(())
}

fn budget_limits_the_share(t: &mut Test) -> Outcome {
    timed!();
    let (_, address) = t.mapped()?;
    let a = t.run(
        Spec::priority(160).budget(3_000, 10_000),
        code::count_memory::address(),
        &[address],
    )?;
    let b = t.run(
        Spec::priority(150),
        code::count_memory::address(),
        &[address + 64],
    )?;
    sleep(t, 50_000)?;
    let (a, b) = (
        ok!(api::sched_context_consumed(a.sc)).mr(0),
        ok!(api::sched_context_consumed(b.sc)).mr(0),
    );
    within!(a, 14_500, 15_500);
    within!(b, 33_500, 36_000);
    Ok(())
}

fn sporadic_refill_comes_a_period_after_use(t: &mut Test) -> Outcome {
    timed!();
    // It uses 1 ms of 2, sleeps 3 ms, uses the rest: the second part comes back later than the first.
    let n = t.notification()?;
    let badged = t.mint(n, ALL, 1)?;
    let spec = Spec {
        flags: 1,
        extra_refills: 4,
        ..Spec::priority(150).budget(2_000, 10_000)
    };
    t.start(
        spec,
        |[n, ..]| {
            let start = sys::now();
            sys::spin(1_000);
            log::push(sys::now() - start);
            sys::wait(n);
            log::push(sys::now() - start);
            let mut last = sys::now();
            for _ in 0..2 {
                loop {
                    let now = sys::now();
                    if now - last > sys::ticks(500) {
                        log::push(now - start);
                        last = now;
                        break;
                    }
                    last = now;
                }
            }
        },
        [n, 0, 0, 0],
    )?;
    sleep(t, 4_000)?;
    sys::signal(badged);
    sleep(t, 25_000)?;
    let (count, times) = log::take::<4>();
    eq!(count, 4);
    within!(times[0], sys::ticks(1_000), sys::ticks(1_200));
    within!(times[1], sys::ticks(3_500), sys::ticks(4_500));
    // A period after the first millisecond began; then a period after the second one began.
    within!(times[2], sys::ticks(9_800), sys::ticks(10_400));
    within!(times[3], sys::ticks(13_500), sys::ticks(14_600));
    Ok(())
}

fn timeout_fault(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let badged = t.mint(ep, ALL, 0x77)?;
    let spec = Spec {
        badge: 0xbad9e,
        ..Spec::priority(150).budget(2_000, 20_000)
    };
    let worker = t.program(spec, code::count::address(), &[])?;
    ok!(api::tcb_set_timeout_endpoint(worker.tcb, badged));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::recv(ep, reply), message(0x77, 5, 0, 0, 2));
    let [data, consumed] = words();
    eq!(data, 0xbad9e);
    within!(consumed, 1_990, 2_100);
    // The message took the account.
    within!(ok!(api::sched_context_consumed(worker.sc)).mr(0), 0, 30);
    Ok(())
}

fn timeout_fault_reply(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.program(
        Spec::priority(150).budget(2_000, 10_000),
        code::count::address(),
        &[],
    )?;
    ok!(api::tcb_set_timeout_endpoint(worker.tcb, ep));
    ok!(api::tcb_resume(worker.tcb));
    sys::recv(ep, reply);
    let start = sys::now();
    // An empty reply lets it go on in its next period.
    eq!(
        sys::nb_send_recv(reply, info(0, 0, 0), ep, reply),
        message(0, 5, 0, 0, 2)
    );
    within!(sys::now() - start, sys::ticks(9_500), sys::ticks(10_500));
    // A reply of all registers moves it. Order and number are those of the message: 34 words.
    for i in 0..34 {
        set_mr(i, 0x100 + i as u64);
    }
    set_mr(reg::PC, code::count::address());
    set_mr(reg::X0, 1 << 40);
    sys::nb_send_recv(reply, info(0, 0, 34), ep, reply);
    let seen = registers(worker.tcb)?;
    eq!(seen[reg::X0] > 1 << 40, true);
    eq!(
        &seen[4..17],
        core::array::from_fn::<u64, 13, _>(|i| 0x104 + i as u64)
    );
    // A reply with a label stops it.
    sys::send(reply, info(1, 0, 0));
    sleep(t, 25_000)?;
    eq!(sys::nb_wait(ep).info.label(), 0);
    Ok(())
}

fn timeout_fault_without_handler(t: &mut Test) -> Outcome {
    timed!();
    let worker = t.run(
        Spec::priority(150).budget(1_000, 10_000),
        code::count::address(),
        &[],
    )?;
    sleep(t, 35_000)?;
    let consumed = ok!(api::sched_context_consumed(worker.sc)).mr(0);
    within!(consumed, 3_900, 4_100);
    Ok(())
}

fn timeout_of_a_server_on_donated_time(t: &mut Test) -> Outcome {
    let (ep, reply, timeouts, timeout_reply) = (t.endpoint()?, t.reply()?, t.endpoint()?, t.reply()?);
    let init = t.notification()?;
    let server = t.worker(
        Spec::passive(160),
        |[ep, reply, init, _]| {
            sys::nb_send_recv(init, info(0, 0, 0), ep, reply);
            loop {
                cell(0).fetch_add(1, SeqCst);
            }
        },
        [ep, reply, init, 0],
    )?;
    ok!(api::tcb_set_timeout_endpoint(server.tcb, timeouts));
    let sc = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(sc, server.tcb));
    ok!(api::tcb_resume(server.tcb));
    sys::wait(init);
    ok!(api::sched_context_unbind(sc));
    let spec = Spec {
        badge: 0x42,
        ..Spec::priority(150).budget(2_000, 50_000)
    };
    t.start(
        spec,
        |[ep, ..]| log::push(sys::call(ep, info(0, 0, 0)).info.label()),
        [ep, 0, 0, 0],
    )?;
    // The server's handler is told of the client's context; it answers the client in the server's place.
    eq!(sys::recv(timeouts, timeout_reply), message(0, 5, 0, 0, 2));
    let [data, consumed] = words();
    eq!(data, 0x42);
    within!(consumed, 1_990, 2_100);
    sys::send(reply, info(7, 0, 0));
    // The client has used up its budget, and goes on in its next period.
    if sys::exact_clock() {
        t.settle()?;
        logged!([]);
    }
    for _ in 0..20 {
        if log::length() == 0 {
            sleep(t, 60_000)?;
        }
    }
    logged!([7]);
    Ok(())
}

fn consumed_counts_and_resets(t: &mut Test) -> Outcome {
    let worker = t.start(Spec::priority(150), |_| sys::spin(3_000), [0; 4])?;
    t.settle()?;
    let answer = ok!(api::sched_context_consumed(worker.sc));
    eq!(answer.length(), 1);
    within!(answer.mr(0), 2_990, 3_400);
    eq!(ok!(api::sched_context_consumed(worker.sc)).mr(0), 0);
    Ok(())
}

fn blocked_time_is_not_consumed(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let worker = t.start(
        Spec::priority(150),
        |[n, ..]| {
            sys::wait(n);
        },
        [n, 0, 0, 0],
    )?;
    sleep(t, 5_000)?;
    sys::signal(n);
    t.settle()?;
    within!(ok!(api::sched_context_consumed(worker.sc)).mr(0), 0, 300);
    Ok(())
}

fn yield_to(t: &mut Test) -> Outcome {
    // Of several of its own priority a thread picks the one that goes next.
    t.start(Spec::priority(RUNNER_PRIORITY), note_and_yield, [1, 2, 0, 0])?;
    let b = t.start(Spec::priority(RUNNER_PRIORITY), note_and_yield, [2, 2, 0, 0])?;
    let answer = ok!(api::sched_context_yield_to(b.sc));
    eq!(answer.length(), 1);
    log::push(0);
    sys::r#yield();
    sys::r#yield();
    sys::r#yield();
    let (_, seen) = log::take::<6>();
    eq!(seen[0], 2);
    Ok(())
}

fn yield_to_refuses(t: &mut Test) -> Outcome {
    use crate::expect::err;
    let sc = t.budget(10_000, 10_000)?;
    err!(api::sched_context_yield_to(sc), IllegalOperation, []);
    // Its own.
    let high = t.worker(Spec::priority(RUNNER_MCP + 1), note, [1, 0, 0, 0])?;
    err!(api::sched_context_yield_to(high.sc), IllegalOperation, []);
    Ok(())
}
