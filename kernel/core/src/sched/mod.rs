//! Scheduling: who runs, on whose time, and until when.

use crate::kernel::{Action, Kernel};
use crate::machine::Machine;
use crate::object::sched_context as context;
use crate::object::tcb::{self, Queued, State};
use crate::object::{Fields, SchedContext, Tcb};
use crate::sched::refill::Refills;

pub mod bind;
pub mod domain;
pub mod ready;
pub mod refill;
pub mod release;
pub mod time;

impl<M: Machine> Kernel<M> {
    /// The thread's state.
    #[inline(always)]
    pub(crate) fn state(&self, thread: Tcb) -> State {
        self.m.get(thread, tcb::STATE)
    }

    /// Does the thread want to run?
    #[inline]
    pub(crate) fn is_runnable(&self, thread: Tcb) -> bool {
        matches!(self.state(thread), State::Running | State::Restart)
    }

    /// Can the thread run, as soon as its turn comes?
    #[inline]
    pub(crate) fn is_schedulable(&self, thread: Tcb) -> bool {
        self.is_runnable(thread)
            && self
                .m
                .get(thread, tcb::SCHED_CONTEXT)
                .is_some_and(|sc| self.m.is_active(sc))
            && self.m.get(thread, tcb::QUEUED) != Queued::Release
    }

    /// Changes a thread's state.
    #[inline]
    pub(crate) fn set_state(&mut self, thread: Tcb, state: State) {
        self.m.set(thread, tcb::STATE, state);
        if Some(thread) == self.current && self.action == Action::Resume && !self.is_schedulable(thread) {
            self.reschedule();
        }
    }

    /// The current thread must be chosen anew before the kernel is left.
    pub(crate) fn reschedule(&mut self) {
        if let Action::Switch(thread) = self.action
            && self.is_schedulable(thread)
        {
            self.enqueue_first(thread);
        }
        self.action = Action::Choose;
    }

    /// Enters a thread into its ready queue, first of its priority, if it can run and is in none.
    #[inline]
    pub(crate) fn enqueue_first(&mut self, thread: Tcb) {
        if self.is_schedulable(thread) && self.m.get(thread, tcb::QUEUED) == Queued::Not {
            self.ready.push_front(&mut self.m, thread);
        }
    }

    /// Enters a thread into its ready queue, last of its priority, if it can run and is in none.
    #[inline]
    pub(crate) fn enqueue_last(&mut self, thread: Tcb) {
        if self.is_schedulable(thread) && self.m.get(thread, tcb::QUEUED) == Queued::Not {
            self.ready.push_back(&mut self.m, thread);
        }
    }

    /// Takes a thread out of its ready queue, if it is in one.
    #[inline]
    pub(crate) fn dequeue(&mut self, thread: Tcb) {
        if self.m.get(thread, tcb::QUEUED) == Queued::Ready {
            self.ready.remove(&mut self.m, thread);
        }
    }

    /// A thread has become able to run: let it run at once if it should.
    #[inline]
    pub(crate) fn wake(&mut self, thread: Tcb) {
        if !self.is_schedulable(thread) || self.m.get(thread, tcb::QUEUED) != Queued::Not {
            return;
        }
        if self.m.get(thread, tcb::DOMAIN) as usize != self.domains.current() {
            self.enqueue_first(thread);
        } else if self.action != Action::Resume {
            self.reschedule();
            self.enqueue_first(thread);
        } else {
            self.action = Action::Switch(thread);
        }
    }

    /// Takes note of the time at which the kernel was entered.
    #[inline]
    pub(crate) fn note_time(&mut self) {
        let now = self.m.now();
        let passed = now - self.now;
        self.now = now;
        self.consumed += passed;
    }

    /// The timer should have interrupted long ago: since then the machine stood still (its host did not run it), and that is charged to
    /// nobody. What the kernel itself may take in the worst case is charged (024).
    #[cold]
    pub(crate) fn forgive_standstill(&mut self) {
        let late = self.now.saturating_sub(self.m.deadline());
        if late > time::WCET {
            self.consumed = self.consumed.saturating_sub(late);
            self.reprogram = true;
        }
    }

    /// Is the domain's time over?
    #[inline]
    pub(crate) fn domain_expired(&self) -> bool {
        self.domains.ends() < self.now.saturating_add(time::MIN_BUDGET)
    }

    /// Can the current context afford to go on? If not, it is charged and the thread waits its turn.
    #[inline]
    pub(crate) fn check_budget(&mut self) -> bool {
        let Some(sc) = self.current_sc else { return true };
        let affords = self.can_afford(sc) || {
            self.forgive_standstill();
            self.can_afford(sc)
        };
        if affords {
            if self.domain_expired() {
                self.reprogram = true;
                self.reschedule();
                return false;
            }
            return true;
        }
        self.charge_budget(true);
        false
    }

