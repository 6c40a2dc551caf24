extern crate std;

use core::cell::Cell;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use system_spec::config::{BusBar, RegionConfig};

use super::*;
use crate::nvme;
use pci::Config;
use pci::fake::Times;

const DOORBELL: Doorbell = Doorbell {
    address: 0x0802_0040,
    first: 80,
    count: 64,
};

/// Of the device status (virtio 1.2, 2.1): a driver serves it.
const DRIVER_OK: u8 = 4;

/// A virtio disk as QEMU makes it: ports, a table of messages, and the regions of drivers.
#[derive(Clone)]
struct Fake {
    words: [u32; 64],
    writable: [u32; 64],
    /// It goes past any IOMMU.
    unlimited: bool,
    /// A reset of the device changes what it is.
    becomes: Option<u32>,
    status: Rc<Cell<u8>>,
    /// Reads until a reset is done.
    slow: Rc<Cell<usize>>,
    /// The command at the moment of the reset.
    command_at_reset: Rc<Cell<u32>>,
    command: Rc<Cell<u32>>,
}

impl Fake {
    fn new() -> Self {
        let (mut words, mut writable) = ([0; 64], [0; 64]);
        words[0] = 0x1042_1af4;
        words[1] = 1 << 20;
        writable[1] = 0xffff;
        (words[4], writable[4]) = (1, 0xffff_fff0);
        writable[5] = 0xffff_f000;
        (words[8], writable[8], writable[9]) = (0xc, 0xffff_c000, u32::MAX);
        words[0x34 / 4] = 0x98;
        (words[0x98 / 4], writable[0x98 / 4]) = (0x0001_8411, 0xc000_0000);
        words[0x98 / 4 + 1] = 1;
        words[0x84 / 4..][..4].copy_from_slice(&[0x0110_4009, 4, 0, 0x1000]);
        words[0x40 / 4..][..4].copy_from_slice(&[0x0410_0009, 4, 0x2000, 0x1000]);
        words[0x3c / 4] = 0x100;
        Self {
            words,
            writable,
            unlimited: false,
            becomes: None,
            status: Rc::new(Cell::new(15)),
            slow: Rc::default(),
            command_at_reset: Rc::default(),
            command: Rc::default(),
        }
    }
    fn status(&self) -> FakeStatus {
        FakeStatus(self.clone())
    }
}

impl Config for Fake {
    fn read(&self, offset: u8) -> u32 {
        match (offset, self.becomes) {
            (0, Some(other)) if self.status.get() == 0 => other,
            _ => self.words[usize::from(offset) / 4],
        }
    }
}

impl ConfigMut for Fake {
    fn write(&mut self, offset: u8, value: u32) {
        let index = usize::from(offset) / 4;
        self.words[index] = self.words[index] & !self.writable[index] | value & self.writable[index];
        self.command.set(self.words[1]);
        if offset == 4 && value as u16 & header::BUS_MASTER == 0 {
            // As QEMU's devices do.
            self.status.set(self.status.get() & !DRIVER_OK);
        }
    }
}

struct FakeStatus(Fake);

impl Device for FakeStatus {
    fn is_reset(&self) -> bool {
        match self.0.slow.get() {
            0 => self.0.status.get() == 0,
            more => {
                self.0.slow.set(more - 1);
                false
            }
        }
    }
    fn status(&self) -> u32 {
        self.0.status.get().into()
    }
    fn is_limited(&mut self) -> bool {
        assert_eq!(self.0.status.get(), 0, "asked before the reset");
        !self.0.unlimited
    }
    fn reset(&mut self) {
        self.0.command_at_reset.set(self.0.command.get());
        self.0.status.set(0);
    }
}

struct Table(Vec<u32>);

impl Mmio for Table {
    fn read(&self, offset: usize) -> u32 {
        self.0[offset / 4]
    }
    fn write(&mut self, offset: usize, value: u32) {
        self.0[offset / 4] = value;
    }
}

fn region(len: u64) -> RegionConfig {
    RegionConfig { vaddr: 0, len }
}

