//! What a device reaches, asked of a fake SMMU that walks the tables.

extern crate std;

use proptest::prelude::*;

use crate::fake::{Fake, PADDR};
use crate::memory::PAGE;
use crate::registers as reg;
use crate::space::{OpenError, Space, WINDOW_PAGES, Writable};
use crate::tables::{Access, LEAF, MapError};
use crate::{CommandError, Event, Smmu, Start, StartError};

const PLACES: [u64; 3] = [0x4800_0000, 0x4840_0000, 0x1_0020_0000];
const DATA: u64 = 0x4820_3000;
const DOORBELL: u64 = 0x0802_0000;
const STREAM: u32 = 0x10;
const ALL: Writable = [!0; WINDOW_PAGES / 64];

struct Rig {
    fake: Fake,
    smmu: Smmu,
    space: Space<3>,
}

fn space(fake: &Fake, smmu: &Smmu, number: usize, stream: u32) -> Space<3> {
    let memory = &mut fake.clone();
    let mut space = Space::new(smmu, memory, number, stream, PLACES).unwrap();
    space.keep(memory, DATA, 0x3000, Access::Write).unwrap();
    space.keep(memory, DOORBELL, 0x1000, Access::Registers).unwrap();
    space
}

impl Rig {
    fn new() -> Self {
        let fake = Fake::new(2);
        let (smmu, start) = Smmu::start(&mut fake.clone(), &mut fake.clone(), PADDR, 2).unwrap();
        assert_eq!(start, Start::Fresh);
        let space = space(&fake, &smmu, 1, STREAM);
        Self { fake, smmu, space }
    }
    fn open(&mut self, place: u64, pages: usize, writable: &Writable) -> Result<(), OpenError> {
        let (registers, memory) = (&mut self.fake.clone(), &mut self.fake.clone());
        self.space
            .open(&mut self.smmu, registers, memory, place, pages, writable)
    }
    fn close(&mut self) -> Result<(), CommandError> {
        let (registers, memory) = (&mut self.fake.clone(), &mut self.fake.clone());
        self.space.close(&mut self.smmu, registers, memory)
    }
    fn next(&self) -> Option<Event> {
        let event = self.smmu.event(&self.fake, &self.fake)?;
        self.smmu.taken(&mut self.fake.clone());
        Some(event)
    }
    fn reads(&self, address: u64) -> bool {
        self.fake.access(STREAM, address, false) == Ok(address)
    }
    fn writes(&self, address: u64) -> bool {
        self.fake.access(STREAM, address, true) == Ok(address)
    }
}

#[test]
fn nothing_is_let_through_before_a_space_is_opened() {
    let rig = Rig::new();
    for stream in [0, STREAM, 256, 511] {
        assert_eq!(rig.fake.access(stream, DATA, false), Err(0));
    }
    assert_eq!(rig.fake.access(512, DATA, false), Err(2), "a third bus");
}

#[test]
fn a_machine_that_lacks_something_is_refused() {
    for (register, value) in [(reg::IDR0, 0), (reg::IDR1, 16), (reg::IDR5, 4), (reg::IDR1, !0)] {
        let fake = Fake::new(1);
        fake.set(register, value);
        let start = Smmu::start(&mut fake.clone(), &mut fake.clone(), PADDR, 1);
        assert_eq!(start.err(), Some(StartError::Lacks), "{register:#x}");
    }
    let fake = Fake::new(1);
    let start = Smmu::start(&mut fake.clone(), &mut fake.clone(), PADDR + 0x1000, 1);
    assert_eq!(start.err(), Some(StartError::Memory));
    fake.deafen(true);
    let start = Smmu::start(&mut fake.clone(), &mut fake.clone(), PADDR, 1);
    assert_eq!(start.err(), Some(StartError::Silent));
    assert_eq!(fake.access(0, 0, true), Err(0), "what was given up aborts");
}

#[test]
fn late_transactions_of_a_closed_space_go_nowhere() {
    let mut rig = Rig::new();
    rig.open(PLACES[0], 8, &ALL).unwrap();
    // The fake remembers all of these.
    assert!(rig.writes(PLACES[0]) && rig.writes(DATA) && rig.writes(DOORBELL + 0x40));
    rig.close().unwrap();
    for address in [PLACES[0], DATA, DOORBELL + 0x40] {
        assert_eq!(rig.fake.access(STREAM, address, true), Err(0));
    }
}

#[test]
fn a_successor_does_not_reach_its_predecessors_window() {
    let mut rig = Rig::new();
    rig.open(PLACES[0], 8, &ALL).unwrap();
    assert!(rig.writes(PLACES[0]));
    rig.close().unwrap();
    rig.open(PLACES[1], 4, &ALL).unwrap();
    assert!(rig.writes(PLACES[1]) && rig.writes(DATA));
    assert!(!rig.reads(PLACES[0]) && !rig.reads(PLACES[1] + 4 * PAGE as u64));
    // Also if nobody closed it before.
    rig.open(PLACES[2], 1, &ALL).unwrap();
    assert!(rig.writes(PLACES[2]) && !rig.reads(PLACES[1]));
}

