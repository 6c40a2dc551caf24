//! The machine of the demo: a disk, and a command channel of its own.

use crate::ctl::place::SOCKET;
use crate::disk::{self, Layout};
use crate::qemu::{Guest, Machine, Tee};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;
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
    /// Virtual or real time.
    pub clock: Clock,
    /// The machine lives no longer than this.
    pub limit: Duration,
    /// Where the console goes.
    pub tee: Tee,
    /// An interrupt at the terminal does not end the machine; whoever starts it does.
    pub detached: bool,
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
        arguments: arguments(folder.path()),
        detached: setup.detached,
        ..Machine::default()
    };
    Guest::start_in(folder, &machine, setup.image, setup.limit, setup.tee)
}

/// The disk's image file.
pub fn disk(guest: &Guest) -> PathBuf {
    guest.folder().join(DISK)
}

/// The command channel's socket.
pub fn command(guest: &Guest) -> PathBuf {
    guest.folder().join(SOCKET)
}

/// The devices. Disk and command channel sit in slots of different pages, as `system.xml` has them.
fn arguments(folder: &Path) -> Vec<OsString> {
    let file = |before: &str, name: &str, after: &str| {
        let mut argument = OsString::from(before);
        argument.push(folder.join(name));
        argument.push(after);
        argument
    };
    let mut line: Vec<OsString> = Vec::new();
    let mut add = |option: &str, value: OsString| line.extend([option.into(), value]);
    add("-global", "virtio-mmio.force-legacy=false".into());
    // The device has a write cache and offers flush. What is behind it is the host's page cache: a flush need not wait for the
    // host's disk, which would only put its noise into the figures; QEMU is ended in order.
    add(
        "-drive",
        file("if=none,id=disk,format=raw,cache=unsafe,file=", DISK, ""),
    );
    add(
        "-device",
        "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.31,write-cache=on".into(),
    );
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
