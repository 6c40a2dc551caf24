//! Partition tables, sound, damaged and hostile.

use device_class::block::*;
use proptest::prelude::*;
use shadow::Learning;
use shadow_block::table::{TableReader, Wish, detail};
use supervision::shadow::{EventKind, Failure, Policy};

use crate::world::driver::{carry_out, done};
use crate::world::*;

fn reader(scratch: &Memory, wishes: &[Wish]) -> TableReader<Memory> {
    let mut reader = TableReader::new(scratch.clone(), SCRATCH, wishes.iter().copied().collect());
    reader.begin(&RECORD);
    reader
}

/// Read the table of a disk: how it ended, and what each wish got.
fn read(disk: &Memory, wishes: &[Wish]) -> (Learning, Vec<Option<(u64, u64)>>) {
    let scratch = Memory::zeroed(4096);
    let mut reader = reader(&scratch, wishes);
    let regions = std::collections::HashMap::from([(SCRATCH, scratch)]);
    for _ in 0..200 {
        let request = reader.next_request().expect("more to read");
        assert!(request.block + u64::from(request.count) <= CAPACITY && request.count <= 8);
        match reader.answered(&carry_out(disk, &regions, &request)) {
            Learning::More => {}
            outcome => {
                return (
                    outcome,
                    (0..wishes.len()).map(|wish| reader.found(wish)).collect(),
                );
            }
        }
    }
    panic!("reading never ends");
}

fn disk() -> Memory {
    Memory::zeroed(CAPACITY as usize * BLOCK)
}

fn named(text: &str) -> Wish {
    Wish::Name(name(text))
}

#[test]
fn partitions_are_found_by_name_and_by_number() {
    let disk = disk();
    gpt::write(&disk, &gpt::PARTITIONS);
    let (outcome, found) = read(
        &disk,
        &[named("files"), Wish::Number(1), named("file"), Wish::Number(3)],
    );
    assert!(matches!(outcome, Learning::Known(_)));
    assert_eq!(found, [Some((320, 256)), Some((64, 256)), None, None]);
}

#[test]
fn digest_tells_tables_apart_and_not_copies_of_one() {
    let digest = |partitions: &[gpt::Partition], spoil: bool| {
        let disk = disk();
        gpt::write(&disk, partitions);
        if spoil {
            disk.0.borrow_mut()[BLOCK + 60] ^= 1;
        }
        read(&disk, &[named("raw")])
    };
    let (sound, found) = digest(&gpt::PARTITIONS, false);
    assert_eq!(
        digest(&gpt::PARTITIONS, true),
        (sound, found),
        "from the copy at the end of the device"
    );
    assert_ne!(digest(&[("raw", 64, 320)], false).0, sound);
}

#[test]
fn damaged_table_is_no_table() {
    for offset in [
        CAPACITY as usize * BLOCK - 33 * BLOCK + 32,
        CAPACITY as usize * BLOCK - BLOCK + 24,
    ] {
        let disk = disk();
        gpt::write(&disk, &gpt::PARTITIONS);
        disk.0.borrow_mut()[BLOCK] = b'X';
        disk.0.borrow_mut()[offset] ^= 1;
        assert_eq!(
            read(&disk, &[named("raw")]),
            (Learning::Failed(detail::DAMAGED), vec![None])
        );
    }
}

#[test]
fn partition_outside_the_usable_blocks_is_not_found() {
    let disk = disk();
    gpt::write(
        &disk,
        &[
            ("low", 33, 100),
            ("high", 100, 991),
            ("mad", u64::MAX, 200),
            ("good", 34, 990),
        ],
    );
    let (_, found) = read(&disk, &[named("low"), named("high"), named("mad"), named("good")]);
    assert_eq!(found, [None, None, None, Some((34, 957))]);
}

/// Whoever had such a partition could draw the others' borders anew.
#[test]
fn table_whose_usable_blocks_cover_a_table_is_no_table() {
    let backup = CAPACITY - 1;
    let (first, last) = (40, 48);
    for (field, value, sound) in [
        (first, 34, true),
        (first, 33, false),
        (first, 0, false),
        (last, backup - 33, true),
        (last, backup - 32, false),
        (last, backup, false),
    ] {
        let disk = disk();
        gpt::write(&disk, &gpt::PARTITIONS);
        for lba in [1, backup] {
            let bytes = &mut disk.0.borrow_mut();
            let header = &mut bytes[lba as usize * BLOCK..][..BLOCK];
            header[field..field + 8].copy_from_slice(&u64::to_le_bytes(value));
            gpt::sign(header);
        }
        let (outcome, _) = read(&disk, &[named("raw")]);
        assert_eq!(matches!(outcome, Learning::Known(_)), sound, "{field}: {value}");
    }
}

