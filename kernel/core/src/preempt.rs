//! Preemption of long operations.

use sel4_abi::config::MAX_NUM_WORK_UNITS_PER_PREEMPTION;

use crate::kernel::Kernel;
use crate::machine::Machine;

/// A long operation was interrupted; what it has done is done, and its system call is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preempted;

impl<M: Machine> Kernel<M> {
    /// Counts a unit of work; after many, stops if somebody else should run.
    pub(crate) fn preemption_point(&mut self) -> Result<(), Preempted> {
        self.work += 1;
        if self.work < MAX_NUM_WORK_UNITS_PER_PREEMPTION {
            return Ok(());
        }
        self.work = 0;
        if self.m.irq_pending() || !self.may_continue() {
            Err(Preempted)
        } else {
            Ok(())
        }
    }
}
