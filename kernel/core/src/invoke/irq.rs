//! Interrupt control and handlers.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::platform::MAX_IRQ;

use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::{IrqUse, Kernel};
use crate::machine::Machine;
use crate::object::Slot;

/// Software generated interrupts of the controller.
const SGIS: u64 = 16;
/// Cores the controller can address.
const SGI_TARGETS: u64 = 8;

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_irq_control(&mut self, call: &Invocation) -> Result<Outcome, Trouble> {
        match call.label {
            Some(InvocationLabel::IRQIssueIRQHandler) => {
                call.needs(3, 1)?;
                let irq = self.free_line(call.word(self, 0))?;
                let to = self.empty_target(call, 1)?;
                self.issue_handler(irq, to, call.slot);
            }
            Some(InvocationLabel::ARMIRQIssueIRQHandlerTrigger) => {
                call.needs(4, 1)?;
                let irq = self.free_line(call.word(self, 0))?;
                let edge = call.word(self, 1) != 0;
                let to = self.empty_target(call, 2)?;
                self.m.set_trigger(irq, edge);
                self.issue_handler(irq, to, call.slot);
            }
            Some(InvocationLabel::ARMIRQIssueSGISignal) => {
                call.needs(4, 1)?;
                let (irq, target) = (call.word(self, 0), call.word(self, 1));
                if irq >= SGIS {
                    return Err(InvocationError::RangeError {
                        min: 0,
                        max: SGIS - 1,
                    }
                    .into());
                }
                if target >= SGI_TARGETS {
                    return Err(InvocationError::InvalidArgument(1).into());
                }
                let to = self.empty_target(call, 2)?;
                let cap = Cap::SgiSignal {
                    irq: irq as u32,
                    target: target as u32,
                };
                self.m.copy_cap(to, cap, call.slot);
            }
            _ => return Err(InvocationError::IllegalOperation.into()),
        }
        Ok(Outcome::Done)
    }

    /// An interrupt line that exists and nobody uses.
    fn free_line(&self, irq: u64) -> Result<u32, InvocationError> {
        match self.irq_use.get(usize::try_from(irq).unwrap_or(usize::MAX)) {
            Some(IrqUse::Free) => Ok(irq as u32),
            Some(_) => Err(InvocationError::RevokeFirst),
            None => Err(InvocationError::RangeError {
                min: 0,
                max: MAX_IRQ as u64,
            }),
        }
    }

    /// The empty slot that words `at` (index) and `at + 1` (depth) name in the CNode sent along.
    fn empty_target(&self, call: &Invocation, at: usize) -> Result<Slot, InvocationError> {
        let (index, depth) = (call.word(self, at), call.word(self, at + 1));
        let to = self.target_slot(call.extra_cap(self, 0)?, index, depth)?;
        if self.m.is_empty(to) {
            Ok(to)
        } else {
            Err(InvocationError::DeleteFirst)
        }
    }

    fn issue_handler(&mut self, irq: u32, to: Slot, control: Slot) {
        if let Some(line) = self.irq_use.get_mut(irq as usize) {
            *line = IrqUse::Handler;
        }
        self.m.unmask_irq(irq);
        self.m.copy_cap(to, Cap::IrqHandler { irq }, control);
    }

    pub(crate) fn invoke_irq_handler(&mut self, irq: u32, call: &Invocation) -> Result<Outcome, Trouble> {
        match call.label {
            Some(InvocationLabel::IRQAckIRQ) => self.m.unmask_irq(irq),
            Some(InvocationLabel::IRQSetIRQHandler) => {
                call.needs(0, 1)?;
                let source = call.extra_slot(0)?;
                let cap = self.m.cap(source);
                if !matches!(cap, Cap::Notification { rights, .. } if rights.write()) {
                    return Err(InvocationError::InvalidCapability(0).into());
                }
                let slot = self.irq_slot(irq);
                self.delete(slot)?;
                self.m.copy_cap(slot, cap, source);
            }
            Some(InvocationLabel::IRQClearIRQHandler) => self.delete(self.irq_slot(irq))?,
            _ => return Err(InvocationError::IllegalOperation.into()),
        }
        Ok(Outcome::Done)
    }
}
