//! Is this a package, and one for that slot?

use core::cell::{Cell, RefCell};

use device_class::abi;
use driver_package::HASH_LEN;
use driver_package::package::signature::{Distrust, Proof, Trust};
use driver_package::package::{Configuration, Device, Package, PackageError};
use supervision::stager::Refusal;
use system_spec::config::{DeviceIdentity, PCI_CLASS_STATED, StagerSlot};

use crate::Failure;
use crate::kept::{Copy, Kept};

/// Detail of [`Refusal::WrongClass`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum WrongClass {
    /// The slot is of another class, or nobody knows the class.
    Class = 1,
    /// Built with other layouts or meanings of the class.
    Abi = 2,
    /// Built for another configuration of the kernel.
    Configuration = 3,
}

impl WrongClass {
    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Class, Self::Abi, Self::Configuration]
            .into_iter()
            .find(|known| *known as u32 == number)
    }
}

/// The configuration of the kernel that we run on, since it is the one that we were built for.
pub const CONFIGURATION: Configuration = if sel4_abi::config::DEBUG_BUILD {
    Configuration::Debug
} else if sel4_abi::config::ENABLE_BENCHMARKS {
    Configuration::Benchmark
} else {
    Configuration::Release
};

/// What a machine takes, whichever the slot.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// The kernel's configuration.
    pub configuration: Configuration,
    /// Hash of the text of a class's contract that it was built with, if it knows the class.
    pub abi_of: &'a dyn Fn(u32) -> Option<[u8; HASH_LEN]>,
    /// Whose packages.
    pub trust: Trust<'a>,
}

impl<'a> Machine<'a> {
    /// One that was built from this checkout.
    pub fn ours(configuration: Configuration, trust: Trust<'a>) -> Self {
        Self {
            configuration,
            abi_of: &abi::hash_of,
            trust,
        }
    }
}

/// Checks whether a package may be built for a slot: everything that can be said without root and device. `floor` raises the
/// slot's security floor.
pub fn verify<'a>(
    bytes: &'a [u8],
    machine: &Machine<'_>,
    slot: &StagerSlot,
    floor: u32,
) -> Result<Package<'a>, Failure> {
    Known::default().verify(bytes, machine, slot, floor)
}

/// Checks what can be checked without a slot, and without the hash if the bytes are `known` to be right: form, manifest, image,
/// class ABI, kernel configuration.
fn package<'a>(bytes: &'a [u8], known: bool, machine: &Machine<'_>) -> Result<Package<'a>, Failure> {
    let parsed = if known {
        Package::parse_again(bytes)
    } else {
        Package::parse(bytes)
    };
    let package = parsed.map_err(|error| {
        let refusal = match error {
            PackageError::Truncated | PackageError::Magic | PackageError::Version | PackageError::Hash => {
                Refusal::Damaged
            }
            _ => Refusal::Malformed,
        };
        Failure {
            refusal,
            detail: error.number(),
        }
    })?;
    let manifest = package.manifest();
    match (machine.abi_of)(manifest.class()) {
        None => Err(wrong(WrongClass::Class)),
        Some(hash) if hash != *manifest.class_abi() => Err(wrong(WrongClass::Abi)),
        _ if manifest.configuration != machine.configuration => Err(wrong(WrongClass::Configuration)),
        _ => Ok(package),
    }
}

/// Signatures that are remembered.
const KNOWN: usize = 8;

/// What was found right. A driver that crashed is staged from a package that was verified before; clients wait for it.
#[derive(Debug, Default)]
pub(crate) struct Known<'k> {
    /// Signatures.
    proofs: RefCell<[Option<Proof>; KNOWN]>,
    next: Cell<usize>,
    /// Hashes, by what they are of.
    kept: RefCell<Kept<'k>>,
}

impl<'k> Known<'k> {
    /// Nothing yet; these are for copies.
    pub(crate) fn keeping(copies: &'k mut [Copy]) -> Self {
        Self {
            kept: RefCell::new(Kept::new(copies)),
            ..Self::default()
        }
    }

    /// Checks what can be checked without a slot. Only what a trusted key signed is kept, so that nobody else can push it out.
    pub(crate) fn package<'a>(&self, bytes: &'a [u8], machine: &Machine<'_>) -> Result<Package<'a>, Failure> {
        let known = self.kept.borrow().has(bytes);
        let package = package(bytes, known, machine)?;
        self.trusted(&package, &machine.trust)?;
        if !known {
            let right = |copy: &[u8]| Package::parse(copy).is_ok();
            self.kept.borrow_mut().keep(bytes, right);
        }
        Ok(package)
    }

    /// As [`verify`], but a hash or a signature that was found right before is not computed again.
    pub(crate) fn verify<'a>(
        &self,
        bytes: &'a [u8],
        machine: &Machine<'_>,
        slot: &StagerSlot,
        floor: u32,
    ) -> Result<Package<'a>, Failure> {
        let package = self.package(bytes, machine)?;
        fits(&package, slot, floor)?;
        Ok(package)
    }

    /// Checks that a key that the system trusts signed the package.
    fn trusted(&self, package: &Package<'_>, trust: &Trust<'_>) -> Result<(), Failure> {
        self.check(package, trust).map_err(|why| Failure {
            refusal: Refusal::Signature,
            detail: why as u32,
        })
    }

    fn check(&self, package: &Package<'_>, trust: &Trust<'_>) -> Result<(), Distrust> {
        let proof = trust.admit(package)?;
        let mut proofs = self.proofs.borrow_mut();
        if proofs.contains(&Some(proof)) {
            return Ok(());
        }
        proof.verify()?;
        let next = self.next.get() % KNOWN;
        proofs[next] = Some(proof);
        self.next.set(next + 1);
        Ok(())
    }
}

/// Checks that it is for this slot's class and device, and not below the security floor: the slot's or the job's.
fn fits(package: &Package<'_>, slot: &StagerSlot, floor: u32) -> Result<(), Failure> {
    if package.manifest().class() != slot.class {
        return Err(wrong(WrongClass::Class));
    }
    package
        .manifest()
        .serves(&device(&slot.device))
        .map_err(|mismatch| Failure {
            refusal: Refusal::WrongDevice,
            detail: mismatch as u32,
        })?;
    let floor = floor.max(slot.security_floor);
    if package.manifest().security_floor() < floor {
        return Err(Failure {
            refusal: Refusal::Floor,
            detail: floor,
        });
    }
    Ok(())
}

/// A slot's device, as the description states it; bus has seen that it is there (`virtio_pci::Function::settle`), the driver finds
/// out whether it is one of its own.
pub fn device(identity: &DeviceIdentity) -> Device<'_> {
    let pci = identity.pci_id;
    let compatible = identity.compatible.split(|byte| *byte == 0).next();
    Device {
        transport: identity.transport,
        virtio_id: identity.virtio_id,
        pci: (pci != 0).then_some((pci as u16, (pci >> 16) as u16)),
        pci_class: (identity.pci_class & PCI_CLASS_STATED != 0)
            .then_some(identity.pci_class & !PCI_CLASS_STATED),
        compatible: compatible
            .and_then(|text| core::str::from_utf8(text).ok())
            .unwrap_or_default(),
    }
}

fn wrong(what: WrongClass) -> Failure {
    Failure {
        refusal: Refusal::WrongClass,
        detail: what as u32,
    }
}
