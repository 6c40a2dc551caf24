//! Configuration blobs: one struct per role, patched by the host into the symbol `umbra_config` of the PD's flat image.
//!
//! They take the place of hand-copied channel numbers and addresses. A `channel` is a Microkit channel id of the PD
//! that reads the blob; addresses are virtual in that PD unless they say otherwise. All counts are validated by the
//! host when the image is built; a reader still uses them as array bounds only.

use crate::spec::record::SLOT_MMIO;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Most device slots of a system.
pub const MAX_SLOTS: usize = 4;
/// Most keys that a system trusts.
pub const MAX_KEYS: usize = 8;
/// Most client sessions of a shadow.
pub const MAX_SESSIONS: usize = 8;
/// Most shadows of a system.
pub const MAX_SHADOWS: usize = 4;
/// Most packages in the store.
pub const MAX_PACKAGES: usize = 16;
/// Most clients whose report region can be read by the operator.
pub const MAX_REPORTS: usize = 8;
/// Most PDs with a trace region.
pub const MAX_TRACES: usize = 8;
/// Longest name (PD, slot, partition), zero-padded.
pub const NAME_MAX: usize = 36;

/// A name, zero-padded UTF-8.
pub type Name = [u8; NAME_MAX];

/// One end of a link: two pages, one we write, one the peer writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct LinkConfig {
    /// Our page (read and write).
    pub own: u64,
    /// The peer's page (read only).
    pub peer: u64,
    /// Channel to notify the peer on, and to be notified by it.
    pub channel: u64,
}

/// A region of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RegionConfig {
    /// Address; 0: there is none.
    pub vaddr: u64,
    /// Bytes.
    pub len: u64,
}

/// Most file sessions of a file server.
pub const MAX_FILE_SESSIONS: usize = 4;

/// One end of a file session, as it is at the server and, in the symbol `umbra_files`, at the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileSessionConfig {
    /// The session's link.
    pub link: LinkConfig,
    /// Data region, writable at both ends.
    pub data: RegionConfig,
}

/// A file server's sessions, in its symbol `umbra_file_sessions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileServerConfig {
    /// Valid entries of `sessions`.
    pub count: u64,
    /// Sessions.
    pub sessions: [FileSessionConfig; MAX_FILE_SESSIONS],
}

/// A client of a shadow (role `client`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ClientConfig {
    /// The session's link to the shadow; protected calls to the shadow use its channel too. Network: frames to be sent.
    pub link: LinkConfig,
    /// Network: the link on which buffers are posted, with the same channel. Else addresses 0.
    pub deliveries: LinkConfig,
    /// Data region of the session.
    pub data: RegionConfig,
    /// Report region: what the client wants the operator to be able to read (ledger, figures). Read-only for control.
    pub report: RegionConfig,
    /// Channel on which control notifies an orderly stop, and is notified of "stopped".
    pub control_channel: u64,
    /// Channel of the timer PD.
    pub timer_channel: u64,
}

/// A device slot, seen by its shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ShadowSlot {
    /// Sides A and B.
    pub sides: [LinkConfig; 2],
    /// The shadow's own data region on this slot, read-only here: for the partition table, or for frames that come.
    pub scratch: RegionConfig,
    /// Index of `scratch` in the driver's data regions.
    pub scratch_region: u32,
    /// Number of the device slot.
    pub slot: u32,
}

/// A session, seen by the shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ShadowSession {
    /// The client's link.
    pub link: LinkConfig,
    /// Bytes of the client's data region (mapped at client and driver).
    pub data_len: u64,
    /// Index of the data region at the driver.
    pub data_region: u32,
    /// Index into the shadow's slots.
    pub slot_index: u32,
    /// Network: the link on which the client posts buffers, with the same channel. Else addresses 0.
    pub deliveries: LinkConfig,
    /// Network: the client's data region, writable here. Else address 0.
    pub data: RegionConfig,
    /// Network: the client's Ethernet address, its first byte lowest; 0: made of the device's.
    pub address: u64,
    /// `SESSION_*` bits.
    pub flags: u64,
    /// Block: name of the partition (GPT) the session is confined to; empty: `partition_number` counts.
    pub partition: Name,
    /// Block: MBR or GPT entry from 1; 0 with an empty name: the whole device.
    pub partition_number: u32,
}