    /// Is there enough left of the current refill, what was consumed being taken from it?
    #[inline]
    pub(crate) fn can_afford(&self, sc: SchedContext) -> bool {
        self.m.is_active(sc) && self.m.is_sufficient(sc, self.consumed)
    }

    /// May a long operation go on, as far as time is concerned?
    pub(crate) fn may_continue(&mut self) -> bool {
        self.note_time();
        self.current_sc.is_some_and(|sc| self.can_afford(sc)) && !self.domain_expired()
    }

    /// As [`check_budget`](Self::check_budget) for a system call: if it fails, the call is repeated later.
    #[inline]
    pub(crate) fn check_budget_or_restart(&mut self) -> bool {
        let fine = self.check_budget();
        if !fine
            && let Some(thread) = self.current
            && self.is_runnable(thread)
        {
            self.set_state(thread, State::Restart);
        }
        fine
    }

    /// Charges what was consumed to the current context, whose time is up.
    pub(crate) fn charge_budget(&mut self, may_fault: bool) {
        if let Some(sc) = self.current_sc {
            if self.m.is_active(sc) {
                if self.m.is_round_robin(sc) {
                    self.m.new_slice(sc);
                } else {
                    self.m.charge_used(sc, self.consumed);
                }
            }
            self.note_consumed(sc);
        }
        self.consumed = 0;
        if let Some(thread) = self.current
            && self.is_schedulable(thread)
        {
            self.end_turn(thread, may_fault);
            self.reschedule();
            self.reprogram = true;
        }
    }

    #[inline(always)]
    fn note_consumed(&mut self, sc: SchedContext) {
        let total = self.m.get(sc, context::CONSUMED).wrapping_add(self.consumed);
        self.m.set(sc, context::CONSUMED, total);
    }

    /// The current thread's turn is over: to the end of its queue, or to wait for its next refill.
    fn end_turn(&mut self, thread: Tcb, may_fault: bool) {
        let Some(sc) = self.m.get(thread, tcb::SCHED_CONTEXT) else {
            return;
        };
        if may_fault && !self.m.is_round_robin(sc) && self.has_timeout_handler(thread) {
            self.timeout_fault(thread, sc);
        } else if self.m.can_run(sc, self.now) {
            self.enqueue_last(thread);
        } else {
            self.postpone(sc);
        }
    }

    /// The current thread gives up the rest of its budget (system call Yield).
    pub(crate) fn yield_turn(&mut self) {
        // What is left of the first refill is forfeited: it counts as used.
        let used = self.consumed;
        if let Some(sc) = self.current_sc
            && self.m.is_active(sc)
        {
            self.consumed = self.consumed.max(self.m.first_refill(sc).amount);
            let forfeited = self.consumed - used;
            self.charge_budget(false);
            let counted = self.m.get(sc, context::CONSUMED).wrapping_sub(forfeited);
            self.m.set(sc, context::CONSUMED, counted);
        }
    }

    /// Charges what was consumed to the current context, which stays usable.
    #[inline(always)]
    pub(crate) fn commit_time(&mut self) {
        match self.current_sc {
            Some(sc) if self.m.is_active(sc) => self.charge(sc),
            _ => self.consumed = 0,
        }
    }

    /// Charges what was consumed to a context that is configured.
    #[inline(always)]
    pub(crate) fn charge(&mut self, sc: SchedContext) {
        if self.consumed > 0 {
            self.m.charge_used(sc, self.consumed);
            self.note_consumed(sc);
            self.consumed = 0;
        }
    }

    /// Chooses who runs and arms the timer; then the kernel may be left to the current thread.
    pub fn schedule(&mut self) {
        self.release_due();
        if self.domain_expired() {
            self.reprogram = true;
            self.reschedule();
            self.domains.advance(self.now);
        }
        if self.action != Action::Resume {
            self.choose();
        }
        self.action = Action::Resume;
        self.switch_context();
        if self.reprogram {
            self.arm_timer();
            self.reprogram = false;
        }
    }

    fn choose(&mut self) {
        let was_schedulable = self.current.is_some_and(|thread| self.is_schedulable(thread));
        if was_schedulable && let Some(thread) = self.current {
            self.enqueue_first(thread);
        }
        let Action::Switch(candidate) = self.action else {
            return self.choose_first();
        };
        let priority = self.m.get(candidate, tcb::PRIORITY);
        let current = self.current.map(|thread| self.m.get(thread, tcb::PRIORITY));
        let lower = current.is_none_or(|current| priority < current);
        let domain = self.domains.current();
        if lower
            && self
                .ready
                .highest(domain)
                .is_some_and(|highest| (priority as usize) < highest)
        {
            self.enqueue_first(candidate);
            self.choose_first();
        } else if was_schedulable && current == Some(priority) {
            self.enqueue_last(candidate);
            self.choose_first();
        } else {
            self.switch_to(Some(candidate));
        }
    }

