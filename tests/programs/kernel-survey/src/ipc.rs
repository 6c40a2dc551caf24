//! Messages, notifications, replies, donation.

use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::message::MessageInfo;

use crate::console::say;
use crate::sys::{self, Registers, invoke};
use crate::threads::{Thread, mail, park, post};
use crate::world::{CNODE, SC, TCB, World, cnode, delete, kind, show};

const RECV: i64 = -7;
const NBRECV: i64 = -8;
const WAIT: i64 = -9;
const NBWAIT: i64 = -10;

pub fn run(w: &mut World<'_>) {
    signals(w);
    order(w);
    calls(w);
    capabilities(w);
    chains(w);
    deaths(w);
}

fn poll(name: &str, number: i64, cptr: u64, reply: u64) {
    let mut r = Registers::default();
    r.0[0] = cptr;
    r.0[1] = 0xabc;
    r.0[2] = 0xdef;
    r.0[6] = reply;
    let x = sys::syscall(number, r).0;
    say!("{name}: {:x} {:x} {:x}", x[0], x[1], x[2]);
}

fn signals(w: &mut World<'_>) {
    let n = w.new_object(kind::NOTIFICATION, 0);
    let reply = w.new_object(kind::REPLY, 0);
    let [a, b, c] = [1, 6, 0].map(|badge| w.mint(n, 3, badge));
    let read_only = w.mint(n, 2, 64);
    let write_only = w.mint(n, 1, 64);
    poll("poll empty", NBWAIT, n, 0);
    sys::send(a, &[]);
    sys::send(b, &[]);
    poll("poll two", NBWAIT, n, 0);
    poll("poll again", NBWAIT, n, 0);
    sys::send(c, &[]);
    poll("poll zero badge", NBWAIT, n, 0);
    sys::send(read_only, &[]);
    poll("signal without right", NBRECV, n, reply);
    sys::send(write_only, &[]);
    poll("write only badge", WAIT, n, 0);
    show("call ntfn", invoke(a, 0, &[1, 2], &[]));
    show("call ntfn read only", invoke(read_only, 0, &[1, 2], &[]));
    show("call reply idle", invoke(reply, 0, &[1, 2], &[]));
    poll("recv reply unused", RECV, n, 0);
    let ep = w.new_object(kind::ENDPOINT, 0);
    poll("nbrecv ep", NBRECV, ep, reply);
    poll("nbwait ep", NBWAIT, ep, 0);
    let no_write = w.mint(ep, 2, 0);
    show("call without write", invoke(no_write, 0, &[1], &[]));
    show("bind", invoke(TCB, L::TCBBindNotification as u64, &[], &[n]));
    sys::send(b, &[]);
    poll("bound signal at ep", RECV, ep, reply);
    sys::send(b, &[]);
    poll("bound signal at ep nb", NBRECV, ep, reply);
    poll("no more", NBRECV, ep, reply);
    show("unbind", invoke(TCB, L::TCBUnbindNotification as u64, &[], &[]));
}

extern "C" fn sender(ep: u64, word: u64, _: u64) -> ! {
    sys::send(ep, &[word, 2, 3]);
    post(0, mail(0) * 16 + word);
    park(0, 0, 0)
}

extern "C" fn waiter(n: u64, word: u64, _: u64) -> ! {
    loop {
        let a = sys::receive(WAIT, n, 0);
        post(0, mail(0) * 16 + word);
        post(1, a.badge);
    }
}

/// Queues are in order of priority, then of arrival.
fn order(w: &mut World<'_>) {
    let ep = w.new_object(kind::ENDPOINT, 0);
    let n = w.new_object(kind::NOTIFICATION, 0);
    let wake = w.mint(n, 3, 9);
    let priorities = [10, 30, 20, 30, 10];
    let threads: [Thread; 5] = core::array::from_fn(|i| Thread::new(w, i, priorities[i], 5000, 5000));
    for (i, t) in threads.iter().enumerate() {
        t.start(i, sender, [ep, i as u64 + 1, 0]);
    }
    lower(5);
    lower(255);
    for _ in 0..5 {
        let a = sys::receive(WAIT, ep, 0);
        say!("sender {} length {}", a.words[0], a.length);
    }
    poll("no sender", NBWAIT, ep, 0);
    lower(5);
    lower(255);
    say!("ran in order {:x}", mail(0));
    post(0, 0);
    for (i, t) in threads.iter().enumerate() {
        invoke(t.tcb, L::TCBSuspend as u64, &[], &[]);
        t.start(i, waiter, [n, i as u64 + 1, 0]);
    }
    lower(5);
    lower(255);
    for _ in 0..3 {
        sys::send(wake, &[]);
    }
    lower(5);
    lower(255);
    say!("woken in order {:x} badge {:x}", mail(0), mail(1));
    invoke(threads[0].tcb, L::TCBSetPriority as u64, &[40], &[TCB]);
    sys::send(wake, &[]);
    lower(5);
    lower(255);
    say!("after raising {:x}", mail(0));
    for t in threads {
        delete(t.tcb);
    }
    post(0, 0);
}

