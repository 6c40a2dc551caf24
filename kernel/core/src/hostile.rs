//! A root task that does anything: whatever it asks for, the kernel's structures stay sound.
//!
//! The kernel is booted on the fake machine, then every thread that gets to run makes random system calls. Memory
//! outside RAM, a misaligned access, an overflow or an index out of range end the test, and so does a broken invariant.

use core::ops::{Deref, DerefMut};

use proptest::prelude::*;
use sel4_abi::message::MessageInfo;
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::Syscall;

use crate::booted::{Booted, label};
use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::fake::FakeMachine;
use crate::ipc::fault::Fault;
use crate::kernel::Kernel;
use crate::machine::{Machine, Memory};
use crate::object::slot::{self, nth};
use crate::object::tcb::{self, Queued, State};
use crate::object::{Fields, Slot, Tcb, notification, reply, sched_context};
use crate::sched::refill::Refills;

/// Little memory, as comparisons of the paths copy it.
const SMALL: u64 = 8 << 20;
/// Slots of the root CNode that the test uses.
const SLOTS: u64 = 160;
/// Interrupts that somebody may wait for, and the slots of their handlers.
const LINES: [u32; 2] = [150, 151];
const HANDLERS: u64 = 88;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }
    fn word(&mut self) -> u64 {
        match self.below(10) {
            0..4 => self.below(SLOTS),
            4 => self.below(16),
            5 => 64,
            6 => 1 << self.below(64),
            7 => (1u64 << self.below(64)).wrapping_sub(1 + self.below(2)),
            8 => 0x40_0000 + self.below(64) * 4096,
            _ => self.next(),
        }
    }
}

struct World {
    booted: Booted,
    random: Random,
    /// What took the fast path: signals, acknowledgements with a wait, interrupts, waits.
    fast: [usize; 4],
}

impl Deref for World {
    type Target = Booted;
    fn deref(&self) -> &Booted {
        &self.booted
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Booted {
        &mut self.booted
    }
}

impl World {
    fn new(seed: u64) -> Self {
        Self::on(Booted::with_ram(SMALL), seed)
    }

    fn on(booted: Booted, seed: u64) -> Self {
        Self {
            booted,
            random: Random(seed | 1),
            fast: [0; 4],
        }
    }

    /// Gives the root task some of every object, behind the slots the boot filled.
    fn furnish(&mut self) {
        let untypeds: Vec<u64> = (16..SLOTS)
            .filter(|&index| {
                let cap = self.kernel.m.cap(nth(self.root, index));
                matches!(
                    cap,
                    Cap::Untyped {
                        device: false,
                        bits: 20..,
                        ..
                    }
                )
            })
            .collect();
        let from = untypeds[0];
        let mut slot = 90;
        for (kind, size, count) in [
            (1, 0, 6),
            (2, 0, 4),
            (3, 0, 4),
            (4, 3, 2),
            (5, 8, 6),
            (6, 0, 4),
            (9, 0, 3),
            (11, 0, 3),
            (8, 0, 1),
            (0, 14, 2),
        ] {
            let info = self.call(from, 1, &[kind, size, 0, 0, slot, count], &[2]);
            assert_eq!(info.label(), 0, "retype {kind}");
            slot += count;
        }
        // Threads that can run: root's spaces, a context each.
        let control = (16..90)
            .find(|&i| self.kernel.m.cap(nth(self.root, i)) == Cap::SchedControl)
            .unwrap();
        for index in 0..4 {
            let (thread, context) = (90 + index, 106 + index);
            assert_eq!(self.call(thread, 5, &[0, 0, 0], &[2, 3, 0]).label(), 0);
            // Two of them soon have to wait for their time.
            let (budget, period) = [(5000, 5000), (60, 300), (5000, 7000), (100, 400)][index as usize];
            let budget = [budget, period, index % 3, index, index & 1];
            assert_eq!(control, 19);
            assert_eq!(
                self.call(control, label("SchedControlConfigureFlags"), &budget, &[context])
                    .label(),
                0
            );
            let params = [255, 252 + index];
            assert_eq!(self.call(thread, 8, &params, &[1, context, 96]).label(), 0);
            assert_eq!(self.call(thread, 13, &[], &[]).label(), 0);
        }
    }

