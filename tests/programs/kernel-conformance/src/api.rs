//! Invocations under the names of libsel4's interface files. Arguments stand in the order of the message.

use crate::sys::{Answer, Cap, invoke};
use sel4_abi::invocation::InvocationLabel as L;

/// The root CNode of every thread of the suite.
pub const CNODE: Cap = 2;
/// Its address space.
pub const VSPACE: Cap = 3;
/// Authority over interrupts.
pub const IRQ_CONTROL: Cap = 4;
/// Authority over address space identifiers.
pub const ASID_CONTROL: Cap = 5;
/// The pool the root task's own VSpace is in.
pub const ASID_POOL: Cap = 6;
/// Authority over domains.
pub const DOMAIN: Cap = 11;
/// Authority to call firmware.
pub const SMC: Cap = 15;
/// The initial thread's TCB, whose maximum controlled priority is 255.
pub const INIT_TCB: Cap = 1;

/// Bits that a capability pointer has.
pub const WORD: u64 = 64;

/// All rights.
pub const ALL: u64 = 0xf;

/// Where a slot is: a CNode, an index and a depth.
#[derive(Clone, Copy, Debug)]
pub struct Slot(pub Cap, pub u64, pub u64);

/// A slot of the root CNode.
pub const fn root(index: Cap) -> Slot {
    Slot(CNODE, index, WORD)
}

pub fn untyped_retype(untyped: Cap, ty: u64, size: u64, dest: Slot, offset: u64, count: u64) -> Answer {
    let words = [ty, size, dest.1, dest.2, offset, count];
    invoke(untyped, L::UntypedRetype, &words, &[dest.0])
}

pub fn cnode_revoke(at: Slot) -> Answer {
    invoke(at.0, L::CNodeRevoke, &[at.1, at.2], &[])
}

pub fn cnode_delete(at: Slot) -> Answer {
    invoke(at.0, L::CNodeDelete, &[at.1, at.2], &[])
}

pub fn cnode_cancel_badged_sends(at: Slot) -> Answer {
    invoke(at.0, L::CNodeCancelBadgedSends, &[at.1, at.2], &[])
}

pub fn cnode_copy(dest: Slot, src: Slot, rights: u64) -> Answer {
    invoke(
        dest.0,
        L::CNodeCopy,
        &[dest.1, dest.2, src.1, src.2, rights],
        &[src.0],
    )
}

pub fn cnode_mint(dest: Slot, src: Slot, rights: u64, badge: u64) -> Answer {
    let words = [dest.1, dest.2, src.1, src.2, rights, badge];
    invoke(dest.0, L::CNodeMint, &words, &[src.0])
}

pub fn cnode_move(dest: Slot, src: Slot) -> Answer {
    invoke(dest.0, L::CNodeMove, &[dest.1, dest.2, src.1, src.2], &[src.0])
}

pub fn cnode_mutate(dest: Slot, src: Slot, badge: u64) -> Answer {
    invoke(
        dest.0,
        L::CNodeMutate,
        &[dest.1, dest.2, src.1, src.2, badge],
        &[src.0],
    )
}

pub fn cnode_rotate(dest: Slot, dest_badge: u64, pivot: Slot, pivot_badge: u64, src: Slot) -> Answer {
    let words = [
        dest.1,
        dest.2,
        dest_badge,
        pivot.1,
        pivot.2,
        pivot_badge,
        src.1,
        src.2,
    ];
    invoke(dest.0, L::CNodeRotate, &words, &[pivot.0, src.0])
}

pub fn tcb_read_registers(tcb: Cap, suspend: bool, count: u64) -> Answer {
    invoke(tcb, L::TCBReadRegisters, &[suspend.into(), count], &[])
}

/// Registers in the order of `seL4_UserContext`.
pub fn tcb_write_registers(tcb: Cap, resume: bool, registers: &[u64]) -> Answer {
    let mut words = [0; 38];
    words[0] = resume.into();
    words[1] = registers.len() as u64;
    words[2..2 + registers.len()].copy_from_slice(registers);
    invoke(tcb, L::TCBWriteRegisters, &words[..2 + registers.len()], &[])
}

pub fn tcb_copy_registers(tcb: Cap, source: Cap, flags: u64) -> Answer {
    invoke(tcb, L::TCBCopyRegisters, &[flags], &[source])
}

pub fn tcb_configure(tcb: Cap, cspace: Cap, guard: u64, vspace: Cap, buffer: u64, frame: Cap) -> Answer {
    invoke(
        tcb,
        L::TCBConfigure,
        &[guard, 0, buffer],
        &[cspace, vspace, frame],
    )
}

pub fn tcb_set_priority(tcb: Cap, authority: Cap, priority: u64) -> Answer {
    invoke(tcb, L::TCBSetPriority, &[priority], &[authority])
}

pub fn tcb_set_mc_priority(tcb: Cap, authority: Cap, mcp: u64) -> Answer {
    invoke(tcb, L::TCBSetMCPriority, &[mcp], &[authority])
}

pub fn tcb_set_sched_params(
    tcb: Cap,
    authority: Cap,
    mcp: u64,
    priority: u64,
    sc: Cap,
    fault: Cap,
) -> Answer {
    invoke(
        tcb,
        L::TCBSetSchedParams,
        &[mcp, priority],
        &[authority, sc, fault],
    )
}

pub fn tcb_set_timeout_endpoint(tcb: Cap, endpoint: Cap) -> Answer {
    invoke(tcb, L::TCBSetTimeoutEndpoint, &[], &[endpoint])
}

pub fn tcb_set_ipc_buffer(tcb: Cap, buffer: u64, frame: Cap) -> Answer {
    invoke(tcb, L::TCBSetIPCBuffer, &[buffer], &[frame])
}

