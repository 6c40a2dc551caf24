//! Programs of a few instructions, started with chosen registers. Each ends in `udf #1`.

use core::arch::global_asm;

use crate::api;
use crate::sys::{self, Cap, mr};
use crate::worker::{Made, Spec, Test, Worker, need};

macro_rules! programs {
    ($($(#[$doc:meta])* $name:ident: $($line:literal),* ;)*) => {
        $(
            global_asm!(
                concat!(".global conformance_", stringify!($name)),
                concat!("conformance_", stringify!($name), ":"),
                $($line,)*
                "udf #1",
            );
        )*

        unsafe extern "C" {
            $(
                #[link_name = concat!("conformance_", stringify!($name))]
                #[allow(dead_code)]
                safe fn $name();
            )*
        }

        $(
            // Not every configuration uses every program.
            #[allow(dead_code)]
            pub mod $name {
                /// Address of its first instruction.
                pub fn address() -> u64 {
                    super::$name as *const () as u64
                }
            }
        )*
    };
}

programs! {
    /// Loads x1 from [x0].
    load: "ldr x1, [x0]";
    /// Stores x1 to [x0].
    store: "str x1, [x0]";
    /// Makes a system call.
    system_call: "svc #0";
    /// Nothing: faults at once.
    nothing: "nop";
    /// Branches to x0.
    branch: "br x0";
    /// Moves x0 to a floating-point register and back to x1.
    float: ".inst 0x9e670000", ".inst 0x9e660001";
    /// Moves the floating-point register to x1.
    float_back: ".inst 0x9e660001";
    /// Keeps a value in a floating-point register across a yield (x7 is its number).
    float_yield: ".inst 0x9e670000", "svc #0", ".inst 0x9e660001";
    /// A breakpoint instruction.
    breakpoint: "brk #5";
    /// Reads the virtual counter.
    virtual_counter: "mrs x0, cntvct_el0";
    /// Writes a system register.
    privileged: "msr ttbr0_el1, x0";
    /// Firmware call.
    firmware: "smc #0";
    /// Hypervisor call.
    hypervisor: "hvc #0";
    /// A load relative to a stack pointer that is not aligned.
    stack: "ldr x1, [sp]";
    /// Counts in x0 for ever.
    count: "1: add x0, x0, #1", "b 1b";
    /// Counts in [x0] for ever.
    count_memory: "1: ldr x1, [x0]", "add x1, x1, #1", "str x1, [x0]", "b 1b";
    /// Four instructions to step over.
    steps: "add x0, x0, #1", "add x0, x0, #2", "add x0, x0, #4", "add x0, x0, #8";
    /// Cache maintenance by address x0.
    cache: "dc civac, x0", "ic ivau, x0", "dsb sy", "mrs x1, ctr_el0";
    /// Zeroes a block of memory.
    zero_block: "mrs x2, dczid_el0", "dc zva, x0";
    /// Reads the cycle counter.
    cycles: "mrs x0, pmccntr_el0";
    /// Reads the thread pointers into x0 and x1.
    thread_pointers: "mrs x0, tpidr_el0", "mrs x1, tpidrro_el0";
    /// Writes both thread pointers, as far as it may.
    thread_pointer_write: "msr tpidr_el0, x0";
}

/// Indexes into the registers as the kernel orders them.
pub mod reg {
    pub const PC: usize = 0;
    pub const SP: usize = 1;
    pub const SPSR: usize = 2;
    /// x0; x1 to x8 follow.
    pub const X0: usize = 3;
    pub const X30: usize = 16;
    pub const TPIDR: usize = 34;
    pub const TPIDRRO: usize = 35;
}

/// Saved program status of a thread without condition flags: fast interrupts are masked, and asynchronous errors too
/// unless debug exceptions can be taken.
pub const SPSR: u64 = if sel4_abi::config::HARDWARE_DEBUG_API {
    0x40
} else {
    0x140
};

impl Test {
    /// A thread that begins at `pc` with these values in x0 and the following; it does not run yet.
    pub fn program(&mut self, spec: Spec, pc: u64, x: &[u64]) -> Made<Worker> {
        let worker = self.worker_without_registers(spec)?;
        let mut registers = [0; 36];
        registers[reg::PC] = pc;
        registers[reg::SP] = worker.stack;
        for (i, &value) in x.iter().enumerate() {
            registers[reg::X0 + i] = value;
        }
        need(
            "write registers",
            api::tcb_write_registers(worker.tcb, false, &registers),
        )?;
        Ok(worker)
    }

    /// The same, started.
    pub fn run(&mut self, spec: Spec, pc: u64, x: &[u64]) -> Made<Worker> {
        let worker = self.program(spec, pc, x)?;
        need("resume", api::tcb_resume(worker.tcb))?;
        Ok(worker)
    }
}

/// All registers of a thread.
pub fn registers(tcb: Cap) -> Made<[u64; 36]> {
    need("read registers", api::tcb_read_registers(tcb, false, 36))?;
    Ok(core::array::from_fn(mr))
}

/// The first words of the message just received.
pub fn words<const N: usize>() -> [u64; N] {
    core::array::from_fn(sys::mr)
}
