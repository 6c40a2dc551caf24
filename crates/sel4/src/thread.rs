//! Methods of thread control blocks.

use crate::cap::{CNode, Endpoint, Granule, Notification, SchedContext, Tcb, VSpace};
use crate::{CNodeCapData, InvocationContext, Result, UserContext, Word};
use sel4_abi::invocation::{InvocationLabel, read_registers, write_registers};
use sel4_abi::thread::tcb_flag;
use sel4_abi::user_context::LENGTH;

/// Makes a word of flags for [`tcb_set_flags`](Tcb::tcb_set_flags).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcbFlagsBuilder {
    flags: Word,
}

impl TcbFlagsBuilder {
    /// No flag.
    pub const fn new() -> Self {
        let flags = tcb_flag::NO_FLAG;
        Self { flags }
    }

    /// Whether the thread shall do without floating-point registers.
    pub const fn fpu_disabled(self, val: bool) -> Self {
        let others = self.flags & !tcb_flag::FPU_DISABLED;
        let flags = others | if val { tcb_flag::FPU_DISABLED } else { 0 };
        Self { flags }
    }

    /// The word.
    pub const fn build(self) -> Word {
        self.flags
    }
}

impl<C: InvocationContext> Tcb<C> {
    /// C: `seL4_TCB_Resume`.
    pub fn tcb_resume(self) -> Result<()> {
        self.invoke(InvocationLabel::TCBResume, [], [])
    }

    /// C: `seL4_TCB_Suspend`.
    pub fn tcb_suspend(self) -> Result<()> {
        self.invoke(InvocationLabel::TCBSuspend, [], [])
    }

    /// C: `seL4_TCB_ReadRegisters`, all of them. May suspend the thread first.
    pub fn tcb_read_all_registers(self, suspend: bool) -> Result<UserContext> {
        let flags = if suspend { read_registers::SUSPEND } else { 0 };
        let words = [flags, LENGTH as Word];
        self.invoke_for(InvocationLabel::TCBReadRegisters, words, [])
            .map(UserContext)
    }

    /// C: `seL4_TCB_WriteRegisters`, all of them. May resume the thread afterwards.
    pub fn tcb_write_all_registers(self, resume: bool, regs: &mut UserContext) -> Result<()> {
        const HEAD: usize = 2;
        let flags = if resume { write_registers::RESUME } else { 0 };
        let mut words = [flags; HEAD + LENGTH];
        words[1] = LENGTH as Word;
        words[HEAD..].copy_from_slice(&regs.0);
        self.invoke(InvocationLabel::TCBWriteRegisters, words, [])
    }

    /// C: `seL4_TCB_Configure`: CSpace with its guard, address space, and IPC buffer with its address.
    pub fn tcb_configure(
        self,
        cspace_root: CNode,
        cspace_root_data: CNodeCapData,
        vspace_root: VSpace,
        ipc_buffer: Word,
        ipc_buffer_frame: Granule,
    ) -> Result<()> {
        // Where the CSpace has its guard, the address space has a word of no meaning.
        let words = [cspace_root_data.into_word(), 0, ipc_buffer];
        let caps = [cspace_root.bits(), vspace_root.bits(), ipc_buffer_frame.bits()];
        self.invoke(InvocationLabel::TCBConfigure, words, caps)
    }

    /// C: `seL4_TCB_SetPriority`: at most the maximum controlled priority of `authority`.
    pub fn tcb_set_priority(self, authority: Tcb, priority: Word) -> Result<()> {
        self.invoke(InvocationLabel::TCBSetPriority, [priority], [authority.bits()])
    }

    /// C: `seL4_TCB_SetSchedParams`: priorities, scheduling context and fault handler.
    pub fn tcb_set_sched_params(
        self,
        authority: Tcb,
        mcp: Word,
        priority: Word,
        sched_context: SchedContext,
        fault_ep: Endpoint,
    ) -> Result<()> {
        let caps = [authority.bits(), sched_context.bits(), fault_ep.bits()];
        self.invoke(InvocationLabel::TCBSetSchedParams, [mcp, priority], caps)
    }

    /// C: `seL4_TCB_SetTimeoutEndpoint`: who hears of a spent budget.
    pub fn tcb_set_timeout_endpoint(self, timeout_endpoint: Endpoint) -> Result<()> {
        self.invoke(
            InvocationLabel::TCBSetTimeoutEndpoint,
            [],
            [timeout_endpoint.bits()],
        )
    }

    /// C: `seL4_TCB_SetFlags`: clears some, then sets some; the flags it then has.
    pub fn tcb_set_flags(self, clear: Word, set: Word) -> Result<Word> {
        let flags = self.invoke_for(InvocationLabel::TCBSetFlags, [clear, set], []);
        flags.map(|[flags]| flags)
    }

    /// C: `seL4_TCB_BindNotification`: its signals are received on every endpoint too.
    pub fn tcb_bind_notification(self, notification: Notification) -> Result<()> {
        self.invoke(InvocationLabel::TCBBindNotification, [], [notification.bits()])
    }

    /// C: `seL4_DebugNameThread`, in the debug configuration. Panics if the name fills a message.
    #[cfg(feature = "debug-build")]
    pub fn debug_name(self, name: &[u8]) {
        self.lend(|tcb, buffer| {
            let words = buffer.msg_regs_mut();
            for (place, byte) in name.iter().chain(&[0]).enumerate() {
                let (word, shift) = (&mut words[place / 8], place % 8 * 8);
                *word = *word & !(0xff << shift) | Word::from(*byte) << shift;
            }
            crate::syscall::debug_name_thread(buffer, tcb);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_a_flag_counts() {
        let flags = |values: &[bool]| {
            let with = |builder: TcbFlagsBuilder, &value| builder.fpu_disabled(value);
            values.iter().fold(TcbFlagsBuilder::new(), with).build()
        };
        assert_eq!((flags(&[true]), flags(&[true, false])), (1, 0));
    }
}
