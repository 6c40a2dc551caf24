extern crate std;

use std::vec::Vec;

use driver_package::image::{self, DRIVER_WINDOW, Rights, SegmentSource};
use driver_package::package::signature::{Distrust, KeyPair, Seed};
use driver_package::package::{self, Configuration, DeviceMatch, ManifestSource, Mismatch, Transport};
use driver_package::resources::WINDOW_VADDR;
use supervision::root::Op;
use system_spec::config::{COMPATIBLE_MAX, DeviceIdentity, PCI_CLASS_STATED};
use zerocopy::FromZeros;

use super::*;

const SIZE: usize = 0x4000;

fn source() -> ManifestSource<'static> {
    ManifestSource {
        name: "test",
        version: "1",
        changelog: "",
        class: 1,
        class_abi: device_class::abi::BLOCK,
        transport: Transport::VirtioMmio,
        configuration: verify::CONFIGURATION,
        devices: [DeviceMatch::Virtio(2)].into(),
        heap_pages: 3,
        security_floor: 5,
    }
}

fn packed(source: &ManifestSource<'_>) -> Vec<u8> {
    let segments = [
        SegmentSource {
            vaddr: WINDOW_VADDR,
            pages: 1,
            rights: Rights::Read,
            content: b"constants",
        },
        SegmentSource {
            vaddr: WINDOW_VADDR + 4096,
            pages: 1,
            rights: Rights::ReadExecute,
            content: &[5; 40],
        },
    ];
    let image = image::encode(WINDOW_VADDR + 4096, &segments, DRIVER_WINDOW).unwrap();
    let mut package = package::encode(source, &image).unwrap();
    package::sign(&mut package, &key(1)).unwrap();
    package
}

fn key(seed: u8) -> KeyPair {
    KeyPair::from_seed(Seed::new([seed; 32]))
}

/// Root that takes a few steps for everything and remembers what it was asked.
struct Fake {
    calls: Vec<(Op, Vec<u64>)>,
    written: Vec<(usize, Vec<u8>)>,
    again: usize,
    fails: Option<(Op, Code)>,
    building: u64,
}

fn fake() -> Fake {
    Fake {
        calls: Vec::new(),
        written: Vec::new(),
        again: 2,
        fails: None,
        building: 0,
    }
}

impl Root for Fake {
    fn call(&mut self, op: Op, words: &[u64]) -> (Code, [u64; ANSWER_WORDS]) {
        let before = self.calls.iter().filter(|(known, _)| *known == op).count();
        self.calls.push((op, words.to_vec()));
        match self.fails {
            Some((failing, code)) if failing == op => (code, [0; ANSWER_WORDS]),
            _ if op == Op::BuildBegin => (Code::Ok, [77, 9, 0, 0, 0]),
            _ if op == Op::SlotState => (Code::Ok, [0, 2, 1, 0, self.building]),
            _ if before < self.again => (Code::Again, [before as u64, 9, 0, 0, 0]),
            _ => (Code::Ok, [9, 9, 0, 0, 0]),
        }
    }
    fn write(&mut self, offset: usize, content: &[u8]) -> bool {
        assert_eq!(self.calls.last().map(|(op, _)| *op), Some(Op::BuildStep));
        self.written.push((offset, content.to_vec()));
        offset + content.len() <= 0x3000
    }
}

fn config() -> StagerConfig {
    let mut config = StagerConfig::new_zeroed();
    config.package_size = SIZE as u64;
    config.slot_count = 1;
    config.slots[0] = StagerSlot {
        slot: 4,
        class: 1,
        security_floor: 5,
        device: DeviceIdentity {
            transport: 1,
            virtio_id: 2,
            pci_id: 0,
            pci_class: 0,
            compatible: [0; COMPATIBLE_MAX],
        },
    };
    config.trust.count = 2;
    config.trust.keys[..2].copy_from_slice(&[*key(2).pk, *key(1).pk]);
    config
}

fn job(bytes: &[u8]) -> Job {
    Job {
        id: 8,
        kind: JobKind::Build as u32,
        slot: 4,
        side: 1,
        package: 1,
        len: bytes.len() as u32,
        security_floor: 0,
        revoked_keys: 0,
    }
}

/// Runs `job` with `bytes` in store slot 1.
fn run(job: Job, bytes: &[u8], root: &mut Fake) -> Outcome {
    let mut store = std::vec![0; 2 * SIZE];
    store[SIZE..SIZE + bytes.len()].copy_from_slice(bytes);
    Stager::new(&store, &config()).run(&job, root, |slot, generation| {
        assert_eq!((slot, generation), (4, 77))
    })
}

fn refusal(bytes: &[u8]) -> (u32, u32) {
    let mut root = fake();
    let outcome = run(job(bytes), bytes, &mut root);
    assert!(root.calls.is_empty(), "root hears of no package that is refused");
    (outcome.refusal, outcome.detail)
}

