//! Runs the tests one after the other, each in a thread of its own, and survives what they do.

use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::api::{self, CNODE, INIT_TCB, VSPACE, root};
use crate::arena::{self, Arena, RUNNER_BUFFER};
use crate::console::println;
use crate::expect::Outcome;
use crate::sys::{self, Cap};
use crate::worker::{Spec, Test};
use crate::{log, parts};
use sel4_abi::object::ObjectType;

/// A test.
pub type TestFn = fn(&mut Test) -> Outcome;

const BADGE_DONE: u64 = 1;
const BADGE_RUNNER_FAULT: u64 = 2;
const BADGE_WORKER_FAULT: u64 = 4;
const BADGE_WATCHDOG: u64 = 8;

/// What the suite is restricted to, if it is.
pub const ONLY: Option<&str> = option_env!("CONFORMANCE_ONLY");

/// Priority of the thread that runs a test.
pub const RUNNER_PRIORITY: u64 = 200;
/// Its maximum controlled priority.
pub const RUNNER_MCP: u64 = 220;
/// How often the watchdog looks, µs; at the second look at the same test it bites.
const WATCHDOG_PERIOD: u64 = 5_000_000;

static DONE: AtomicU64 = AtomicU64::new(0);
static WORKER_FAULT: AtomicU64 = AtomicU64::new(0);
static ROUND: AtomicU64 = AtomicU64::new(0);

/// The endpoint that ends a test when a thread faults that should not.
pub fn worker_fault_endpoint() -> Cap {
    WORKER_FAULT.load(SeqCst)
}

#[repr(align(16))]
struct Stack(core::cell::UnsafeCell<[u8; 64 * 1024]>);

// SAFETY: nothing but the stack pointer of the one thread that runs on it points into it: a test's thread is destroyed
// before the next one starts, and the watchdog has the other.
unsafe impl Sync for Stack {}

static RUNNER_STACK: Stack = Stack(core::cell::UnsafeCell::new([0; _]));
static WATCHDOG_STACK: Stack = Stack(core::cell::UnsafeCell::new([0; _]));

fn top(stack: &Stack) -> u64 {
    stack.0.get() as u64 + size_of::<Stack>() as u64
}

/// Runs all tests and prints the verdict.
pub fn run(arena: &mut Arena) {
    let endpoint = arena.make(ObjectType::Endpoint, 0);
    let badged = |arena: &mut Arena, badge| {
        let cap = arena.slot();
        assert_eq!(
            api::cnode_mint(root(cap), root(endpoint), api::ALL, badge).label,
            0
        );
        cap
    };
    DONE.store(badged(arena, BADGE_DONE), SeqCst);
    let runner_fault = badged(arena, BADGE_RUNNER_FAULT);
    WORKER_FAULT.store(badged(arena, BADGE_WORKER_FAULT), SeqCst);
    sys::examine_clock();
    let bell = start_watchdog(arena);
    let reply = arena.make(ObjectType::Reply, 0);

    let only = ONLY.unwrap_or("");
    let (mut total, mut failed) = (0, 0);
    for (part, tests) in parts::ALL {
        for (i, (name, _)) in tests.iter().enumerate() {
            if !part.contains(only) && !name.contains(only) {
                continue;
            }
            total += 1;
            ROUND.fetch_add(1, SeqCst);
            log::reset();
            let index = (parts::index(part) << 32) | i as u64;
            let passed = start_runner(runner_fault, index) && await_end(endpoint, reply, part, name);
            let clean = arena.reset();
            if !clean {
                println!("FAIL {part}::{name}: its memory could not be taken back");
            }
            let _ = sys::nb_wait(bell);
            failed += u64::from(!passed || !clean);
        }
    }
    if failed == 0 {
        println!("TEST_PASS {total}");
    } else {
        println!("TEST_FAIL {failed}/{total}");
    }
}