/// Network: the client may ask for frames that are for nobody here.
pub const SESSION_PROMISCUOUS: u64 = 1 << 0;

/// Role `shadow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ShadowConfig {
    /// Link to control.
    pub control: LinkConfig,
    /// Channel of the timer PD.
    pub timer_channel: u64,
    /// Versioned state region.
    pub state: RegionConfig,
    /// Trace region.
    pub trace: RegionConfig,
    /// Ticks a client's request may wait while the device is offline.
    pub patience: u64,
    /// Valid entries of `slots`.
    pub slot_count: u32,
    /// Valid entries of `sessions`.
    pub session_count: u32,
    /// Device slots.
    pub slots: [ShadowSlot; MAX_SLOTS],
    /// Sessions.
    pub sessions: [ShadowSession; MAX_SESSIONS],
}

/// A device slot, seen by control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ControlSlot {
    /// Name the operator uses.
    pub name: Name,
    /// Class number.
    pub class: u32,
    /// Index into control's shadows.
    pub shadow: u32,
    /// Store slot of the package that is started at boot.
    pub package: u32,
    /// Number of the device slot.
    pub slot: u32,
    /// Packages with a smaller security floor are refused.
    pub security_floor: u32,
    /// 1: the device is behind the IOMMU; else 0.
    pub guarded: u32,
    /// The device, for the operator to read.
    pub device: DeviceIdentity,
}

/// A PD that takes part in an orderly stop and whose report region the operator may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ControlReport {
    /// PD name.
    pub name: Name,
    /// Padding.
    pub reserved: u32,
    /// Its report region, read-only here.
    pub region: RegionConfig,
    /// Channel.
    pub channel: u64,
}

/// A trace region, read-only here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ControlTrace {
    /// PD name.
    pub name: Name,
    /// Padding.
    pub reserved: u32,
    /// Region.
    pub region: RegionConfig,
}

/// What a PD with `umbra_watch` reads, in its symbol `umbra_watched`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WatchConfig {
    /// Valid entries of `traces`.
    pub trace_count: u32,
    /// Valid entries of `slots`.
    pub slot_count: u32,
    /// Trace regions, control's own first.
    pub traces: [ControlTrace; MAX_TRACES + 1],
    /// Names of the device slots.
    pub slots: [Name; MAX_SLOTS],
}

/// Role `control`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ControlConfig {
    /// Bytes of the command channel, to and from the command PD.
    pub command: LinkConfig,
    /// Link to the stager.
    pub stager: LinkConfig,
    /// Channel of root: protected calls and its notifications.
    pub root_channel: u64,
    /// Channel of the bus PD.
    pub bus_channel: u64,
    /// Channel of the IOMMU PD.
    pub iommu_channel: u64,
    /// Channel of the timer PD.
    pub timer_channel: u64,
    /// Package store, writable here: `package_count` slots of `package_size` bytes.
    pub store: RegionConfig,
    /// Bytes of one store slot.
    pub package_size: u64,
    /// Store slots, the preloaded ones first.
    pub package_count: u32,
    /// Store slots filled when the image was built; root copies them in.
    pub preloaded_count: u32,
    /// Bytes of each preloaded package.
    pub preloaded_len: [u32; MAX_PACKAGES],
    /// Versioned state region (transaction).
    pub state: RegionConfig,
    /// Control's own trace region.
    pub trace: RegionConfig,
    /// Whose packages the stager takes, in its order.
    pub trust: TrustConfig,
    /// Valid entries of `shadows`.
    pub shadow_count: u32,
    /// Valid entries of `slots`.
    pub slot_count: u32,
    /// Valid entries of `reports`.
    pub report_count: u32,
    /// Valid entries of `traces`.
    pub trace_count: u32,
    /// Links to the shadows.
    pub shadows: [LinkConfig; MAX_SHADOWS],
    /// Device slots.
    pub slots: [ControlSlot; MAX_SLOTS],
    /// Report regions.
    pub reports: [ControlReport; MAX_REPORTS],
    /// Other PDs' trace regions.
    pub traces: [ControlTrace; MAX_TRACES],
}

