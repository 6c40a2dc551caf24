//! The machine of the demo: its disks, a network if the description has a device for it, and a command channel of its own.

use crate::ctl::place::SOCKET;
use crate::disk::{self, Layout};
use crate::qemu::{Guest, Machine, Tee};
use anyhow::{Context, Result};
use device_class::ClassId;
use driver_package::package::Transport;
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
use system_spec::config::StagerSlot;
use tempfile::TempDir;

use super::Clock;

/// Files of the disks, in the machine's folder.
const DISKS: [&str; 2] = ["disk.img", "disk1.img"];
/// Slots of the disks on virtio-mmio: in different pages.
const SLOTS: [u32; 2] = [31, 7];
/// Functions of the disks on PCI.
const FUNCTIONS: [&str; 2] = ["2.0", "4.0"];

/// What to boot.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Boot image.
    pub image: &'a [u8],
    /// Disk image to make; a second disk's has the next seed.
    pub layout: Layout,
    /// Where disks and network are attached.
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
    /// virtio-mmio: the disk in slot 31, a second one in slot 7, the network in slot 15.
    Mmio,
    /// PCI, without the interface of before virtio 1.0: the disk is function 0:2.0, a second one 0:4.0, the network 0:3.0.
    Pci,
    /// No virtio device, the same functions: an NVMe controller as a disk, an e1000 as a network.
    Native,
}

/// What is behind the network device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// QEMU's own network, with a gateway at 10.0.2.2.
    Gateway,
    /// Nobody. Frames are sent so many virtual nanoseconds after the device was told of the first.
    Nobody {
        /// Nanoseconds.
        delay: u32,
        /// At most so many; after that the time begins anew for the next.
        burst: u32,
    },
    /// Whoever connects to the socket [`WIRE`] in the machine's folder: each frame has its length before it, 32 bits, the highest
    /// byte first. What is sent there is held back while the object [`HOLD`] is switched on.
    Socket,
}

/// The socket of [`Wire::Socket`], in the machine's folder.
pub const WIRE: &str = "wire.sock";
/// The object that holds frames back.
pub const HOLD: &str = "hold";

/// Where disks and network are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The disk.
    pub disk: Bus,
    /// A second disk, if there is one.
    pub second_disk: Option<Bus>,
    /// The network, if there is one.
    pub net: Option<Bus>,
    /// What is behind it.
    pub wire: Wire,
    /// Port of this host's that leads to port 80 of the first address that QEMU gives by DHCP.
    pub web: Option<u16>,
    /// Port of this host's, of TCP and of UDP, that leads to port 7 of 10.0.2.20.
    pub echo: Option<u16>,
    /// The machine has an SMMU, behind which all on PCI is.
    pub guarded: bool,
    /// The first disk is behind a root port, function 0:5.0, and goes in and out by [`plug`].
    pub port: bool,
}

impl Attached {
    /// A disk there, neither network nor SMMU.
    pub const fn disk(disk: Bus) -> Self {
        Self {
            disk,
            second_disk: None,
            net: None,
            wire: Wire::Gateway,
            web: None,
            echo: None,
            guarded: false,
            port: false,
        }
    }

    /// What the machine is asked for beside its devices.
    fn properties(&self) -> Vec<String> {
        let smmu = self.guarded.then(|| "iommu=smmuv3".into());
        smmu.into_iter().collect()
    }

    /// The disks, in order.
    fn disks(&self) -> impl Iterator<Item = Bus> + use<> {
        [Some(self.disk), self.second_disk].into_iter().flatten()
    }

    /// Where a description has its first two disks and its first network.
    pub fn of(description: &Path) -> Result<Self> {
        let xml = std::fs::read_to_string(description)
            .with_context(|| format!("reading {}", description.display()))?;
        let slots = sdf::device_slots(&description.display().to_string(), &xml)?;
        let bus = |(_, slot): &(String, StagerSlot)| match Transport::from_number(slot.device.transport) {
            Some(Transport::VirtioPci) => Bus::Pci,
            Some(Transport::Pci) => Bus::Native,
            _ => Bus::Mmio,
        };
        let of_class = |class: ClassId| {
            slots
                .iter()
                .filter(move |(_, slot)| slot.class == class as u32)
                .map(bus)
        };
        let mut disks = of_class(ClassId::Block);
        Ok(Self {
            disk: disks.next().unwrap_or(Bus::Mmio),
            second_disk: disks.next(),
            net: of_class(ClassId::Net).next(),
            wire: Wire::Gateway,
            web: None,
            echo: None,
            guarded: sdf::has_iommu(&xml),
            port: sdf::has_port(&xml),
        })
    }
}

/// Makes the disks and starts the machine.
pub fn start(setup: &Setup<'_>) -> Result<Guest> {
    let folder = tempfile::Builder::new()
        .prefix("umbra-")
        .tempdir()
        .context("making a temporary folder")?;
    start_in(folder, setup)
}

