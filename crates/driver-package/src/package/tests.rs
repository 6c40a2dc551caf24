use alloc::vec::Vec;
use core::mem::offset_of;
use proptest::prelude::*;

use super::signature::{Distrust, KeyPair, SCHEME_ED25519, Seed, Trust};
use super::*;
use crate::image::{self, PAGE, Rights, SegmentSource};
use crate::resources::WINDOW_VADDR;

const KNOWN: [DeviceMatch<'_>; 5] = [
    DeviceMatch::Virtio(2),
    DeviceMatch::Virtio(77),
    DeviceMatch::Pci {
        vendor: 0x1b36,
        device: 0x10,
    },
    DeviceMatch::PciClass(0x01_0802),
    DeviceMatch::Compatible("arm,pl061"),
];

fn source() -> ManifestSource<'static> {
    ManifestSource {
        name: "virtio-blk",
        version: "0.8.0",
        changelog: "First of its kind",
        class: 1,
        class_abi: [9; 32],
        transport: Transport::VirtioMmio,
        configuration: Configuration::Debug,
        devices: KNOWN.into(),
        heap_pages: 64,
        security_floor: 3,
    }
}

fn driver() -> Vec<u8> {
    let code = SegmentSource {
        vaddr: WINDOW_VADDR,
        pages: 1,
        rights: Rights::ReadExecute,
        content: &[0; 64],
    };
    image::encode(WINDOW_VADDR, &[code], DRIVER_WINDOW).unwrap()
}

fn good() -> Vec<u8> {
    encode(&source(), &driver()).unwrap()
}

/// The good package with `value` at `offset` of its manifest, hashed again.
fn refusal(offset: usize, value: &[u8]) -> Option<PackageError> {
    let mut bytes = good();
    bytes[HASHED_FROM + offset..][..value.len()].copy_from_slice(value);
    let hash = crate::sha256(&bytes[HASHED_FROM..]);
    bytes[8..40].copy_from_slice(&hash);
    Package::parse(&bytes).err()
}

#[test]
fn what_was_encoded_is_found_again() {
    let bytes = good();
    let package = Package::parse(&bytes).unwrap();
    let manifest = package.manifest();
    assert_eq!(
        (manifest.name, manifest.version, manifest.changelog),
        ("virtio-blk", "0.8.0", "First of its kind")
    );
    assert_eq!((manifest.class(), manifest.class_abi()), (1, &[9; 32]));
    assert_eq!((manifest.heap_pages(), manifest.security_floor()), (64, 3));
    assert_eq!(manifest.devices().collect::<Vec<_>>(), KNOWN);
    assert_eq!(encode(&manifest.source(), &driver()).unwrap(), bytes);
    assert_eq!(
        (manifest.transport, manifest.configuration),
        (Transport::VirtioMmio, Configuration::Debug)
    );
    assert!(!Transport::VirtioMmio.reaches(2) && Transport::VirtioPci.reaches(2));
    assert!(Transport::Virtio.reaches(1) && Transport::Virtio.reaches(2));
    assert!(!Transport::Virtio.reaches(3) && !Transport::Virtio.reaches(0) && !Transport::Virtio.reaches(4));
    assert!(Transport::Pci.reaches(4) && !Transport::Pci.reaches(2) && !Transport::Pci.reaches(6));
    assert_eq!(package.image().layout().entry(), WINDOW_VADDR);
    assert_eq!(package.hash(), &crate::sha256(&bytes[HASHED_FROM..]));
}