/// Sets the main thread's own priority, so that others run first.
pub fn lower(priority: u64) {
    let a = invoke(TCB, L::TCBSetPriority as u64, &[priority], &[TCB]);
    assert_eq!(a.label, 0);
}

extern "C" fn server(ep: u64, reply: u64, mode: u64) -> ! {
    let mut a = sys::receive(RECV, ep, reply);
    loop {
        post(2, a.badge);
        post(3, a.words[0]);
        let mut r = Registers::default();
        r.0[0] = ep;
        r.0[6] = reply;
        r.0[2] = a.words[0] + 1;
        r.0[3] = mode;
        r.0[1] = MessageInfo::new(77, 0, 0, 2).into_word();
        a = sys::answer(sys::syscall(-2, r));
    }
}

fn calls(w: &mut World<'_>) {
    let ep = w.new_object(kind::ENDPOINT, 0);
    let badged = w.mint(ep, 15, 0x99);
    let reply = w.new_object(kind::REPLY, 0);
    let active = Thread::new(w, 0, 100, 5000, 5000);
    active.start(0, server, [ep, reply, 1]);
    lower(50);
    show("call active", invoke(badged, 5, &[10, 11], &[]));
    show("call active again", invoke(badged, 5, &[20], &[]));
    say!("server saw {:x} {}", mail(2), mail(3));
    let no_grant = w.mint(ep, 3, 0);
    let _ = no_grant;
    lower(255);
    delete(active.tcb);
    // A passive server: it starts on a borrowed context, which it loses in its first wait.
    let passive = Thread::new(w, 1, 100, 5000, 5000);
    passive.start(1, server, [ep, reply, 2]);
    lower(50);
    show(
        "unbind context",
        invoke(passive.sc, L::SchedContextUnbind as u64, &[], &[]),
    );
    show("call passive", invoke(badged, 5, &[30], &[]));
    show("call passive again", invoke(badged, 5, &[40], &[]));
    show(
        "own context bound",
        invoke(SC, L::SchedContextBind as u64, &[], &[passive.tcb]),
    );
    lower(255);
    // NBSendRecv and NBSendWait.
    let back = w.new_object(kind::ENDPOINT, 0);
    let reply2 = w.new_object(kind::REPLY, 0);
    let mut r = Registers::default();
    r.0[0] = back;
    r.0[1] = MessageInfo::new(3, 0, 0, 1).into_word();
    r.0[2] = 7;
    r.0[6] = reply2;
    r.0[8] = back;
    let bound = w.new_object(kind::NOTIFICATION, 0);
    let bell = w.mint(bound, 3, 0x40);
    show("bind", invoke(TCB, L::TCBBindNotification as u64, &[], &[bound]));
    sys::send(bell, &[]);
    say!("nbsendrecv {:x}", sys::syscall(-3, r).0[0]);
    r.0[6] = bell;
    say!("nbsendwait {:x}", sys::syscall(-4, r).0[0]);
    show("unbind", invoke(TCB, L::TCBUnbindNotification as u64, &[], &[]));
    delete(passive.tcb);
}

extern "C" fn giver(ep: u64, slot: u64, other: u64) -> ! {
    let b = sys::buffer();
    b.caps_or_badges = [ep, slot, other];
    for i in 0..120 {
        b.msg[i] = i as u64;
    }
    let mut r = Registers::default();
    r.0[0] = ep;
    r.0[1] = MessageInfo::new(1, 5, 3, 127).into_word();
    r.0[2] = 0;
    r.0[3] = 1;
    r.0[4] = 2;
    r.0[5] = 3;
    sys::syscall(-5, r);
    park(0, 0, 0)
}

fn set_receive(slot: u64, depth: u64) {
    let b = sys::buffer();
    b.receive_cnode = CNODE;
    b.receive_index = slot;
    b.receive_depth = depth;
}

fn capabilities(w: &mut World<'_>) {
    let ep = w.new_object(kind::ENDPOINT, 0);
    let badged = w.mint(ep, 15, 0x55);
    let object = w.new_object(kind::NOTIFICATION, 0);
    let no_grant = w.mint(ep, 3, 0x56);
    let t = Thread::new(w, 0, 254, 5000, 5000);
    let s = w.slots(8);
    let cases = [
        ("unwrap, take, stop", badged, [badged, object], s, 64),
        ("slot taken", badged, [badged, object], s, 64),
        ("take, unwrap", badged, [object, badged], s + 1, 64),
        ("bad depth", badged, [object, badged], s + 2, 0),
        ("bad slot", badged, [badged, object], 1 << 40, 64),
        ("no grant", no_grant, [object, object], s + 3, 64),
        ("missing cap", badged, [object, 1 << 45], s + 4, 64),
    ];
    for (name, via, caps, slot, depth) in cases {
        invoke(t.tcb, L::TCBSuspend as u64, &[], &[]);
        t.start(0, giver, [via, caps[0], caps[1]]);
        lower(10);
        lower(255);
        set_receive(slot, depth);
        let mut r = Registers::default();
        r.0[0] = ep;
        let x = sys::syscall(NBWAIT, r).0;
        let b = sys::buffer();
        say!(
            "{name}: {:x} {:x} badges {:x?} last {}",
            x[0],
            x[1],
            b.caps_or_badges[0],
            b.msg[119]
        );
        show(
            "  slot",
            cnode(L::CNodeCopy, s + 7, &[slot & 0x1ffff, 64, 15], &[CNODE]),
        );
        delete(s + 7);
    }
    delete(t.tcb);
}