    fn step(&mut self) {
        self.kernel.m.time += self.random.below(40_000);
        if self.kernel.m.time >= self.kernel.m.deadline && !self.kernel.m.pending.contains(&27) {
            self.kernel.m.pending.push(27);
        }
        if self.random.below(20) == 0 {
            let irq = self.random.below(160) as u32;
            if self.kernel.m.unmasked.contains(&irq) {
                self.kernel.m.pending.push(irq);
            }
        }
        let Some(thread) = self.kernel.current else {
            self.kernel.m.time += 1_000_000;
            self.kernel.m.pending.push(27);
            self.kernel.interrupt();
            return self.revive();
        };
        if self.kernel.m.irq_pending() && self.random.below(2) == 0 {
            return self.kernel.interrupt();
        }
        match self.random.below(40) {
            0 => self.kernel.user_fault(Fault::Vm {
                address: 8,
                status: 6,
                instruction: false,
            }),
            1 => self.kernel.fpu_trap(0, 0),
            2 => self.kernel.syscall(-99),
            3..30 => self.sensible_syscall(thread),
            _ => self.random_syscall(thread),
        }
    }

    /// Everybody waits: an act of grace gives the root task its context and lets it go on.
    fn revive(&mut self) {
        let Booted {
            kernel: k,
            thread,
            context,
            root,
        } = &mut self.booted;
        let (thread, context) = (*thread, *context);
        if k.current.is_some() || k.m.cap(nth(*root, 1)) != Cap::Tcb(thread) {
            return;
        }
        if k.m.get(thread, tcb::SCHED_CONTEXT).is_none() {
            if k.m.get(context, sched_context::TCB).is_some() {
                k.unbind_thread(context);
            }
            k.bind_context(context, thread);
        }
        k.resume(thread);
        k.schedule();
        k.activate();
    }

    /// Handlers of interrupts, that signal notifications.
    fn listen(&mut self) {
        for (n, line) in LINES.into_iter().enumerate() {
            let handler = HANDLERS + n as u64;
            let issued = self.call(4, label("IRQIssueIRQHandler"), &[line.into(), handler, 64], &[2]);
            let set = self.call(handler, label("IRQSetIRQHandler"), &[], &[100 + n as u64]);
            assert_eq!((issued.label(), set.label()), (0, 0));
        }
    }

    /// An interrupt, if its line is not masked.
    fn interrupt(&mut self, line: u32) {
        if !self.kernel.m.unmasked.contains(&line) {
            return;
        }
        self.kernel.m.pending.push(line);
        let entered_by = self.kernel.current;
        let fast = |k: &mut Kernel<FakeMachine>| {
            k.enter();
            let irq = k.m.take_irq();
            irq.is_some_and(|irq| k.fast_interrupt(irq))
        };
        let general = |k: &mut Kernel<FakeMachine>| {
            let entered_by = k.enter();
            k.serve_interrupt();
            k.leave(entered_by);
        };
        if !self.on_both_paths(2, fast, general) {
            self.kernel.serve(Some(line));
            self.kernel.leave(entered_by);
        }
    }