/// A device slot, seen by the bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BusSlot {
    /// First register (virtio-mmio).
    pub registers: u64,
    /// Number of the device slot.
    pub slot: u32,
    /// Transport: 1 virtio-mmio, 2 virtio-pci, 4 a PCI function of another kind.
    pub transport: u32,
    /// The function, if the transport is one of PCI.
    pub function: BusFunction,
}

/// A PCI function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BusFunction {
    /// Page in which the drivers find a copy of its configuration space.
    pub copy: u64,
    /// Where it is, as in `pci::Address::bits`.
    pub address: u32,
    /// Vendor id, and device id above it.
    pub identity: u32,
    /// Class code, and [`PCI_CLASS_STATED`]; 0: any.
    pub class: u32,
    /// INTID that it is to write, or 0: it has a line.
    pub message: u32,
    /// Valid entries of `bars`.
    pub bar_count: u32,
    /// The root port behind which it goes in and out, as `address`; 0: there is none.
    pub port: u32,
    /// Memory that the port forwards, `pci::port::GRANULE` bytes from this physical address.
    pub forwarded: u64,
    /// Part of that for regions that no driver gets.
    pub spare: RegionConfig,
    /// Physical address of the part.
    pub spare_paddr: u64,
    /// 1: the device is behind the IOMMU; else 0.
    pub guarded: u64,
    /// Regions that its drivers get.
    pub bars: [BusBar; SLOT_MMIO],
}

/// A region of a PCI function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BusBar {
    /// Number of its base address register.
    pub index: u64,
    /// Its place on the bus, which is its physical address.
    pub paddr: u64,
    /// The part of it that drivers get, from its start: where it is mapped at the bus, and its bytes.
    pub here: RegionConfig,
    /// The part behind that, which no driver gets.
    pub rest: RegionConfig,
}

/// The PCI host bridge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BusHost {
    /// Configuration space of buses 0 and 1; address 0: there is no PCI.
    pub ecam: RegionConfig,
    /// Room for regions that no driver gets.
    pub spare: RegionConfig,
    /// Physical address of that.
    pub spare_paddr: u64,
    /// Page of the GICv2m frame; 0: there is none.
    pub messages: u64,
    /// Physical address of that.
    pub messages_paddr: u64,
}

/// Role `bus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BusConfig {
    /// Channel of root.
    pub root_channel: u64,
    /// Channel of control (calls come in on it).
    pub control_channel: u64,
    /// Channel of the root ports' interrupt.
    pub port_channel: u64,
    /// Valid entries of `slots`.
    pub slot_count: u64,
    /// The PCI host bridge.
    pub host: BusHost,
    /// Device slots.
    pub slots: [BusSlot; MAX_SLOTS],
}

/// A device slot, seen by the IOMMU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IommuSlot {
    /// Number of the device slot.
    pub slot: u32,
    /// Number of its device's stream: the function's address, as in `pci::Address::bits`.
    pub stream: u32,
    /// 1: the device interrupts by messages; else 0.
    pub messages: u32,
    /// Reserved, 0.
    pub reserved: u32,
}

/// Role `iommu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct IommuConfig {
    /// Channel of root.
    pub root_channel: u64,
    /// Channel of control (calls come in on it).
    pub control_channel: u64,
    /// Channel of the event queue's interrupt.
    pub event_channel: u64,
    /// First register of the SMMU.
    pub registers: u64,
    /// Memory that it reads and writes.
    pub memory: RegionConfig,
    /// Physical address of that.
    pub memory_paddr: u64,
    /// Physical address of the page to which devices write their interrupts.
    pub doorbell_paddr: u64,
    /// Valid entries of `slots`.
    pub slot_count: u64,
    /// Slots whose devices are behind it.
    pub slots: [IommuSlot; MAX_SLOTS],
}

