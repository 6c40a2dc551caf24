//! The checker on a volume made by another implementation of FAT, over disks that work and disks that do not.

use std::cell::RefCell;
use std::io::{Cursor, Read, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use client_report::{Counter, Kind, Report};
use fat_partition::{SECTOR, Sectors};
use file_check::{Checker, Reason};
use sha2::{Digest, Sha256};

const VOLUME: usize = 16 << 20;

#[derive(Default)]
struct Faults {
    /// Requests until one fails; 0: none does.
    fail_in: u64,
    /// The flush that is asked for is not passed on, and neither is any write from here.
    freeze: bool,
}

#[derive(Clone)]
struct Ram {
    bytes: Rc<RefCell<Vec<u8>>>,
    faults: Rc<RefCell<Faults>>,
    clock: Rc<RefCell<u64>>,
}

impl Ram {
    fn clock(&self) -> impl Fn() -> u64 + use<> {
        let clock = self.clock.clone();
        move || *clock.borrow()
    }

    fn request(&mut self) -> Result<(), u8> {
        *self.clock.borrow_mut() += 1;
        let mut faults = self.faults.borrow_mut();
        faults.fail_in = faults.fail_in.saturating_sub(1);
        if faults.fail_in == 1 { Err(1) } else { Ok(()) }
    }
}

impl Sectors for Ram {
    fn count(&self) -> u64 {
        (VOLUME / SECTOR) as u64
    }
    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), u8> {
        self.request()?;
        data.copy_from_slice(&self.bytes.borrow()[first as usize * SECTOR..][..data.len()]);
        Ok(())
    }
    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), u8> {
        self.request()?;
        if !self.faults.borrow().freeze {
            self.bytes.borrow_mut()[first as usize * SECTOR..][..data.len()].copy_from_slice(data);
        }
        Ok(())
    }
    fn flush(&mut self) -> Result<(), u8> {
        self.request()
    }
}

fn volume() -> Ram {
    let mut bytes = Cursor::new(vec![0u8; VOLUME]);
    fatfs::format_volume(&mut bytes, fatfs::FormatVolumeOptions::new()).unwrap();
    let fs = fatfs::FileSystem::new(&mut bytes, fatfs::FsOptions::new()).unwrap();
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
    fs.unmount().unwrap();
    Ram {
        bytes: Rc::new(RefCell::new(bytes.into_inner())),
        faults: Rc::default(),
        clock: Rc::default(),
    }
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
    let mut checker = Checker::open(ram.clone(), ram.clock(), report).unwrap();
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
    let fs =
        fatfs::FileSystem::new(Cursor::new(ram.bytes.borrow().clone()), fatfs::FsOptions::new()).unwrap();
    for index in 0..4 {
        let entry = entry(&words, index);
        let name = String::from_utf8(entry[..16].to_vec()).unwrap();
        let mut content = Vec::new();
        fs.root_dir()
            .open_file(name.trim_end_matches('\0'))
            .unwrap()
            .read_to_end(&mut content)
            .unwrap();
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
    let mut checker = Checker::open(ram.clone(), ram.clock(), report).unwrap();
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
    let mut checker = Checker::open(ram.clone(), ram.clock(), report).unwrap();
    ram.faults.borrow_mut().freeze = true;
    (0..8).for_each(|_| checker.step());
    assert!(
        get(&words, Counter::Corrupt) + get(&words, Counter::Stale) + get(&words, Counter::ClientErrors) > 0
    );
}

#[test]
fn failed_request_is_one_error_and_the_file_is_written_again() {
    // Wherever it hits: reading, writing, the allocation table, the directory, the flush.
    for fail_in in [2, 15, 40, 43, 44, 46, 60, 120, 250, 400, 600, 602] {
        let (ram, words) = (volume(), region());
        let report = Report::begin(&words, Kind::FileCheck).unwrap();
        let mut checker = Checker::open(ram.clone(), ram.clock(), report).unwrap();
        ram.faults.borrow_mut().fail_in = fail_in;
        (0..40).for_each(|_| checker.step());
        checker.stop();
        assert_eq!(get(&words, Counter::ClientErrors), 1, "{fail_in}");
        assert_eq!(
            get(&words, Counter::Corrupt) + get(&words, Counter::Stale),
            0,
            "{fail_in}"
        );
        for index in 0..4 {
            assert!(
                entry(&words, index)[56..96].iter().all(|byte| *byte == 0),
                "{fail_in}"
            );
        }
    }
}

#[test]
fn volume_without_manifest_fails_the_client() {
    let words = region();
    let report = Report::begin(&words, Kind::FileCheck).unwrap();
    let ram = Ram {
        bytes: Rc::new(RefCell::new(vec![0; VOLUME])),
        faults: Rc::default(),
        clock: Rc::default(),
    };
    assert_eq!(
        Checker::open(ram.clone(), ram.clock(), report).err(),
        Some(Reason::NoVolume)
    );
    assert_eq!(words[2].load(Relaxed), 4 | 1 << 32);
}
