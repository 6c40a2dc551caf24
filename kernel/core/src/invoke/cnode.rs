//! CNodes: copying, moving and deleting capabilities.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::rights::CapRights;

use crate::cap::Cap;
use crate::cap::cspace::{LookupFault, resolve};
use crate::cap::tree::Tree;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::page::unmapped;
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::Slot;

const WORD_BITS: u64 = 64;

impl<M: Machine> Kernel<M> {
    /// The slot that `depth` bits of `index` lead to, from the CNode capability `root`.
    pub(crate) fn target_slot(&self, root: Cap, index: u64, depth: u64) -> Result<Slot, InvocationError> {
        self.find_slot(root, index, depth, false)
    }

    fn find_slot(&self, root: Cap, index: u64, depth: u64, source: bool) -> Result<Slot, InvocationError> {
        let failed = |cause| InvocationError::FailedLookup { source, cause };
        if !matches!(root, Cap::CNode { .. }) {
            return Err(failed(LookupFault::InvalidRoot));
        }
        if !(1..=WORD_BITS).contains(&depth) {
            return Err(InvocationError::RangeError {
                min: 1,
                max: WORD_BITS,
            });
        }
        match resolve(&self.m, root, index, depth).map_err(failed)? {
            (slot, 0) => Ok(slot),
            (_, bits_left) => Err(failed(LookupFault::DepthMismatch {
                bits_left,
                bits_found: 0,
            })),
        }
    }

    /// A copy of `cap`, held by `at`, as far as it may be copied; `Null` if not at all.
    pub(crate) fn derive(&self, at: Slot, cap: Cap) -> Result<Cap, InvocationError> {
        Ok(match cap {
            Cap::Zombie { .. } | Cap::IrqControl => Cap::Null,
            Cap::Untyped { .. } if self.m.has_children(at) => return Err(InvocationError::RevokeFirst),
            Cap::PageTable { asid: 0, .. } | Cap::VSpace { asid: 0, .. } => {
                return Err(InvocationError::IllegalOperation);
            }
            Cap::Frame { .. } => unmapped(cap),
            other => other,
        })
    }

    pub(crate) fn invoke_cnode(&mut self, root: Cap, call: &Invocation) -> Result<Outcome, Trouble> {
        use InvocationLabel as L;
        let Some(
            label @ (L::CNodeRevoke
            | L::CNodeDelete
            | L::CNodeCancelBadgedSends
            | L::CNodeCopy
            | L::CNodeMint
            | L::CNodeMove
            | L::CNodeMutate
            | L::CNodeRotate),
        ) = call.label
        else {
            return Err(InvocationError::IllegalOperation.into());
        };
        call.needs(2, 0)?;
        let dest = self.target_slot(root, call.word(self, 0), call.word(self, 1))?;
        match label {
            L::CNodeRevoke => self.revoke(dest)?,
            L::CNodeDelete => self.delete(dest)?,
            L::CNodeCancelBadgedSends => self.cancel_sends(dest)?,
            L::CNodeRotate => self.rotate(dest, call)?,
            _ => self.copy_or_move(label, dest, call)?,
        }
        Ok(Outcome::Done)
    }

    fn copy_or_move(
        &mut self,
        label: InvocationLabel,
        dest: Slot,
        call: &Invocation,
    ) -> Result<(), InvocationError> {
        use InvocationLabel as L;
        call.needs(4, 1)?;
        if !self.m.is_empty(dest) {
            return Err(InvocationError::DeleteFirst);
        }
        let depth = call.word(self, 3);
        let source = self.find_slot(call.extra_cap(self, 0)?, call.word(self, 2), depth, true)?;
        let held = self.m.cap(source);
        if held == Cap::Null {
            let cause = LookupFault::MissingCapability { bits_left: depth };
            return Err(InvocationError::FailedLookup { source: true, cause });
        }
        let rights = |kernel: &Self| CapRights::from_word(call.word(kernel, 4));
        let illegal = InvocationError::IllegalOperation;
        let moved = match label {
            L::CNodeCopy => {
                call.needs(5, 1)?;
                let copy = self.derive(source, held.with_rights(rights(self)))?;
                if copy == Cap::Null {
                    return Err(illegal);
                }
                self.m.copy_cap(dest, copy, source);
                return Ok(());
            }
            L::CNodeMint => {
                call.needs(6, 1)?;
                let altered = held
                    .with_rights(rights(self))
                    .with_data(call.word(self, 5), false)
                    .ok_or(illegal)?;
                let copy = self.derive(source, altered)?;
                if copy == Cap::Null {
                    return Err(illegal);
                }
                self.m.copy_cap(dest, copy, source);
                return Ok(());
            }
            L::CNodeMove => held,
            _ => {
                call.needs(5, 1)?;
                held.with_data(call.word(self, 4), true).ok_or(illegal)?
            }
        };
        self.m.move_cap(dest, moved, source);
        Ok(())
    }

    fn rotate(&mut self, dest: Slot, call: &Invocation) -> Result<(), InvocationError> {
        call.needs(8, 2)?;
        let word = |kernel: &Self, index| call.word(kernel, index);
        let (pivot_data, pivot_depth) = (word(self, 2), word(self, 4));
        let (source_data, source_depth) = (word(self, 5), word(self, 7));
        let source = self.find_slot(call.extra_cap(self, 1)?, word(self, 6), source_depth, true)?;
        let pivot = self.find_slot(call.extra_cap(self, 0)?, word(self, 3), pivot_depth, true)?;
        if pivot == source || pivot == dest {
            return Err(InvocationError::IllegalOperation);
        }
        if source != dest && !self.m.is_empty(dest) {
            return Err(InvocationError::DeleteFirst);
        }
        let missing = |source, bits_left| InvocationError::FailedLookup {
            source,
            cause: LookupFault::MissingCapability { bits_left },
        };
        if self.m.is_empty(source) {
            return Err(missing(true, source_depth));
        }
        if self.m.is_empty(pivot) {
            return Err(missing(false, pivot_depth));
        }
        let illegal = InvocationError::IllegalOperation;
        let to_pivot = self.m.cap(source).with_data(source_data, true).ok_or(illegal)?;
        let to_dest = self.m.cap(pivot).with_data(pivot_data, true).ok_or(illegal)?;
        if source == dest {
            self.m.swap_caps(source, to_pivot, pivot, to_dest);
        } else {
            self.m.move_cap(dest, to_dest, pivot);
            self.m.move_cap(pivot, to_pivot, source);
        }
        Ok(())
    }

    fn cancel_sends(&mut self, at: Slot) -> Result<(), Trouble> {
        let Cap::Endpoint {
            ep,
            badge,
            rights: CapRights::ALL,
        } = self.m.cap(at)
        else {
            return Err(InvocationError::IllegalOperation.into());
        };
        if badge != 0 {
            self.cancel_badged_sends(ep, badge)?;
        }
        Ok(())
    }
}