fn described() -> BusFunction {
    let mut function = BusFunction {
        identity: 0x1042_1af4,
        message: 80,
        bar_count: 1,
        ..BusFunction::default()
    };
    function.bars[0] = BusBar {
        index: 4,
        paddr: 0x1000_4000,
        here: region(0x4000),
        rest: region(0),
    };
    function
}

fn spare() -> Window {
    Window::new(0x1010_0000, 0x1_0000)
}

fn settled(fake: &mut Fake, described: &BusFunction) -> Result<Function, FunctionError> {
    Function::settle(fake, described, &mut spare())
}

fn on(fake: &mut Fake, described: &BusFunction) -> Result<(Function, Table), FunctionError> {
    let function = settled(fake, described)?;
    let mut table = Table(vec![7; 8]);
    function.switch_on(fake, Some(&mut table), Some(DOORBELL))?;
    Ok((function, table))
}

/// Resets it, looking so often.
fn reset(
    fake: &mut Fake,
    (function, table): &mut (Function, Table),
    looks: usize,
) -> Result<(), FunctionError> {
    let mut status = fake.status();
    function.reset(fake, &mut status, Some(table), Some(DOORBELL), &Times::new(looks))
}

fn works(fake: &Fake) -> bool {
    fake.words[1] & u32::from(header::BUS_MASTER) != 0
}

#[test]
fn a_function_gets_the_places_that_were_described_and_one_message() {
    let mut fake = Fake::new();
    let (function, table) = on(&mut fake, &described()).unwrap();
    assert_eq!((fake.words[8], fake.words[9]), (0x1000_400c, 0));
    assert_eq!(fake.words[5], 0x1010_0000);
    // Ports stay where they are, which is nowhere.
    assert_eq!(fake.words[4], 1);
    // It answers, and works when it was reset.
    assert_eq!(fake.words[1] as u16, 0x402);
    assert_eq!(function.table(), Some((0x1010_0000, 32)));
    assert_eq!(table.0, [0x0802_0040, 0, 80, 0, 0, 0, 0, 1]);
    // Another time everything is the same: a bus that starts anew disturbs nobody.
    fake.words[1] |= u32::from(header::BUS_MASTER);
    let before = fake.words;
    fake.status.set(15);
    on(&mut fake, &described()).unwrap();
    assert_eq!((fake.words, fake.status.get()), (before, 15));
}

#[test]
fn a_line_needs_no_message_but_must_be_the_one_described() {
    let with_line = BusFunction {
        message: 0,
        ..described()
    };
    let mut fake = Fake::new();
    let function = settled(&mut fake, &with_line).unwrap();
    assert_eq!(function.switch_on(&mut fake, None::<&mut Table>, None), Ok(()));
    assert_eq!((fake.words[1] as u16, function.table()), (2, None));
    fake.words[0x3c / 4] = 0x200;
    assert_eq!(
        settled(&mut fake, &with_line).err(),
        Some(FunctionError::Interrupt)
    );
}

#[test]
fn messages_that_were_not_described_are_switched_off() {
    const MSI: usize = 0xa8 / 4;
    let with_msi = |writable| {
        let mut fake = Fake::new();
        fake.words[0x98 / 4] = 0x8001_a811;
        (fake.words[MSI], fake.writable[MSI]) = (0x0001_8405, writable);
        fake
    };
    let with_line = BusFunction {
        message: 0,
        ..described()
    };
    let mut fake = with_msi(1 << 16);
    on(&mut fake, &with_line).unwrap();
    assert_eq!((fake.words[0x98 / 4] >> 31, fake.words[MSI] >> 16), (0, 0));
    let mut fake = with_msi(1 << 16);
    on(&mut fake, &described()).unwrap();
    assert_eq!((fake.words[0x98 / 4] >> 31, fake.words[MSI] >> 16), (1, 0));
    let refused = on(&mut with_msi(0), &with_line).err();
    assert_eq!(refused, Some(FunctionError::Interrupt), "one that stays on");
}

