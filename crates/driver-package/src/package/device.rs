//! Which devices a driver serves, and what is known of a device: compared before a driver comes near one.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned, little_endian as le};

use super::PackageError;
use super::manifest::{Transport, text};

/// Longest compatible string, in bytes.
pub const COMPATIBLE_MAX: usize = 56;
/// Largest PCI class code: base class, sub-class, programming interface.
const CLASS_MAX: u32 = 0xff_ffff;

/// A [`DeviceMatch`], as it lies in the file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub struct DeviceMatchRecord {
    /// 1 virtio id, 2 PCI id, 3 PCI class code, 4 compatible string; 0: this entry and all behind it are unused.
    pub kind: le::U32,
    /// The virtio id, the PCI id (vendor in the lower half, device in the upper), or the class code; else 0.
    pub number: le::U32,
    /// The compatible string, zero-padded; else empty.
    pub compatible: [u8; COMPATIBLE_MAX],
}
const _: () = assert!(size_of::<DeviceMatchRecord>() == 64);

/// By what a driver knows a device that it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceMatch<'a> {
    /// virtio device id (virtio 1.2, section 5), on whichever transport; not 0.
    Virtio(u32),
    /// Vendor and device id of a PCI function (PCI 3.0, section 6.2.1).
    Pci {
        /// Vendor.
        vendor: u16,
        /// Device.
        device: u16,
    },
    /// Class code of a PCI function (PCI 3.0, section 6.2.1): any device with this register interface.
    PciClass(u32),
    /// A string of the device's `compatible` property (Devicetree 0.4, section 2.3.1).
    Compatible(&'a str),
}

/// What a system knows of one of its devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Device<'a> {
    /// How it is reached: the number of a single [`Transport`].
    pub transport: u32,
    /// virtio device id; 0: it is none, or nobody said.
    pub virtio_id: u32,
    /// Vendor and device id, if it is a PCI function.
    pub pci: Option<(u16, u16)>,
    /// PCI class code, if it is known.
    pub pci_class: Option<u32>,
    /// Compatible string; empty: nobody said.
    pub compatible: &'a str,
}

/// Why a driver does not serve a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Mismatch {
    /// It reaches devices in another way.
    Transport = 1,
    /// It knows other devices.
    Device = 2,
}

impl Mismatch {
    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Transport, Self::Device]
            .into_iter()
            .find(|known| *known as u32 == number)
    }
}

impl<'a> Device<'a> {
    /// By what a package may name it.
    pub fn marks(&self) -> impl Iterator<Item = DeviceMatch<'a>> + use<'a> {
        let virtio = Some(self.virtio_id).filter(|id| *id != 0);
        let compatible = Some(self.compatible).filter(|name| !name.is_empty());
        virtio
            .map(DeviceMatch::Virtio)
            .into_iter()
            .chain(
                self.pci
                    .map(|(vendor, device)| DeviceMatch::Pci { vendor, device }),
            )
            .chain(self.pci_class.map(DeviceMatch::PciClass))
            .chain(compatible.map(DeviceMatch::Compatible))
    }
}

impl DeviceMatch<'_> {
    /// Whether it is this device.
    pub fn is(&self, device: &Device<'_>) -> bool {
        device.marks().any(|mark| mark == *self)
    }
}

/// Whether a driver that reaches devices so serves this one, if it knows it by one of `known`.
pub(super) fn serves<'a>(
    transport: Transport,
    mut known: impl Iterator<Item = DeviceMatch<'a>>,
    device: &Device<'_>,
) -> Result<(), Mismatch> {
    if !transport.reaches(device.transport) {
        return Err(Mismatch::Transport);
    }
    match known.any(|one| one.is(device)) {
        true => Ok(()),
        false => Err(Mismatch::Device),
    }
}

impl DeviceMatchRecord {
    /// An unused entry.
    #[cfg(feature = "alloc")]
    pub(super) const UNUSED: Self = Self {
        kind: le::U32::ZERO,
        number: le::U32::ZERO,
        compatible: [0; COMPATIBLE_MAX],
    };

    /// What an entry says; `None`: it is unused.
    pub(super) fn check(&self) -> Result<Option<DeviceMatch<'_>>, PackageError> {
        let compatible = text(&self.compatible).map_err(|_| PackageError::Devices)?;
        let number = self.number.get();
        let (vendor, device) = (number as u16, (number >> 16) as u16);
        match (self.kind.get(), compatible) {
            (0, "") if number == 0 => Ok(None),
            (1, "") if number != 0 => Ok(Some(DeviceMatch::Virtio(number))),
            // What reads as vendor where no function is.
            (2, "") if !matches!(vendor, 0 | 0xffff) => Ok(Some(DeviceMatch::Pci { vendor, device })),
            (3, "") if number <= CLASS_MAX => Ok(Some(DeviceMatch::PciClass(number))),
            (4, name) if number == 0 && is_compatible(name) => Ok(Some(DeviceMatch::Compatible(name))),
            _ => Err(PackageError::Devices),
        }
    }

    /// The entry that says so.
    #[cfg(feature = "alloc")]
    pub(super) fn of(one: DeviceMatch<'_>) -> Result<Self, PackageError> {
        let (kind, number, compatible) = match one {
            DeviceMatch::Virtio(id) => (1, id, ""),
            DeviceMatch::Pci { vendor, device } => (2, u32::from(device) << 16 | u32::from(vendor), ""),
            DeviceMatch::PciClass(class) => (3, class, ""),
            DeviceMatch::Compatible(name) => (4, 0, name),
        };
        let mut record = Self::UNUSED;
        record.kind.set(kind);
        record.number.set(number);
        record
            .compatible
            .get_mut(..compatible.len())
            .ok_or(PackageError::Devices)?
            .copy_from_slice(compatible.as_bytes());
        Ok(record)
    }
}

/// Whether it can be a compatible string: printable, in one word.
pub fn is_compatible(name: &str) -> bool {
    (1..=COMPATIBLE_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}
