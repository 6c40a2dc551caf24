//! An interrupt that wakes its driver, its acknowledgement, and the acknowledgement with the wait for the next.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::message::MessageInfo;

use crate::cap::{addr_of, kind, kind_of};
use crate::kernel::{IrqUse, Kernel};
use crate::machine::Machine;
use crate::object::tcb::{self, State};
use crate::object::{Fields, Notification, Obj, PhysAddr, Tcb, slot};

/// Who is woken by an interrupt: by which signal, and with which address space.
struct Woken {
    ntfn: Notification,
    badge: u64,
    to: Tcb,
    vspace: (PhysAddr, u16),
}

impl<M: Machine> Kernel<M> {
    /// The interrupt `irq` was taken while the current thread, if any, ran at user level; the time was noted. If it wakes somebody who
    /// outranks that thread, he runs. False: not such a case, nothing has happened.
    #[inline]
    pub(crate) fn fast_interrupt(&mut self, irq: u32) -> bool {
        let Some(woken) = self.woken_by(irq) else {
            return false;
        };
        let Woken {
            ntfn,
            badge,
            to,
            vspace,
        } = woken;
        let from = self.current;
        // Masked until the handler acknowledges it.
        self.m.mask_irq(irq);
        self.release_waiter(ntfn, to, badge);
        self.m.end_irq(irq);
        if let Some(from) = from {
            self.ready.push_front(&mut self.m, from);
        }
        self.quick_switch(from, to, vspace);
        self.change_context(Some(to), true);
        self.prepare_step(to);
        self.count_exit(from);
        true
    }

    #[inline(always)]
    fn woken_by(&self, irq: u32) -> Option<Woken> {
        if self.irq_use.get(irq as usize) != Some(&IrqUse::Handler) {
            return None;
        }
        let slot = self.irq_slot(irq);
        let w0 = self.m.get(slot, slot::CAP0);
        if kind_of(w0) != kind::NOTIFICATION {
            return None;
        }
        let ntfn = Obj::at(addr_of(w0));
        let to = self.waiter(ntfn)?;
        let vspace = self.quick_vspace(to)?;
        let outranks = match self.current {
            Some(from) => {
                self.may_stop(from).is_some()
                    && self.state(from) == State::Running
                    && self.m.get(to, tcb::PRIORITY) > self.m.get(from, tcb::PRIORITY)
            }
            None => self.current_sc.is_none() && self.nothing_is_due(),
        };
        (outranks && self.is_here(to) && self.may_start(to).is_some()).then(|| Woken {
            ntfn,
            badge: self.m.get(slot, slot::CAP1),
            to,
            vspace,
        })
    }

    /// The line that the current thread acknowledges by a message through the capability that its register `target` names.
    #[inline(always)]
    fn acknowledged(&self, thread: Tcb, target: u64) -> Option<u32> {
        let info = MessageInfo::from_word(self.m.get(thread, tcb::x(1)));
        let slot = self.quick_slot(thread, self.m.get(thread, tcb::x(target)))?;
        (info.label() == InvocationLabel::IRQAckIRQ as u64
            && info.extra_caps() == 0
            && kind_of(self.m.get(slot, slot::CAP0)) == kind::IRQ_HANDLER)
            .then(|| self.m.get(slot, slot::CAP1) as u32)
    }

    /// Call that acknowledges an interrupt: the thread goes on. False: not such a case, nothing has happened.
    #[inline]
    pub fn fast_ack(&mut self) -> bool {
        let Some(thread) = self.current else { return false };
        let Some(irq) = self.acknowledged(thread, 0) else {
            return false;
        };
        self.m.unmask_irq(irq);
        self.set_badge_and_info(thread, 0, MessageInfo::new(0, 0, 0, 0));
        self.prepare_step(thread);
        true
    }

    /// NBSendWait that acknowledges an interrupt, to a notification that is not signalled. False: not such a case, nothing has happened
    /// but that the time was noted.
    #[inline]
    pub fn fast_ack_wait(&mut self) -> bool {
        self.try_fast_ack_wait().is_some()
    }

    #[inline(always)]
    fn try_fast_ack_wait(&mut self) -> Option<()> {
        self.count_entry();
        let from = self.current?;
        let irq = self.acknowledged(from, 6)?;
        let place = self.own_notification(from)?;
        self.wait_at(from, place, Some(irq))
    }
}
