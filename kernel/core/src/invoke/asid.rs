//! Address space identifiers: making pools and assigning from them.

use sel4_abi::invocation::InvocationLabel;

use crate::cap::Cap;
use crate::cap::cspace::LookupFault;
use crate::cap::tree::Tree;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::PhysAddr;
use crate::vspace::asid::POOL_SIZE;

const POOL_BITS: u8 = sel4_abi::object::ASID_POOL_BITS as u8;

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_asid_control(&mut self, call: &Invocation) -> Result<Outcome, Trouble> {
        if call.label != Some(InvocationLabel::ARMASIDControlMakePool) {
            return Err(InvocationError::IllegalOperation.into());
        }
        call.needs(2, 2)?;
        let (index, depth) = (call.word(self, 0), call.word(self, 1));
        let base = self.asids.free_base().ok_or(InvocationError::DeleteFirst)?;
        let from = call.extra_slot(0)?;
        let Cap::Untyped {
            at,
            bits: POOL_BITS,
            device: false,
            ..
        } = self.m.cap(from)
        else {
            return Err(InvocationError::InvalidCapability(1).into());
        };
        if self.m.has_children(from) {
            return Err(InvocationError::RevokeFirst.into());
        }
        let to = self.target_slot(call.extra_cap(self, 1)?, index, depth)?;
        if !self.m.is_empty(to) {
            return Err(InvocationError::DeleteFirst.into());
        }
        let full = Cap::Untyped {
            at,
            bits: POOL_BITS,
            device: false,
            free: 1 << POOL_BITS,
            clean: 0,
        };
        self.m.set_cap(from, full);
        self.m.zero(at, 1 << POOL_BITS);
        self.m.graft(to, Cap::AsidPool { at, base }, from, false);
        self.add_asid_pool(base, at);
        Ok(Outcome::Done)
    }

    pub(crate) fn invoke_asid_pool(
        &mut self,
        at: PhysAddr,
        base: u16,
        call: &Invocation,
    ) -> Result<Outcome, Trouble> {
        if call.label != Some(InvocationLabel::ARMASIDPoolAssign) {
            return Err(InvocationError::IllegalOperation.into());
        }
        call.needs(0, 1)?;
        let slot = call.extra_slot(0)?;
        let Cap::VSpace { at: root, asid: 0 } = self.m.cap(slot) else {
            return Err(InvocationError::InvalidCapability(1).into());
        };
        match self.asids.pool(base) {
            0 => {
                return Err(InvocationError::FailedLookup {
                    source: false,
                    cause: LookupFault::InvalidRoot,
                }
                .into());
            }
            pool if pool != at => return Err(InvocationError::InvalidCapability(0).into()),
            _ => {}
        }
        let free = (0..POOL_SIZE).find(|&index| (base != 0 || index != 0) && self.m.load(at, 8 * index) == 0);
        let asid = base + free.ok_or(InvocationError::DeleteFirst)? as u16;
        self.m.set_cap(slot, Cap::VSpace { at: root, asid });
        self.set_vspace_of(asid, root);
        Ok(Outcome::Done)
    }
}
