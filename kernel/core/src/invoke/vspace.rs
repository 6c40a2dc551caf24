//! Address spaces: cache maintenance by virtual address.

use sel4_abi::vm::USER_TOP;

use crate::cap::Cap;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::page::cache_op;
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::vspace::descriptor::{address, bits_left, is_user_writable, is_valid};
use crate::vspace::walk::walk;

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_vspace(&mut self, cap: Cap, call: &Invocation) -> Result<Outcome, Trouble> {
        use sel4_abi::invocation::InvocationLabel as L;
        let Some(
            label @ (L::ARMVSpaceCleanData
            | L::ARMVSpaceInvalidateData
            | L::ARMVSpaceCleanInvalidateData
            | L::ARMVSpaceUnifyInstruction),
        ) = call.label
        else {
            return Err(InvocationError::IllegalOperation.into());
        };
        call.needs(2, 0)?;
        let (start, end) = (call.word(self, 0), call.word(self, 1));
        if end <= start {
            return Err(InvocationError::InvalidArgument(1).into());
        }
        if end > USER_TOP {
            return Err(InvocationError::IllegalOperation.into());
        }
        let (root, _) = self.valid_vspace(cap, 0)?;
        let reached = walk(&self.m, root, start);
        if !is_valid(reached.entry) {
            return Ok(Outcome::Done);
        }
        if label == L::ARMVSpaceInvalidateData && !is_user_writable(reached.entry) {
            // Invalidating would lose what others have written.
            return Err(InvocationError::IllegalOperation.into());
        }
        let mask = (1 << bits_left(reached.level)) - 1;
        if start & !mask != (end - 1) & !mask {
            return Err(InvocationError::RangeError {
                min: start,
                max: start | mask,
            }
            .into());
        }
        if let Some(op) = cache_op(label) {
            self.m
                .cache(op, address(reached.entry) + (start & mask), end - start);
        }
        Ok(Outcome::Done)
    }
}