#[test]
fn a_device_is_served_by_any_of_its_marks_if_it_is_reached() {
    let bytes = good();
    let package = Package::parse(&bytes).unwrap();
    let serves = |device: Device<'_>| package.manifest().serves(&device);
    let nameless = Device {
        transport: 1,
        ..Device::default()
    };
    let marked = [
        Device {
            virtio_id: 77,
            ..nameless
        },
        Device {
            pci: Some((0x1b36, 0x10)),
            ..nameless
        },
        Device {
            pci_class: Some(0x01_0802),
            ..nameless
        },
        Device {
            compatible: "arm,pl061",
            ..nameless
        },
    ];
    for device in marked {
        assert_eq!(serves(device), Ok(()), "{device:?}");
        for transport in [0, 2, 3] {
            let elsewhere = Device { transport, ..device };
            assert_eq!(serves(elsewhere), Err(Mismatch::Transport));
        }
    }
    let others = [
        nameless,
        Device {
            virtio_id: 3,
            pci: Some((0x1b36, 0x11)),
            pci_class: Some(0x01_0801),
            compatible: "arm,pl06",
            ..nameless
        },
        Device {
            pci: Some((0x10, 0x1b36)),
            pci_class: Some(0),
            ..nameless
        },
    ];
    for device in others {
        assert_eq!(serves(device), Err(Mismatch::Device), "{device:?}");
    }
}

#[test]
fn an_entry_that_names_no_device_is_refused() {
    let at = offset_of!(ManifestRecord, devices);
    let (number, name, next) = (at + 4, at + 8, at + 64);
    let virtio: [(usize, &[u8]); 4] = [(at, &[0]), (at, &[5]), (number, &[0]), (name, b"x")];
    // The third is of PCI, the fourth a class code, the fifth a string.
    let others: [(usize, &[u8]); 8] = [
        (next + 64 + 4, &[0, 0]),
        (next + 64 + 4, &[0xff, 0xff]),
        (next + 64 + 8, b"x"),
        (next + 2 * 64 + 7, &[1]),
        (next + 3 * 64 + 4, &[1]),
        (next + 3 * 64 + 8, &[0; 16]),
        (next + 3 * 64 + 8, b"two words"),
        (next + 3 * 64 + 8, "\u{fc}".as_bytes()),
    ];
    for (offset, value) in virtio.into_iter().chain(others) {
        assert_eq!(refusal(offset, value), Some(PackageError::Devices), "{offset}");
    }
    let mut source = source();
    let long = "x".repeat(COMPATIBLE_MAX + 1);
    for name in [long.as_str(), "", "a b"] {
        source.devices = [DeviceMatch::Compatible(name)].into();
        assert_eq!(encode(&source, &driver()).err(), Some(PackageError::Devices));
    }
    source.devices = [DeviceMatch::Compatible(&long[1..])].into();
    assert!(encode(&source, &driver()).is_ok());
    source.devices = [DeviceMatch::Virtio(1); MAX_DEVICES + 1].into();
    assert_eq!(encode(&source, &driver()).err(), Some(PackageError::Devices));
}

#[test]
fn every_rule_has_its_refusal() {
    assert_eq!(refusal(offset_of!(ManifestRecord, class), &[1]), None);
    assert_eq!(
        refusal(offset_of!(ManifestRecord, image_len), &[1]),
        Some(PackageError::Length)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, transport), &[0]),
        Some(PackageError::Transport)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, device_count), &[0]),
        Some(PackageError::Devices)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, device_count), &[1]),
        Some(PackageError::Devices)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, device_count), &[6]),
        Some(PackageError::Devices)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, device_count), &[9]),
        Some(PackageError::Devices)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, heap_pages), &[1, 2]),
        Some(PackageError::Heap)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, reserved), &[1]),
        Some(PackageError::Reserved)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, name), &[0; 64]),
        Some(PackageError::Text)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, version), &[0; 32]),
        Some(PackageError::Text)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, changelog), b"two\nlines"),
        Some(PackageError::Text)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, changelog), &[0xff]),
        Some(PackageError::Text)
    );
    assert_eq!(
        refusal(offset_of!(ManifestRecord, changelog) + 607, b"x"),
        Some(PackageError::Text)
    );
    assert_eq!(
        refusal(size_of::<ManifestRecord>(), &[0]),
        Some(PackageError::Image(ImageError::Magic))
    );
}

#[test]
fn numbers_say_which_rule_was_broken() {
    let known: Vec<_> = (0..0x200).filter_map(PackageError::from_number).collect();
    assert_eq!(known.len(), 12 + 13);
    for error in known {
        assert_eq!(PackageError::from_number(error.number()), Some(error));
    }
}