    /// A wait at some endpoint or notification, with a signal, an acknowledgement or nothing; or an interrupt.
    fn hand_on(&mut self) {
        self.kernel.m.time += self.random.below(2_000);
        let line = self.random.below(2);
        if self.random.below(4) == 0 {
            return self.interrupt(LINES[line as usize]);
        }
        let Some(thread) = self.kernel.current else {
            return self.step();
        };
        if self.random.below(4) == 0 {
            let place = 100 + self.random.below(4);
            let info = MessageInfo::new(label("IRQAckIRQ"), 0, 0, 0);
            for (register, word) in [(0, place), (1, info.into_word()), (6, HANDLERS + line)] {
                self.kernel.m.set(thread, tcb::x(register), word);
            }
            return self.enter(Syscall::NBSendWait as i64);
        }
        let (target, place) = (100 + self.random.below(4), 96 + self.random.below(8));
        let reply = 112 + self.random.below(4);
        let (reply, number) = match self.random.below(10) {
            0..4 => (reply, Syscall::NBSendRecv),
            4..8 => (target, Syscall::NBSendWait),
            8 => (reply, Syscall::Recv),
            _ => (reply, Syscall::Wait),
        };
        let plain = MessageInfo::new(self.random.below(3), 0, 0, self.random.below(3));
        for (register, word) in [(0, place), (1, plain.into_word()), (6, reply), (8, target)] {
            self.kernel.m.set(thread, tcb::x(register), word);
        }
        self.enter(number as i64);
    }

    /// A system call that makes sense.
    fn sensible_syscall(&mut self, thread: Tcb) {
        let r = &mut self.random;
        // As `furnish` has laid them out, until they are moved.
        let (tcb, ep, ntfn, sc, reply, other) = (
            90 + r.below(6),
            96 + r.below(4),
            100 + r.below(4),
            106 + r.below(6),
            112 + r.below(4),
            90 + r.below(SLOTS - 90),
        );
        let (from, to, badge) = (90 + r.below(SLOTS - 90), 126 + r.below(SLOTS - 126), r.below(4));
        let small = r.below(256);
        let (cptr, name, words, caps): (u64, &str, &[u64], &[u64]) = match r.below(30) {
            0..4 => (2, "CNodeCopy", &[to, 64, from, 64, 15], &[2]),
            4..7 => (2, "CNodeMint", &[to, 64, from, 64, small & 15, badge], &[2]),
            7 => (2, "CNodeMove", &[to, 64, from, 64], &[2]),
            8..11 => (2, "CNodeDelete", &[to, 64], &[]),
            11 => (2, "CNodeRevoke", &[if small < 20 { from } else { to }, 64], &[]),
            12 => (2, "CNodeCancelBadgedSends", &[to, 64], &[]),
            13 => (104 + badge % 2, "CNodeMove", &[badge, 3, from, 64], &[2]),
            14 => (
                123 + badge % 2,
                "UntypedRetype",
                &[small % 7, 7, 0, 0, to, 1 + badge],
                &[2],
            ),
            15..18 => (tcb, "TCBResume", &[], &[]),
            18 => (tcb, "TCBSuspend", &[], &[]),
            19 => (tcb, "TCBSetPriority", &[small], &[1]),
            20 => (tcb, "TCBBindNotification", &[], &[ntfn]),
            21 => (tcb, "TCBUnbindNotification", &[], &[]),
            22 => (tcb, "TCBSetTimeoutEndpoint", &[], &[ep]),
            23 => (
                sc,
                "SchedContextBind",
                &[],
                &[if small < 128 { tcb } else { ntfn }],
            ),
            24 => (sc, "SchedContextUnbind", &[], &[]),
            25 => (sc, "SchedContextUnbindObject", &[], &[tcb]),
            26 => (sc, "SchedContextYieldTo", &[], &[]),
            27 => (
                19,
                "SchedControlConfigureFlags",
                &[20 + small, 20 + small * (badge + 1), badge, 5, badge & 1],
                &[sc],
            ),
            28 => (tcb, "TCBSetSchedParams", &[255, small], &[1, sc, ep]),
            _ => (other, "ARMPageUnmap", &[], &[]),
        };
        let send = r.below(2) == 0;
        let number = -(1 + r.below(11) as i64);
        let (words, caps) = (words.to_vec(), caps.to_vec());
        if send {
            let target = if small < 180 { ep } else { ntfn };
            self.prepare(
                thread,
                target,
                MessageInfo::new(1, 0, badge & 1, small % 8),
                &words,
                &[from, from, from],
            );
            self.kernel
                .m
                .set(thread, tcb::x(6), if number == -4 { target } else { reply });
            self.kernel.m.set(thread, tcb::x(8), target);
            self.enter(number);
        } else {
            let info = MessageInfo::new(label(name), 0, caps.len() as u64, words.len() as u64);
            self.prepare(thread, cptr, info, &words, &caps);
            self.enter(-1);
        }
    }

