//! The manifest: what a package says of the driver inside.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

#[cfg(feature = "alloc")]
use super::ManifestSource;
use super::device::{self, Device, DeviceMatch, DeviceMatchRecord, Mismatch};
use super::{MAX_DEVICES, PackageError};
use crate::resources::WINDOW_MAX;
use crate::{HASH_LEN, image::PAGE};

/// Longest name, in bytes.
pub const NAME_MAX: usize = 64;
/// Longest version, in bytes.
pub const VERSION_MAX: usize = 32;
/// Longest changelog line, in bytes.
pub const CHANGELOG_MAX: usize = 608;

/// A manifest, as it lies in the file. Texts are padded with zeroes.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct ManifestRecord {
    /// Bytes of the image that follows.
    pub image_len: le::U32,
    /// Class number.
    pub class: le::U32,
    /// Hash of the class's canonical ABI text.
    pub class_abi: [u8; HASH_LEN],
    /// A [`Transport`].
    pub transport: le::U32,
    /// Valid entries of `devices`; the others are 0.
    pub device_count: le::U32,
    /// Devices that the driver serves.
    pub devices: [DeviceMatchRecord; MAX_DEVICES],
    /// Pages of heap the driver wants.
    pub heap_pages: le::U32,
    /// See [`Manifest::security_floor`].
    pub security_floor: le::U32,
    /// A [`Configuration`].
    pub configuration: le::U32,
    /// Reserved, 0.
    pub reserved: [u8; 20],
    /// Name.
    pub name: [u8; NAME_MAX],
    /// Version.
    pub version: [u8; VERSION_MAX],
    /// What is new, in one line.
    pub changelog: [u8; CHANGELOG_MAX],
}
const _: () = assert!(size_of::<ManifestRecord>() == 1296);

/// How a device is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Transport {
    /// Registers as virtio 1.2, section 4.2, says.
    VirtioMmio = 1,
    /// A PCI function as virtio 1.2, section 4.1, says.
    VirtioPci = 2,
    /// Either of the two: the driver looks which it is.
    Virtio = 3,
    /// A PCI function with registers of its own kind.
    Pci = 4,
}

impl Transport {
    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::VirtioMmio, Self::VirtioPci, Self::Virtio, Self::Pci]
            .into_iter()
            .find(|known| *known as u32 == number)
    }
    /// Whether a device with this transport, which is a single one, is reached.
    pub fn reaches(self, number: u32) -> bool {
        matches!(number, 1 | 2 | 4) && self as u32 & number != 0
    }
}

/// Which configuration of the kernel ABI the driver was built for; invocation numbers differ between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Configuration {
    /// Neither of the others.
    Release = 1,
    /// With debugging.
    Debug = 2,
    /// With the benchmark's system calls.
    Benchmark = 3,
}

impl Configuration {
    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Release, Self::Debug, Self::Benchmark]
            .into_iter()
            .find(|known| *known as u32 == number)
    }
}

/// A checked manifest.
#[derive(Clone, Copy, Debug)]
pub struct Manifest<'a> {
    record: &'a ManifestRecord,
    /// Name, such as `virtio-blk-0.8`.
    pub name: &'a str,
    /// Version of the driver inside.
    pub version: &'a str,
    /// What is new, in one line; may be empty.
    pub changelog: &'a str,
    /// How the device is reached.
    pub transport: Transport,
    /// Which kernels it runs on.
    pub configuration: Configuration,
}

impl<'a> Manifest<'a> {
    /// Checks a record, field by field.
    pub(super) fn check(record: &'a ManifestRecord) -> Result<Self, PackageError> {
        let transport = Transport::from_number(record.transport.get()).ok_or(PackageError::Transport)?;
        let configuration =
            Configuration::from_number(record.configuration.get()).ok_or(PackageError::Configuration)?;
        let count = record.device_count.get() as usize;
        if count == 0 || count > MAX_DEVICES {
            return Err(PackageError::Devices);
        }
        for (at, entry) in record.devices.iter().enumerate() {
            if entry.check()?.is_some() != (at < count) {
                return Err(PackageError::Devices);
            }
        }
        if u64::from(record.heap_pages.get()) > WINDOW_MAX / PAGE {
            return Err(PackageError::Heap);
        }
        if record.reserved.iter().any(|byte| *byte != 0) {
            return Err(PackageError::Reserved);
        }
        let name = text(&record.name)?;
        let version = text(&record.version)?;
        if name.is_empty() || version.is_empty() {
            return Err(PackageError::Text);
        }
        let changelog = text(&record.changelog)?;
        Ok(Self {
            record,
            name,
            version,
            changelog,
            transport,
            configuration,
        })
    }

    /// Class number.
    pub fn class(&self) -> u32 {
        self.record.class.get()
    }
    /// Hash of the class's canonical ABI text that the driver was built with.
    pub fn class_abi(&self) -> &'a [u8; HASH_LEN] {
        &self.record.class_abi
    }
    /// Devices that the driver serves.
    pub fn devices(&self) -> impl Iterator<Item = DeviceMatch<'a>> + use<'a> {
        let record = self.record;
        record
            .devices
            .iter()
            .map_while(|entry| entry.check().ok().flatten())
    }
    /// Pages of heap the driver wants.
    pub fn heap_pages(&self) -> u32 {
        self.record.heap_pages.get()
    }
    /// A number that only grows: a system that has committed a package with floor *n* accepts none with a smaller one.
    pub fn security_floor(&self) -> u32 {
        self.record.security_floor.get()
    }
    /// Whether the driver says that it serves this device, or why not.
    pub fn serves(&self, device: &Device<'_>) -> Result<(), Mismatch> {
        device::serves(self.transport, self.devices(), device)
    }
    /// What a writer would have to be told to write this manifest.
    #[cfg(feature = "alloc")]
    pub fn source(&self) -> ManifestSource<'a> {
        ManifestSource {
            name: self.name,
            version: self.version,
            changelog: self.changelog,
            class: self.class(),
            class_abi: *self.class_abi(),
            transport: self.transport,
            configuration: self.configuration,
            devices: self.devices().collect(),
            heap_pages: self.heap_pages(),
            security_floor: self.security_floor(),
        }
    }
}

/// A zero-padded text: printable up to the first zero, nothing but zeroes from there.
pub(super) fn text(field: &[u8]) -> Result<&str, PackageError> {
    let len = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (used, padding) = field.split_at(len);
    let text = core::str::from_utf8(used).map_err(|_| PackageError::Text)?;
    if padding.iter().any(|byte| *byte != 0) || text.chars().any(char::is_control) {
        return Err(PackageError::Text);
    }
    Ok(text)
}