#[test]
fn every_lie_has_its_refusal() {
    type Change = fn(&mut Fake, &mut BusFunction);
    let cases: [(Change, FunctionError); 10] = [
        (|f, _| f.words[0] = u32::MAX, FunctionError::Wrong),
        (|f, _| f.words[0] = 0x1041_1af4, FunctionError::Wrong),
        (
            |f, _| f.writable[8] = 0xff00_c000,
            FunctionError::Bar(BarError::Size),
        ),
        (|f, _| f.writable[8] = 0xffff_8000, FunctionError::Regions),
        (|f, _| f.writable[5] = 0xfff0_0000, FunctionError::Regions),
        (|_, d| d.bars[0].index = 2, FunctionError::Regions),
        // The table beyond its region; in none; in the drivers' region.
        (|f, _| f.words[0x9c / 4] = 0xff9, FunctionError::Interrupt),
        (|f, _| f.words[0x9c / 4] = 4, FunctionError::Exposed),
        // Common configuration beyond its region, and too short.
        (|f, _| f.words[0x8c / 4] = 0x3004, FunctionError::Structures),
        (|f, _| f.words[0x90 / 4] = 0x10, FunctionError::Structures),
    ];
    for (number, (change, error)) in cases.into_iter().enumerate() {
        let (mut fake, mut described) = (Fake::new(), described());
        change(&mut fake, &mut described);
        // As firmware or a predecessor may have left it.
        fake.words[1] |= 6;
        assert_eq!(settled(&mut fake, &described).err(), Some(error), "case {number}");
        assert_eq!(fake.words[1] as u16, 0x400, "case {number}: it is silenced");
    }
}

#[test]
fn a_table_beside_the_registers_lies_on_pages_that_drivers_do_not_get() {
    let with = |drivers: u64, table: u32| {
        let (mut fake, mut described) = (Fake::new(), described());
        described.bars[0].here = region(drivers);
        described.bars[0].rest = region(0x4000 - drivers);
        fake.words[0x9c / 4] = 4 | table;
        settled(&mut fake, &described)
    };
    let function = with(0x2000, 0x2000).unwrap();
    assert_eq!(function.table(), Some((0x1000_6000, 32)));
    assert_eq!(function.beside_drivers(), Some((region(0x2000), 0x1000_6000)));
    assert_eq!(with(0x2000, 0x3ff0).err(), Some(FunctionError::Interrupt));
    // One entry of it, or all, where drivers reach.
    for table in [0x1ff0, 0x1000, 0] {
        assert_eq!(with(0x2000, table).err(), Some(FunctionError::Exposed));
    }
    // The parts are not all of it; what bus resets by must lie where it is mapped.
    let mut described = described();
    described.bars[0].here = region(0x3000);
    let result = settled(&mut Fake::new(), &described);
    assert_eq!(result.err(), Some(FunctionError::Regions));
}

#[test]
fn messages_that_nobody_receives_are_not_sent() {
    for message in [79, 144] {
        let described = BusFunction {
            message,
            ..described()
        };
        let mut fake = Fake::new();
        fake.words[1] |= 6;
        let result = on(&mut fake, &described);
        assert_eq!(result.err(), Some(FunctionError::Interrupt));
        assert_eq!(fake.words[1] as u16, 0x400, "it is silenced");
    }
    // As QEMU's frame reads.
    assert_eq!(Doorbell::new(0x0802_0000, 0x0050_0040), DOORBELL);
}

#[test]
fn a_reset_is_done_out_of_reach_of_memory_and_read_back() {
    let mut fake = Fake::new();
    let mut disk = on(&mut fake, &described()).unwrap();
    fake.words[1] |= u32::from(header::BUS_MASTER);
    let before = fake.words;
    // A driver cannot, but a device may have moved.
    fake.words[8] = 0xdead_000c;
    fake.slow.set(50);
    assert_eq!(reset(&mut fake, &mut disk, 99), Ok(()));
    assert_eq!(fake.command_at_reset.get() as u16, 0x402);
    assert_eq!((fake.words, fake.status.get()), (before, 0));
}

#[test]
fn device_that_would_go_past_its_iommu_does_not_work() {
    for (guarded, unlimited) in [(0, true), (1, false), (1, true)] {
        let mut fake = Fake::new();
        fake.unlimited = unlimited;
        let described = BusFunction {
            guarded,
            ..described()
        };
        let mut disk = on(&mut fake, &described).unwrap();
        let result = reset(&mut fake, &mut disk, 9);
        let refused = guarded == 1 && unlimited;
        assert_eq!(result.err(), refused.then_some(FunctionError::Unguarded));
        assert_ne!(works(&fake), refused);
    }
}

