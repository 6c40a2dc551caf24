//! Kernel entry and exit: what the vectors call.

use core::cell::UnsafeCell;

use kernel_core::boot::Machinery;
use kernel_core::ipc::fault::Fault;
use kernel_core::kernel::Kernel;
use kernel_core::machine::Machine;
use sel4_abi::platform::BootRegisters;
use sel4_abi::syscall::Syscall;

use crate::arch::{self, Hardware, phys_of, virt};

/// Slots of the interrupt lines: 32 bytes each.
#[repr(C, align(32))]
struct IrqSlots([[u64; 4]; kernel_core::kernel::IRQ_LINES]);

const CALL: i64 = Syscall::Call as i64;
const REPLY_RECV: i64 = Syscall::ReplyRecv as i64;
const NB_SEND_RECV: i64 = Syscall::NBSendRecv as i64;
const NB_SEND_WAIT: i64 = Syscall::NBSendWait as i64;
const RECV: i64 = Syscall::Recv as i64;
const WAIT: i64 = Syscall::Wait as i64;

/// A static that only the one kernel thread of control touches.
#[repr(transparent)]
struct Single<T>(UnsafeCell<T>);

// SAFETY: there is one core, and interrupts are masked whenever kernel code runs: no two accesses overlap.
unsafe impl<T> Sync for Single<T> {}

static IRQ_SLOTS: Single<IrqSlots> = Single(UnsafeCell::new(IrqSlots(
    [[0; 4]; kernel_core::kernel::IRQ_LINES],
)));

/// The kernel. The vectors hand it to one of the functions below at a time, none of which returns: the reference is the only one. As it
/// comes from there, its fields are reached from one register; the address of a static would be made anew for each.
// SAFETY: no other item of this name.
#[unsafe(no_mangle)]
static kernel_state: Single<Kernel<Hardware>> = Single(UnsafeCell::new(Kernel::new(Hardware::new(), 0)));

unsafe extern "C" {
    /// Leaves the kernel to the thread whose registers lie there.
    fn exit_to_user(registers: u64) -> !;
}

/// First Rust code.
#[unsafe(no_mangle)]
extern "C" fn kernel_boot(kernel: &mut Kernel<Hardware>, registers: &BootRegisters) -> ! {
    let ram = arch::init(registers);
    kernel.irq_slots = phys_of(IRQ_SLOTS.0.get() as u64);
    kernel.m.init();
    let machinery = Machinery {
        registers: *registers,
        ram,
        kernel: arch::own_memory(),
    };
    if let Err(error) = kernel.boot(&machinery) {
        arch::print(&mut kernel.m, format_args!("kernel: cannot boot: {error:?}\n"));
        kernel.m.halt();
    }
    leave(kernel)
}

/// A system call. Each way is a function of its own, so that none saves registers for another.
#[unsafe(no_mangle)]
extern "C" fn kernel_syscall(kernel: &mut Kernel<Hardware>, number: i64) -> ! {
    match number {
        NB_SEND_RECV => signal_and_recv(kernel, number),
        NB_SEND_WAIT => signal_and_wait(kernel, number),
        CALL => call(kernel, number),
        REPLY_RECV => reply_and_recv(kernel, number),
        RECV => recv(kernel, number),
        WAIT => wait(kernel, number),
        _ => general(kernel, number),
    }
}

#[inline(never)]
extern "C" fn signal_and_recv(kernel: &mut Kernel<Hardware>, number: i64) -> ! {
    quickly(kernel, number, |kernel| kernel.fast_signal_recv())
}

#[inline(never)]
extern "C" fn signal_and_wait(kernel: &mut Kernel<Hardware>, number: i64) -> ! {
    quickly(kernel, number, |kernel| {
        kernel.fast_signal_wait() || kernel.fast_ack_wait()
    })
}

#[inline(never)]
extern "C" fn call(kernel: &mut Kernel<Hardware>, number: i64) -> ! {
    quickly(kernel, number, |kernel| kernel.fast_call() || kernel.fast_ack())
}

