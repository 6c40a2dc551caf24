//! Scheduling contexts.

use sel4_abi::invocation::InvocationLabel as L;

use crate::console::say;
use crate::ipc::lower;
use crate::sys::{self, Registers, invoke};
use crate::threads::{Thread, configure, mail, post};
use crate::world::{SC, TCB, World, delete, kind, show};

pub fn run(w: &mut World<'_>) {
    parameters(w);
    bindings(w);
    timeouts(w);
    turns(w);
}

fn parameters(w: &mut World<'_>) {
    let sc = w.new_object(kind::SC, 7);
    let big = w.new_object(kind::SC, 9);
    let tcb = w.new_object(kind::TCB, 0);
    let control = w.info.sched_control.start;
    show(
        "control label",
        invoke(control, L::SchedContextBind as u64, &[], &[]),
    );
    show("configure short", configure(w, sc, &[5000, 5000, 0, 0]));
    show(
        "configure no cap",
        invoke(
            control,
            L::SchedControlConfigureFlags as u64,
            &[5000, 5000, 0, 0, 0],
            &[],
        ),
    );
    show("configure tcb", configure(w, tcb, &[5000, 5000, 0, 0, 0]));
    show("budget 0", configure(w, sc, &[0, 5000, 0, 0, 0]));
    show("budget 19", configure(w, sc, &[19, 5000, 0, 0, 0]));
    show("budget 20", configure(w, sc, &[20, 5000, 0, 0, 0]));
    show("period 0", configure(w, sc, &[5000, 0, 0, 0, 0]));
    show("period 19", configure(w, sc, &[20, 19, 0, 0, 0]));
    show("budget > period", configure(w, sc, &[5000, 4999, 0, 0, 0]));
    show("huge", configure(w, sc, &[!0, !0, 0, 0, 0]));
    show("period huge", configure(w, sc, &[5000, !0, 0, 0, 0]));
    show("period 2^60", configure(w, sc, &[5000, 1 << 60, 0, 0, 0]));
    show("period 2^50", configure(w, sc, &[5000, 1 << 50, 0, 0, 0]));
    show("refills", configure(w, sc, &[5000, 10000, 1, 0, 0]));
    show("refills 9", configure(w, big, &[5000, 10000, 24, 0, 0]));
    show("refills 9 too many", configure(w, big, &[5000, 10000, 25, 0, 0]));
    show("refills round robin", configure(w, sc, &[5000, 5000, 1, 0, 0]));
    show("flags", configure(w, sc, &[5000, 10000, 0, 0, 7]));
    show("consumed", invoke(sc, L::SchedContextConsumed as u64, &[], &[]));
    show("sc label", invoke(sc, L::TCBResume as u64, &[], &[]));
    show(
        "yield to unbound",
        invoke(sc, L::SchedContextYieldTo as u64, &[], &[]),
    );
    show(
        "yield to self",
        invoke(SC, L::SchedContextYieldTo as u64, &[], &[]),
    );
    show("unbind self", invoke(SC, L::SchedContextUnbind as u64, &[], &[]));
}

fn bindings(w: &mut World<'_>) {
    let [a, b] = core::array::from_fn(|_| w.new_object(kind::SC, 7));
    let [t, u] = core::array::from_fn(|_| w.new_object(kind::TCB, 0));
    let [n, o] = core::array::from_fn(|_| w.new_object(kind::NOTIFICATION, 0));
    let ep = w.new_object(kind::ENDPOINT, 0);
    let bind = |sc, cap| invoke(sc, L::SchedContextBind as u64, &[], &[cap]);
    let unbind = |sc, cap| invoke(sc, L::SchedContextUnbindObject as u64, &[], &[cap]);
    show("bind none", invoke(a, L::SchedContextBind as u64, &[], &[]));
    show("bind ep", bind(a, ep));
    show("bind null", bind(a, 0));
    show("bind t", bind(a, t));
    show("bind t again", bind(a, t));
    show("bind u too", bind(a, u));
    show("bind t elsewhere", bind(b, t));
    show("bind n", bind(a, n));
    show("bind n again", bind(a, n));
    show("bind o", bind(a, o));
    show("bind n elsewhere", bind(b, n));
    show(
        "unbind none",
        invoke(a, L::SchedContextUnbindObject as u64, &[], &[]),
    );
    show("unbind ep", unbind(a, ep));
    show("unbind u", unbind(a, u));
    show("unbind o", unbind(a, o));
    show("unbind t", unbind(a, t));
    show("unbind t again", unbind(a, t));
    show("unbind n", unbind(a, n));
    show(
        "unbind nothing",
        invoke(a, L::SchedContextUnbind as u64, &[], &[]),
    );
    show("unbind main", unbind(SC, TCB));
}