    fn enter(&mut self, number: i64) {
        const NB_SEND_RECV: i64 = Syscall::NBSendRecv as i64;
        const NB_SEND_WAIT: i64 = Syscall::NBSendWait as i64;
        const RECV: i64 = Syscall::Recv as i64;
        const WAIT: i64 = Syscall::Wait as i64;
        let fast = match number {
            -1 => self.kernel.fast_call() || self.kernel.fast_ack(),
            -2 => self.kernel.fast_reply_recv(),
            NB_SEND_RECV => self.on_both_paths(0, Kernel::fast_signal_recv, |k| k.syscall(number)),
            NB_SEND_WAIT => {
                self.on_both_paths(0, Kernel::fast_signal_wait, |k| k.syscall(number))
                    || self.on_both_paths(1, Kernel::fast_ack_wait, |k| k.syscall(number))
            }
            RECV => self.on_both_paths(3, Kernel::fast_recv, |k| k.syscall(number)),
            WAIT => self.on_both_paths(3, Kernel::fast_wait, |k| k.syscall(number)),
            _ => false,
        };
        if !fast {
            self.kernel.syscall(number);
        }
    }

    /// What the fast path does is what the general path would have done.
    fn on_both_paths(
        &mut self,
        kind: usize,
        fast: impl FnOnce(&mut Kernel<FakeMachine>) -> bool,
        path: impl FnOnce(&mut Kernel<FakeMachine>),
    ) -> bool {
        let mut general = self.kernel.clone();
        if !fast(&mut self.kernel) {
            return false;
        }
        self.fast[kind] += 1;
        path(&mut general);
        let fields = |k: &Kernel<FakeMachine>| {
            let queues = [k.current, k.release, k.fpu_owner, k.ready.first(0)];
            let account = (k.current_sc, k.now, k.consumed, k.reprogram);
            (queues, account, k.action, (k.domains.ends(), k.horizon))
        };
        assert_eq!(fields(&self.kernel), fields(&general));
        assert!(self.kernel.ready == general.ready, "the same queues");
        assert_eq!(self.kernel.fpu_access, general.fpu_access);
        assert!(self.kernel.m.same(&general.m), "the same memory and deadline");
        true
    }

    fn random_syscall(&mut self, thread: Tcb) {
        let count = self.random.below(12);
        let words: Vec<u64> = (0..count).map(|_| self.random.word()).collect();
        let caps: Vec<u64> = (0..self.random.below(4))
            .map(|_| self.random.below(SLOTS))
            .collect();
        let label = if self.random.below(8) == 0 {
            self.random.next() >> 12
        } else {
            self.random.below(64)
        };
        let cptr = if self.random.below(20) == 0 {
            self.random.word()
        } else {
            self.random.below(SLOTS)
        };
        let length = if self.random.below(30) == 0 { 127 } else { count };
        let info = MessageInfo::new(label, 0, caps.len() as u64, length);
        // The root task's own ties are left alone, or all would be over soon.
        let fatal = cptr <= 3 || cptr == 14;
        if fatal && self.random.below(60) != 0 {
            return;
        }
        self.prepare(thread, cptr, info, &words, &caps);
        let reply = 112 + self.random.below(6);
        self.kernel.m.set(thread, tcb::x(6), reply);
        self.kernel.m.set(thread, tcb::x(8), cptr);
        let number = match self.random.below(40) {
            n @ 1..12 => -(n as i64),
            _ => -1,
        };
        self.enter(number);
    }

