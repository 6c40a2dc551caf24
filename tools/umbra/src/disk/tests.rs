//! Each kind of damage is found, and only that.

use super::*;

const LAYOUT: Layout = Layout {
    raw_mib: 1,
    fat_mib: 8,
    seed: 42,
};

/// A report as the document describes it.
struct Fake {
    bytes: Vec<u8>,
}

impl Fake {
    fn new(kind: u64, entries: u64, entry_len: usize) -> Self {
        let mut fake = Self {
            bytes: vec![0; 4096 + entries as usize * entry_len],
        };
        fake.word(0, u64::from_le_bytes(*b"UMBRARPT"));
        fake.word(8, 1 | kind << 32);
        fake.word(16, 3);
        fake.word(24, LAYOUT.seed);
        fake.word(32, entries);
        fake.word(40, 1000);
        fake
    }
    fn word(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
    fn report(&self) -> ClientReport {
        ClientReport::parse(&self.bytes).unwrap()
    }
    fn ledger() -> Self {
        Self::new(1, 256, 16)
    }
    fn set(&mut self, block: usize, acknowledged: u64, submitted: u64, seen: u64) {
        self.word(4096 + 16 * block, acknowledged | submitted << 32);
        self.word(4096 + 16 * block + 8, seen);
    }
    /// The table of a client that has changed nothing: made from the manifest.
    fn table(image: &[u8]) -> Self {
        use std::io::Read;
        let volume = image[table::find(image, FAT).unwrap()].to_vec();
        let volume = fatfs::FileSystem::new(std::io::Cursor::new(volume), fatfs::FsOptions::new()).unwrap();
        let mut manifest = String::new();
        volume
            .root_dir()
            .open_file("MANIFEST.TXT")
            .unwrap()
            .read_to_string(&mut manifest)
            .unwrap();
        assert!(manifest.starts_with("seed 42\n"));
        let lines: Vec<Vec<&str>> = manifest
            .lines()
            .skip(1)
            .map(|line| line.split(' ').collect())
            .collect();
        let mut fake = Self::new(2, lines.len() as u64, 128);
        for (index, line) in lines.iter().enumerate() {
            let entry = &mut fake.bytes[4096 + 128 * index..][..128];
            entry[..line[2].len()].copy_from_slice(line[2].as_bytes());
            entry[16..20].copy_from_slice(&line[1].parse::<u32>().unwrap().to_le_bytes());
            for (at, byte) in entry[24..56].iter_mut().enumerate() {
                *byte = u8::from_str_radix(&line[0][2 * at..2 * at + 2], 16).unwrap();
            }
        }
        fake
    }
}

fn put(image: &mut [u8], at: usize, number: u64, sequence: u64) {
    let partition = table::find(image, RAW).unwrap();
    let mut whole = vec![0u8; 4096];
    // The formatter's own block, with number and sequence as wanted.
    let words = super::raw::block(number, sequence, LAYOUT.seed);
    for (place, word) in whole.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    image[partition][4096 * at..][..4096].copy_from_slice(&whole);
}

fn verdict(image: &[u8], ledger: &Fake) -> Verdict {
    check_image(image, &ledger.report(), &Fake::table(image).report()).unwrap()
}

fn faults(verdict: &Verdict) -> [u64; 4] {
    [verdict.lost, verdict.stale, verdict.corrupt, verdict.undecided]
}

#[test]
fn fresh_image_holds() {
    let image = image(&LAYOUT).unwrap();
    let verdict = verdict(&image, &Fake::ledger());
    assert!(verdict.holds(), "{verdict:?}");
    assert_eq!((verdict.blocks, verdict.files, verdict.requests), (256, 13, 2000));
}

#[test]
fn block_from_acknowledged_to_submitted_is_legal_and_nothing_else() {
    let mut image = image(&LAYOUT).unwrap();
    put(&mut image, 7, 7, 5);
    for (acknowledged, submitted, seen, faults_expected) in [
        (5, 5, 5, [0, 0, 0, 0]),
        (4, 6, 0, [0, 0, 0, 0]),
        (6, 6, 5, [1, 0, 0, 0]),
        (6, 6, 6, [0, 1, 0, 0]),
        (4, 4, 4, [0, 0, 1, 0]),
    ] {
        let mut ledger = Fake::ledger();
        ledger.set(7, acknowledged, submitted, seen);
        assert_eq!(
            faults(&verdict(&image, &ledger)),
            faults_expected,
            "{acknowledged} {submitted} {seen}"
        );
    }
}

#[test]
fn block_in_the_wrong_place_is_corrupt() {
    let mut image = image(&LAYOUT).unwrap();
    put(&mut image, 9, 8, 0);
    assert_eq!(faults(&verdict(&image, &Fake::ledger())), [0, 0, 1, 0]);
}

#[test]
fn every_flipped_bit_of_a_block_is_corrupt() {
    let clean = image(&LAYOUT).unwrap();
    let start = table::find(&clean, RAW).unwrap().start + 3 * 4096;
    for at in [0, 8, 16, 24, 32, 2000, 4087, 4088, 4095] {
        let mut image = clean.clone();
        image[start + at] ^= 0x10;
        assert_eq!(
            faults(&verdict(&image, &Fake::ledger())),
            [0, 0, 1, 0],
            "byte {at}"
        );
    }
}

#[test]
fn mixture_is_legal_only_between_acknowledged_and_submitted() {
    let mut image = image(&LAYOUT).unwrap();
    put(&mut image, 4, 4, 2);
    let start = table::find(&image, RAW).unwrap().start + 4 * 4096;
    let newer = image[start..start + 4096].to_vec();
    put(&mut image, 4, 4, 1);
    image[start + 1024..start + 4096].copy_from_slice(&newer[1024..]);
    for (acknowledged, submitted, corrupt) in [(1, 2, 0), (1, 3, 0), (2, 2, 1), (2, 3, 1)] {
        let mut ledger = Fake::ledger();
        ledger.set(4, acknowledged, submitted, 0);
        assert_eq!(
            verdict(&image, &ledger).corrupt,
            corrupt,
            "{acknowledged} {submitted}"
        );
    }
}

#[test]
fn damaged_file_is_corrupt_and_missing_file_is_lost() {
    let clean = image(&LAYOUT).unwrap();
    let table = Fake::table(&clean).report();
    let fat = table::find(&clean, FAT).unwrap();
    let needle = b"MIT License";
    let text = include_bytes!("../../../../LICENSE-MIT");
    let needle = if text.starts_with(needle) {
        needle.to_vec()
    } else {
        text[..11].to_vec()
    };
    let at = clean[fat.clone()]
        .windows(11)
        .position(|window| window == needle)
        .unwrap();
    let mut image = clean.clone();
    image[fat.start + at + 100] ^= 1;
    let found = check_image(&image, &Fake::ledger().report(), &table).unwrap();
    assert_eq!(faults(&found), [0, 0, 1, 0], "{found:?}");

    let mut volume = std::io::Cursor::new(clean[fat.clone()].to_vec());
    {
        let volume = fatfs::FileSystem::new(&mut volume, fatfs::FsOptions::new()).unwrap();
        volume.root_dir().remove("MIT.TXT").unwrap();
        volume.unmount().unwrap();
    }
    let mut image = clean.clone();
    image[fat].copy_from_slice(volume.get_ref());
    let found = check_image(&image, &Fake::ledger().report(), &table).unwrap();
    assert_eq!(faults(&found), [1, 0, 0, 0], "{found:?}");
}

#[test]
fn what_the_client_counted_and_how_it_ended_count() {
    let image = image(&LAYOUT).unwrap();
    for (at, value) in [(56, 1), (64, 1), (72, 1), (80, 1), (16, 1), (16, 4 | 3 << 32)] {
        let mut ledger = Fake::ledger();
        ledger.word(at, value);
        assert!(!verdict(&image, &ledger).holds(), "word {at}");
    }
    let mut silent = Fake::ledger();
    silent.word(40, 0);
    let mut idle_table = Fake::table(&image);
    idle_table.word(40, 0);
    assert!(
        !check_image(&image, &silent.report(), &idle_table.report())
            .unwrap()
            .holds(),
        "nothing was done"
    );
}

#[test]
fn file_being_rewritten_is_undecided_and_forgotten_file_too() {
    let image = image(&LAYOUT).unwrap();
    let mut table = Fake::table(&image);
    table.bytes[4096 + 60] = 1;
    let found = check_image(&image, &Fake::ledger().report(), &table.report()).unwrap();
    assert_eq!(faults(&found), [0, 0, 0, 1]);
    let mut table = Fake::table(&image);
    table.word(32, 12);
    let found = check_image(&image, &Fake::ledger().report(), &table.report()).unwrap();
    assert_eq!(faults(&found), [0, 0, 0, 1]);
}

#[test]
fn bytes_that_are_no_report_are_refused() {
    let good = Fake::ledger().bytes;
    assert!(ClientReport::parse(&good).is_ok());
    assert_eq!(
        ClientReport::parse(&good[..good.len() - 1]),
        Err(ReportError::Short(good.len() - 1))
    );
    assert_eq!(ClientReport::parse(&[]), Err(ReportError::Short(0)));
    assert_eq!(ClientReport::parse(&[0; 8192]), Err(ReportError::NotBegun));
    for (at, value) in [(8, 2 | 1 << 32), (8, 1 | 99 << 32), (16, 5)] {
        let mut fake = Fake::ledger();
        fake.word(at, value);
        assert!(
            matches!(ClientReport::parse(&fake.bytes), Err(ReportError::Unknown(_))),
            "{at}"
        );
    }
}
