//! The machine of the demo: a disk, a network if the description has a device for it, and a command channel of its own.

use crate::ctl::place::SOCKET;
use crate::disk::{self, Layout};
use crate::qemu::{Guest, Machine, Tee};
use anyhow::{Context, Result};
use device_class::ClassId;
use driver_package::package::Transport;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use system_spec::config::StagerSlot;
use tempfile::TempDir;

use super::Clock;

/// File of the disk, in the machine's folder.
const DISK: &str = "disk.img";

/// What to boot.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Boot image.
    pub image: &'a [u8],
    /// Disk image to make.
    pub layout: Layout,
    /// Where disk and network are attached.
    pub attached: Attached,
    /// Virtual or real time.
    pub clock: Clock,
    /// The machine lives no longer than this.
    pub limit: Duration,
    /// Where the console goes.
    pub tee: Tee,
    /// An interrupt at the terminal does not end the machine; whoever starts it does.
    pub detached: bool,
}

/// How a device is attached. On PCI without the interface of before virtio 1.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    /// virtio-mmio: the disk in slot 31, the network in slot 15.
    Mmio,
    /// PCI, without the interface of before virtio 1.0: the disk is function 0:2.0, the network 0:3.0.
    Pci,
    /// An NVMe controller, PCI function 0:2.0.
    Nvme,
}

/// Where disk and network are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The disk.
    pub disk: Bus,
    /// The network, if there is one: QEMU's own, with a gateway at 10.0.2.2.
    pub net: Option<Bus>,
    /// Port of this host's that leads to port 80 of the first address that QEMU gives by DHCP.
    pub web: Option<u16>,
    /// The machine has an SMMU, behind which all on PCI is.
    pub guarded: bool,
}

impl Attached {
    /// A disk there, neither network nor SMMU.
    pub const fn disk(disk: Bus) -> Self {
        Self {
            disk,
            net: None,
            web: None,
            guarded: false,
        }
    }

    /// Where a description has its first device of each class.
    pub fn of(description: &Path) -> Result<Self> {
        let xml = std::fs::read_to_string(description)
            .with_context(|| format!("reading {}", description.display()))?;
        let slots = sdf::device_slots(&description.display().to_string(), &xml)?;
        let bus = |(_, slot): &(String, StagerSlot)| match Transport::from_number(slot.device.transport) {
            Some(Transport::VirtioPci) => Bus::Pci,
            Some(Transport::Pci) => Bus::Nvme,
            _ => Bus::Mmio,
        };
        let first = |class: ClassId| slots.iter().find(|(_, slot)| slot.class == class as u32).map(bus);
        Ok(Self {
            disk: first(ClassId::Block).unwrap_or(Bus::Mmio),
            net: first(ClassId::Net),
            web: None,
            guarded: sdf::has_iommu(&xml),
        })
    }
}

/// Makes the disk and starts the machine.
pub fn start(setup: &Setup<'_>) -> Result<Guest> {
    let folder = tempfile::Builder::new()
        .prefix("umbra-")
        .tempdir()
        .context("making a temporary folder")?;
    start_in(folder, setup)
}

fn start_in(folder: TempDir, setup: &Setup<'_>) -> Result<Guest> {
    disk::make(&folder.path().join(DISK), &setup.layout)?;
    let machine = Machine {
        icount: setup.clock == Clock::Icount,
        arguments: arguments(folder.path(), setup.attached, Backend::File),
        detached: setup.detached,
        properties: setup
            .attached
            .guarded
            .then(|| "iommu=smmuv3".into())
            .into_iter()
            .collect(),
        ..Machine::default()
    };
    Guest::start_in(folder, &machine, setup.image, setup.limit, setup.tee)
}

/// What is behind the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file in the machine's folder. When a request completes is the host's business.
    File,
    /// Nothing: reads give zeroes, writes are forgotten, and all is done at once.
    Null,
}

/// The network device's own address.
const MAC: &str = "52:54:00:12:34:56";

/// Bytes of a disk without content.
const BARE: u64 = 1 << 30;

