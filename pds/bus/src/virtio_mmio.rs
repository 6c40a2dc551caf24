//! Devices whose registers are as virtio 1.2, section 4.2.2, says.

use pci::{Mmio, Patience};

/// "virt".
const MAGIC_VALUE: u32 = 0x7472_6976;
/// Register: [`MAGIC_VALUE`].
const MAGIC: usize = 0x00;
/// Register: version, 2, or 1 for the legacy interface.
const VERSION: usize = 0x04;
/// Register: device id, 0 if there is no device.
const DEVICE_ID: usize = 0x08;
/// Register: device status; writing 0 resets the device.
const STATUS: usize = 0x70;
/// Bytes of registers that are used here.
pub const REGISTERS_LEN: usize = STATUS + 4;

/// What is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Device id (2: block).
    pub device_id: u32,
    /// Device status.
    pub status: u32,
}

/// Why a device is not in its reset state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetError {
    /// There is no device of this transport.
    NoDevice,
    /// It does not read back.
    Stuck,
}

/// What is there, if it is a device of this transport.
pub fn identify(registers: &impl Mmio) -> Result<Identity, ResetError> {
    let known = registers.read(MAGIC) == MAGIC_VALUE && matches!(registers.read(VERSION), 1 | 2);
    let device_id = registers.read(DEVICE_ID);
    if !known || device_id == 0 {
        return Err(ResetError::NoDevice);
    }
    Ok(Identity {
        device_id,
        status: registers.read(STATUS),
    })
}

/// Puts the device into its reset state (virtio 1.2, 4.2.2.1: write 0 to the status, wait until 0 is read), in which it
/// neither reads nor writes memory, and makes sure that it is the device it was.
pub fn reset(registers: &mut impl Mmio, patience: &impl Patience) -> Result<(), ResetError> {
    let before = identify(registers)?;
    registers.write(STATUS, 0);
    if !patience.until(|| registers.read(STATUS) == 0) {
        return Err(ResetError::Stuck);
    }
    let after = identify(registers)?;
    if after.device_id != before.device_id || after.status != 0 {
        return Err(ResetError::Stuck);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use pci::fake::Times;

    /// A device that takes some reads until its reset is done.
    struct Fake {
        magic: u32,
        version: u32,
        device_id: u32,
        status: Cell<u32>,
        reads_until_reset: Cell<usize>,
        resetting: bool,
        id_after_reset: u32,
    }

    fn fake() -> Fake {
        Fake {
            magic: MAGIC_VALUE,
            version: 2,
            device_id: 2,
            status: Cell::new(15),
            reads_until_reset: Cell::new(0),
            resetting: false,
            id_after_reset: 2,
        }
    }

    impl Mmio for Fake {
        fn read(&self, offset: usize) -> u32 {
            match offset {
                MAGIC => self.magic,
                VERSION => self.version,
                DEVICE_ID if self.resetting => self.id_after_reset,
                DEVICE_ID => self.device_id,
                STATUS => {
                    if self.resetting {
                        match self.reads_until_reset.get() {
                            0 => self.status.set(0),
                            more => self.reads_until_reset.set(more - 1),
                        }
                    }
                    self.status.get()
                }
                _ => panic!("no business there: {offset:#x}"),
            }
        }
        fn write(&mut self, offset: usize, value: u32) {
            assert_eq!((offset, value), (STATUS, 0));
            self.resetting = true;
        }
    }

    #[test]
    fn a_reset_is_waited_for() {
        let mut device = Fake {
            reads_until_reset: Cell::new(50),
            ..fake()
        };
        assert_eq!(
            identify(&device),
            Ok(Identity {
                device_id: 2,
                status: 15
            })
        );
        assert_eq!(reset(&mut device, &Times::new(99)), Ok(()));
        assert_eq!(device.status.get(), 0);
    }

    #[test]
    fn a_device_that_never_reads_back_is_given_up() {
        let mut device = Fake {
            reads_until_reset: Cell::new(usize::MAX),
            ..fake()
        };
        assert_eq!(reset(&mut device, &Times::new(99)), Err(ResetError::Stuck));
    }

    #[test]
    fn a_device_that_comes_back_as_another_one_is_not_believed() {
        let mut device = Fake {
            id_after_reset: 1,
            ..fake()
        };
        assert_eq!(reset(&mut device, &Times::new(99)), Err(ResetError::Stuck));
    }

    #[test]
    fn what_is_no_device_is_not_written_to() {
        for mut device in [
            Fake { magic: 0, ..fake() },
            Fake { version: 3, ..fake() },
            Fake {
                device_id: 0,
                ..fake()
            },
        ] {
            assert_eq!(reset(&mut device, &Times::new(99)), Err(ResetError::NoDevice));
            assert!(!device.resetting);
        }
    }
}