extern "C" fn spin(index: u64, _: u64, _: u64) -> ! {
    loop {
        post(index as usize, mail(index as usize) + 1);
    }
}

extern "C" fn count_and_yield(index: u64, _: u64, _: u64) -> ! {
    loop {
        post(8, mail(8) * 16 + index);
        sys::syscall(-11, Registers::default());
    }
}

fn timeouts(w: &mut World<'_>) {
    let t = Thread::new(w, 3, 100, 1000, 20_000);
    let timeout_ep = w.new_object(kind::ENDPOINT, 0);
    let handler = w.mint(timeout_ep, 15, 0x123);
    let reply = w.new_object(kind::REPLY, 0);
    invoke(t.tcb, L::TCBSetTimeoutEndpoint as u64, &[], &[handler]);
    t.start(3, spin, [6, 0, 0]);
    let a = sys::receive(-7, timeout_ep, reply);
    say!(
        "timeout: badge {:x} label {} length {} data {:x}",
        a.badge,
        a.label,
        a.length,
        a.words[0]
    );
    say!(
        "  consumed near a millisecond: {}",
        a.words[1] > 900 && a.words[1] <= 1020
    );
    let seen = mail(6);
    say!("  ran {}", seen > 0);
    // A reply lets it go on when it has budget again.
    sys::send(reply, &[]);
    let a = sys::receive(-7, timeout_ep, reply);
    say!("again: {} {}", a.label, mail(6) > seen);
    let mut r = Registers::default();
    r.0[0] = reply;
    r.0[1] = 1 << 12;
    sys::syscall(-5, r);
    let a = invoke(t.sc, L::SchedContextConsumed as u64, &[], &[]);
    say!("consumed since: {} {} {}", a.label, a.length, a.words[0] <= 20);
    delete(t.tcb);
}

fn turns(w: &mut World<'_>) {
    let threads: [Thread; 3] = core::array::from_fn(|i| Thread::new(w, i, 100, 5000, 5000));
    for (i, t) in threads.iter().enumerate() {
        t.start(i, count_and_yield, [i as u64 + 1, 0, 0]);
    }
    post(8, 0);
    let wake = w.new_object(kind::SC, 8);
    show("main's context", configure(w, wake, &[1000, 10_000, 0, 0, 0]));
    lower(100);
    for _ in 0..3 {
        sys::syscall(-11, Registers::default());
    }
    let order = mail(8);
    lower(255);
    say!("turns {order:x}");
    for t in threads {
        invoke(t.tcb, L::TCBSuspend as u64, &[], &[]);
    }
    let spinner = threads[0];
    spinner.start(0, spin, [9, 0, 0]);
    let a = invoke(spinner.sc, L::SchedContextYieldTo as u64, &[], &[]);
    say!("yield to lower: {} {} {:x?}", a.label, a.length, &a.words[..1]);
    lower(100);
    let a = invoke(spinner.sc, L::SchedContextYieldTo as u64, &[], &[]);
    say!(
        "yield to equal: {} {} ran {} {}",
        a.label,
        a.length,
        mail(9) > 0,
        a.words[0] > 4000 && a.words[0] <= 5100
    );
    lower(255);
    let a = invoke(spinner.sc, L::SchedContextConsumed as u64, &[], &[]);
    say!("consumed after: {} {}", a.length, a.words[0] < 5100);
    for t in threads {
        delete(t.tcb);
    }
}
