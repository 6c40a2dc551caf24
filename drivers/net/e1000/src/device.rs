//! Registers and descriptors, named as in Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual" (SDM).

use core::ptr::NonNull;

/// Registers (SDM 13.4), in bytes.
pub mod register {
    /// Device control.
    pub const CTRL: usize = 0x0000;
    /// Device status.
    pub const STATUS: usize = 0x0008;
    /// Access to registers of the PHY.
    pub const MDIC: usize = 0x0020;
    /// Interrupt cause; read, it is taken back.
    pub const ICR: usize = 0x00c0;
    /// Interrupt mask set.
    pub const IMS: usize = 0x00d0;
    /// Interrupt mask clear.
    pub const IMC: usize = 0x00d8;
    /// Receive control.
    pub const RCTL: usize = 0x0100;
    /// Transmit control.
    pub const TCTL: usize = 0x0400;
    /// Transmit gap between packets.
    pub const TIPG: usize = 0x0410;
    /// Receive descriptors: the first of a [`queue`](super::queue)'s registers.
    pub const RECEIVE: usize = 0x2800;
    /// Transmit descriptors, likewise.
    pub const TRANSMIT: usize = 0x3800;
    /// What delays interrupts (`ITR`, `RDTR`, `RADV`), which a reset clears and QEMU's does not.
    pub const DELAYS: [usize; 3] = [0x00c4, 0x2820, 0x282c];
    /// The 4096 bits of the multicast filter.
    pub const MTA: usize = 0x5200;
    /// How many words it has.
    pub const MTA_WORDS: usize = 128;
    /// The device's own address, lower and upper half (`RAL`, `RAH`).
    pub const ADDRESS: [usize; 2] = [0x5400, 0x5404];
}

/// Registers of a queue, from its first one, in bytes (SDM 13.4.25 to 13.4.29, 13.4.36 to 13.4.40).
pub mod queue {
    /// Bus address of its descriptors, lower and upper half.
    pub const BASE: [usize; 2] = [0x00, 0x04];
    /// Bytes of its descriptors.
    pub const LENGTH: usize = 0x08;
    /// The next one that the device looks at.
    pub const HEAD: usize = 0x10;
    /// The first one that is not the device's.
    pub const TAIL: usize = 0x18;
}

/// `CTRL`: set the link up.
pub const CTRL_SLU: u32 = 1 << 6;
/// `CTRL`: forced speed and duplex, flow control, VLAN tags taken off. QEMU's device keeps them across a reset, whoever set them.
pub const CTRL_NOT_OURS: u32 = 1 << 11 | 1 << 12 | 1 << 27 | 1 << 28 | 1 << 30;
/// `MDIC`: write, to the PHY's control register (of PHY 1, register 0), that it negotiates and does not send back what it is to send (IEEE 802.3,
/// 22.2.4.1).
pub const MDIC_NEGOTIATE: u32 = 1 << 26 | 1 << 21 | 0x1140;
/// `STATUS`: link up.
pub const STATUS_LU: u32 = 1 << 1;
/// Causes of interrupts: a descriptor was sent, the link changed, the device has no buffers, a frame came.
pub const CAUSES: u32 = 1 << 0 | 1 << 2 | 1 << 6 | 1 << 7;
/// `RCTL`: enabled.
pub const RCTL_EN: u32 = 1 << 1;
/// `RCTL`: takes all frames to stations.
pub const RCTL_UPE: u32 = 1 << 3;
/// `RCTL`: takes all frames to groups.
pub const RCTL_MPE: u32 = 1 << 4;
/// `RCTL`: takes frames to all.
pub const RCTL_BAM: u32 = 1 << 15;
/// `RCTL`: strips the check sequence.
pub const RCTL_SECRC: u32 = 1 << 26;
/// `TCTL`: enabled, short frames padded, and what the manual recommends for both collision fields at full duplex (SDM 14.5).
pub const TCTL_ON: u32 = 1 << 1 | 1 << 3 | 0x0f << 4 | 0x40 << 12;
/// `TIPG`: what the manual recommends for copper (SDM 13.4.34).
pub const TIPG_COPPER: u32 = 10 | 8 << 10 | 6 << 20;

/// Most bytes of a frame that the device writes without `RCTL.LPE`: with a VLAN tag and, if it were not stripped, a check sequence.
pub const FRAME_MAX: usize = 1522;

/// The device's registers.
#[derive(Debug)]
pub struct Registers(NonNull<u8>);

impl Registers {
    /// Bytes of the region that has them (SDM 4.1.1).
    pub const LEN: u64 = 0x2_0000;

    /// Those at `start`.
    ///
    /// # Safety
    /// [`LEN`](Self::LEN) bytes of registers of such a device are mapped there, aligned to 4, for as long as the value exists.
    pub unsafe fn new(start: NonNull<u8>) -> Self {
        Self(start)
    }

    fn word(&self, offset: usize) -> *mut u32 {
        // A register, whatever the offset: `LEN` is a power of two.
        let offset = offset & (Self::LEN as usize - size_of::<u32>());
        // SAFETY: a multiple of 4 below `LEN`; `new`'s caller vouches for the rest.
        unsafe { self.0.as_ptr().add(offset).cast() }
    }

    /// Reads one.
    pub fn read(&self, offset: usize) -> u32 {
        // SAFETY: a mapped register (`word`); what a read does is the device's business.
        unsafe { self.word(offset).read_volatile() }
    }

    /// Writes one.
    pub fn write(&mut self, offset: usize, value: u32) {
        // SAFETY: a mapped register (`word`). It makes the device access what descriptors say, and those are written by `Ring`.
        unsafe { self.word(offset).write_volatile(value) }
    }

    /// The device's own address, as it was loaded with the last reset.
    pub fn address(&self) -> [u8; 6] {
        let [low, high] = register::ADDRESS.map(|at| self.read(at));
        let [a, b, c, d] = low.to_le_bytes();
        let [e, f, ..] = high.to_le_bytes();
        [a, b, c, d, e, f]
    }

    /// There is a carrier.
    pub fn link_is_up(&self) -> bool {
        let status = self.read(register::STATUS);
        status != u32::MAX && status & STATUS_LU != 0
    }
}

/// A descriptor of either queue (SDM 3.2.3, 3.3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Descriptor {
    /// Bus address of the bytes.
    pub address: u64,
    /// How many; of a receive descriptor, how many came.
    pub length: u16,
    /// Receive: the checksum. Transmit: where one goes, and in the upper byte the command.
    pub command: u16,
    /// [`DONE`], and of a receive descriptor [`END`].
    pub status: u8,
    /// Receive: errors. Transmit: where a checksum begins.
    pub errors: u8,
    /// VLAN.
    pub special: u16,
}
const _: () = assert!(size_of::<Descriptor>() == 16);

/// `command`: end of the frame, append the check sequence, report the status.
pub const COMMAND_SEND: u16 = (1 << 0 | 1 << 1 | 1 << 3) << 8;
/// `status`: the device has done with it.
pub const DONE: u8 = 1 << 0;
/// `status`: the frame ends here.
pub const END: u8 = 1 << 1;