impl IommuConfig {
    /// The valid entries.
    pub fn slots(&self) -> &[IommuSlot] {
        self.slots.get(..self.slot_count as usize).unwrap_or(&self.slots)
    }
}

/// Role `timer`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TimerConfig {
    /// Channel of the timer's interrupt.
    pub irq_channel: u64,
    /// Bit per channel on which a client may call.
    pub clients: u64,
}

/// A channel that nobody has (a PD has at most 62): no notification comes by it.
pub const NO_CHANNEL: usize = 63;

/// A part of the system that is asked for signs of life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Watched {
    /// Channel on which it is asked, and answers.
    pub channel: u64,
    /// Its number, as root counts PDs.
    pub pd: u64,
}

/// Most of them: control, bus, IOMMU, timer, command and the shadows.
pub const MAX_WATCHED: usize = 5 + MAX_SHADOWS;

/// Role `guard`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct GuardConfig {
    /// Channel to root.
    pub root_channel: u64,
    /// Time from one question to the next, in µs.
    pub round_us: u64,
    /// How many are watched.
    pub watched_count: u64,
    /// Who, the highest priority first.
    pub watched: [Watched; MAX_WATCHED],
}

/// Role `stager`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StagerConfig {
    /// Link to control.
    pub control: LinkConfig,
    /// Channel of root.
    pub root_channel: u64,
    /// Package store, read-only here.
    pub store: RegionConfig,
    /// Bytes of one store slot.
    pub package_size: u64,
    /// Where root maps the frames of a generation that is being built; `WINDOW_MAX` bytes are free from here.
    pub window: u64,
    /// Whose packages are taken.
    pub trust: TrustConfig,
    /// Valid entries of `slots`.
    pub slot_count: u64,
    /// What a package for each slot must match: class, device, security floor.
    pub slots: [StagerSlot; MAX_SLOTS],
}

/// The public keys that the system was built to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TrustConfig {
    /// Valid entries of `keys`.
    pub count: u64,
    /// ed25519 keys.
    pub keys: [[u8; 32]; MAX_KEYS],
}

impl TrustConfig {
    /// The valid entries.
    pub fn keys(&self) -> &[[u8; 32]] {
        self.keys.get(..self.count as usize).unwrap_or(&self.keys)
    }
}

/// What a package for a slot must match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct StagerSlot {
    /// Number of the device slot.
    pub slot: u32,
    /// Class number.
    pub class: u32,
    /// Packages with a smaller security floor are refused.
    pub security_floor: u32,
    /// The device.
    pub device: DeviceIdentity,
}

/// What a description says of a slot's device: packages name devices by any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct DeviceIdentity {
    /// Transport: 1 virtio-mmio, 2 virtio-pci, 4 a PCI function of another kind.
    pub transport: u32,
    /// virtio device id (2: block); 0: none was stated.
    pub virtio_id: u32,
    /// PCI vendor id, and device id above it; 0: no PCI function.
    pub pci_id: u32,
    /// PCI class code, and [`PCI_CLASS_STATED`]; 0: none was stated.
    pub pci_class: u32,
    /// Compatible string, zero-padded; empty: none was stated.
    pub compatible: [u8; COMPATIBLE_MAX],
}

/// Set in a class code that was stated, which may be 0.
pub const PCI_CLASS_STATED: u32 = 1 << 31;
/// Longest compatible string.
pub const COMPATIBLE_MAX: usize = 56;

/// Role `command`: the driver of the command channel's device (virtio-console).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CommandConfig {
    /// Link to control.
    pub control: LinkConfig,
    /// First register of the device (virtio-mmio).
    pub registers: u64,
    /// Channel of its interrupt.
    pub irq_channel: u64,
    /// Memory for DMA.
    pub dma: RegionConfig,
    /// Physical address of that memory.
    pub dma_paddr: u64,
}