#[test]
fn a_good_package_is_built_as_its_image_says() {
    let bytes = packed(&source());
    let mut root = fake();
    assert_eq!(
        run(job(&bytes), &bytes, &mut root),
        Outcome {
            id: 8,
            refusal: 0,
            generation: 77,
            detail: 0
        }
    );
    let ops: Vec<_> = root.calls.iter().map(|(op, _)| *op).collect();
    assert_eq!(ops[0], Op::BuildBegin);
    assert_eq!(ops[1..4], [Op::BuildStep; 3]);
    assert_eq!(ops[4..], [Op::BuildFinish; 3]);
    let begin = [
        4,
        1,
        WINDOW_VADDR + 4096,
        3,
        2,
        WINDOW_VADDR,
        1 << 8 | 1,
        WINDOW_VADDR + 4096,
        1 << 8 | 5,
    ];
    assert_eq!(root.calls[0].1, begin);
    assert_eq!(root.calls[1].1, [4, 77]);
    assert_eq!(
        root.written,
        [(0, b"constants".to_vec()), (4096, std::vec![5; 40])]
    );
}

#[test]
fn verify_builds_nothing() {
    let bytes = packed(&source());
    let mut root = fake();
    let outcome = run(
        Job {
            kind: JobKind::Verify as u32,
            slot: 99,
            ..job(&bytes)
        },
        &bytes,
        &mut root,
    );
    assert_eq!((outcome.refusal, root.calls.len()), (0, 0));
}

#[test]
fn every_damage_is_refused_before_root_hears_of_it() {
    let bytes = packed(&source());
    for bit in (0..bytes.len() * 8).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(refusal(&bytes).0, 0, "bit {bit}");
    }
    assert_eq!(refusal(&bytes[..bytes.len() - 1]), (Refusal::Damaged as u32, 4));
    assert_eq!(refusal(&[]), (Refusal::Damaged as u32, 1));
}

#[test]
fn a_package_for_something_else_is_refused() {
    let other_configuration = match verify::CONFIGURATION {
        Configuration::Debug => Configuration::Release,
        _ => Configuration::Debug,
    };
    let wrong = Refusal::WrongClass as u32;
    let cases = [
        (
            ManifestSource {
                class: 99,
                ..source()
            },
            (wrong, WrongClass::Class as u32),
        ),
        (
            ManifestSource {
                class_abi: [1; 32],
                ..source()
            },
            (wrong, WrongClass::Abi as u32),
        ),
        (
            ManifestSource {
                configuration: other_configuration,
                ..source()
            },
            (wrong, WrongClass::Configuration as u32),
        ),
        (
            ManifestSource {
                devices: [DeviceMatch::Virtio(1), DeviceMatch::Virtio(3)].into(),
                ..source()
            },
            (Refusal::WrongDevice as u32, Mismatch::Device as u32),
        ),
        (
            ManifestSource {
                transport: Transport::VirtioPci,
                ..source()
            },
            (Refusal::WrongDevice as u32, Mismatch::Transport as u32),
        ),
    ];
    for (source, expected) in cases {
        assert_eq!(refusal(&packed(&source)), expected);
    }
}

#[test]
fn a_slot_says_what_its_description_stated() {
    let mut identity = DeviceIdentity::new_zeroed();
    assert_eq!(device(&identity), package::Device::default());
    identity.pci_id = 0x1042_1af4;
    identity.pci_class = PCI_CLASS_STATED;
    identity.compatible[..3].copy_from_slice(b"a,b");
    let stated = device(&identity);
    assert_eq!(stated.pci, Some((0x1af4, 0x1042)));
    assert_eq!((stated.pci_class, stated.compatible), (Some(0), "a,b"));
    identity.compatible = [b'x'; COMPATIBLE_MAX];
    assert_eq!(device(&identity).compatible.len(), COMPATIBLE_MAX);
}

#[test]
fn what_root_refuses_is_discarded_and_said() {
    let bytes = packed(&source());
    for (op, code, expected, discarded) in [
        (Op::BuildBegin, Code::NoMemory, Refusal::NoMemory, false),
        (Op::BuildBegin, Code::BadImage, Refusal::Malformed, false),
        (Op::BuildStep, Code::NoMemory, Refusal::NoMemory, true),
        (Op::BuildStep, Code::Again, Refusal::Root, true),
        (Op::BuildFinish, Code::WrongState, Refusal::Root, true),
    ] {
        let mut root = Fake {
            fails: Some((op, code)),
            ..fake()
        };
        let outcome = run(job(&bytes), &bytes, &mut root);
        assert_eq!(
            (outcome.refusal, outcome.detail, outcome.generation),
            (expected as u32, code as u32, 0)
        );
        assert_eq!(root.calls.iter().any(|(op, _)| *op == Op::Discard), discarded);
    }
}

