//! Domains and their schedule.

use sel4_abi::config::{NUM_DOMAIN_SCHEDULES, NUM_DOMAINS};
use sel4_abi::invocation::InvocationLabel;

use crate::cap::Cap;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::sched::domain::{Entry, MAX_DURATION};

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_domain(&mut self, call: &Invocation) -> Result<Outcome, Trouble> {
        match call.label {
            Some(InvocationLabel::DomainSetSet) => {
                call.needs(1, 0)?;
                let domain = call.word(self, 0);
                if domain >= NUM_DOMAINS as u64 {
                    return Err(InvocationError::InvalidArgument(0).into());
                }
                call.needs(1, 1)?;
                let Cap::Tcb(thread) = call.extra_cap(self, 0)? else {
                    return Err(InvocationError::InvalidArgument(1).into());
                };
                self.set_domain(thread, domain);
            }
            Some(InvocationLabel::DomainScheduleConfigure) => self.configure_schedule(call)?,
            Some(InvocationLabel::DomainScheduleSetStart) => {
                call.needs(1, 0)?;
                let index = call.word(self, 0);
                let entry = self.domains.entry(index).ok_or(TOO_HIGH_INDEX)?;
                if entry.duration == 0 {
                    return Err(InvocationError::InvalidArgument(0).into());
                }
                self.domains.restart_at(index as usize, self.now);
                self.reprogram = true;
                self.reschedule();
            }
            _ => return Err(InvocationError::IllegalOperation.into()),
        }
        Ok(Outcome::Done)
    }

    fn configure_schedule(&mut self, call: &Invocation) -> Result<(), InvocationError> {
        call.needs(3, 0)?;
        let (index, domain, duration) = (call.word(self, 0), call.word(self, 1), call.word(self, 2));
        if index > LAST_ENTRY {
            return Err(InvocationError::RangeError {
                min: 0,
                max: LAST_ENTRY,
            });
        }
        if domain >= NUM_DOMAINS as u64 {
            return Err(InvocationError::RangeError {
                min: 0,
                max: NUM_DOMAINS as u64 - 1,
            });
        }
        if duration == 0 && domain != 0 {
            return Err(InvocationError::InvalidArgument(1));
        }
        if duration > MAX_DURATION || (duration == 0 && index as usize == self.domains.start()) {
            return Err(InvocationError::InvalidArgument(2));
        }
        self.domains.set_entry(
            index as usize,
            Entry {
                domain: domain as usize,
                duration,
            },
        );
        Ok(())
    }
}

/// Last entry that can be set: the one behind it is always an end marker.
const LAST_ENTRY: u64 = NUM_DOMAIN_SCHEDULES as u64 - 2;
const TOO_HIGH_INDEX: InvocationError = InvocationError::RangeError {
    min: 0,
    max: NUM_DOMAIN_SCHEDULES as u64 - 1,
};