extern "C" fn middle(ep: u64, reply: u64, next: u64) -> ! {
    let mut a = sys::receive(RECV, ep, reply);
    loop {
        let b = invoke(next, 6, &[a.words[0] * 2], &[]);
        let mut r = Registers::default();
        r.0[0] = ep;
        r.0[6] = reply;
        r.0[2] = b.words[0];
        r.0[1] = 1;
        a = sys::answer(sys::syscall(-2, r));
    }
}

extern "C" fn client(ep: u64, _: u64, _: u64) -> ! {
    let a = invoke(ep, 6, &[21], &[]);
    post(4, a.label << 32 | a.words[0]);
    park(0, 0, 0)
}

extern "C" fn spinner(ep: u64, reply: u64, _: u64) -> ! {
    sys::receive(RECV, ep, reply);
    loop {
        post(5, mail(5) + 1);
    }
}

/// Who has run on the client's time.
fn chains(w: &mut World<'_>) {
    let [e1, e2] = core::array::from_fn(|_| w.new_object(kind::ENDPOINT, 0));
    let [r1, r2] = core::array::from_fn(|_| w.new_object(kind::REPLY, 0));
    let c = Thread::new(w, 0, 100, 5000, 5000);
    let m = Thread::new(w, 1, 110, 5000, 5000);
    let s = Thread::new(w, 2, 120, 5000, 5000);
    m.start(1, middle, [e1, r1, e2]);
    s.start(2, server, [e2, r2, 3]);
    lower(50);
    show("unbind m", invoke(m.sc, L::SchedContextUnbind as u64, &[], &[]));
    show("unbind s", invoke(s.sc, L::SchedContextUnbind as u64, &[], &[]));
    c.start(0, client, [e1, 0, 0]);
    lower(40);
    say!("chain {:x}", mail(4));
    invoke(c.tcb, L::TCBSuspend as u64, &[], &[]);
    invoke(s.tcb, L::TCBSuspend as u64, &[], &[]);
    lower(255);
    // The server spins; its reply object dies: the context goes to the caller.
    show("bind s", invoke(s.sc, L::SchedContextBind as u64, &[], &[s.tcb]));
    s.start(2, spinner, [e2, r2, 0]);
    lower(50);
    show("unbind s", invoke(s.sc, L::SchedContextUnbind as u64, &[], &[]));
    // A context that leaves time for the main thread.
    crate::threads::configure(w, c.sc, &[1000, 20_000, 0, 0, 0]);
    c.start(0, client, [e1, 0, 0]);
    pause();
    show(
        "s has it",
        invoke(c.sc, L::SchedContextUnbindObject as u64, &[], &[c.tcb]),
    );
    say!("spins {}", mail(5) > 0);
    show("delete reply 2", delete(r2));
    let seen = mail(5);
    pause();
    say!("stopped {}", mail(5) == seen);
    show(
        "m has it",
        invoke(c.sc, L::SchedContextUnbindObject as u64, &[], &[s.tcb]),
    );
    show("delete reply 1", delete(r1));
    show(
        "c has it not lost",
        invoke(c.sc, L::SchedContextUnbindObject as u64, &[], &[c.tcb]),
    );
    lower(255);
    for t in [c, m, s] {
        delete(t.tcb);
    }
}

/// Lets others run for a while.
fn pause() {
    lower(50);
    for _ in 0..3_000_000 {
        core::hint::spin_loop();
    }
    lower(255);
}

fn deaths(w: &mut World<'_>) {
    // An endpoint dies while threads wait at it: they try again and fault.
    let u = w.new_object(kind::UNTYPED, 12);
    let ep = w.retype_from(u, kind::ENDPOINT, 0);
    let n = w.retype_from(u, kind::NOTIFICATION, 0);
    let reply = w.new_object(kind::REPLY, 0);
    let [a, b, c] = core::array::from_fn(|i| Thread::new(w, i, 100, 5000, 5000));
    let copy = w.mint(ep, 15, 3);
    a.start(0, sender, [copy, 1, 0]);
    b.start(1, waiter, [n, 1, 0]);
    lower(50);
    show("cancel", cnode(L::CNodeCancelBadgedSends, copy, &[], &[]));
    poll("nobody sends", NBWAIT, ep, 0);
    show("revoke memory", cnode(L::CNodeRevoke, u, &[], &[]));
    lower(255);
    poll("b's fault", NBRECV, b.fault_ep, reply);
    show(
        "thread b suspended",
        invoke(b.tcb, L::TCBSuspend as u64, &[], &[]),
    );
    show("c deleted", delete(c.tcb));
    show(
        "c's context is free",
        invoke(c.sc, L::SchedContextBind as u64, &[], &[b.tcb]),
    );
    delete(a.tcb);
    delete(b.tcb);
}
