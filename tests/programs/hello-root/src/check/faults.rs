//! Faults of a thread, delivered to us, and how each is repaired.

use super::{Context, Outcome, ensure};
use crate::memory::path;
use crate::thread;
use core::arch::global_asm;
use sel4::init_thread::slot;
use sel4::{CapRights, Fault, IpcBuffer, MessageInfo, cap, cap_type};
use sel4_abi::fault::{unknown_syscall, user_exception};

const BADGE: u64 = 0x77;
const TIMEOUT_BADGE: u64 = BADGE + 1;
const BAD_ADDRESS: u64 = 0xdead_0000;
const UNKNOWN_NUMBER: u64 = 77;

// A load from the address in x1, a system call that does not exist, an undefined instruction, an endless loop.
global_asm! {
    r#"
        .section .text.faulty, "ax"
        .global faulty
    faulty:
        ldr x9, [x1]
        mov x7, #77
        svc #0
        udf #0
    0:  b 0b
    "#
}

unsafe extern "C" {
    // It never returns, and touches no memory that is anybody's.
    safe fn faulty(buffer: &'static mut IpcBuffer, argument: u64) -> !;
}

/// Offsets of its instructions.
const LOAD: u64 = 0;
const SVC: u64 = 8;
const UNDEFINED: u64 = 12;

pub fn all(context: &mut Context<'_, '_>) -> Outcome {
    let memory = &mut *context.memory;
    let endpoint = memory.make::<cap_type::Endpoint>()?;
    let reply: cap::Reply = memory.make_sized(sel4::ObjectBlueprint::Reply)?;
    let handler: cap::Endpoint = memory.slot();
    path(handler).mint(&path(endpoint), CapRights::all(), BADGE)?;
    let mut thread = thread::make(context.bootinfo, memory, 3, faulty, BAD_ADDRESS, 100, handler)?;
    let code = *thread.registers.pc();
    let timeout_handler: cap::Endpoint = memory.slot();
    path(timeout_handler).mint(&path(endpoint), CapRights::all(), TIMEOUT_BADGE)?;
    thread.tcb.tcb_set_timeout_endpoint(timeout_handler)?;
    thread.start()?;

    let receive = || {
        let (info, badge) = endpoint.recv(reply);
        (
            sel4::with_ipc_buffer(|buffer| Fault::new(buffer, &info)),
            badge,
            info.length(),
        )
    };
    // In real time the host may take the processor away for longer than the thread's budget: then a timeout comes
    // between any two instructions, and the thread goes on when it has budget again.
    let receive_in_budget = || loop {
        match receive() {
            (Fault::Timeout(_), TIMEOUT_BADGE, _) => answer(reply, 0, |_| ()),
            other => return other,
        }
    };

    let (Fault::VmFault(fault), BADGE, 4) = receive_in_budget() else {
        return untrue("a VM fault comes first");
    };
    ensure!(fault.ip() == code + LOAD);
    ensure!(fault.addr() == BAD_ADDRESS);
    ensure!(!fault.is_prefetch());
    ensure!(fault.fsr() >> 26 == 0b10_0100); // Data abort from a lower exception level.
    // Repaired from outside: the next instruction, and going on without a reply.
    let mut registers = thread.tcb.tcb_read_all_registers(false)?;
    ensure!(*registers.pc() == code + LOAD && *registers.gpr(1) == BAD_ADDRESS);
    *registers.pc_mut() += 4;
    *registers.gpr_mut(19) = 0x1919;
    thread.tcb.tcb_write_all_registers(true, &mut registers)?;

    let (Fault::UnknownSyscall(fault), BADGE, unknown_syscall::LENGTH) = receive_in_budget() else {
        return untrue("an unknown system call comes second");
    };
    ensure!(fault.syscall() == UNKNOWN_NUMBER && fault.gpr(7) == UNKNOWN_NUMBER);
    ensure!(fault.fault_ip() == code + SVC);
    // Repaired by the reply, which is the registers.
    answer(reply, unknown_syscall::LENGTH, |words| {
        words[unknown_syscall::FAULT_IP] += 4
    });

    let (Fault::UserException(fault), BADGE, user_exception::LENGTH) = receive_in_budget() else {
        return untrue("a user exception comes third");
    };
    ensure!(fault.inner().get_FaultIP() == code + UNDEFINED);
    answer(reply, 3, |words| words[user_exception::FAULT_IP] += 4);

    let (Fault::Timeout(fault), TIMEOUT_BADGE, 2) = receive() else {
        return untrue("a timeout comes last");
    };
    ensure!(fault.inner().get_data() == thread::SCHED_CONTEXT_BADGE + 3);
    ensure!(fault.inner().get_consumed() >= 900);
    ensure!(*thread.tcb.tcb_read_all_registers(true)?.gpr(19) == 0x1919);
    thread.sched_context.unbind()?;
    ensure!(slot::TCB.cap().tcb_set_flags(0, 1)? == 1); // This program has no use for the FPU.
    Ok(())
}

/// Answers with the first `length` words of the message, changed.
fn answer(reply: cap::Reply, length: usize, change: impl FnOnce(&mut [u64])) {
    sel4::with_ipc_buffer_mut(|buffer| change(&mut buffer.msg_regs_mut()[..length]));
    reply.send(MessageInfo::new(0, 0, 0, length));
}

fn untrue(statement: &'static str) -> Outcome {
    Err(super::Failure::Untrue(statement))
}
