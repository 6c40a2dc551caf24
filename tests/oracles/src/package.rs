//! Whatever the bytes of a package are: it is refused, or it is what the format's writer would have written.

use crate::mend::{IMAGE_FROM, check_image, mend_package};
use device_class::abi;
use driver_package::package::signature::{self, Distrust, Trust};
use driver_package::package::{self, Package};
use stager::{CONFIGURATION, Machine, verify};
use system_spec::config::{COMPATIBLE_MAX, DeviceIdentity, PCI_CLASS_STATED, StagerSlot};

/// See the module.
pub fn package(bytes: &[u8]) {
    let _ = package::describe(bytes);
    // As it came: the hash keeps all out but what somebody packed.
    if let Ok(package) = Package::parse(bytes) {
        check(bytes, &package);
    }
    let mut mended = bytes.to_vec();
    mend_package(&mut mended);
    if let Ok(package) = Package::parse(&mended) {
        check(&mended, &package);
    }
    judge(&mended);
}

/// The package is the one way to write what it says.
fn check(bytes: &[u8], package: &Package<'_>) {
    let manifest = package.manifest();
    check_image(package.image(), driver_package::image::DRIVER_WINDOW);
    assert_eq!(
        package::describe(bytes),
        Some((manifest.name, manifest.version)),
        "what people are shown is what is checked"
    );
    let again = package::encode(&manifest.source(), &bytes[IMAGE_FROM..])
        .expect("a manifest that was read can be written");
    let unsigned = |bytes: &[u8]| [&bytes[..signature::RANGE.start], &bytes[signature::RANGE.end..]].concat();
    assert_eq!(unsigned(&again), unsigned(bytes));
}

/// Nobody's package is taken by a system that trusts nobody, and the door's answers are consistent.
fn judge(bytes: &[u8]) {
    let mut compatible = [0; COMPATIBLE_MAX];
    compatible[..11].copy_from_slice(b"virtio,mmio");
    let slot = StagerSlot {
        slot: 0,
        class: 1,
        security_floor: 3,
        device: DeviceIdentity {
            transport: 1,
            virtio_id: 2,
            pci_id: 0x1042_1af4,
            pci_class: PCI_CLASS_STATED | 0x01_0000,
            compatible,
        },
    };
    let nobody = Trust {
        keys: &[],
        revoked: 0,
    };
    assert!(verify(bytes, &Machine::ours(CONFIGURATION, nobody), &slot, 0).is_err());
    let Ok(package) = Package::parse(bytes) else {
        return;
    };
    let Some(block) = package.signature() else {
        assert_eq!(nobody.check(&package), Err(Distrust::Unsigned));
        return;
    };
    // A system that trusts whoever the package names: only a right signature of that key passes.
    let signer = [block.key];
    let trust = Trust {
        keys: &signer,
        revoked: 0,
    };
    let manifest = package.manifest();
    let taken = verify(bytes, &Machine::ours(CONFIGURATION, trust), &slot, 0).is_ok();
    assert!(
        !taken
            || (manifest.serves(&stager::device(&slot.device)).is_ok()
                && manifest.security_floor() >= 3
                && *manifest.class_abi() == abi::BLOCK
                && manifest.class() == 1
                && trust.check(&package).is_ok())
    );
    let revoked = Trust {
        keys: &signer,
        revoked: 1,
    };
    assert_eq!(revoked.check(&package), Err(Distrust::RevokedKey));
}
