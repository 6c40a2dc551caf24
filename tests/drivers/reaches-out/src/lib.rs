//! A driver that lets its device write to memory of others. Where, the test writes into the program before it packs it.
#![no_std]
#![forbid(unsafe_code)]

use driver_package::resources::{DataRegion, DriverResources};
use twist::aim::{Aim, Aimed};

/// The kernel's code.
pub const KERNEL: u64 = 0x4000_1000;
/// Root's program.
pub const ROOT: u64 = 0x4004_0000;
/// The SMMU's own tables: what streams there are.
pub const STREAMS: u64 = 0x8000_0000;
/// Memory of another device's driver, the command channel's; behind the SMMU's.
pub const COMMAND: u64 = 0x8004_b000;
/// In the interrupt controller, but not where devices write their messages: one that is nobody's.
pub const INTERRUPTS: u64 = 0x0800_0200;
/// Registers of another function: the NVMe controller's in `systems/two-disks`.
pub const PEER: u64 = 0x1000_4000;
/// In the middle of what root has left over: harmless where nothing stops it.
pub const NOBODYS: u64 = 0xa000_0000;

/// Bytes of the program behind which the number of a [`Target`] stands, and the address of [`Target::Client`] (little endian).
pub const MARK: [u8; 16] = *b"this aims at -> ";
/// Distance between places, which begin at a multiple of it.
pub const PLACE: u64 = 0x20_0000;
/// What root keeps for a generation beside its window begins at a multiple of this.
pub const CHUNK: u64 = 0x1_0000;
/// Most bytes of a request.
const LONGEST: u64 = 0x4_0000;

/// Where it aims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Target {
    /// [`KERNEL`].
    Kernel,
    /// [`ROOT`].
    Root,
    /// [`STREAMS`].
    Streams,
    /// [`COMMAND`].
    Command,
    /// The place behind its own, where another generation is; the one before it if that is none.
    Next,
    /// The place before its own; the one behind it if that is none.
    Previous,
    /// Behind its window, where the kernel keeps its page tables.
    Tables,
    /// Its own code, which the device may only read.
    Code,
    /// [`INTERRUPTS`].
    Interrupts,
    /// [`PEER`].
    Peer,
    /// [`NOBODYS`].
    Nobodys,
    /// Data of another device's client, where the test has found it.
    Client,
}

impl Target {
    /// All of them, by number.
    pub const ALL: [Self; 12] = [
        Self::Kernel,
        Self::Root,
        Self::Streams,
        Self::Command,
        Self::Next,
        Self::Previous,
        Self::Tables,
        Self::Code,
        Self::Interrupts,
        Self::Peer,
        Self::Nobodys,
        Self::Client,
    ];

    /// Its address for the driver that has these resources.
    fn address(self, resources: &DriverResources, client: u64) -> u64 {
        let own = resources.window_paddr;
        let [next, previous] = [own + PLACE, own - PLACE];
        // What lies beside our slot's places may be data of our slot, which the device does reach.
        let data = |target: u64| {
            let over = |region: &DataRegion| {
                target < region.io_addr + region.len && region.io_addr < target + LONGEST
            };
            resources.data.iter().any(over)
        };
        match self {
            Self::Kernel => KERNEL,
            Self::Root => ROOT,
            Self::Streams => STREAMS,
            Self::Command => COMMAND,
            Self::Next if data(next) => previous,
            Self::Next => next,
            Self::Previous if data(previous) => next,
            Self::Previous => previous,
            Self::Tables => own + resources.window_len.next_multiple_of(CHUNK),
            Self::Code => own,
            Self::Interrupts => INTERRUPTS,
            Self::Peer => PEER,
            Self::Nobodys => NOBODYS,
            Self::Client => client,
        }
    }
}

/// The mark, and room for the number and the address.
static AIM: [u8; MARK.len() + 9] = {
    let mut aim = [u8::MAX; MARK.len() + 9];
    let (mark, _) = aim.split_at_mut(MARK.len());
    mark.copy_from_slice(&MARK);
    aim
};

/// What the program says.
pub struct Written;

impl Aim for Written {
    fn target(resources: &DriverResources) -> u64 {
        // The compiler is not to know what stands there.
        let [.., number, a, b, c, d, e, f, g, h] = *core::hint::black_box(&AIM);
        let client = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let target = Target::ALL.get(usize::from(number));
        target.map_or(resources.window_paddr, |target| target.address(resources, client))
    }
}

/// The driver.
pub type Driver = Aimed<Written>;
