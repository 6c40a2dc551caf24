//! The checker on a volume made by another implementation of FAT, over disks that work and disks that do not.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use client_report::{Counter, Kind, Report};
use fat_partition::ram::Ram;
use file_check::{Checker, Reason};
use sha2::{Digest, Sha256};

fn volume() -> Ram {
    Ram::formatted(|fs| {
        let mut manifest = "seed 99\n".to_string();
        for (name, len, kind) in [
            ("A.BIN", 1usize, "keep"),
            ("B.BIN", 0, "keep"),
            ("C.DAT", 5000, "rewrite"),
            ("D.DAT", 70_001, "rewrite"),
        ] {
            let content: Vec<u8> = (0..len).map(|at| (at * 7 + len) as u8).collect();
            fs.root_dir()
                .create_file(name)
                .unwrap()
                .write_all(&content)
                .unwrap();
            let hash: String = Sha256::digest(&content)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            manifest += &format!("{hash} {len} {name} {kind}\n");
        }
        fs.root_dir()
            .create_file("MANIFEST.TXT")
            .unwrap()
            .write_all(manifest.as_bytes())
            .unwrap();
    })
}

fn clock(ram: &Ram) -> impl Fn() -> u64 + use<> {
    let ram = ram.clone();
    move || ram.requests()
}

fn region() -> Vec<AtomicU64> {
    (0..1024 + 512).map(|_| AtomicU64::new(0)).collect()
}

fn get(words: &[AtomicU64], counter: Counter) -> u64 {
    words[counter as usize].load(Relaxed)
}

fn entry(words: &[AtomicU64], index: usize) -> Vec<u8> {
    words[512 + 16 * index..][..16]
        .iter()
        .flat_map(|word| word.load(Relaxed).to_ne_bytes())
        .collect()
}

#[test]
fn honest_disk_ends_with_every_file_as_the_table_says() {
    let (ram, words) = (volume(), region());
    let report = Report::begin(&words, Kind::FileCheck).unwrap();
    let mut checker = Checker::open(ram.clone(), clock(&ram), report).unwrap();
    (0..40).for_each(|_| checker.step());
    checker.stop();
    for counter in [
        Counter::ClientErrors,
        Counter::Corrupt,
        Counter::Stale,
        Counter::Lost,
    ] {
        assert_eq!(get(&words, counter), 0, "{counter:?}");
    }
    assert_eq!(words[2].load(Relaxed), 3);
    assert_eq!(
        (get(&words, Counter::Seed), get(&words, Counter::Entries)),
        (99, 4)
    );
    assert_eq!(
        (
            get(&words, Counter::MixedOrPasses),
            get(&words, Counter::Rewrites)
        ),
        (10, 10)
    );
    for index in 0..4 {
        let entry = entry(&words, index);
        let name = String::from_utf8(entry[..16].to_vec()).unwrap();
        let content = ram.content(name.trim_end_matches('\0'));
        assert_eq!(
            content.len(),
            u32::from_le_bytes(entry[16..20].try_into().unwrap()) as usize,
            "{name}"
        );
        assert_eq!(Sha256::digest(&content)[..], entry[24..56], "{name}");
        assert_eq!(
            u32::from_le_bytes(entry[20..24].try_into().unwrap()),
            if index < 2 { 0 } else { 5 }
        );
        assert!(
            entry[56..96].iter().all(|byte| *byte == 0),
            "nothing is being written"
        );
    }
}

#[test]
fn damaged_file_is_corrupt() {
    let (ram, words) = (volume(), region());
    let report = Report::begin(&words, Kind::FileCheck).unwrap();
    let mut checker = Checker::open(ram.clone(), clock(&ram), report).unwrap();
    let needle: Vec<u8> = (0..64usize).map(|at| (at * 7 + 70_001) as u8).collect();
    let at = ram
        .bytes
        .borrow()
        .windows(64)
        .position(|window| *window == needle)
        .unwrap();
    ram.bytes.borrow_mut()[at + 3000] ^= 4;
    (0..4).for_each(|_| checker.step());
    assert_eq!(get(&words, Counter::Corrupt), 1);
}

#[test]
fn writes_that_never_arrive_are_seen() {
    let (ram, words) = (volume(), region());
    let report = Report::begin(&words, Kind::FileCheck).unwrap();
    let mut checker = Checker::open(ram.clone(), clock(&ram), report).unwrap();
    ram.freeze();
    (0..8).for_each(|_| checker.step());
    assert!(
        get(&words, Counter::Corrupt) + get(&words, Counter::Stale) + get(&words, Counter::ClientErrors) > 0
    );
}

#[test]
fn failed_request_is_one_error_and_the_file_is_written_again() {
    // Wherever it hits: reading, writing, the allocation table, the directory, the flush.
    for request in [0, 13, 38, 41, 42, 44, 58, 118, 248, 398, 598, 600] {
        let (ram, words) = (volume(), region());
        let report = Report::begin(&words, Kind::FileCheck).unwrap();
        let mut checker = Checker::open(ram.clone(), clock(&ram), report).unwrap();
        ram.fail(request..request + 1);
        (0..40).for_each(|_| checker.step());
        checker.stop();
        assert_eq!(get(&words, Counter::ClientErrors), 1, "{request}");
        assert_eq!(
            get(&words, Counter::Corrupt) + get(&words, Counter::Stale),
            0,
            "{request}"
        );
        for index in 0..4 {
            assert!(
                entry(&words, index)[56..96].iter().all(|byte| *byte == 0),
                "{request}"
            );
        }
    }
}

#[test]
fn volume_without_manifest_fails_the_client() {
    let words = region();
    let report = Report::begin(&words, Kind::FileCheck).unwrap();
    let ram = Ram::zeroed();
    assert_eq!(
        Checker::open(ram.clone(), clock(&ram), report).err(),
        Some(Reason::NoVolume)
    );
    assert_eq!(words[2].load(Relaxed), 4 | 1 << 32);
}