pub fn tcb_set_space(tcb: Cap, fault: Cap, cspace: Cap, guard: u64, vspace: Cap) -> Answer {
    invoke(tcb, L::TCBSetSpace, &[guard, 0], &[fault, cspace, vspace])
}

pub fn tcb_suspend(tcb: Cap) -> Answer {
    invoke(tcb, L::TCBSuspend, &[], &[])
}

pub fn tcb_resume(tcb: Cap) -> Answer {
    invoke(tcb, L::TCBResume, &[], &[])
}

pub fn tcb_bind_notification(tcb: Cap, notification: Cap) -> Answer {
    invoke(tcb, L::TCBBindNotification, &[], &[notification])
}

pub fn tcb_unbind_notification(tcb: Cap) -> Answer {
    invoke(tcb, L::TCBUnbindNotification, &[], &[])
}

pub fn tcb_set_tls_base(tcb: Cap, base: u64) -> Answer {
    invoke(tcb, L::TCBSetTLSBase, &[base], &[])
}

pub fn tcb_set_flags(tcb: Cap, clear: u64, set: u64) -> Answer {
    invoke(tcb, L::TCBSetFlags, &[clear, set], &[])
}

pub fn irq_control_get(irq: u64, dest: Slot) -> Answer {
    invoke(
        IRQ_CONTROL,
        L::IRQIssueIRQHandler,
        &[irq, dest.1, dest.2],
        &[dest.0],
    )
}

pub fn irq_control_get_trigger(irq: u64, trigger: u64, dest: Slot) -> Answer {
    let words = [irq, trigger, dest.1, dest.2];
    invoke(IRQ_CONTROL, L::ARMIRQIssueIRQHandlerTrigger, &words, &[dest.0])
}

pub fn irq_control_issue_sgi(irq: u64, target: u64, dest: Slot) -> Answer {
    let words = [irq, target, dest.1, dest.2];
    invoke(IRQ_CONTROL, L::ARMIRQIssueSGISignal, &words, &[dest.0])
}

pub fn irq_handler_ack(handler: Cap) -> Answer {
    invoke(handler, L::IRQAckIRQ, &[], &[])
}

pub fn irq_handler_set_notification(handler: Cap, notification: Cap) -> Answer {
    invoke(handler, L::IRQSetIRQHandler, &[], &[notification])
}

pub fn irq_handler_clear(handler: Cap) -> Answer {
    invoke(handler, L::IRQClearIRQHandler, &[], &[])
}

pub fn domain_set(domain: u64, tcb: Cap) -> Answer {
    invoke(DOMAIN, L::DomainSetSet, &[domain], &[tcb])
}

pub fn domain_schedule_configure(index: u64, domain: u64, duration: u64) -> Answer {
    invoke(
        DOMAIN,
        L::DomainScheduleConfigure,
        &[index, domain, duration],
        &[],
    )
}

pub fn domain_schedule_set_start(index: u64) -> Answer {
    invoke(DOMAIN, L::DomainScheduleSetStart, &[index], &[])
}

/// Budget and period in microseconds.
pub fn sched_control_configure(
    control: Cap,
    sc: Cap,
    budget: u64,
    period: u64,
    extra_refills: u64,
    badge: u64,
    flags: u64,
) -> Answer {
    let words = [budget, period, extra_refills, badge, flags];
    invoke(control, L::SchedControlConfigureFlags, &words, &[sc])
}

pub fn sched_context_bind(sc: Cap, object: Cap) -> Answer {
    invoke(sc, L::SchedContextBind, &[], &[object])
}

pub fn sched_context_unbind(sc: Cap) -> Answer {
    invoke(sc, L::SchedContextUnbind, &[], &[])
}

pub fn sched_context_unbind_object(sc: Cap, object: Cap) -> Answer {
    invoke(sc, L::SchedContextUnbindObject, &[], &[object])
}

pub fn sched_context_consumed(sc: Cap) -> Answer {
    invoke(sc, L::SchedContextConsumed, &[], &[])
}

pub fn sched_context_yield_to(sc: Cap) -> Answer {
    invoke(sc, L::SchedContextYieldTo, &[], &[])
}

pub fn page_map(frame: Cap, vspace: Cap, address: u64, rights: u64, attributes: u64) -> Answer {
    invoke(frame, L::ARMPageMap, &[address, rights, attributes], &[vspace])
}

pub fn page_unmap(frame: Cap) -> Answer {
    invoke(frame, L::ARMPageUnmap, &[], &[])
}

pub fn page_get_address(frame: Cap) -> Answer {
    invoke(frame, L::ARMPageGetAddress, &[], &[])
}

pub fn page_table_map(table: Cap, vspace: Cap, address: u64, attributes: u64) -> Answer {
    invoke(table, L::ARMPageTableMap, &[address, attributes], &[vspace])
}

pub fn page_table_unmap(table: Cap) -> Answer {
    invoke(table, L::ARMPageTableUnmap, &[], &[])
}

/// A cache operation of a frame (offsets) or an address space (addresses).
pub fn cache(object: Cap, operation: L, start: u64, end: u64) -> Answer {
    invoke(object, operation, &[start, end], &[])
}

pub fn asid_control_make_pool(untyped: Cap, dest: Slot) -> Answer {
    invoke(
        ASID_CONTROL,
        L::ARMASIDControlMakePool,
        &[dest.1, dest.2],
        &[untyped, dest.0],
    )
}

pub fn asid_pool_assign(pool: Cap, vspace: Cap) -> Answer {
    invoke(pool, L::ARMASIDPoolAssign, &[], &[vspace])
}