#[inline(never)]
extern "C" fn reply_and_recv(kernel: &mut Kernel<Hardware>, number: i64) -> ! {
    quickly(kernel, number, |kernel| kernel.fast_reply_recv())
}

#[inline(never)]
extern "C" fn recv(kernel: &mut Kernel<Hardware>, number: i64) -> ! {
    quickly(kernel, number, |kernel| kernel.fast_recv())
}

#[inline(never)]
extern "C" fn wait(kernel: &mut Kernel<Hardware>, number: i64) -> ! {
    quickly(kernel, number, |kernel| kernel.fast_wait())
}

#[inline(never)]
extern "C" fn general(kernel: &mut Kernel<Hardware>, number: i64) -> ! {
    quickly(kernel, number, |_| false)
}

/// By the short way if there is one.
#[inline(always)]
fn quickly(
    kernel: &mut Kernel<Hardware>,
    number: i64,
    fast: impl FnOnce(&mut Kernel<Hardware>) -> bool,
) -> ! {
    if !fast(kernel) {
        slow_syscall(kernel, number);
    }
    leave(kernel)
}

/// Out of line, so that the short ways need not save its registers.
#[inline(never)]
fn slow_syscall(kernel: &mut Kernel<Hardware>, number: i64) {
    kernel.syscall(number);
}

/// Another synchronous exception of user level.
#[unsafe(no_mangle)]
extern "C" fn kernel_exception(kernel: &mut Kernel<Hardware>, syndrome: u64, address: u64) -> ! {
    match syndrome >> arch::EC_SHIFT {
        arch::EC_FPU => kernel.fpu_trap(syndrome, 0),
        class @ (arch::EC_INSTRUCTION_ABORT | arch::EC_DATA_ABORT) => kernel.user_fault(Fault::Vm {
            address,
            status: arch::reported_status(syndrome, address),
            instruction: class == arch::EC_INSTRUCTION_ABORT,
        }),
        #[cfg(feature = "debug-build")]
        arch::EC_HARDWARE_BREAKPOINT => kernel.breakpoint_trap(),
        #[cfg(feature = "debug-build")]
        arch::EC_STEP => kernel.step_trap(),
        #[cfg(feature = "debug-build")]
        arch::EC_WATCHPOINT => kernel.watchpoint_trap(address),
        arch::EC_BREAKPOINT if sel4_abi::config::HARDWARE_DEBUG_API => {
            let reason = sel4_abi::thread::breakpoint_type::SOFTWARE_BREAK_REQUEST;
            kernel.user_fault(Fault::Debug {
                reason,
                address: 0,
                number: 0,
            });
        }
        _ => kernel.user_fault(Fault::UserException {
            number: syndrome,
            code: 0,
        }),
    }
    leave(kernel)
}

/// An interrupt at user level.
#[unsafe(no_mangle)]
extern "C" fn kernel_interrupt(kernel: &mut Kernel<Hardware>) -> ! {
    kernel.interrupt();
    leave(kernel)
}

/// An exception in the kernel itself: a defect of the kernel.
#[unsafe(no_mangle)]
extern "C" fn kernel_defect(syndrome: u64, address: u64, pc: u64) -> ! {
    let mut hardware = Hardware::new();
    arch::print(
        &mut hardware,
        format_args!(
            "kernel: exception in the kernel at {pc:#x}, syndrome {syndrome:#x}, address {address:#x}\n"
        ),
    );
    hardware.halt()
}

/// Waits until there is a thread to run, and runs it.
#[inline(always)]
fn leave(kernel: &mut Kernel<Hardware>) -> ! {
    loop {
        if let Some(thread) = kernel.current {
            // SAFETY: the registers of a thread, and nothing of the kernel's stack is used again.
            unsafe { exit_to_user(virt(thread.addr())) }
        }
        arch::wait_for_interrupt();
        kernel.interrupt();
    }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    let mut hardware = Hardware::new();
    arch::print(&mut hardware, format_args!("kernel: {info}\n"));
    hardware.halt()
}