#[test]
fn jobs_that_make_no_sense_are_refused() {
    let bytes = packed(&source());
    let good = job(&bytes);
    for bad in [
        Job { kind: 3, ..good },
        Job { slot: 5, ..good },
        Job { side: 2, ..good },
        Job { package: 2, ..good },
        Job {
            package: u32::MAX,
            ..good
        },
        Job {
            len: SIZE as u32 + 1,
            ..good
        },
    ] {
        let mut root = fake();
        let outcome = run(bad, &bytes, &mut root);
        assert_eq!(
            (outcome.refusal, outcome.detail),
            (Refusal::Root as u32, Code::Invalid as u32),
            "{bad:?}"
        );
        assert!(root.calls.is_empty());
    }
}

#[test]
fn only_packages_of_trusted_keys_are_built() {
    let good = packed(&source());
    let distrusted = |why: Distrust| (Refusal::Signature as u32, why as u32);
    let signed = |seed| {
        let mut package = good.clone();
        package::sign(&mut package, &key(seed)).unwrap();
        package
    };
    assert_eq!(run(job(&good), &good, &mut fake()).refusal, 0);
    assert_eq!(refusal(&signed(3)), distrusted(Distrust::UnknownKey));
    let segments = [SegmentSource {
        vaddr: WINDOW_VADDR,
        pages: 1,
        rights: Rights::ReadExecute,
        content: &[5; 40],
    }];
    let image = image::encode(WINDOW_VADDR, &segments, DRIVER_WINDOW).unwrap();
    let unsigned = package::encode(&source(), &image).unwrap();
    assert_eq!(refusal(&unsigned), distrusted(Distrust::Unsigned));
    let mut tampered = good.clone();
    tampered[100] ^= 1;
    assert_eq!(refusal(&tampered), distrusted(Distrust::BadSignature));
    // Key 1 stands second in the configuration.
    let revoked = Job {
        revoked_keys: 0b10,
        ..job(&good)
    };
    let outcome = run(revoked, &good, &mut fake());
    assert_eq!(
        (outcome.refusal, outcome.detail),
        distrusted(Distrust::RevokedKey)
    );
}

#[test]
fn a_hash_or_signature_that_was_right_once_says_nothing_of_another() {
    let good = packed(&source());
    let mut tampered = good.clone();
    tampered[100] ^= 1;
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let mut store = std::vec![0; 3 * SIZE];
    store[..good.len()].copy_from_slice(&good);
    store[SIZE..SIZE + good.len()].copy_from_slice(&tampered);
    store[2 * SIZE..2 * SIZE + good.len()].copy_from_slice(&damaged);
    let (config, mut copies) = (config(), std::vec![Copy::EMPTY; 2]);
    let stager = Stager::new(&store, &config).keeping(&mut copies);
    let outcome = |package, revoked_keys| {
        let outcome = stager.run(
            &Job {
                package,
                revoked_keys,
                ..job(&good)
            },
            &mut fake(),
            |_, _| {},
        );
        (outcome.refusal, outcome.detail)
    };
    let distrusted = |why: Distrust| (Refusal::Signature as u32, why as u32);
    for _ in 0..2 {
        assert_eq!(outcome(0, 0), (0, 0));
        assert_eq!(outcome(1, 0), distrusted(Distrust::BadSignature));
        assert_eq!(outcome(2, 0).0, Refusal::Damaged as u32);
        assert_eq!(outcome(0, 0b10), distrusted(Distrust::RevokedKey));
    }
}

#[test]
fn the_security_floor_is_the_higher_of_slot_and_job() {
    let with = |security_floor| {
        packed(&ManifestSource {
            security_floor,
            ..source()
        })
    };
    assert_eq!(refusal(&with(4)), (Refusal::Floor as u32, 5));
    let six = with(6);
    let raised = Job {
        security_floor: 7,
        ..job(&six)
    };
    let outcome = run(raised, &six, &mut fake());
    assert_eq!((outcome.refusal, outcome.detail), (Refusal::Floor as u32, 7));
    assert_eq!(run(job(&six), &six, &mut fake()).refusal, 0);
}

#[test]
fn successor_discards_what_was_being_built_and_what_was_not_reported() {
    let discarded = |building, staged| {
        let mut root = Fake {
            building,
            again: 0,
            ..fake()
        };
        clean_up(4, staged, &mut root);
        let discards = root.calls.iter().filter(|(op, _)| *op == Op::Discard);
        discards.map(|(_, words)| words.clone()).collect::<Vec<_>>()
    };
    assert_eq!(discarded(0, None), Vec::<Vec<u64>>::new());
    assert_eq!(discarded(7, None), [[4, 7]]);
    assert_eq!(discarded(0, Some(8)), [[4, 8]]);
    assert_eq!(discarded(7, Some(7)), [[4, 7], [4, 7]], "root refuses the second");
}
