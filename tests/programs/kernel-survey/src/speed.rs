//! How many instructions the common paths take; meaningful under `--icount` only (a tick is 16 instructions).

use core::arch::asm;

use sel4_abi::invocation::InvocationLabel as L;

use crate::console::say;
use crate::ipc::lower;
use crate::sys::{self, Registers, invoke};
use crate::threads::{Thread, mail, post};
use crate::world::{TCB, World, kind};

const ROUNDS: u64 = 1000;
const INSTRUCTIONS_PER_TICK: u64 = 16;

fn ticks() -> u64 {
    let now;
    // SAFETY: reads a register.
    unsafe { asm!("isb", "mrs {}, cntpct_el0", out(reg) now, options(nostack)) };
    now
}

fn measure(name: &str, mut work: impl FnMut()) {
    work();
    let start = ticks();
    for _ in 0..ROUNDS {
        work();
    }
    say!(
        "speed {name}: {}",
        (ticks() - start) * INSTRUCTIONS_PER_TICK / ROUNDS
    );
}

extern "C" fn echo(ep: u64, reply: u64, info: u64) -> ! {
    let mut r = Registers::default();
    r.0[0] = ep;
    r.0[6] = reply;
    r = sys::syscall(-7, r);
    loop {
        r.0[0] = ep;
        r.0[1] = info;
        r.0[6] = reply;
        r = sys::syscall(-2, r);
    }
}

extern "C" fn wait(n: u64, _: u64, _: u64) -> ! {
    let mut r = Registers::default();
    loop {
        r.0[0] = n;
        r = sys::syscall(-9, r);
    }
}

extern "C" fn echo_signal(n: u64, back: u64, _: u64) -> ! {
    let mut r = Registers::default();
    loop {
        r.0[0] = n;
        r = sys::syscall(-9, r);
        r.0[0] = back;
        r = sys::syscall(-5, r);
    }
}

/// Stamps the time of each wake-up, stops the timer, acknowledges.
extern "C" fn on_interrupt(n: u64, handler: u64, _: u64) -> ! {
    let mut r = Registers::default();
    loop {
        r.0[0] = n;
        r = sys::syscall(-9, r);
        post(10, ticks());
        // SAFETY: user level's own timer.
        unsafe { asm!("msr cntp_ctl_el0, xzr", "isb", options(nostack)) };
        invoke(handler, L::IRQAckIRQ as u64, &[], &[]);
    }
}

fn interrupt(w: &mut World<'_>) {
    let (n, handler) = (w.new_object(kind::NOTIFICATION, 0), w.slot());
    let badged = w.mint(n, 3, 1);
    invoke(
        crate::world::IRQ_CONTROL,
        L::IRQIssueIRQHandler as u64,
        &[30, handler, 64],
        &[2],
    );
    invoke(handler, L::IRQSetIRQHandler as u64, &[], &[badged]);
    let t = Thread::new(w, 4, 200, 5000, 5000);
    t.start(4, on_interrupt, [n, handler, 0]);
    lower(100);
    let mut total = 0;
    for _ in 0..64 {
        post(10, 0);
        // SAFETY: user level's own timer.
        unsafe {
            asm!("msr cntp_cval_el0, {}", "msr cntp_ctl_el0, {}", "isb", in(reg) ticks() + 50, in(reg) 1u64, options(nostack));
        }
        let (mut last, mut before) = (ticks(), 0);
        while mail(10) == 0 {
            (before, last) = (last, ticks());
        }
        // The last reading may lie behind the wake-up.
        total += mail(10) - if last > mail(10) { before } else { last };
    }
    say!(
        "speed interrupt to user (within a loop of main): {}",
        total * INSTRUCTIONS_PER_TICK / 64
    );
    lower(255);
}

extern "C" fn yielder(_: u64, _: u64, _: u64) -> ! {
    loop {
        sys::syscall(-11, Registers::default());
    }
}

pub fn run(w: &mut World<'_>) {
    measure("nothing", || ());
    interrupt(w);
    let ep = w.new_object(kind::ENDPOINT, 0);
    let reply = w.new_object(kind::REPLY, 0);
    let t = Thread::new(w, 0, 200, 5000, 5000);
    t.start(0, echo, [ep, reply, 0]);
    lower(100);
    invoke(t.sc, L::SchedContextUnbind as u64, &[], &[]);
    let call = |length| {
        let mut r = Registers::default();
        r.0[0] = ep;
        r.0[1] = length;
        sys::syscall(-1, r);
    };
    measure("call and reply, passive, 0 words", || call(0));
    measure("call and reply, passive, 4 words in", || call(4));
    measure("call and reply, passive, 10 words in", || call(10));
    invoke(t.sc, L::SchedContextBind as u64, &[], &[t.tcb]);
    measure("call and reply, active, 0 words", || call(0));
    let n = w.new_object(kind::NOTIFICATION, 0);
    let badged = w.mint(n, 3, 1);
    let s = Thread::new(w, 1, 200, 5000, 5000);
    s.start(1, wait, [n, 0, 0]);
    measure("signal to higher, and its wait", || {
        let mut r = Registers::default();
        r.0[0] = badged;
        sys::syscall(-5, r);
    });
    invoke(s.tcb, L::TCBSuspend as u64, &[], &[]);
    measure("signal, nobody waits", || {
        let mut r = Registers::default();
        r.0[0] = badged;
        sys::syscall(-5, r);
    });
    measure("poll", || {
        let mut r = Registers::default();
        r.0[0] = n;
        sys::syscall(-10, r);
    });
    let back = w.new_object(kind::NOTIFICATION, 0);
    let back_badged = w.mint(back, 3, 1);
    invoke(s.tcb, L::TCBSetPriority as u64, &[100], &[TCB]);
    s.start(1, echo_signal, [n, back_badged, 0]);
    measure("notification ping-pong, equal priority", || {
        let mut r = Registers::default();
        r.0[0] = badged;
        sys::syscall(-5, r);
        let mut r = Registers::default();
        r.0[0] = back;
        sys::syscall(-9, r);
    });
    let y = Thread::new(w, 2, 100, 5000, 5000);
    y.start(2, yielder, [0; 3]);
    measure("two yields with switches", || {
        sys::syscall(-11, Registers::default());
    });
    invoke(y.tcb, L::TCBSuspend as u64, &[], &[]);
    measure("yield", || {
        sys::syscall(-11, Registers::default());
    });
    measure("invocation: set TLS base", || {
        invoke(t.tcb, L::TCBSetTLSBase as u64, &[1], &[]);
    });
    let page = w.new_object(kind::PAGE, 0);
    measure("invocation: page address", || {
        invoke(page, L::ARMPageGetAddress as u64, &[], &[]);
    });
    let s = w.slot();
    measure("copy and delete", || {
        crate::world::cnode(L::CNodeCopy, s, &[page, 64, 15], &[2]);
        crate::world::delete(s);
    });
    let u = w.new_object(kind::UNTYPED, 22);
    let many = w.slots(256);
    measure_few("retype and revoke 256 pages", || {
        invoke(
            u,
            L::UntypedRetype as u64,
            &[kind::PAGE, 0, 0, 0, many, 256],
            &[2],
        );
        crate::world::cnode(L::CNodeRevoke, u, &[], &[]);
    });
    lower(255);
}

fn measure_few(name: &str, mut work: impl FnMut()) {
    let start = ticks();
    for _ in 0..4 {
        work();
    }
    say!("speed {name}: {}", (ticks() - start) * INSTRUCTIONS_PER_TICK / 4);
}
