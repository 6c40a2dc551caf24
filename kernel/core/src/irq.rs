//! Interrupts.

use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::kernel::{IrqUse, Kernel};
use crate::machine::Machine;
use crate::object::Slot;
use crate::object::slot::nth;

impl<M: Machine> Kernel<M> {
    /// The slot that holds the notification of an interrupt line.
    pub(crate) fn irq_slot(&self, irq: u32) -> Slot {
        nth(self.irq_slots, irq as u64)
    }

    /// Takes the pending interrupt and does what it asks for; then the current thread must still afford to go on.
    #[inline]
    pub(crate) fn serve_interrupt(&mut self) {
        let irq = self.m.take_irq();
        self.serve(irq);
    }

    /// The same with an interrupt that was taken, if there was one.
    pub(crate) fn serve(&mut self, irq: Option<u32>) {
        if let Some(irq) = irq {
            match self.irq_use.get(irq as usize).copied() {
                Some(IrqUse::Timer) => {
                    self.forgive_standstill();
                    self.m.ack_timer();
                    self.reprogram = true;
                }
                Some(IrqUse::Handler) => {
                    // Masked until the handler acknowledges it.
                    self.m.mask_irq(irq);
                    if let Cap::Notification { ntfn, badge, .. } = self.m.cap(self.irq_slot(irq)) {
                        self.signal(ntfn, badge);
                    } else {
                        self.report_undelivered(irq);
                    }
                }
                _ => self.m.mask_irq(irq),
            }
            self.m.end_irq(irq);
        }
        if let Some(thread) = self.current
            && self.is_schedulable(thread)
        {
            self.check_budget();
        }
    }
}
