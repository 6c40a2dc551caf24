//! What the benchmark configuration adds: cycles accounted to threads. In the others all of it compiles to nothing.
//!
//! A thread is charged from the moment it becomes the current one to the moment another does, kernel time included;
//! kernel time is charged to the thread that entered the kernel. Of the fast paths, those of Call and ReplyRecv
//! do not count as entries; the others do.

use sel4_abi::config::BENCHMARK_TRACK_UTILISATION;

use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb;
use crate::object::{Fields, Tcb};

/// Cycles and counts of a thread, of the idle time, or of everything.
#[derive(Clone, Copy, Default)]
pub(crate) struct Account {
    /// Cycles while current.
    pub cycles: u64,
    /// Times it became current.
    pub schedules: u64,
    /// Cycles in the kernel.
    pub kernel_cycles: u64,
    /// Kernel entries.
    pub entries: u64,
}

/// The running measurement.
#[cfg_attr(
    not(feature = "benchmark-build"),
    expect(dead_code, reason = "read by the benchmark calls only")
)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Measurement {
    running: bool,
    start: u64,
    end: u64,
    /// When the current thread became it.
    since: u64,
    /// When the kernel was entered.
    entered: u64,
    idle: Account,
    total: Account,
}

impl Measurement {
    /// Nothing measured.
    pub(crate) const fn new() -> Self {
        const NONE: Account = Account {
            cycles: 0,
            schedules: 0,
            kernel_cycles: 0,
            entries: 0,
        };
        Self {
            running: false,
            start: 0,
            end: 0,
            since: 0,
            entered: 0,
            idle: NONE,
            total: NONE,
        }
    }
}

impl<M: Machine> Kernel<M> {
    /// The kernel is entered.
    #[inline(always)]
    pub(crate) fn count_entry(&mut self) {
        if BENCHMARK_TRACK_UTILISATION && self.measurement.running {
            self.measurement.entered = self.m.cycles();
        }
    }

    /// The kernel is left; `thread` entered it.
    #[inline(always)]
    pub(crate) fn count_exit(&mut self, thread: Option<Tcb>) {
        if BENCHMARK_TRACK_UTILISATION && self.measurement.running {
            let spent = self.m.cycles().wrapping_sub(self.measurement.entered);
            let add = |account: &mut Account| {
                account.kernel_cycles += spent;
                account.entries += 1;
            };
            add(&mut self.measurement.total);
            self.change_account(thread, add);
        }
    }

    /// `from` stops being the current thread, `to` becomes it.
    #[inline(always)]
    pub(crate) fn count_switch(&mut self, from: Option<Tcb>, to: Option<Tcb>) {
        if BENCHMARK_TRACK_UTILISATION && self.measurement.running && from != to {
            let now = self.m.cycles();
            let ran = now.wrapping_sub(self.measurement.since);
            self.measurement.since = now;
            self.measurement.total.schedules += 1;
            self.change_account(from, |account| account.cycles += ran);
            self.change_account(to, |account| account.schedules += 1);
        }
    }

    /// Changes the account of a thread, or of idling.
    fn change_account(&mut self, thread: Option<Tcb>, change: impl FnOnce(&mut Account)) {
        match thread {
            Some(thread) => {
                let mut account = self.account(thread);
                change(&mut account);
                self.set_account(thread, account);
            }
            None => change(&mut self.measurement.idle),
        }
    }

    fn account(&self, thread: Tcb) -> Account {
        let field = |index| self.m.get(thread, tcb::account(index));
        Account {
            cycles: field(0),
            schedules: field(1),
            kernel_cycles: field(2),
            entries: field(3),
        }
    }

    fn set_account(&mut self, thread: Tcb, account: Account) {
        let words = [
            account.cycles,
            account.schedules,
            account.kernel_cycles,
            account.entries,
        ];
        for (index, word) in words.into_iter().enumerate() {
            self.m.set(thread, tcb::account(index as u64), word);
        }
    }
}

#[cfg(feature = "benchmark-build")]
mod calls {
    use sel4_abi::error::{Error, NO_ERROR};
    use sel4_abi::ipc_buffer::word;
    use sel4_abi::syscall::Syscall;

    use super::{Account, Measurement};
    use crate::cap::Cap;
    use crate::cap::tree::Tree;
    use crate::kernel::Kernel;
    use crate::machine::Machine;
    use crate::object::tcb;
    use crate::object::{Fields, Tcb};

    impl<M: Machine> Kernel<M> {
        /// The benchmark system calls.
        pub(crate) fn extra_syscall(&mut self, thread: Tcb, call: Syscall) {
            let argument = self.m.get(thread, tcb::x(0));
            let slot = self.lookup_slot(thread, argument);
            let cap = slot.map_or(Cap::Null, |slot| self.m.cap(slot));
            match (call, cap) {
                (Syscall::BenchmarkResetLog, _) => {
                    let now = self.m.cycles();
                    self.measurement = Measurement {
                        running: true,
                        start: now,
                        since: now,
                        entered: now,
                        ..Measurement::new()
                    };
                    self.set_account(
                        thread,
                        Account {
                            schedules: 1,
                            ..self.account(thread)
                        },
                    );
                    self.m.set(thread, tcb::x(0), NO_ERROR);
                }
                (Syscall::BenchmarkFinalizeLog, _) => {
                    self.count_switch(Some(thread), None);
                    self.measurement.running = false;
                    self.measurement.end = self.m.cycles();
                    // Entries in the log: this configuration keeps none.
                    self.m.set(thread, tcb::x(0), 0);
                }
                (Syscall::BenchmarkSetLogBuffer, Cap::Frame { .. }) => {
                    self.m.set(thread, tcb::x(0), NO_ERROR)
                }
                (Syscall::BenchmarkSetLogBuffer, _) => {
                    self.m.set(thread, tcb::x(0), Error::IllegalOperation as u64);
                }
                (Syscall::BenchmarkGetThreadUtilisation, Cap::Tcb(of)) => self.tell_utilisation(thread, of),
                (Syscall::BenchmarkResetThreadUtilisation, Cap::Tcb(of)) => {
                    self.set_account(of, Account::default());
                }
                _ => {}
            }
        }

        /// Writes the accounts to the caller's buffer, in the order of `sel4_abi::syscall::utilisation`.
        fn tell_utilisation(&mut self, thread: Tcb, of: Tcb) {
            let Some(buffer) = self.buffer(thread, true) else {
                return;
            };
            let (own, now) = (self.account(of), self.measurement);
            let words = [
                own.cycles,
                own.schedules,
                own.kernel_cycles,
                own.entries,
                now.idle.cycles,
                now.idle.cycles,
                now.idle.schedules,
                now.idle.kernel_cycles,
                now.idle.entries,
                now.end.wrapping_sub(now.start),
                now.total.schedules,
                now.total.kernel_cycles,
                now.total.entries,
            ];
            for (index, value) in words.into_iter().enumerate() {
                self.m.store(buffer, 8 * (word::MSG + index) as u64, value);
            }
        }
    }
}