    fn check(&self) {
        let mut threads = vec![];
        for index in 0..SLOTS {
            self.check_slot(nth(self.root, index), &mut threads);
        }
        if let Some(current) = self.kernel.current {
            threads.push(current);
            assert!(self.kernel.is_schedulable(current), "the current thread can run");
            assert_eq!(self.kernel.m.get(current, tcb::QUEUED), Queued::Not);
        }
        #[cfg(feature = "debug-build")]
        self.check_list(&threads);
        for thread in threads {
            self.check_thread(thread);
        }
        self.check_choice();
    }

    /// Every thread is in the list of all threads, and the list reads the same both ways.
    #[cfg(feature = "debug-build")]
    fn check_list(&self, threads: &[Tcb]) {
        let m = &self.kernel.m;
        let mut listed = vec![];
        let (mut at, mut before) = (self.kernel.threads, None);
        while let Some(thread) = at {
            assert_eq!(m.get(thread, tcb::LIST_PREV), before);
            assert!(!listed.contains(&thread), "the list ends");
            listed.push(thread);
            (before, at) = (at, m.get(thread, tcb::LIST_NEXT));
        }
        assert!(threads.iter().all(|thread| listed.contains(thread)));
    }

    /// Whoever runs has the highest priority of his domain.
    fn check_choice(&self) {
        let k = &self.kernel;
        let highest = k.ready.highest(k.domains.current()).unwrap_or(0) as u64;
        if let Some(current) = k.current
            && k.m.get(current, tcb::DOMAIN) == k.domains.current() as u64
        {
            assert!(
                k.m.get(current, tcb::PRIORITY) >= highest,
                "somebody more important waits"
            );
        }
        assert!(
            k.current.is_some() || highest == 0,
            "nobody runs, and somebody could"
        );
    }

    fn check_slot(&self, at: Slot, threads: &mut Vec<Tcb>) {
        let m = &self.kernel.m;
        if m.is_empty(at) {
            assert_eq!(
                (m.get(at, slot::PREV), m.get(at, slot::NEXT)),
                (0, 0),
                "an empty slot is in no list"
            );
            return;
        }
        if let Some(next) = m.next(at) {
            assert_eq!(m.prev(next), Some(at), "the list reads the same both ways");
            assert!(!m.is_empty(next));
        }
        if let Some(prev) = m.prev(at) {
            assert_eq!(m.next(prev), Some(at), "the list reads the same both ways");
        }
        match m.cap(at) {
            Cap::Tcb(thread) => threads.push(thread),
            Cap::SchedContext { sc, .. } => {
                if let Some(thread) = m.get(sc, sched_context::TCB) {
                    assert_eq!(m.get(thread, tcb::SCHED_CONTEXT), Some(sc));
                }
                if m.is_active(sc) {
                    let count = m.get(sc, sched_context::COUNT);
                    assert!(count >= 1 && count <= m.get(sc, sched_context::MAX));
                }
            }
            Cap::Notification { ntfn, .. } => {
                if let Some(thread) = m.get(ntfn, notification::BOUND_TCB) {
                    assert_eq!(m.get(thread, tcb::NOTIFICATION), Some(ntfn));
                }
            }
            Cap::Reply { reply, .. } => {
                if let Some(thread) = m.get(reply, reply::TCB) {
                    assert_eq!(m.get(thread, tcb::REPLY), Some(reply));
                }
            }
            _ => {}
        }
    }

