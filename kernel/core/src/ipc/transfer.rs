//! Moving a message from one thread to another.

use sel4_abi::ipc_buffer::word;
use sel4_abi::message::{MSG_MAX_EXTRA_CAPS, MessageInfo};

use crate::cap::Cap;
use crate::cap::cspace::LookupFault;
use crate::cap::tree::Tree;
use crate::ipc::buffer::FAST;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb;
use crate::object::{Endpoint, Fields, PhysAddr, Slot, Tcb};

/// The slots of the capabilities that a message carries.
pub(crate) type ExtraSlots = [Option<Slot>; MSG_MAX_EXTRA_CAPS];

impl<M: Machine> Kernel<M> {
    /// Moves the sender's message or fault to the receiver.
    ///
    /// `via` is the endpoint; its own capabilities are unwrapped. Capabilities move only with `grant`.
    #[inline]
    pub(crate) fn transfer(
        &mut self,
        sender: Tcb,
        via: Option<Endpoint>,
        badge: u64,
        grant: bool,
        receiver: Tcb,
    ) {
        if self.m.get(sender, tcb::FAULT_TYPE) != 0 {
            return self.transfer_fault(sender, badge, receiver);
        }
        let info = MessageInfo::from_word(self.m.get(sender, tcb::x(1))).clamped();
        let length = info.length() as usize;
        for index in 0..length.min(FAST) as u64 {
            let value = self.m.get(sender, tcb::x(2 + index));
            self.m.set(receiver, tcb::x(2 + index), value);
        }
        let mut moved = length.min(FAST);
        let (mut caps, mut unwrapped) = (0, 0);
        if length > FAST || info.extra_caps() != 0 {
            let (from, to) = (self.buffer(sender, false), self.buffer(receiver, true));
            if let (Some(from), Some(to)) = (from, to) {
                for index in FAST..length {
                    let offset = 8 * (word::MSG + index) as u64;
                    let value = self.m.load(from, offset);
                    self.m.store(to, offset, value);
                }
                moved = length;
            }
            if grant
                && info.extra_caps() != 0
                && let Ok(slots) = self.extra_slots(sender, from, info)
            {
                (caps, unwrapped) = self.transfer_caps(slots, via, receiver, to);
            }
        }
        let info = MessageInfo::new(info.label(), unwrapped, caps, moved as u64);
        self.set_badge_and_info(receiver, badge, info);
    }

    /// Resolves the capabilities a message carries; all must exist.
    pub(crate) fn extra_slots(
        &self,
        sender: Tcb,
        buffer: Option<PhysAddr>,
        info: MessageInfo,
    ) -> Result<ExtraSlots, (u64, LookupFault)> {
        let mut slots = [None; MSG_MAX_EXTRA_CAPS];
        let Some(buffer) = buffer else { return Ok(slots) };
        for (index, slot) in slots.iter_mut().enumerate().take(info.extra_caps() as usize) {
            let cptr = self.m.load(buffer, 8 * (word::CAPS_OR_BADGES + index) as u64);
            *slot = Some(self.lookup_slot(sender, cptr).map_err(|fault| (cptr, fault))?);
        }
        Ok(slots)
    }

    /// Copies capabilities to the receiver's slot, or unwraps them: how many were dealt with, and which unwrapped.
    fn transfer_caps(
        &mut self,
        slots: ExtraSlots,
        via: Option<Endpoint>,
        receiver: Tcb,
        buffer: Option<PhysAddr>,
    ) -> (u64, u64) {
        let (mut done, mut unwrapped) = (0, 0);
        let Some(buffer) = buffer else { return (0, 0) };
        let mut target = self.receive_slot(receiver, buffer);
        for slot in slots.into_iter().flatten() {
            let cap = self.m.cap(slot);
            match cap {
                Cap::Endpoint { ep, badge, .. } if Some(ep) == via => {
                    self.m
                        .store(buffer, 8 * (word::CAPS_OR_BADGES as u64 + done), badge);
                    unwrapped |= 1 << done;
                }
                _ => {
                    let Some(to) = target.take() else { break };
                    let Ok(copy) = self.derive(slot, cap) else { break };
                    if copy == Cap::Null {
                        break;
                    }
                    self.m.copy_cap(to, copy, slot);
                }
            }
            done += 1;
        }
        (done, unwrapped)
    }

    /// The empty slot in which the receiver takes a capability.
    fn receive_slot(&self, receiver: Tcb, buffer: PhysAddr) -> Option<Slot> {
        let field = |index: usize| self.m.load(buffer, 8 * index as u64);
        let root = self.lookup_slot(receiver, field(word::RECEIVE_CNODE)).ok()?;
        let depth = field(word::RECEIVE_DEPTH);
        let slot = self
            .target_slot(self.m.cap(root), field(word::RECEIVE_INDEX), depth)
            .ok()?;
        self.m.is_empty(slot).then_some(slot)
    }
}
