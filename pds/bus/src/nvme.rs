//! NVMe controllers (NVM Express Base Specification 1.4, "NVMe").

use pci::{Mmio, Place};

use crate::behind::{Device, registers_to};

/// PCI class code of a controller with these registers (NVMe 2.1.5).
pub const CLASS: u32 = 0x01_0802;
/// Controller configuration (NVMe 3.1.5): lowest bit, the controller is enabled.
const CC: usize = 0x14;
/// Controller status (NVMe 3.1.6): lowest bit, the controller is ready.
const CSTS: usize = 0x1c;
/// The registers that are used here (NVMe 2.1.10).
pub const REGISTERS: Place = registers_to(CSTS);
const ENABLED: u32 = 1;
const READY: u32 = 1;

/// A controller. Disabled, it processes no commands, has no queues, and reaches no memory (NVMe 7.3.2); it says when that is so by being
/// ready no more.
#[derive(Debug)]
pub struct Controller<R>(pub R);

impl<R: Mmio> Device for Controller<R> {
    fn reset(&mut self) {
        let configuration = self.0.read(CC);
        self.0.write(CC, configuration & !ENABLED);
    }
    fn is_reset(&self) -> bool {
        let (configuration, status) = (self.0.read(CC), self.status());
        // All ones: there is nobody.
        status != u32::MAX && configuration & ENABLED == 0 && status & READY == 0
    }
    fn status(&self) -> u32 {
        self.0.read(CSTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    /// A controller that takes some reads until it is ready no more.
    struct Fake {
        cc: u32,
        slow: Cell<u32>,
        gone: bool,
    }

    impl Mmio for Fake {
        fn read(&self, offset: usize) -> u32 {
            match offset {
                _ if self.gone => u32::MAX,
                CC => self.cc,
                CSTS if self.cc & 1 != 0 => 1,
                CSTS => {
                    self.slow.set(self.slow.get().saturating_sub(1));
                    u32::from(self.slow.get() != 0)
                }
                _ => panic!("{offset:#x}"),
            }
        }
        fn write(&mut self, offset: usize, value: u32) {
            assert_eq!(offset, CC);
            self.cc = value;
        }
    }

    fn running(slow: u32) -> Controller<Fake> {
        Controller(Fake {
            cc: 0x46_0001,
            slow: Cell::new(slow),
            gone: false,
        })
    }

    #[test]
    fn controller_is_reset_when_it_is_ready_no_more() {
        let mut controller = running(3);
        assert!(!controller.is_reset());
        controller.reset();
        assert_eq!(controller.0.cc, 0x46_0000);
        assert_eq!([(); 3].map(|()| controller.is_reset()), [false, false, true]);
    }

    #[test]
    fn controller_that_is_gone_is_not_reset() {
        let mut controller = running(0);
        controller.0.gone = true;
        controller.reset();
        assert!(!controller.is_reset());
    }
}
