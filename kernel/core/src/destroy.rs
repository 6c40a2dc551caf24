//! Deleting capabilities, destroying objects with their last one, and revoking.
//!
//! A CNode or thread that loses its last capability is a container of further capabilities. It becomes a zombie:
//! its capability stays until its slots have been emptied, one by one and preemptibly. Emptying does not recurse:
//! a container found inside is made unreachable instead (manual, "Deletion and Revocation").

use crate::cap::tree::Tree;
use crate::cap::{Cap, ZombieKind};
use crate::invoke::page::unmapped;
use crate::kernel::{IrqUse, Kernel};
use crate::machine::Machine;
use crate::object::sched_context as context;
use crate::object::slot::nth;
use crate::object::tcb::{self, SLOT_COUNT, State};
use crate::object::{Fields, Notification, Reply, SchedContext, Slot, Tcb, notification, reply};
use crate::preempt::Preempted;

impl<M: Machine> Kernel<M> {
    /// Deletes everything derived from what the slot holds.
    pub(crate) fn revoke(&mut self, at: Slot) -> Result<(), Preempted> {
        while let Some(next) = self.m.next(at)
            && self.m.descends(at, next)
        {
            self.delete(next)?;
            self.preemption_point()?;
        }
        Ok(())
    }

    /// Empties a slot; the object goes with its last capability.
    pub(crate) fn delete(&mut self, at: Slot) -> Result<(), Preempted> {
        if self.strip(at, true)? {
            self.clear(at);
        }
        Ok(())
    }

    fn clear(&mut self, at: Slot) {
        if !self.m.is_empty(at) {
            self.m.uproot(at);
        }
    }

    /// Brings what the slot holds to where it can simply be taken out; false if it has to stay.
    ///
    /// `outermost`: containers are emptied; otherwise they are made unreachable.
    fn strip(&mut self, at: Slot, outermost: bool) -> Result<bool, Preempted> {
        loop {
            let cap = self.m.cap(at);
            if cap == Cap::Null {
                return Ok(true);
            }
            let last = self.m.is_last(at);
            let Cap::Zombie {
                at: inside,
                kind,
                left,
            } = self.finalise(cap, last)?
            else {
                return Ok(true);
            };
            let first = nth(inside, 0);
            if left == 0 || (left == 1 && first == at) {
                return Ok(true);
            }
            let zombie = Cap::Zombie {
                at: inside,
                kind,
                left,
            };
            self.m.set_cap(at, zombie);
            if outermost {
                self.shrink(at, inside, left)?;
            } else if first == at {
                return Ok(false);
            } else {
                let found = self.m.cap(first);
                self.m.swap_caps(at, zombie, first, found);
            }
            self.preemption_point()?;
        }
    }

    /// Empties the last of the zombie's remaining slots.
    fn shrink(&mut self, at: Slot, inside: u64, left: u64) -> Result<(), Preempted> {
        let end = nth(inside, left - 1);
        if self.strip(end, false)? {
            self.clear(end);
        }
        // Emptying may have changed the zombie's own slot, if that lies inside.
        if let Cap::Zombie {
            at: same,
            kind,
            left: count,
        } = self.m.cap(at)
            && same == inside
            && count == left
            && end != at
        {
            self.m.set_cap(
                at,
                Cap::Zombie {
                    at: inside,
                    kind,
                    left: left - 1,
                },
            );
        }
        Ok(())
    }

    /// Cuts a capability's ties. The zombie that has to be emptied, or `Null` if nothing is left to do. What is preempted can
    /// simply be done again.
    fn finalise(&mut self, cap: Cap, last: bool) -> Result<Cap, Preempted> {
        match cap {
            Cap::Frame { .. } => self.unmap_cap(cap),
            Cap::Zombie { .. } => return Ok(cap),
            _ if !last => {}
            Cap::Endpoint { ep, .. } => self.cancel_all_at_endpoint(ep)?,
            Cap::Notification { ntfn, .. } => self.finalise_notification(ntfn)?,
            Cap::Reply { reply, .. } => self.finalise_reply(reply),
            Cap::SchedContext { sc, .. } => self.finalise_context(sc),
            Cap::CNode { at, radix, .. } => {
                return Ok(Cap::Zombie {
                    at,
                    kind: ZombieKind::CNode { radix },
                    left: 1 << radix,
                });
            }
            Cap::Tcb(thread) => {
                self.finalise_thread(thread);
                return Ok(Cap::Zombie {
                    at: thread.slots(),
                    kind: ZombieKind::Tcb,
                    left: SLOT_COUNT,
                });
            }
            Cap::PageTable { .. } => self.unmap_cap(cap),
            Cap::VSpace { at, asid } if asid != 0 => self.drop_vspace(at, asid),
            Cap::AsidPool { at, base } => self.drop_asid_pool(at, base),
            Cap::IrqHandler { irq } => self.release_irq(irq),
            _ => {}
        }
        debug_assert!(unmapped(cap) != Cap::Null);
        Ok(Cap::Null)
    }

    fn finalise_notification(&mut self, ntfn: Notification) -> Result<(), Preempted> {
        if let Some(sc) = self.m.get(ntfn, notification::SCHED_CONTEXT) {
            self.unbind_context_notification(sc);
        }
        if let Some(thread) = self.m.get(ntfn, notification::BOUND_TCB) {
            self.unbind_notification(thread);
        }
        self.cancel_all_at_notification(ntfn)
    }

    fn finalise_reply(&mut self, reply: Reply) {
        let Some(thread) = self.m.get(reply, reply::TCB) else {
            return;
        };
        if self.state(thread) == State::Replying {
            self.finish_call(reply, thread);
            self.set_state(thread, State::Inactive);
        } else {
            self.cancel_ipc(thread);
        }
    }

    fn finalise_context(&mut self, sc: SchedContext) {
        self.unbind_thread(sc);
        self.unbind_context_notification(sc);
        self.forget_calls(sc);
        if let Some(thread) = self.m.get(sc, context::YIELD_FROM) {
            self.report_yield_to(thread);
        }
        self.m.set(sc, context::MAX, 0);
        if self.current_sc == Some(sc) {
            self.current_sc = None;
        }
    }

    fn finalise_thread(&mut self, thread: Tcb) {
        self.unbind_notification(thread);
        if let Some(sc) = self.m.get(thread, tcb::SCHED_CONTEXT) {
            self.unbind_thread(sc);
            if let Some(from) = self.m.get(sc, context::YIELD_FROM) {
                self.report_yield_to(from);
            }
        }
        self.suspend(thread);
        self.forget_fpu(thread);
        self.unlist_thread(thread);
    }

    /// The last handler of an interrupt line goes.
    fn release_irq(&mut self, irq: u32) {
        let slot = self.irq_slot(irq);
        if !self.m.is_empty(slot) {
            // It holds a notification: nothing that could be preempted.
            let _ = self.delete(slot);
        }
        self.m.mask_irq(irq);
        if let Some(line) = self.irq_use.get_mut(irq as usize) {
            *line = IrqUse::Free;
        }
    }
}