#[test]
fn a_device_that_does_not_read_back_is_not_believed() {
    let mut fake = Fake::new();
    let mut disk = on(&mut fake, &described()).unwrap();
    fake.slow.set(usize::MAX);
    let result = reset(&mut fake, &mut disk, 99);
    assert_eq!(result, Err(FunctionError::Stuck));
    assert!(!works(&fake));
    on(&mut fake, &described()).unwrap();
    assert!(
        !works(&fake),
        "a bus that starts anew does not know that it failed"
    );
    let mut fake = Fake::new();
    let mut disk = on(&mut fake, &described()).unwrap();
    fake.becomes = Some(0x1041_1af4);
    let result = reset(&mut fake, &mut disk, 99);
    assert_eq!(result, Err(FunctionError::Wrong));
    assert!(!works(&fake));
}

#[test]
fn what_a_function_is_its_class_says() {
    let mut nvme = Fake::new();
    nvme.words[2] = 0x0108_0200;
    // Its registers are in the first region, which was described; it needs none of the structures of virtio.
    (nvme.words[4], nvme.writable[4], nvme.words[0x34 / 4]) = (4, 0xffff_c000, 0x98);
    (nvme.words[5], nvme.writable[5]) = (0, u32::MAX);
    (nvme.words[8], nvme.writable[8], nvme.writable[9]) = (0, 0xffff_f000, 0);
    (nvme.words[0x98 / 4], nvme.words[0x98 / 4 + 1]) = (0x0001_0011, 4);
    let mut described = described();
    described.bars[0].index = 0;
    let (function, table) = on(&mut nvme, &described).unwrap();
    assert_eq!((function.kind, function.registers), (Kind::Nvme, nvme::REGISTERS));
    assert_eq!(table.0[..3], [0x0802_0040, 0, 80]);
    // As virtio it lacks them.
    nvme.words[2] = 0x0100_0000;
    assert_eq!(
        settled(&mut nvme, &described).err(),
        Some(FunctionError::Structures)
    );
    assert_eq!(
        on(&mut Fake::new(), &self::described()).unwrap().0.kind,
        Kind::Virtio
    );
}

proptest! {
    /// Whatever a function's configuration space is: an answer comes, and what was accepted lies where it may.
    #[test]
    fn any_function_is_answered(hits in prop::collection::vec((0usize..64, any::<u32>(), any::<u32>()), 0..12)) {
        let mut fake = Fake::new();
        for (index, word, writable) in hits {
            fake.words[index] = word;
            fake.writable[index] = writable;
        }
        if let Ok((function, _)) = on(&mut fake, &described()) {
            prop_assert!(function.registers.lies_in(0x4000) && function.registers.bar == 4);
            let (address, len) = function.table().unwrap();
            prop_assert!(address >= 0x1010_0000 && address + len as u64 <= 0x1011_0000);
        }
    }

    /// Whatever it becomes while it is used: it works when its reset was read back, and else not, if its command can be written at all.
    #[test]
    fn any_function_works_only_after_its_reset(
        hits in prop::collection::vec((0usize..64, any::<u32>(), any::<u32>()), 0..12),
        slow in prop::sample::select(vec![0, 5, usize::MAX]),
        unlimited: bool,
        becomes in prop::option::of(any::<u32>()),
    ) {
        let mut fake = Fake::new();
        let described = BusFunction { guarded: 1, ..described() };
        let mut disk = on(&mut fake, &described).unwrap();
        for (index, word, writable) in hits {
            fake.words[index] = word;
            fake.writable[index] = writable | if index == 1 { 0xffff } else { 0 };
        }
        fake.slow.set(slow);
        (fake.unlimited, fake.becomes) = (unlimited, becomes);
        let result = reset(&mut fake, &mut disk, 9);
        let works = works(&fake);
        prop_assert_eq!(works, result.is_ok(), "{:?}", result);
        if works {
            prop_assert!(!unlimited && fake.status.get() == 0 && fake.words[8] == 0x1000_4000 | fake.words[8] & 0xf);
        }
    }
}
