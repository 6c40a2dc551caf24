//! System calls: those that hand on, those that make sense, and any.

use sel4_abi::message::MessageInfo;
use sel4_abi::syscall::Syscall;

use crate::booted::label;
use crate::object::{Fields, Tcb, tcb};

use super::world::World;
use super::{HANDLERS, LINES, SLOTS};

impl World {
    /// A wait at some endpoint or notification, with a signal, an acknowledgement or nothing; or an interrupt.
    pub fn hand_on(&mut self) {
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
        // Mostly at a notification, as most ways lead only there.
        let first = if self.random.below(4) == 0 { 96 } else { 100 };
        let (target, place) = (100 + self.random.below(4), first + self.random.below(4));
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
    pub fn sensible_syscall(&mut self, thread: Tcb) {
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

    pub fn random_syscall(&mut self, thread: Tcb) {
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
}