#[test]
fn primary_partitions_of_an_mbr_are_found_by_number() {
    let disk = disk();
    {
        let bytes = &mut disk.0.borrow_mut();
        bytes[510..512].copy_from_slice(&[0x55, 0xaa]);
        for (at, (kind, start, len)) in [
            (0x0c, 63u32, 100u32),
            (0x83, 163, 10_000),
            (0, 1, 1),
            (0x83, 0, 63),
        ]
        .iter()
        .enumerate()
        {
            let entry = &mut bytes[446 + 16 * at..][..16];
            entry[4] = *kind;
            entry[8..12].copy_from_slice(&start.to_le_bytes());
            entry[12..16].copy_from_slice(&len.to_le_bytes());
        }
    }
    let wishes = [
        Wish::Number(1),
        Wish::Number(2),
        Wish::Number(3),
        // It would cover this table.
        Wish::Number(4),
        Wish::Number(0),
        Wish::Number(5),
        named("raw"),
    ];
    let (outcome, found) = read(&disk, &wishes);
    assert!(matches!(outcome, Learning::Known(_)));
    assert_eq!(found, [Some((63, 100)), None, None, None, None, None, None]);
}

#[test]
fn disk_without_a_table_is_known_to_have_none() {
    assert_eq!(read(&disk(), &[named("raw")]), (Learning::Known(0), vec![None]));
}

#[test]
fn scratch_memory_that_is_too_small_is_said() {
    let mut reader = TableReader::new(Memory::zeroed(512), SCRATCH, [named("raw")].into_iter().collect());
    reader.begin(&RECORD);
    assert_eq!(
        reader.answered(&BlockResponse::default()),
        Learning::Failed(detail::SCRATCH)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands on the disk: reading ends, and what is found lies on the device.
    #[test]
    fn hostile_table_does_no_harm(
        changes in prop::collection::vec((prop_oneof![440usize..640, 1000usize..1500, 0usize..524_288], any::<u8>()), 0..12),
        checksum: bool,
    ) {
        let disk = disk();
        gpt::write(&disk, &gpt::PARTITIONS);
        {
            let bytes = &mut disk.0.borrow_mut();
            for (at, value) in changes {
                bytes[at] = value;
            }
            if checksum {
                gpt::sign(&mut bytes[BLOCK..2 * BLOCK]);
            }
        }
        let (_, found) = read(&disk, &[named("raw"), Wish::Number(2)]);
        for (start, len) in found.into_iter().flatten() {
            prop_assert!(len > 0 && start + len <= CAPACITY);
        }
    }
}
#[test]
fn changed_partition_table_retires_the_driver() {
    let mut machine = Machine::running(&["raw"]);
    gpt::write(&machine.disk, &[("raw", 65, 319), ("files", 320, 575)]);
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert_eq!(machine.expect(EventKind::Retire).a, Failure::Changed as u64);
}

#[test]
fn table_that_a_client_may_have_rewritten_proves_nothing() {
    let mut machine = Machine::running(&["raw", ""]);
    machine.submit(1, Op::Write, 0, 4);
    machine.work_until_idle();
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    assert!(machine.events.is_empty());
}

#[test]
fn unreadable_table_opens_the_whole_device_only() {
    let mut machine = Machine::new(&["raw", ""]);
    machine.attach(Policy::First);
    machine.start(RECORD);
    machine.expect(EventKind::Enabled);
    for _ in 0..5 {
        machine.driver_takes();
        let driver = machine.driver.as_mut().unwrap();
        for request in std::mem::take(&mut driver.pending) {
            driver.answer(BlockResponse {
                status: Status::IoError as u8,
                ..done(&request)
            });
        }
        let _ = driver.link.publish();
        machine.ring();
    }
    assert_eq!(machine.driver.as_ref().unwrap().taken.len(), 3, "three attempts");
    let reply = |machine: &mut Machine, n: usize| CallReply::from_label(machine.ask(n, 1, [0; 2]).unwrap().0);
    assert_eq!(reply(&mut machine, 0), CallReply::NoPartition);
    assert_eq!(reply(&mut machine, 1), CallReply::Ok);
}