fn key(seed: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([seed; 32]))
}

fn signed_by(seed: u8) -> Vec<u8> {
    let mut bytes = good();
    sign(&mut bytes, &key(seed)).unwrap();
    bytes
}

/// What a system that trusts keys 1 and 2, of which 2 was revoked, says of a package.
fn judge(bytes: &[u8]) -> Result<(), Distrust> {
    let trust = Trust {
        keys: &[*key(1).pk, *key(2).pk],
        revoked: 0b10,
    };
    trust.check(&Package::parse(bytes).unwrap())
}

#[test]
fn only_a_signature_by_a_trusted_key_is_trusted() {
    assert_eq!(judge(&signed_by(1)), Ok(()));
    assert_eq!(judge(&good()), Err(Distrust::Unsigned));
    assert_eq!(judge(&signed_by(2)), Err(Distrust::RevokedKey));
    assert_eq!(judge(&signed_by(3)), Err(Distrust::UnknownKey));
    let unknown = Trust {
        keys: &[],
        revoked: 0,
    };
    assert_eq!(
        unknown.check(&Package::parse(&signed_by(1)).unwrap()),
        Err(Distrust::UnknownKey)
    );
}

#[test]
fn a_signature_of_another_package_or_purpose_is_not_taken() {
    let block = offset_of!(Header, signature)..HASHED_FROM;
    let mut other = good();
    other[HASHED_FROM + offset_of!(ManifestRecord, changelog)] ^= 1;
    let hash = crate::sha256(&other[HASHED_FROM..]);
    other[8..40].copy_from_slice(&hash);
    other[block.clone()].copy_from_slice(&signed_by(1)[block]);
    assert_eq!(judge(&other), Err(Distrust::BadSignature));

    let mut bare = signed_by(1);
    let signature = key(1).sk.sign(&bare[8..40], None);
    bare[80..HASHED_FROM].copy_from_slice(&*signature);
    assert_eq!(judge(&bare), Err(Distrust::BadSignature));
}

#[test]
fn a_malformed_signature_block_is_refused() {
    for at in 44..HASHED_FROM {
        let mut bytes = good();
        bytes[at] = 1;
        assert_eq!(Package::parse(&bytes).err(), Some(PackageError::Signature));
    }
    let mut bytes = signed_by(1);
    bytes[40] = SCHEME_ED25519 as u8 + 1;
    assert_eq!(Package::parse(&bytes).err(), Some(PackageError::Signature));
}

#[test]
fn every_truncation_and_bit_flip_of_a_signed_package_is_refused() {
    let mut bytes = signed_by(1);
    for len in 0..bytes.len() {
        assert!(Package::parse(&bytes[..len]).is_err(), "{len}");
    }
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let refused = Package::parse(&bytes).is_err() || judge(&bytes).is_err();
        assert!(refused, "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    bytes.push(0);
    assert!(Package::parse(&bytes).is_err());
}

#[test]
fn an_image_of_another_window_is_no_driver() {
    let code = SegmentSource {
        vaddr: 0x40_0000,
        pages: 1,
        rights: Rights::ReadExecute,
        content: &[0; 64],
    };
    let window = image::Window {
        start: 0x40_0000,
        end: 0x40_0000 + PAGE,
    };
    let elsewhere = image::encode(0x40_0000, &[code], window).unwrap();
    assert_eq!(
        encode(&source(), &elsewhere).err(),
        Some(PackageError::Image(ImageError::Window))
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_pass(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        prop_assert!(Package::parse(&bytes).is_err());
    }

    /// Rightly hashed nonsense in the manifest never panics.
    #[test]
    fn a_hashed_manifest_of_arbitrary_bytes_never_panics(
        at in 0..size_of::<ManifestRecord>(),
        value in proptest::collection::vec(any::<u8>(), 1..64),
    ) {
        let _ = refusal(at.min(size_of::<ManifestRecord>() - value.len()), &value);
    }
}