    fn check_thread(&self, thread: Tcb) {
        let m = &self.kernel.m;
        if let Some(sc) = m.get(thread, tcb::SCHED_CONTEXT) {
            assert_eq!(
                m.get(sc, sched_context::TCB),
                Some(thread),
                "thread and context know each other"
            );
        }
        if let Some(reply) = m.get(thread, tcb::REPLY) {
            assert_eq!(
                m.get(reply, reply::TCB),
                Some(thread),
                "thread and reply object know each other"
            );
            assert!(matches!(
                self.kernel.state(thread),
                State::Receiving | State::Replying
            ));
        }
        if self.kernel.is_schedulable(thread) && self.kernel.current != Some(thread) {
            assert_eq!(
                m.get(thread, tcb::QUEUED),
                Queued::Ready,
                "whoever can run is queued"
            );
        }
        if m.get(thread, tcb::QUEUED) == Queued::Ready {
            assert!(self.kernel.is_schedulable(thread), "whoever is queued can run");
        }
    }
}

#[test]
fn what_a_preempted_retype_passed_over_is_handed_out_to_nobody_unzeroed() {
    let mut world = World::new(1);
    let big = |cap| {
        matches!(
            cap,
            Cap::Untyped {
                device: false,
                bits: 16..,
                ..
            }
        )
    };
    let from = (16..SLOTS)
        .find(|&index| big(world.kernel.m.cap(nth(world.root, index))))
        .unwrap();
    let Cap::Untyped { at, .. } = world.kernel.m.cap(nth(world.root, from)) else {
        panic!()
    };
    assert_eq!(
        world.call(from, 1, &[2, 0, 0, 0, 90, 1], &[2]).label(),
        0,
        "an endpoint"
    );
    // What an earlier owner left behind it: capabilities of his choice.
    for offset in (16..4096).step_by(8) {
        world.kernel.m.store(at, offset, 0x5555_5555_5555_5555);
    }
    let frame = ObjectType::SmallPage as u64;
    world.kernel.m.pending.push(100);
    world.call(from, 1, &[frame, 0, 0, 0, 91, 12], &[2]);
    assert!(
        world.kernel.m.is_empty(nth(world.root, 91)),
        "the interrupt preempts it"
    );
    assert_eq!(
        world.call(from, 1, &[4, 1, 0, 0, 91, 1], &[2]).label(),
        0,
        "a CNode"
    );
    let Cap::CNode { at: node, .. } = world.kernel.m.cap(nth(world.root, 91)) else {
        panic!()
    };
    for slot in 0..2 {
        assert_eq!(
            world.kernel.m.cap(nth(node, slot)),
            Cap::Null,
            "slot {slot} of a new CNode"
        );
    }
}

#[test]
fn fast_paths_do_what_the_general_path_does() {
    // Little memory, as each comparison copies it; and short lives: what random calls leave of a world is at odds with itself.
    let mut taken = [0; 4];
    for seed in 1..120 {
        let mut world = World::new(seed);
        world.furnish();
        world.listen();
        for step in 0..60 {
            match step % 3 {
                0 => world.step(),
                _ => world.hand_on(),
            }
            world.check();
        }
        taken = core::array::from_fn(|kind| taken[kind] + world.fast[kind]);
    }
    assert!(
        taken.iter().all(|&count| count > 20),
        "{taken:?} of them say little"
    );
}

#[test]
fn acknowledgement_lets_the_thread_go_on() {
    let mut world = World::new(1);
    world.furnish();
    world.listen();
    let thread = world.kernel.current.unwrap();
    let acknowledge = |world: &mut World, extra| {
        world.kernel.m.unmasked.remove(&LINES[0]);
        let info = MessageInfo::new(label("IRQAckIRQ"), 0, extra, 0);
        for (register, word) in [(0, HANDLERS), (1, info.into_word())] {
            world.kernel.m.set(thread, tcb::x(register), word);
        }
        world.kernel.fast_ack()
    };
    assert!(acknowledge(&mut world, 0) && world.kernel.m.unmasked.contains(&LINES[0]));
    let answer = [0, 1].map(|register| world.kernel.m.get(thread, tcb::x(register)));
    assert_eq!((answer, world.kernel.current), ([0; 2], Some(thread)));
    assert!(
        !acknowledge(&mut world, 1),
        "what it names has to be looked up first"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn structures_stay_sound_whatever_user_level_does(seed: u64) {
        let mut world = World::new(seed);
        world.furnish();
        world.check();
        for _ in 0..1_500 {
            world.step();
            world.check();
        }
    }
}
