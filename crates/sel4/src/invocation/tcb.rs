//! Invocations of TCBs.

use super::{invoke, invoke_for_word};
use crate::cap::{CNode, Endpoint, Granule, Notification, SchedContext, Tcb, VSpace};
use crate::{CNodeCapData, CPtr, InvocationContext, Result, UserContext, Word, sys};
use sel4_abi::invocation::{InvocationLabel, copy_registers, read_registers, write_registers};
use sel4_abi::user_context;

/// Builder of the flag words of [`tcb_set_flags`](Tcb::tcb_set_flags).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TcbFlagsBuilder(Word);

impl TcbFlagsBuilder {
    /// Starts with no flag.
    pub fn new() -> Self {
        Self(sys::seL4_TCBFlag::seL4_TCBFlag_NoFlag)
    }

    /// The flags set so far.
    pub fn build(self) -> Word {
        self.0
    }

    /// The thread has no floating-point registers.
    pub fn fpu_disabled(self, val: bool) -> Self {
        self.apply(sys::seL4_TCBFlag::seL4_TCBFlag_fpuDisabled, val)
    }

    fn apply(self, flag: Word, val: bool) -> Self {
        Self(if val { self.0 | flag } else { self.0 & !flag })
    }
}

/// Number of registers that both sides of a register transfer know.
fn register_count(count: Word) -> usize {
    user_context::LENGTH.min(count as usize)
}