/// Starts a machine with a disk on virtio-mmio that has no content, for a system that needs none. Its time is virtual.
pub fn start_bare(image: &[u8], backend: Backend, limit: Duration) -> Result<Guest> {
    start_bare_at(image, Attached::disk(Bus::Mmio), backend, limit)
}

/// The same, with the disk wherever the system wants it.
pub fn start_bare_at(image: &[u8], attached: Attached, backend: Backend, limit: Duration) -> Result<Guest> {
    let folder = tempfile::Builder::new()
        .prefix("umbra-")
        .tempdir()
        .context("making a temporary folder")?;
    if backend == Backend::File {
        let disk = std::fs::File::create(folder.path().join(DISK)).context("making a disk")?;
        disk.set_len(BARE).context("making a disk")?;
    }
    let machine = Machine {
        icount: true,
        arguments: arguments(folder.path(), attached, backend),
        ..Machine::default()
    };
    Guest::start_in(folder, &machine, image, limit, Tee::Quiet)
}

/// The disk's image file.
pub fn disk(guest: &Guest) -> PathBuf {
    guest.folder().join(DISK)
}

/// The command channel's socket.
pub fn command(guest: &Guest) -> PathBuf {
    guest.folder().join(SOCKET)
}

/// The disk as a PCI function.
/// The devices. Disk and command channel are where `system.xml` has them; if both are on virtio-mmio, in slots of different pages.
fn arguments(folder: &Path, attached: Attached, backend: Backend) -> Vec<OsString> {
    let file = |before: &str, name: &str, after: &str| {
        let mut argument = OsString::from(before);
        argument.push(folder.join(name));
        argument.push(after);
        argument
    };
    let mut line: Vec<OsString> = Vec::new();
    let mut add = |option: &str, value: OsString| line.extend([option.into(), value]);
    add("-global", "virtio-mmio.force-legacy=false".into());
    // A device is told of requests in the guest's own thread, not by way of another one: that way's time is the host's.
    add("-global", "virtio-mmio.ioeventfd=off".into());
    // The device has a write cache and offers flush. What is behind it is the host's page cache: a flush need not wait for the
    // host's disk, which would only put its noise into the figures; QEMU is ended in order.
    match backend {
        Backend::File => add(
            "-drive",
            file("if=none,id=disk,format=raw,cache=unsafe,file=", DISK, ""),
        ),
        Backend::Null => add(
            "-blockdev",
            format!("driver=null-co,node-name=disk,read-zeroes=on,size={BARE}").into(),
        ),
    }
    // Without the property QEMU's virtio devices go past the SMMU.
    let platform = if attached.guarded {
        ",iommu_platform=on"
    } else {
        ""
    };
    let device: String = match attached.disk {
        Bus::Mmio => "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.31,write-cache=on".into(),
        Bus::Pci => format!(
            "virtio-blk-pci,drive=disk,addr=2.0,disable-legacy=on,ioeventfd=off,write-cache=on{platform}"
        ),
        // The table of messages is bus's alone, so it lies in no region with registers.
        Bus::Nvme => "nvme,drive=disk,addr=2.0,serial=umbra,msix-exclusive-bar=on,write-cache=on".into(),
    };
    add("-device", device.into());
    if let Some(bus) = attached.net {
        let forward = attached.web.map_or(String::new(), |port| {
            format!(",hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:80")
        });
        add("-netdev", format!("user,id=net{forward}").into());
        let device: String = match bus {
            Bus::Mmio => "virtio-net-device,netdev=net,bus=virtio-mmio-bus.15".into(),
            Bus::Pci | Bus::Nvme => {
                format!(
                    "virtio-net-pci,netdev=net,addr=3.0,disable-legacy=on,ioeventfd=off,romfile={platform}"
                )
            }
        };
        add("-device", format!("{device},mac={MAC}").into());
    }
    add(
        "-chardev",
        file("socket,id=command,server=on,wait=off,path=", SOCKET, ""),
    );
    add(
        "-device",
        "virtio-serial-device,bus=virtio-mmio-bus.23,max_ports=1".into(),
    );
    add("-device", "virtconsole,chardev=command".into());
    line
}
