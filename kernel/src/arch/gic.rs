//! The interrupt controller: GICv2 (Arm IHI 0048B).

use sel4_abi::platform::{GIC_CPU_INTERFACE, GIC_DISTRIBUTOR};

use super::virt;

const D_CTLR: u64 = GIC_DISTRIBUTOR;
const D_TYPER: u64 = GIC_DISTRIBUTOR + 0x004;
const D_IGROUPR: u64 = GIC_DISTRIBUTOR + 0x080;
const D_ISENABLER: u64 = GIC_DISTRIBUTOR + 0x100;
const D_ICENABLER: u64 = GIC_DISTRIBUTOR + 0x180;
const D_ICPENDR: u64 = GIC_DISTRIBUTOR + 0x280;
const D_IPRIORITYR: u64 = GIC_DISTRIBUTOR + 0x400;
const D_ITARGETSR: u64 = GIC_DISTRIBUTOR + 0x800;
const D_ICFGR: u64 = GIC_DISTRIBUTOR + 0xc00;
const D_SGIR: u64 = GIC_DISTRIBUTOR + 0xf00;
const C_CTLR: u64 = GIC_CPU_INTERFACE;
const C_PMR: u64 = GIC_CPU_INTERFACE + 0x04;
const C_IAR: u64 = GIC_CPU_INTERFACE + 0x0c;
const C_EOIR: u64 = GIC_CPU_INTERFACE + 0x10;

/// Interrupt numbers from here on are not interrupts.
const SPURIOUS: u32 = 1020;
const ID_MASK: u32 = 0x3ff;

fn read(register: u64) -> u32 {
    // SAFETY: a register of the controller, which the window maps as a device.
    unsafe { (virt(register) as *const u32).read_volatile() }
}

fn write(register: u64, value: u32) {
    // SAFETY: as above; no register of the controller lets it touch memory.
    unsafe { (virt(register) as *mut u32).write_volatile(value) }
}

/// The controller; remembers how the interrupt in hand was announced.
pub struct Gic {
    taken: u32,
}

impl Gic {
    pub const fn new() -> Self {
        Self { taken: SPURIOUS }
    }

    /// All lines masked, level-triggered, to this core, and in group 0, which is the only one enabled: loaders that start
    /// at EL2 may have put them into group 1.
    pub fn init(&mut self) {
        write(D_CTLR, 0);
        let lines = 32 * ((read(D_TYPER) & 31) as u64 + 1);
        for i in 0..lines / 32 {
            write(D_IGROUPR + 4 * i, 0);
            write(D_ICENABLER + 4 * i, !0);
            write(D_ICPENDR + 4 * i, !0);
        }
        for i in 0..lines / 4 {
            write(D_IPRIORITYR + 4 * i, 0);
        }
        for i in 8..lines / 4 {
            write(D_ITARGETSR + 4 * i, 0x0101_0101);
        }
        for i in 2..lines / 16 {
            write(D_ICFGR + 4 * i, 0);
        }
        write(D_CTLR, 1);
        write(C_PMR, 0xf0);
        write(C_CTLR, 1);
    }

    pub fn take(&mut self) -> Option<u32> {
        self.taken = read(C_IAR);
        let irq = self.taken & ID_MASK;
        (irq < SPURIOUS).then_some(irq)
    }

    pub fn end(&mut self) {
        write(C_EOIR, self.taken);
    }

    pub fn mask(&mut self, irq: u32) {
        write(D_ICENABLER + 4 * (irq as u64 / 32), 1 << (irq % 32));
    }

    pub fn unmask(&mut self, irq: u32) {
        write(D_ISENABLER + 4 * (irq as u64 / 32), 1 << (irq % 32));
    }

    pub fn set_trigger(&mut self, irq: u32, edge: bool) {
        let register = D_ICFGR + 4 * (irq as u64 / 16);
        let bit = 2 << (2 * (irq % 16));
        let old = read(register);
        write(register, if edge { old | bit } else { old & !bit });
    }

    pub fn send_sgi(&mut self, irq: u32, target: u64) {
        write(D_SGIR, 1 << (16 + target) | irq & 0xf);
    }
}