    fn choose_first(&mut self) {
        let first = self.ready.first(self.domains.current());
        self.switch_to(first);
    }

    /// Makes a thread the current one, with its address space and registers.
    pub(crate) fn switch_to(&mut self, thread: Option<Tcb>) {
        self.count_switch(self.current, thread);
        if let Some(thread) = thread {
            self.dequeue(thread);
            if self.current != Some(thread) {
                self.switch_registers(thread);
            }
            self.use_vspace_of(thread);
        } else {
            self.save_tls(self.current);
        }
        self.current = thread;
    }

    /// Thread pointers and access to floating point.
    fn switch_registers(&mut self, to: Tcb) {
        self.save_tls(self.current);
        self.m
            .set_tls(self.m.get(to, tcb::TPIDR), self.m.get(to, tcb::TPIDRRO));
        self.refresh_fpu_access(to);
    }

    /// Stores the thread pointers of the current thread, if any, which may have changed them.
    #[inline(always)]
    pub(crate) fn save_tls(&mut self, current: Option<Tcb>) {
        if let Some(from) = current {
            let (tpidr, _) = self.m.tls();
            self.m.set(from, tcb::TPIDR, tpidr);
        }
    }

    /// Charges time to the old context and makes the current thread's context the current one.
    fn switch_context(&mut self) {
        let sc = self
            .current
            .and_then(|thread| self.m.get(thread, tcb::SCHED_CONTEXT));
        if sc != self.current_sc {
            self.reprogram = true;
            if let Some(sc) = sc
                && !self.m.get(sc, context::SPORADIC)
            {
                self.m.start_now(sc, self.now);
            }
        }
        if self.reprogram {
            self.commit_time();
        }
        self.current_sc = sc;
    }

    /// Sets the timer to whatever comes first: end of budget, end of domain, next release.
    fn arm_timer(&mut self) {
        let release = self.release.map_or(u64::MAX, |thread| self.release_time(thread));
        self.horizon = release.min(self.domains.ends());
        self.arm_timer_again();
    }

    /// The same while domain and next release are what they were.
    #[inline(always)]
    pub(crate) fn arm_timer_again(&mut self) {
        let budget = self.current_sc.map_or(u64::MAX, |sc| {
            self.now.saturating_add(self.m.first_refill(sc).amount)
        });
        self.m.set_deadline(budget.min(self.horizon));
    }

    /// Neither is the domain's time over nor a thread to be released, or soon.
    #[inline(always)]
    pub(crate) fn nothing_is_due(&self) -> bool {
        self.now.saturating_add(time::MIN_BUDGET) < self.horizon
    }

    /// Lets the current thread take up where it left off: once per kernel exit.
    #[inline]
    pub(crate) fn activate(&mut self) {
        let Some(thread) = self.current else { return };
        if self.m.get(thread, tcb::YIELD_TO).is_some() {
            self.report_yield_to(thread);
        }
        if self.state(thread) == State::Restart {
            let pc = self.m.get(thread, tcb::RESTART_PC);
            self.m.set(thread, tcb::PC, pc);
            self.set_state(thread, State::Running);
        }
        self.prepare_step(thread);
    }

    /// Changes a thread's priority, also where it is queued.
    pub(crate) fn set_priority(&mut self, thread: Tcb, priority: u64) {
        match self.state(thread) {
            State::Running | State::Restart => {
                if self.m.get(thread, tcb::QUEUED) == Queued::Ready || Some(thread) == self.current {
                    self.dequeue(thread);
                    self.m.set(thread, tcb::PRIORITY, priority);
                    self.enqueue_first(thread);
                    self.reschedule();
                } else {
                    self.m.set(thread, tcb::PRIORITY, priority);
                }
            }
            State::Receiving | State::Sending | State::Waiting => {
                self.m.set(thread, tcb::PRIORITY, priority);
                self.requeue_waiter(thread);
            }
            State::Inactive | State::Replying => self.m.set(thread, tcb::PRIORITY, priority),
        }
    }

    /// Moves a thread to another domain.
    pub(crate) fn set_domain(&mut self, thread: Tcb, domain: u64) {
        self.dequeue(thread);
        self.m.set(thread, tcb::DOMAIN, domain);
        if Some(thread) == self.current {
            // It may yet block in the same system call: it is queued when somebody is chosen, if it still can run.
            self.reschedule();
        } else {
            self.enqueue_first(thread);
        }
    }
}
