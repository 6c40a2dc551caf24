//! The machine, as `kernel-core` wants it.

use core::arch::asm;

use kernel_core::machine::{CacheOp, DebugRegisters, Machine, Memory};
use kernel_core::object::PhysAddr;
use sel4_abi::platform::{KERNEL_PHYS_BASE, PADDR_USER_DEVICE_TOP};

use super::gic::Gic;
use super::{WINDOW_BYTES, cache, debug, fpu, mmu, smc, timer, uart, virt};

/// The processor, its memory and its interrupt controller.
pub struct Hardware {
    gic: Gic,
    /// Value of TTBR0.
    vspace: u64,
}

impl Hardware {
    pub const fn new() -> Self {
        Self {
            gic: Gic::new(),
            vspace: !0,
        }
    }

    /// Sets up interrupt controller and timer.
    pub fn init(&mut self) {
        self.gic.init();
        timer::init();
        timer::init_cycles();
    }
}

impl Memory for Hardware {
    #[inline(always)]
    fn load(&self, base: PhysAddr, offset: u64) -> u64 {
        // SAFETY: addresses come from capabilities to kernel objects, from their fields, or from the boot code: all
        // are RAM the window maps. Alignment: objects are aligned to their size, fields to words.
        unsafe { *((virt(base) + offset) as *const u64) }
    }

    #[inline(always)]
    fn store(&mut self, base: PhysAddr, offset: u64, value: u64) {
        // SAFETY: as for `load`; that memory belongs to kernel objects, message buffers and user frames only, never
        // to something Rust knows of.
        unsafe { *((virt(base) + offset) as *mut u64) = value }
    }

    fn zero(&mut self, base: PhysAddr, bytes: u64) {
        let end = virt(base) + bytes;
        let block = cache::zero_block_bytes();
        let mut at = virt(base);
        while at < end {
            // SAFETY: memory of an untyped without children, or the boot code's: nobody else's. Both steps stay in it.
            unsafe {
                if at.is_multiple_of(block) && end - at >= block {
                    cache::zero_block(at);
                    at += block;
                } else {
                    *(at as *mut u64) = 0;
                    at += 8;
                }
            }
        }
    }
}

impl Machine for Hardware {
    #[inline(always)]
    fn now(&self) -> u64 {
        timer::now()
    }

    #[inline(always)]
    fn cycles(&self) -> u64 {
        timer::cycles()
    }

    #[inline(always)]
    fn set_deadline(&mut self, at: u64) {
        timer::set_deadline(at);
    }

    fn deadline(&self) -> u64 {
        timer::deadline()
    }

    fn ack_timer(&mut self) {
        timer::set_deadline(u64::MAX);
    }

    fn irq_pending(&self) -> bool {
        let pending: u64;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, isr_el1", out(reg) pending, options(nomem, nostack)) };
        pending & 1 << 7 != 0
    }

    fn take_irq(&mut self) -> Option<u32> {
        self.gic.take()
    }

    fn end_irq(&mut self, _: u32) {
        self.gic.end();
    }

    fn mask_irq(&mut self, irq: u32) {
        self.gic.mask(irq);
    }

    fn unmask_irq(&mut self, irq: u32) {
        self.gic.unmask(irq);
    }

    fn set_trigger(&mut self, irq: u32, edge: bool) {
        self.gic.set_trigger(irq, edge);
    }

    fn send_sgi(&mut self, irq: u32, target: u64) {
        self.gic.send_sgi(irq, target);
    }

    #[inline(always)]
    fn use_vspace(&mut self, root: Option<PhysAddr>, asid: u16) {
        let value = match root {
            Some(root) => root | (asid as u64) << 48,
            None => mmu::empty_root(),
        };
        if value != self.vspace {
            self.vspace = value;
            // SAFETY: the root is a VSpace object or the empty table; it concerns user addresses only.
            unsafe { asm!("msr ttbr0_el1, {}", "isb", in(reg) value, options(nostack)) };
        }
    }

    fn flush_asid(&mut self, asid: u16) {
        // SAFETY: forgets cached translations.
        unsafe {
            asm!("dsb ishst", "tlbi aside1, {}", "dsb ish", "isb", in(reg) (asid as u64) << 48, options(nostack));
        }
    }

    fn flush_page(&mut self, asid: u16, vaddr: u64) {
        let what = (asid as u64) << 48 | vaddr >> 12 & 0xfff_ffff_ffff;
        // SAFETY: forgets cached translations.
        unsafe { asm!("dsb ishst", "tlbi vae1, {}", "dsb ish", "isb", in(reg) what, options(nostack)) };
    }

    fn publish_tables(&mut self) {
        // SAFETY: barriers.
        unsafe { asm!("dsb ishst", "isb", options(nostack)) };
    }

    fn cache(&mut self, op: CacheOp, at: PhysAddr, bytes: u64) {
        // Devices are not in the window, and not cached.
        if (KERNEL_PHYS_BASE..WINDOW_BYTES).contains(&at) && is_mapped(virt(at)) {
            cache::maintain(op, virt(at), bytes);
        }
    }

    fn save_fpu(&mut self, to: PhysAddr) {
        fpu::save(virt(to));
    }

    fn load_fpu(&mut self, from: PhysAddr) {
        fpu::load(virt(from));
    }

    fn enable_fpu(&mut self, on: bool) {
        fpu::enable(on);
    }

    #[inline(always)]
    fn set_tls(&mut self, tpidr: u64, tpidrro: u64) {
        // SAFETY: user level's registers.
        unsafe {
            asm!("msr tpidr_el0, {}", "msr tpidrro_el0, {}", in(reg) tpidr, in(reg) tpidrro, options(nomem, nostack));
        }
    }

    fn set_debug(&mut self, registers: &DebugRegisters) {
        debug::load(registers);
    }

    #[inline(always)]
    fn tls(&self) -> (u64, u64) {
        let (tpidr, tpidrro);
        // SAFETY: reads registers.
        unsafe {
            asm!("mrs {}, tpidr_el0", "mrs {}, tpidrro_el0", out(reg) tpidr, out(reg) tpidrro, options(nomem, nostack));
        }
        (tpidr, tpidrro)
    }

    fn smc(&mut self, args: &[u64; 8]) -> Option<[u64; 8]> {
        smc::call(args)
    }

    fn put_byte(&mut self, byte: u8) {
        uart::put(byte);
    }

    fn halt(&mut self) -> ! {
        loop {
            super::wait_for_interrupt();
        }
    }
}

/// Does the kernel's window map a virtual address?
fn is_mapped(at: u64) -> bool {
    let result: u64;
    // SAFETY: asks the MMU, changes only the result register.
    unsafe { asm!("at s1e1r, {}", "isb", "mrs {}, par_el1", in(reg) at, out(reg) result, options(nostack)) };
    result & 1 == 0
}

const _: () = assert!(PADDR_USER_DEVICE_TOP > WINDOW_BYTES);