#[test]
fn what_was_stopped_is_told() {
    let mut rig = Rig::new();
    rig.open(PLACES[0], 1, &[0; 8]).unwrap();
    assert!(rig.reads(PLACES[0]) && !rig.writes(PLACES[0]) && !rig.reads(0x4000_0123));
    let next = || rig.next();
    assert_eq!(
        rig.smmu.event(&rig.fake, &rig.fake),
        rig.smmu.event(&rig.fake, &rig.fake)
    );
    let (first, second) = (next().unwrap(), next().unwrap());
    assert_eq!(
        (first.kind, first.address, first.write),
        (crate::event::PERMISSION, PLACES[0], true)
    );
    assert_eq!(
        (second.kind, second.address, second.write),
        (crate::event::TRANSLATION, 0x4000_0123, false)
    );
    assert_eq!((first.stream, next()), (STREAM, None));
}

#[test]
fn a_flood_of_events_ends() {
    let mut rig = Rig::new();
    rig.open(PLACES[0], 1, &ALL).unwrap();
    for round in 0..3 {
        (0..1000).for_each(|_| assert!(!rig.reads(0)));
        let told = core::iter::from_fn(|| rig.next()).count();
        assert_eq!(told, 128, "round {round}");
    }
}

#[test]
fn a_device_is_not_called_blocked_before_it_is() {
    let mut rig = Rig::new();
    rig.open(PLACES[0], 1, &ALL).unwrap();
    assert!(rig.writes(PLACES[0]));
    rig.fake.deafen(true);
    assert_eq!(rig.close(), Err(CommandError::Silent));
    rig.fake.deafen(false);
    rig.close().unwrap();
    assert!(!rig.reads(PLACES[0]));
}

#[test]
fn who_starts_anew_disturbs_nobody_and_can_close() {
    let mut rig = Rig::new();
    rig.open(PLACES[1], 3, &ALL).unwrap();
    let before = std::vec::Vec::from_iter(
        (0..crate::memory::len(2))
            .step_by(8)
            .map(|at| crate::Memory::read(&rig.fake, at)),
    );
    let (smmu, start) = Smmu::start(&mut rig.fake.clone(), &mut rig.fake.clone(), PADDR, 2).unwrap();
    assert_eq!(start, Start::Adopted);
    rig.smmu = smmu;
    rig.space = space(&rig.fake, &rig.smmu, 1, STREAM);
    for (index, word) in before.iter().enumerate() {
        assert_eq!(crate::Memory::read(&rig.fake, 8 * index), *word);
    }
    assert!(rig.writes(PLACES[1] + 0x2000) && !rig.reads(PLACES[1] + 0x3000));
    rig.close().unwrap();
    assert!(!rig.reads(PLACES[1]));
}

#[test]
fn ranges_that_cannot_be_are_refused() {
    let mut rig = Rig::new();
    let memory = &mut rig.fake.clone();
    let mut keep = |paddr, len| rig.space.keep(memory, paddr, len, Access::Write);
    assert_eq!(keep(PLACES[0] + LEAF - 0x1000, 0x2000), Err(MapError::Overlap));
    assert_eq!(keep(DOORBELL, 0x1000), Err(MapError::Overlap));
    assert_eq!(keep(0x800, 0x1000), Err(MapError::Range));
    assert_eq!(keep(1 << 39, 0x1000), Err(MapError::Range));
    assert_eq!(keep(u64::MAX - 0xfff, 0x1000), Err(MapError::Range));
    assert_eq!(keep(0x10_0000_0000, 64 << 21), Err(MapError::Full));
    assert_eq!(rig.open(0, 1, &ALL), Err(OpenError::Place));
    assert_eq!(rig.open(PLACES[0], 513, &ALL), Err(OpenError::Place));
}

proptest! {
    #[test]
    fn exactly_what_was_given_is_reached(
        ranges in prop::collection::vec((0u64..2048, 1u64..40, any::<bool>()), 0..6),
        (place, pages, writable) in (0usize..3, 0usize..=512, any::<Writable>()),
        asked in prop::collection::vec((0u64..2048, any::<bool>()), 64),
    ) {
        let fake = Fake::new(1);
        let (mut smmu, _) = Smmu::start(&mut fake.clone(), &mut fake.clone(), PADDR, 1).unwrap();
        // 8 MiB; the places are 2, 4 and 6 MiB above its start.
        let base = 0x5000_0000u64;
        let places = [1, 2, 3].map(|n| base + n * LEAF);
        let mut space = Space::<3>::new(&smmu, &mut fake.clone(), 0, 3, places).unwrap();
        let mut given = [None; 2048];
        for (first, count, write) in ranges {
            let access = if write { Access::Write } else { Access::Read };
            let (paddr, len) = (base + first * 0x1000, count * 0x1000);
            let free = (first..first + count).all(|page| page < 512 && given[page as usize].is_none());
            let kept = if free { space.keep(&mut fake.clone(), paddr, len, access) } else { Err(MapError::Overlap) };
            if kept.is_ok() {
                (first..first + count).for_each(|page| given[page as usize] = Some(write));
            }
        }
        space.open(&mut smmu, &mut fake.clone(), &mut fake.clone(), places[place], pages, &writable).unwrap();
        for page in 0..pages {
            given[512 * (place + 1) + page] = Some(writable[page / 64] >> (page % 64) & 1 == 1);
        }
        for (page, write) in asked {
            let address = base + page * 0x1000 + 8;
            let may = given[page as usize].is_some_and(|writable| writable || !write);
            prop_assert_eq!(fake.access(3, address, write).ok(), may.then_some(address));
        }
        space.close(&mut smmu, &mut fake.clone(), &mut fake.clone()).unwrap();
        for page in 0..2048 {
            prop_assert!(fake.access(3, base + page * 0x1000, false).is_err());
        }
    }
}
