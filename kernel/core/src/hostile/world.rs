//! The machine and its threads, and what happens to them.

use core::ops::{Deref, DerefMut};

use crate::booted::{Booted, label};
use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::fake::FakeMachine;
use crate::ipc::fault::Fault;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::slot::nth;
use crate::object::{Fields, sched_context, tcb};

use super::{DOMAIN, HANDLERS, LINES, SLOTS};

/// Little memory, as comparisons of the paths copy it.
const SMALL: u64 = 8 << 20;
/// The address space of [`World::furnish`].
const SPACE: u64 = 122;

pub struct Random(u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }
    pub fn word(&mut self) -> u64 {
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

pub struct World {
    booted: Booted,
    pub random: Random,
    /// What took the fast path: signals, acknowledgements with a wait, interrupts, waits.
    pub fast: [usize; 4],
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
    pub fn new(seed: u64) -> Self {
        Self::on(Booted::with_ram(SMALL), seed)
    }

    pub fn on(booted: Booted, seed: u64) -> Self {
        Self {
            booted,
            random: Random(seed | 1),
            fast: [0; 4],
        }
    }

    /// Gives the root task some of every object, behind the slots the boot filled.
    pub fn furnish(&mut self) {
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
        // Threads that can run: root's spaces, but for one of them, and a context each.
        self.must(6, "ARMASIDPoolAssign", &[], &[SPACE]);
        let control = (16..90)
            .find(|&i| self.kernel.m.cap(nth(self.root, i)) == Cap::SchedControl)
            .unwrap();
        for index in 0..4 {
            let (thread, context) = (90 + index, 106 + index);
            let space = if index == 1 { SPACE } else { 3 };
            assert_eq!(self.call(thread, 5, &[0, 0, 0], &[2, space, 0]).label(), 0);
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

    /// Gives some of the threads domains of their own, and the domains their time, one of them almost none; the last is empty.
    pub fn share_out(&mut self) {
        for (thread, domain) in [(91, 1), (93, 1), (94, 1), (92, 2)] {
            self.must(DOMAIN, "DomainSetSet", &[domain], &[thread]);
        }
        let short = 1 + self.random.below(4_000);
        let schedule = [
            (0, 50_000),
            (1, 30_000),
            (0, 40_000 + short),
            (2, short),
            (1, 100_000),
            (3, 20_000),
        ];
        for (index, (domain, duration)) in (0..).zip(schedule) {
            self.must(DOMAIN, "DomainScheduleConfigure", &[index, domain, duration], &[]);
        }
        self.must(DOMAIN, "DomainScheduleSetStart", &[0], &[]);
    }

    pub fn step(&mut self) {
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
    pub fn listen(&mut self) {
        for (n, line) in LINES.into_iter().enumerate() {
            let handler = HANDLERS + n as u64;
            let issued = self.call(4, label("IRQIssueIRQHandler"), &[line.into(), handler, 64], &[2]);
            let set = self.call(handler, label("IRQSetIRQHandler"), &[], &[100 + n as u64]);
            assert_eq!((issued.label(), set.label()), (0, 0));
        }
    }

    /// An interrupt, if its line is not masked.
    pub fn interrupt(&mut self, line: u32) {
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
}