impl<C: InvocationContext> Tcb<C> {
    /// C: `seL4_TCB_ReadRegisters`.
    pub fn tcb_read_registers(self, suspend: bool, count: Word) -> Result<UserContext> {
        let flags = if suspend { read_registers::SUSPEND } else { 0 };
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::TCBReadRegisters,
                [flags, count],
                [],
            )?;
            let mut words = [0; user_context::LENGTH];
            let count = register_count(count);
            words[..count].copy_from_slice(&ipc_buffer.msg_regs()[..count]);
            Ok(UserContext::from_inner(sys::seL4_UserContext::from_words(words)))
        })
    }

    /// [`tcb_read_registers`](Self::tcb_read_registers) of all registers.
    pub fn tcb_read_all_registers(self, suspend: bool) -> Result<UserContext> {
        self.tcb_read_registers(suspend, user_context::LENGTH as Word)
    }

    /// C: `seL4_TCB_WriteRegisters`.
    pub fn tcb_write_registers(self, resume: bool, count: Word, regs: &mut UserContext) -> Result<()> {
        const HEAD: usize = 2;
        let mut words = [0; HEAD + user_context::LENGTH];
        words[0] = if resume { write_registers::RESUME } else { 0 };
        words[1] = count;
        words[HEAD..].copy_from_slice(&regs.inner().into_words());
        self.invoke(|cptr, ipc_buffer| {
            invoke(ipc_buffer, cptr, InvocationLabel::TCBWriteRegisters, words, [])
        })
    }

    /// [`tcb_write_registers`](Self::tcb_write_registers) of all registers.
    pub fn tcb_write_all_registers(self, resume: bool, regs: &mut UserContext) -> Result<()> {
        self.tcb_write_registers(resume, user_context::LENGTH as Word, regs)
    }

    /// C: `seL4_TCB_CopyRegisters`. No wrapper of this name exists upstream.
    pub fn tcb_copy_registers(
        self,
        source: Tcb,
        suspend_source: bool,
        resume_target: bool,
        transfer_frame: bool,
        transfer_integer: bool,
    ) -> Result<()> {
        let flag = |on: bool, bit: Word| if on { bit } else { 0 };
        let flags = flag(suspend_source, copy_registers::SUSPEND_SOURCE)
            | flag(resume_target, copy_registers::RESUME_TARGET)
            | flag(transfer_frame, copy_registers::TRANSFER_FRAME)
            | flag(transfer_integer, copy_registers::TRANSFER_INTEGER);
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::TCBCopyRegisters,
                [flags],
                [source.bits()],
            )
        })
    }

    /// C: `seL4_TCB_Resume`.
    pub fn tcb_resume(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::TCBResume, [], []))
    }

    /// C: `seL4_TCB_Suspend`.
    pub fn tcb_suspend(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::TCBSuspend, [], []))
    }

    /// C: `seL4_TCB_SetPriority`.
    pub fn tcb_set_priority(self, authority: Tcb, priority: Word) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::TCBSetPriority,
                [priority],
                [authority.bits()],
            )
        })
    }

    /// C: `seL4_TCB_SetMCPriority`.
    pub fn tcb_set_mc_priority(self, authority: Tcb, mcp: Word) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::TCBSetMCPriority,
                [mcp],
                [authority.bits()],
            )
        })
    }

    /// C: `seL4_TCB_SetFlags`; answers the flags after the change.
    pub fn tcb_set_flags(self, clear: Word, set: Word) -> Result<Word> {
        self.invoke(|cptr, ipc_buffer| {
            invoke_for_word(ipc_buffer, cptr, InvocationLabel::TCBSetFlags, [clear, set])
        })
    }

    /// C: `seL4_TCB_Configure`. `ipc_buffer` is its virtual address.
    pub fn tcb_configure(
        self,
        cspace_root: CNode,
        cspace_root_data: CNodeCapData,
        vspace_root: VSpace,
        ipc_buffer: Word,
        ipc_buffer_frame: Granule,
    ) -> Result<()> {
        // The word between is the data of the VSpace, which has none.
        let words = [cspace_root_data.into_word(), 0, ipc_buffer];
        let caps = [cspace_root.bits(), vspace_root.bits(), ipc_buffer_frame.bits()];
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::TCBConfigure, words, caps))
    }

    /// C: `seL4_TCB_SetIPCBuffer`. No wrapper of this name exists upstream.
    pub fn tcb_set_ipc_buffer(self, ipc_buffer: Word, ipc_buffer_frame: Granule) -> Result<()> {
        self.invoke(|cptr, ctx_ipc_buffer| {
            let caps = [ipc_buffer_frame.bits()];
            invoke(
                ctx_ipc_buffer,
                cptr,
                InvocationLabel::TCBSetIPCBuffer,
                [ipc_buffer],
                caps,
            )
        })
    }

    /// C: `seL4_TCB_SetSpace`.
    pub fn tcb_set_space(
        self,
        fault_ep: CPtr,
        cspace_root: CNode,
        cspace_root_data: CNodeCapData,
        vspace_root: VSpace,
    ) -> Result<()> {
        let words = [cspace_root_data.into_word(), 0];
        let caps = [fault_ep.bits(), cspace_root.bits(), vspace_root.bits()];
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::TCBSetSpace, words, caps))
    }

    /// C: `seL4_TCB_SetSchedParams`.
    pub fn tcb_set_sched_params(
        self,
        authority: Tcb,
        mcp: Word,
        priority: Word,
        sched_context: SchedContext,
        fault_ep: Endpoint,
    ) -> Result<()> {
        let caps = [authority.bits(), sched_context.bits(), fault_ep.bits()];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::TCBSetSchedParams,
                [mcp, priority],
                caps,
            )
        })
    }

    /// C: `seL4_TCB_SetTimeoutEndpoint`.
    pub fn tcb_set_timeout_endpoint(self, timeout_endpoint: Endpoint) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::TCBSetTimeoutEndpoint,
                [],
                [timeout_endpoint.bits()],
            )
        })
    }

    /// C: `seL4_TCB_SetTLSBase`.
    pub fn tcb_set_tls_base(self, tls_base: Word) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(ipc_buffer, cptr, InvocationLabel::TCBSetTLSBase, [tls_base], [])
        })
    }

    /// C: `seL4_TCB_BindNotification`.
    pub fn tcb_bind_notification(self, notification: Notification) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::TCBBindNotification,
                [],
                [notification.bits()],
            )
        })
    }

    /// C: `seL4_TCB_UnbindNotification`.
    pub fn tcb_unbind_notification(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(ipc_buffer, cptr, InvocationLabel::TCBUnbindNotification, [], [])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_set_and_cleared() {
        assert_eq!(TcbFlagsBuilder::new().fpu_disabled(true).build(), 1);
        assert_eq!(
            TcbFlagsBuilder::new()
                .fpu_disabled(true)
                .fpu_disabled(false)
                .build(),
            0
        );
    }

    #[test]
    fn a_register_count_beyond_all_registers_reads_all() {
        assert_eq!(register_count(Word::MAX), 36);
        assert_eq!(register_count(3), 3);
    }
}
