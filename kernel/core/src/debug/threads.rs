//! All threads of a debug kernel: their list, their names, and the table of them that a system call prints.

use core::fmt::Write;

use sel4_abi::ipc_buffer::word;

use super::Console;
use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb::{self, NAME, NAME_BYTES, Queued, State};
use crate::object::{Fields, Tcb};

/// Width of the table's columns, as the official kernel prints it.
const NAME_WIDTH: usize = 40;

/// Name of the first thread.
const ROOT_NAME: &[u8] = b"rootserver";
/// How the names of others begin; their maker's name follows.
const CHILD_NAME: &[u8] = b"child of: '";

/// A byte of a thread's name.
fn name_byte(m: &impl Machine, thread: Tcb, index: u64) -> u8 {
    (m.load(thread.addr(), NAME + index / 8 * 8) >> (index % 8 * 8)) as u8
}

/// A thread's name, without its terminator.
fn name(m: &impl Machine, thread: Tcb) -> impl Iterator<Item = u8> {
    (0..NAME_BYTES)
        .map(move |index| name_byte(m, thread, index))
        .take_while(|&byte| byte != 0)
}

/// Stores a name, cut to what fits with a terminator: `byte` says what stands at an index, 0 behind the end.
fn set_name<M: Machine>(m: &mut M, thread: Tcb, byte: impl Fn(&M, u64) -> u8) {
    for at in (0..NAME_BYTES).step_by(8) {
        let word: [u8; 8] = core::array::from_fn(|index| match at + index as u64 {
            last if last + 1 == NAME_BYTES => 0,
            index => byte(m, index),
        });
        m.store(thread.addr(), NAME + at, u64::from_le_bytes(word));
    }
}

impl<M: Machine> Console<'_, M> {
    /// A thread's name, to the right of a column of `width` characters.
    pub(super) fn put_name(&mut self, thread: Tcb, width: usize) {
        let length = name(self.0, thread).count();
        for _ in length..width {
            self.put(b' ');
        }
        for index in 0..length as u64 {
            self.put(name_byte(self.0, thread, index));
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// A new thread: it gets into the list, and a name that says who made it.
    pub(crate) fn list_thread(&mut self, thread: Tcb) {
        let text = |text: &[u8], index: u64| text.get(index as usize).copied().unwrap_or(0);
        match self.current {
            None => set_name(&mut self.m, thread, |_, index| text(ROOT_NAME, index)),
            Some(maker) => {
                let begin = CHILD_NAME.len() as u64;
                let end = begin + name(&self.m, maker).count() as u64;
                set_name(&mut self.m, thread, |m, index| match index {
                    _ if index < begin => text(CHILD_NAME, index),
                    _ if index < end => name_byte(m, maker, index - begin),
                    _ => text(b"'", index - end),
                });
            }
        }
        let next = self.threads;
        self.m.set(thread, tcb::LIST_PREV, None);
        self.m.set(thread, tcb::LIST_NEXT, next);
        match next {
            Some(next) => self.m.set(next, tcb::LIST_PREV, Some(thread)),
            None => self.first_thread = Some(thread),
        }
        self.threads = Some(thread);
    }

    /// The thread is being destroyed.
    pub(crate) fn unlist_thread(&mut self, thread: Tcb) {
        let (prev, next) = (
            self.m.get(thread, tcb::LIST_PREV),
            self.m.get(thread, tcb::LIST_NEXT),
        );
        match prev {
            Some(prev) => self.m.set(prev, tcb::LIST_NEXT, next),
            None => self.threads = next,
        }
        if let Some(next) = next {
            self.m.set(next, tcb::LIST_PREV, prev);
        }
        if self.first_thread == Some(thread) {
            self.first_thread = None;
        }
    }

    /// The system call that names a thread: the text stands in the caller's IPC buffer.
    pub(super) fn name_thread(&mut self, thread: Tcb, cptr: u64) {
        let target = self.lookup_slot(thread, cptr).map(|slot| self.m.cap(slot));
        let (Ok(Cap::Tcb(target)), Some(buffer)) = (target, self.buffer(thread, false)) else {
            let _ = writeln!(
                Console(&mut self.m),
                "SysDebugNameThread: cap is not a TCB, halting"
            );
            self.m.halt()
        };
        // What does not fit into a message is no part of the name.
        const TEXT_BYTES: u64 = 8 * sel4_abi::message::MSG_MAX_LENGTH as u64;
        for at in (0..NAME_BYTES).step_by(8) {
            let text = match at {
                0..TEXT_BYTES => self.m.load(buffer, 8 * word::MSG as u64 + at),
                _ => 0,
            };
            self.m.store(target.addr(), NAME + at, text);
        }
    }

    /// The system call that prints all threads, the newest first; the idle thread is older than all but the first.
    pub(super) fn dump_threads(&mut self) {
        let _ = write!(
            Console(&mut self.m),
            "Dumping all tcbs!\n{:<40}\t{:<15}\t{:<20}\t Prio \t Core\t InReleaseQueue\n{:-<86}\n",
            "Name",
            "State",
            "IP",
            ""
        );
        let mut at = self.threads;
        let mut idle_shown = false;
        while let Some(thread) = at {
            if self.first_thread == Some(thread) {
                self.dump_idle();
                idle_shown = true;
            }
            self.dump_thread(thread);
            at = self.m.get(thread, tcb::LIST_NEXT);
        }
        if !idle_shown {
            self.dump_idle();
        }
    }

    fn dump_idle(&mut self) {
        let _ = writeln!(
            Console(&mut self.m),
            "{:>NAME_WIDTH$}\t{:>15}\t0\t{:>20}\t0\t0",
            "idle_thread",
            "idle",
            0
        );
    }

    fn dump_thread(&mut self, thread: Tcb) {
        let state = match self.state(thread) {
            State::Inactive => "inactive",
            State::Running => "running",
            State::Restart => "restart",
            State::Receiving => "blocked on recv",
            State::Sending => "blocked on send",
            State::Replying => "blocked on reply",
            State::Waiting => "blocked on ntfn",
        };
        let ip = self.m.get(thread, tcb::RESTART_PC);
        let priority = self.m.get(thread, tcb::PRIORITY);
        let waits = self.m.get(thread, tcb::QUEUED) == Queued::Release;
        let mut console = Console(&mut self.m);
        console.put_name(thread, NAME_WIDTH);
        let _ = write!(console, "\t{state:>15}\t");
        let _ = match ip {
            0 => write!(console, "0"),
            ip => write!(console, "{ip:#x}"),
        };
        let _ = writeln!(console, "\t{priority:>20}\t0\t{}", waits as u8);
    }
}