fn start_in(folder: TempDir, setup: &Setup<'_>) -> Result<Guest> {
    for ((_, file), seed) in setup.attached.disks().zip(DISKS).zip(setup.layout.seed..) {
        disk::make(&folder.path().join(file), &Layout { seed, ..setup.layout })?;
    }
    let machine = Machine {
        icount: setup.clock == Clock::Icount,
        arguments: arguments(folder.path(), setup.attached, Backend::File),
        detached: setup.detached,
        properties: setup.attached.properties(),
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

/// Starts a machine whose disk has no content, for a system that needs none. Its time is virtual.
pub fn start_bare(image: &[u8], attached: Attached, backend: Backend, limit: Duration) -> Result<Guest> {
    let folder = tempfile::Builder::new()
        .prefix("umbra-")
        .tempdir()
        .context("making a temporary folder")?;
    if backend == Backend::File {
        for (_, file) in attached.disks().zip(DISKS) {
            let disk = std::fs::File::create(folder.path().join(file)).context("making a disk")?;
            disk.set_len(BARE).context("making a disk")?;
        }
    }
    let machine = Machine {
        icount: true,
        arguments: arguments(folder.path(), attached, backend),
        properties: attached.properties(),
        ..Machine::default()
    };
    Guest::start_in(folder, &machine, image, limit, Tee::Quiet)
}

/// The first disk's image file.
pub fn disk(guest: &Guest) -> PathBuf {
    guest.folder().join(DISKS[0])
}

/// The image files of as many disks as a machine may have, in order.
pub fn disks(guest: &Guest) -> [PathBuf; DISKS.len()] {
    DISKS.map(|file| guest.folder().join(file))
}

/// The command channel's socket.
pub fn command(guest: &Guest) -> PathBuf {
    guest.folder().join(SOCKET)
}

/// Name of the disk that is behind a root port.
const PLUGGED: &str = "plugged";

/// The disk behind a root port, as QEMU's `-device` and `device_add` take it.
fn pluggable(guarded: bool) -> serde_json::Value {
    json!({
        "driver": "virtio-blk-pci", "id": PLUGGED, "drive": "disk0", "bus": "rootport", "write-cache": "on",
        "disable-legacy": "on", "ioeventfd": false, "iommu_platform": guarded,
    })
}

/// Puts the disk in that [`unplug`] took out of a machine with [`Attached::port`].
///
/// # Errors
/// It is still there, or QEMU does not answer.
pub fn plug(guest: &Guest, guarded: bool) -> Result<()> {
    guest.qmp()?.execute("device_add", pluggable(guarded)).map(drop)
}

/// Asks the system to let the disk go; it is out when [`plug`] can put it in.
///
/// # Errors
/// There is none, or QEMU does not answer.
pub fn unplug(guest: &Guest) -> Result<()> {
    guest
        .qmp()?
        .execute("device_del", json!({ "id": PLUGGED }))
        .map(drop)
}

/// The devices. Disks and command channel are where `system.xml` has them; if several are on virtio-mmio, in slots of different pages.
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
    // Without the property QEMU's virtio devices go past the SMMU.
    let platform = if attached.guarded {
        ",iommu_platform=on"
    } else {
        ""
    };
    // Disks have a write cache and offer flush. What is behind them is the host's page cache: a flush need not wait for the
    // host's disk, which would only put its noise into the figures; QEMU is ended in order.
    for (place, bus) in attached.disks().enumerate() {
        let plugged = attached.port && place == 0;
        match backend {
            // A drive would go with its device.
            Backend::File if plugged => add(
                "-blockdev",
                file(
                    "driver=raw,node-name=disk0,cache.no-flush=on,file.driver=file,file.filename=",
                    DISKS[place],
                    "",
                ),
            ),
            Backend::File => add(
                "-drive",
                file(
                    &format!("if=none,id=disk{place},format=raw,cache=unsafe,file="),
                    DISKS[place],
                    "",
                ),
            ),
            Backend::Null => add(
                "-blockdev",
                format!("driver=null-co,node-name=disk{place},read-zeroes=on,size={BARE}").into(),
            ),
        }
        if plugged {
            add("-device", "pcie-root-port,id=rootport,addr=5.0,chassis=1".into());
            add("-device", pluggable(attached.guarded).to_string().into());
            continue;
        }
        let (slot, function) = (SLOTS[place], FUNCTIONS[place]);
        let device = match bus {
            Bus::Mmio => format!("virtio-blk-device,bus=virtio-mmio-bus.{slot}"),
            Bus::Pci => {
                format!("virtio-blk-pci,addr={function},disable-legacy=on,ioeventfd=off{platform}")
            }
            Bus::Native => format!("nvme,addr={function},serial=umbra{place}"),
        };
        add(
            "-device",
            format!("{device},drive=disk{place},write-cache=on").into(),
        );
    }
    if let Some(bus) = attached.net {
        let web = attached.web.map_or(String::new(), |port| {
            format!(",hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:80")
        });
        let echo = attached.echo.map_or(String::new(), |port| {
            ["tcp", "udp"]
                .map(|kind| format!(",hostfwd={kind}:127.0.0.1:{port}-10.0.2.20:7"))
                .concat()
        });
        let mut end = ",netdev=net".to_owned();
        match attached.wire {
            Wire::Gateway => add("-netdev", format!("user,id=net{web}{echo}").into()),
            Wire::Nobody { delay, burst } => {
                // By the virtual clock, not whenever QEMU's own thread comes to it.
                end = format!(",tx=timer,x-txtimer={delay},x-txburst={burst}");
                if burst == 1 {
                    // Told of a frame before the time is over, QEMU sends at once; with this it can say that it needs not be told.
                    end += ",event_idx=off";
                }
            }
            Wire::Socket => {
                let listens = "stream,id=net,server=on,addr.type=unix,addr.path=";
                add("-netdev", file(listens, WIRE, ""));
                let holds = format!(
                    "filter-buffer,id={HOLD},netdev=net,queue=tx,status=off,interval={}",
                    u32::MAX
                );
                add("-object", holds.into());
                end += ",tx=timer,x-txtimer=1";
            }
        }
        let device: String = match bus {
            Bus::Mmio => "virtio-net-device,bus=virtio-mmio-bus.15".into(),
            Bus::Pci => {
                format!("virtio-net-pci,addr=3.0,disable-legacy=on,ioeventfd=off,romfile={platform}")
            }
            Bus::Native => "e1000,addr=3.0,romfile=".into(),
        };
        add("-device", format!("{device},mac={MAC}{end}").into());
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
