//! Threads beside the initial one.

use core::cell::UnsafeCell;

use crate::memory::Memory;
use sel4::init_thread::slot;
use sel4::{CNodeCapData, CapRights, IpcBuffer, ObjectBlueprint, UserContext, VmAttributes, cap, cap_type};

/// Badge of the first thread's scheduling context.
pub const SCHED_CONTEXT_BADGE: u64 = 0x100;

const STACK_BYTES: usize = 16 * 1024;

#[repr(align(16))]
struct Stack(UnsafeCell<[u8; STACK_BYTES]>);

// SAFETY: nothing but the stack pointer of the one thread started on it points into it.
unsafe impl Sync for Stack {}

static STACKS: [Stack; 4] = [const { Stack(UnsafeCell::new([0; STACK_BYTES])) }; 4];

/// A thread that was made, in this address space and CSpace.
pub struct Thread {
    pub tcb: cap::Tcb,
    pub sched_context: cap::SchedContext,
    pub registers: UserContext,
}

/// Where a thread begins, with its IPC buffer and an argument. It uses that buffer as explicit context.
pub type Entry = extern "C" fn(&'static mut IpcBuffer, u64) -> !;

/// Makes a thread on stack `n` (each can be used once) with 1 ms in 10; it does not run yet.
pub fn make(
    bootinfo: &sel4::BootInfoPtr,
    memory: &mut Memory<'_>,
    n: usize,
    entry: Entry,
    argument: u64,
    priority: u64,
    fault_ep: cap::Endpoint,
) -> sel4::Result<Thread> {
    let tcb = memory.make::<cap_type::Tcb>()?;
    let frame = memory.make::<cap_type::SmallPage>()?;
    let ipc_buffer = memory.map(
        frame,
        CapRights::read_write(),
        VmAttributes::DEFAULT | VmAttributes::EXECUTE_NEVER,
    )?;
    tcb.tcb_configure(
        slot::CNODE.cap(),
        CNodeCapData::skip(0),
        slot::VSPACE.cap(),
        ipc_buffer as u64,
        frame,
    )?;

    let sched_context = memory.make_sized(ObjectBlueprint::SchedContext { size_bits: 8 })?;
    let control = bootinfo.sched_control().index(0).cap();
    control.sched_control_configure_flags(
        sched_context,
        1_000,
        10_000,
        2,
        SCHED_CONTEXT_BADGE + n as u64,
        0,
    )?;
    tcb.tcb_set_sched_params(slot::TCB.cap(), 0, priority, sched_context, fault_ep)?;

    let mut registers = UserContext::default();
    *registers.pc_mut() = entry as usize as u64;
    *registers.sp_mut() = STACKS[n].0.get() as u64 + STACK_BYTES as u64;
    *registers.c_param_mut(0) = ipc_buffer as u64;
    *registers.c_param_mut(1) = argument;
    Ok(Thread {
        tcb,
        sched_context,
        registers,
    })
}

impl Thread {
    /// Starts it.
    pub fn start(&mut self) -> sel4::Result<()> {
        self.tcb.tcb_write_all_registers(true, &mut self.registers)
    }
}
