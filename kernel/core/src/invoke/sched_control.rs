//! Configuring scheduling contexts.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::thread::sched_context_flag;

use crate::cap::Cap;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::{Fields, SchedContext, sched_context as context};
use crate::sched::refill::{MIN_REFILLS, Refills};
use crate::sched::time::{MAX_PERIOD_US, MIN_BUDGET, MIN_BUDGET_US, ticks};

/// Checked parameters of a scheduling context.
struct Parameters {
    budget: u64,
    period: u64,
    refills: u64,
    badge: u64,
    sporadic: bool,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_sched_control(&mut self, call: &Invocation) -> Result<Outcome, Trouble> {
        if call.label != Some(InvocationLabel::SchedControlConfigureFlags) {
            return Err(InvocationError::IllegalOperation.into());
        }
        call.needs(5, 1)?;
        let Cap::SchedContext { sc, bits } = call.extra_cap(self, 0)? else {
            return Err(InvocationError::InvalidCapability(1).into());
        };
        let word = |index| call.word(self, index);
        let (budget_us, period_us, extra) = (word(0), word(1), word(2));
        let (badge, flags) = (word(3), word(4));
        let range = |min, max| Err(InvocationError::RangeError { min, max }.into());
        if budget_us > MAX_PERIOD_US || ticks(budget_us) < MIN_BUDGET {
            return range(MIN_BUDGET_US, MAX_PERIOD_US);
        }
        if period_us > MAX_PERIOD_US || ticks(period_us) < MIN_BUDGET {
            return range(MIN_BUDGET_US, MAX_PERIOD_US);
        }
        if budget_us > period_us {
            return range(MIN_BUDGET_US, period_us);
        }
        let max_extra = sel4_abi::object::max_extra_refills(bits as usize) as u64;
        if extra > max_extra {
            return range(0, max_extra);
        }
        let round_robin = budget_us == period_us;
        let parameters = Parameters {
            budget: ticks(budget_us),
            period: if round_robin { 0 } else { ticks(period_us) },
            refills: if round_robin {
                MIN_REFILLS
            } else {
                extra + MIN_REFILLS
            },
            badge,
            sporadic: flags & sched_context_flag::SPORADIC != 0,
        };
        self.configure_context(sc, parameters);
        Ok(Outcome::Done)
    }

    fn configure_context(&mut self, sc: SchedContext, new: Parameters) {
        self.m.set(sc, context::BADGE, new.badge);
        self.m.set(sc, context::SPORADIC, new.sporadic);
        let thread = self.m.get(sc, context::TCB);
        if let Some(thread) = thread {
            // Not while it is in a queue that is ordered by what changes.
            self.unpostpone(thread);
            self.dequeue(thread);
            if Some(sc) == self.current_sc {
                self.settle_account();
            }
        }
        let in_use = self.m.is_active(sc) && thread.is_some_and(|thread| self.is_runnable(thread));
        if in_use {
            self.m.refit(sc, new.refills, new.budget, new.period, self.now);
        } else {
            self.m.fill(sc, new.refills, new.budget, new.period, self.now);
        }
        if let Some(thread) = thread {
            self.resume_context(sc);
            if Some(thread) == self.current {
                self.reschedule();
            } else {
                self.enqueue_first(thread);
                self.reschedule();
            }
        }
    }
}
