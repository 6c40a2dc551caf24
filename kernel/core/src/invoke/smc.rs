//! Secure monitor calls.

use sel4_abi::invocation::InvocationLabel;

use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;

/// Registers of a secure monitor call.
const WORDS: usize = 8;

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_smc(&mut self, badge: u64, call: &Invocation) -> Result<Outcome, Trouble> {
        if call.label != Some(InvocationLabel::ARMSMCCall) {
            return Err(InvocationError::IllegalOperation.into());
        }
        call.needs(WORDS, 0)?;
        let arguments: [u64; WORDS] = core::array::from_fn(|index| call.word(self, index));
        if badge != 0 && badge != arguments[0] {
            return Err(InvocationError::IllegalOperation.into());
        }
        let results = self.m.smc(&arguments).ok_or(InvocationError::IllegalOperation)?;
        Ok(Outcome::Written(self.set_message(call.caller, &results)))
    }
}
