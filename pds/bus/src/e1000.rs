//! Intel 82540EM and 82545EM network devices (Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual,
//! "SDM").

use pci::{Mmio, Place};

use crate::behind::{Device, registers_to};

/// Vendor and device of those with these registers.
pub const IDENTITIES: [(u16, u16); 2] = [(0x8086, 0x100e), (0x8086, 0x100f)];
/// Device control (SDM 13.4.1), and its bit that resets all but the PCI function; it clears itself.
const CTRL: usize = 0x0000;
const RESET: u32 = 1 << 26;
/// Device status (SDM 13.4.2).
const STATUS: usize = 0x0008;
/// Interrupt cause (SDM 13.4.17): read, it is taken back.
const ICR: usize = 0x00c0;
/// Interrupt mask clear (SDM 13.4.21).
const IMC: usize = 0x00d8;
/// Receive and transmit control (SDM 13.4.22 and 13.4.33), and their bit that lets the device reach memory.
const RCTL: usize = 0x0100;
const TCTL: usize = 0x0400;
const ENABLED: u32 = 1 << 1;
/// The registers that are used here (SDM 4.1.1).
pub const REGISTERS: Place = registers_to(TCTL);

/// A device. Reset, it neither receives nor sends, and interrupts nobody.
#[derive(Debug)]
pub struct Ethernet<R>(pub R);

impl<R: Mmio> Device for Ethernet<R> {
    fn reset(&mut self) {
        // First what the reset should do too: QEMU's device forgets nothing by it, neither its queues nor its line.
        self.0.write(IMC, u32::MAX);
        self.0.read(ICR);
        self.0.write(RCTL, 0);
        self.0.write(TCTL, 0);
        let control = self.0.read(CTRL);
        self.0.write(CTRL, control | RESET);
    }
    fn is_reset(&self) -> bool {
        // All ones, as there are if nobody is there, say that it is not.
        self.0.read(CTRL) & RESET == 0 && [RCTL, TCTL].iter().all(|at| self.0.read(*at) & ENABLED == 0)
    }
    fn status(&self) -> u32 {
        self.0.read(STATUS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use std::vec::Vec;

    extern crate std;

    /// A device that takes some reads until its reset is over, and then forgets as little as QEMU's.
    struct Fake {
        control: u32,
        enabled: [u32; 2],
        /// Interrupts that were not taken back.
        causes: Cell<u32>,
        slow: Cell<u32>,
        gone: bool,
        written: Vec<usize>,
    }

    impl Mmio for Fake {
        fn read(&self, offset: usize) -> u32 {
            self.slow.set(self.slow.get().saturating_sub(1));
            let busy = self.slow.get() != 0;
            match offset {
                _ if self.gone => u32::MAX,
                CTRL if busy => self.control,
                CTRL => self.control & !RESET,
                RCTL => self.enabled[0],
                TCTL => self.enabled[1],
                ICR => self.causes.take(),
                STATUS => 0x8008_0783,
                _ => panic!("{offset:#x}"),
            }
        }
        fn write(&mut self, offset: usize, value: u32) {
            self.written.push(offset);
            match offset {
                CTRL => self.control = value,
                RCTL => self.enabled[0] = value,
                TCTL => self.enabled[1] = value,
                IMC => assert_eq!(value, u32::MAX),
                _ => panic!("{offset:#x}"),
            }
        }
    }

    fn running(slow: u32) -> Ethernet<Fake> {
        Ethernet(Fake {
            control: 0x40,
            enabled: [ENABLED; 2],
            causes: Cell::new(1),
            slow: Cell::new(slow),
            gone: false,
            written: Vec::new(),
        })
    }

    #[test]
    fn device_is_reset_when_it_neither_receives_nor_sends() {
        let mut device = running(9);
        assert!(!device.is_reset());
        device.reset();
        assert_eq!(device.0.control, 0x40 | RESET);
        assert_eq!(device.0.written, [IMC, RCTL, TCTL, CTRL], "its causes first");
        assert_eq!(device.0.causes.get(), 0, "its line is down");
        assert!(!device.is_reset(), "it has only been told");
        assert!((0..9).any(|_| device.is_reset()));
        assert_eq!(device.status(), 0x8008_0783, "as it says");
    }

    #[test]
    fn device_that_only_receives_or_only_sends_is_not_reset() {
        for enabled in [[ENABLED, 0], [0, ENABLED]] {
            let mut device = running(u32::MAX);
            device.0.enabled = enabled;
            assert!(!device.is_reset());
        }
    }

    #[test]
    fn device_that_is_gone_is_not_reset() {
        let mut device = running(0);
        device.0.gone = true;
        device.reset();
        assert!(!device.is_reset());
    }
}