fn start_watchdog(arena: &mut Arena) -> Cap {
    let bell = arena.make(ObjectType::Notification, 0);
    let badged = arena.slot();
    assert_eq!(
        api::cnode_mint(root(badged), root(bell), api::ALL, BADGE_WATCHDOG).label,
        0
    );
    assert_eq!(api::tcb_bind_notification(INIT_TCB, bell).label, 0);
    let tcb = arena.make(ObjectType::Tcb, 0);
    let sc = arena.make(ObjectType::SchedContext, 8);
    let configured = api::sched_control_configure(arena::control(), sc, 1_000, WATCHDOG_PERIOD, 0, 0, 0);
    assert_eq!(configured.label, 0);
    let frame = arena.make(ObjectType::SmallPage, 0);
    let buffer = RUNNER_BUFFER + 0x1000;
    assert_eq!(api::page_map(frame, VSPACE, buffer, 3, 7).label, 0);
    assert_eq!(api::tcb_configure(tcb, CNODE, 0, VSPACE, buffer, frame).label, 0);
    assert_eq!(api::tcb_set_sched_params(tcb, INIT_TCB, 0, 254, sc, 0).label, 0);
    let registers = [
        watchdog as *const () as u64,
        top(&WATCHDOG_STACK),
        0,
        buffer,
        badged,
    ];
    assert_eq!(api::tcb_write_registers(tcb, true, &registers).label, 0);
    bell
}

extern "C" fn watchdog(buffer: u64, bell: Cap) -> ! {
    sys::enter(buffer);
    let mut seen = (0, sys::now());
    loop {
        sys::r#yield();
        let round = ROUND.load(SeqCst);
        if round != seen.0 {
            seen = (round, sys::now());
        } else if sys::now() - seen.1 >= sys::ticks(WATCHDOG_PERIOD) * 9 / 10 {
            sys::signal(bell);
            seen.1 = sys::now();
        }
    }
}

/// Makes the thread that runs a test, and starts it.
fn start_runner(fault: Cap, index: u64) -> bool {
    let make = |ty, size| arena::retype_from(arena::memory(), ty, size);
    let (Ok(tcb), Ok(sc)) = (make(ObjectType::Tcb, 0), make(ObjectType::SchedContext, 8)) else {
        return false;
    };
    let Spec { budget, period, .. } = Spec::priority(0);
    let frame = arena::runner_frame();
    let registers = [
        runner as *const () as u64,
        top(&RUNNER_STACK),
        0,
        RUNNER_BUFFER,
        index,
        tcb,
    ];
    let steps = [
        api::tcb_configure(tcb, CNODE, 0, VSPACE, RUNNER_BUFFER, frame),
        api::sched_control_configure(arena::control(), sc, budget, period, 0, 0, 0),
        api::tcb_set_sched_params(tcb, INIT_TCB, RUNNER_MCP, RUNNER_PRIORITY, sc, fault),
        api::tcb_write_registers(tcb, true, &registers),
    ];
    steps.iter().all(|step| step.label == 0)
}

extern "C" fn runner(buffer: u64, index: u64, tcb: Cap) -> ! {
    sys::enter(buffer);
    let (part, tests) = parts::ALL[(index >> 32) as usize];
    let (name, test) = tests[index as u32 as usize];
    let outcome = test(&mut Test::new(tcb));
    match &outcome {
        Ok(()) => println!("ok {part}::{name}"),
        Err(failure) => println!("FAIL {part}::{name}: {}", failure.0.as_str()),
    }
    let label = u64::from(outcome.is_err());
    sys::send(DONE.load(SeqCst), sys::info(label, 0, 0));
    loop {
        let _ = api::tcb_suspend(tcb);
    }
}

/// Waits for the end of the test; whether it passed.
fn await_end(endpoint: Cap, reply: Cap, part: &str, name: &str) -> bool {
    let message = sys::recv(endpoint, reply);
    match message.badge {
        BADGE_DONE => return message.info.label() == 0,
        BADGE_WATCHDOG => println!("FAIL {part}::{name}: expected an end got none"),
        badge => {
            let who = if badge == BADGE_RUNNER_FAULT {
                "test"
            } else {
                "worker"
            };
            println!(
                "FAIL {part}::{name}: expected no fault got label {} {:x?} of the {who}",
                message.info.label(),
                [sys::mr(0), sys::mr(1), sys::mr(2), sys::mr(3)]
            );
        }
    }
    false
}
