extern crate std;

use core::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

use pci::fake::{Fake, RootPort, Times};
use pci::port::GRANULE;
use pci::virtio::common::{DEVICE_FEATURE, DEVICE_STATUS};
use pci::{Config, ConfigMut, bar, port};
use proptest::prelude::*;
use supervision::bus::Presence;
use system_spec::config::BusBar;

use super::*;
use crate::virtio_pci::Common;

const ECAM: RegionConfig = RegionConfig {
    vaddr: 0x1000_0000,
    len: 0x20_0000,
};
const SPARE: RegionConfig = RegionConfig {
    vaddr: 0x2000_0000,
    len: 0x1_0000,
};
const MESSAGES: u64 = 0x3000_0000;
/// Of each slot: its copy, the region of its drivers, what is left of what its port forwards.
const COPIES: [u64; 2] = [0x4000_0000, 0x4100_0000];
const REGISTERS: [u64; 2] = [0x5000_0000, 0x5100_0000];
const BEHIND_PORT: u64 = 0x6000_0000;
const REGION: u64 = 0x4000;

/// A disk on bus 0; a port there, and the disk behind it; the host bridge, something that nobody described, and what came with the disk.
const DISK: u16 = 1 << 3;
const PORT: u16 = 2 << 3;
const PLUGGED: u16 = 1 << 8;
const BESIDE: u16 = PLUGGED + 1;
const BRIDGE: u16 = 0;
const STRANGER: u16 = 4 << 3;
const IDENTITY: u32 = 0x1042_1af4;

/// A virtio disk as QEMU makes it: a table of messages, and the regions of drivers.
fn disk() -> Fake {
    let mut fake = Fake::device();
    fake.bar(1, 0xffff_f000, 0);
    fake.bar(4, 0xffff_c000, 0xc);
    fake.capability(0x98, &[0x0001_0011, 1]);
    fake.writable[0x98 / 4] = 0xc000_0000;
    fake.capability(0x84, &[0x0110_0009, 4, 0, 0x1000]);
    fake.capability(0x40, &[0x0410_0009, 4, 0x2000, 0x1000]);
    fake
}

struct World {
    functions: BTreeMap<u16, Fake>,
    port: RootPort,
    memory: BTreeMap<u64, u32>,
    /// Looks until what is behind the port answers.
    late: usize,
    /// Status of the devices, and whether they do not reset.
    status: [u8; 2],
    stuck: [bool; 2],
    /// The devices reach what the IOMMU lets them.
    limited: bool,
}

#[derive(Clone)]
struct Machine(Rc<RefCell<World>>);

#[derive(Clone)]
struct Piece {
    world: Rc<RefCell<World>>,
    base: u64,
    len: usize,
}

impl World {
    fn function(&mut self, bits: u16) -> Option<&mut Fake> {
        let answers = bits >> 8 == 0 || self.port.has_power() && self.late == 0;
        self.late = self.late.saturating_sub(1);
        self.functions.get_mut(&bits).filter(|_| answers)
    }
    /// The device whose registers these are, if it answers there.
    fn device(&mut self, at: u64) -> Option<(usize, usize)> {
        let index = REGISTERS
            .iter()
            .position(|start| (*start..*start + REGION).contains(&at))?;
        let answers = self
            .function([DISK, PLUGGED][index])
            .is_some_and(|function| function.words[1] & u32::from(header::MEMORY) != 0);
        answers.then_some((index, (at - REGISTERS[index]) as usize))
    }
}

impl Piece {
    fn at(&self, offset: usize) -> u64 {
        assert!(offset < self.len, "{offset:#x} of {:#x}", self.len);
        self.base + offset as u64
    }
    fn configured(&self, offset: u8) -> (u16, u8) {
        let inside = self.at(offset.into()) - ECAM.vaddr;
        ((inside >> 12) as u16, offset)
    }
}

impl Config for Piece {
    fn read(&self, offset: u8) -> u32 {
        let (bits, offset) = self.configured(offset);
        let mut world = self.world.borrow_mut();
        match bits {
            PORT => world.port.read(offset),
            _ => world
                .function(bits)
                .map_or(u32::MAX, |function| function.read(offset)),
        }
    }
}

impl ConfigMut for Piece {
    fn write(&mut self, offset: u8, value: u32) {
        let (bits, offset) = self.configured(offset);
        let mut world = self.world.borrow_mut();
        match bits {
            PORT => world.port.write(offset, value),
            _ => {
                if let Some(function) = world.function(bits) {
                    function.write(offset, value);
                }
            }
        }
    }
}

impl port::Registers for Piece {
    fn write_half(&mut self, offset: u8, value: u16) {
        let (bits, offset) = self.configured(offset);
        assert_eq!(bits, PORT);
        self.world
            .borrow_mut()
            .at_port(|port| port.write_half(offset, value));
    }
}

impl Mmio for Piece {
    fn read(&self, offset: usize) -> u32 {
        let at = self.at(offset);
        let mut world = self.world.borrow_mut();
        match world.device(at) {
            Some((_, DEVICE_FEATURE)) => u32::from(world.limited) << 1,
            _ => world.memory.get(&at).copied().unwrap_or(0),
        }
    }
    fn write(&mut self, offset: usize, value: u32) {
        let at = self.at(offset);
        self.world.borrow_mut().memory.insert(at, value);
    }
}

impl Common for Piece {
    fn status(&self) -> u8 {
        let mut world = self.world.borrow_mut();
        match world.device(self.at(DEVICE_STATUS)) {
            Some((index, DEVICE_STATUS)) => world.status[index],
            _ => u8::MAX,
        }
    }
    fn set_status(&mut self, value: u8) {
        let mut world = self.world.borrow_mut();
        if let Some((index, DEVICE_STATUS)) = world.device(self.at(DEVICE_STATUS))
            && !world.stuck[index]
        {
            world.status[index] = value;
        }
    }
}

impl Mapped for Piece {
    fn part(&self, offset: usize, len: usize) -> Option<Self> {
        let end = offset.checked_add(len)?;
        (end <= self.len).then(|| Self {
            base: self.base + offset as u64,
            len,
            ..self.clone()
        })
    }
}

impl Space for Machine {
    type Mapped = Piece;

    fn at(&self, region: &RegionConfig) -> Option<Piece> {
        (region.vaddr != 0).then(|| Piece {
            world: self.0.clone(),
            base: region.vaddr,
            len: region.len as usize,
        })
    }
}

impl Machine {
    /// As firmware may leave it: all are at work.
    fn new() -> Self {
        let mut functions: BTreeMap<u16, Fake> = [DISK, PLUGGED, BESIDE, BRIDGE, STRANGER]
            .map(|bits| (bits, disk()))
            .into();
        for (bits, function) in &mut functions {
            function.words[1] |= 6;
            // More functions.
            function.words[0xc / 4] = u32::from(*bits == PLUGGED) << 23;
        }
        let mut world = World {
            functions,
            port: RootPort::new(),
            memory: [(MESSAGES + Doorbell::TYPE as u64, 0x0050_0040)].into(),
            late: 0,
            status: [15; 2],
            stuck: [false; 2],
            limited: true,
        };
        world.lose_power();
        Self(Rc::new(RefCell::new(world)))
    }
    fn start(&self) -> Host<Self> {
        self.start_with(&slots())
    }
    fn start_with(&self, slots: &[BusSlot]) -> Host<Self> {
        let host = BusHost {
            ecam: ECAM,
            spare: SPARE,
            spare_paddr: 0x1010_0000,
            messages: MESSAGES,
            messages_paddr: 0x0802_0000,
        };
        Host::start(self.clone(), &host, slots, &Times::new(9)).unwrap()
    }
    /// What somebody does to the slot behind the port.
    fn plug(&self, what: fn(&mut RootPort)) {
        self.0.borrow_mut().at_port(what);
    }
    fn command(&self, bits: u16) -> u16 {
        self.0.borrow().functions[&bits].words[1] as u16
    }
    fn works(&self, bits: u16) -> bool {
        self.command(bits) & header::BUS_MASTER != 0
    }
    /// Whether the drivers of a slot are shown what configuration space says.
    fn is_shown(&self, index: usize, bits: u16) -> bool {
        let world = self.0.borrow();
        let words = &world.functions[&bits].words;
        (0..64).all(|word| world.memory.get(&(COPIES[index] + 4 * word as u64)) == Some(&words[word]))
    }
}

impl World {
    fn at_port(&mut self, what: impl FnOnce(&mut RootPort)) {
        let had_power = self.port.has_power();
        what(&mut self.port);
        if had_power && !self.port.has_power() {
            self.lose_power();
        }
    }
    /// What is behind the port is as after its power came.
    fn lose_power(&mut self) {
        for bits in [PLUGGED, BESIDE] {
            let function = self.functions.get_mut(&bits).unwrap();
            function.words[1] &= !0xffff;
            for index in 0..usize::from(bar::COUNT) {
                function.words[4 + index] &= !function.writable[4 + index];
            }
        }
    }
}

fn slots() -> [BusSlot; 2] {
    let bar = |index: usize| BusBar {
        index: 4,
        paddr: 0x1000_0000 + index as u64 * REGION,
        here: RegionConfig {
            vaddr: REGISTERS[index],
            len: REGION,
        },
        ..BusBar::default()
    };
    let function = |index: usize, address: u16| BusFunction {
        copy: COPIES[index],
        address: address.into(),
        identity: IDENTITY,
        message: 80 + index as u32,
        guarded: 1,
        bar_count: 1,
        bars: core::array::from_fn(|number| {
            if number == 0 {
                bar(index)
            } else {
                BusBar::default()
            }
        }),
        ..BusFunction::default()
    };
    let plugged = BusFunction {
        port: PORT.into(),
        forwarded: 0x1020_0000,
        spare: RegionConfig {
            vaddr: BEHIND_PORT,
            len: GRANULE / 2,
        },
        spare_paddr: 0x1020_0000 + GRANULE / 2,
        ..function(1, PLUGGED)
    };
    [(4, function(0, DISK)), (7, plugged)].map(|(slot, function)| BusSlot {
        registers: 0,
        slot,
        transport: 2,
        function,
    })
}

fn reset(host: &mut Host<Machine>, slot: u32) -> Result<(), FunctionError> {
    host.reset(&slots(), slot, &Times::new(9))
}

fn attend(host: &mut Host<Machine>) -> bool {
    host.attend(&slots(), &Times::new(9))
}

#[test]
fn what_no_slot_has_is_silenced_and_what_a_slot_has_is_shown_to_its_drivers() {
    let machine = Machine::new();
    let mut host = machine.start();
    assert_eq!(machine.command(STRANGER), header::INTX_OFF);
    assert_eq!(machine.command(BRIDGE), 6, "the bridge itself is not");
    assert_eq!(
        machine.command(DISK),
        header::MEMORY | header::BUS_MASTER | header::INTX_OFF,
        "what works is not disturbed by a bus that is started anew"
    );
    assert!(machine.is_shown(0, DISK));
    assert_eq!(reset(&mut host, 4), Ok(()));
    assert!(machine.works(DISK) && machine.is_shown(0, DISK));
    assert_eq!(machine.0.borrow().status[0], 0);
    assert_eq!(host.identify(&slots(), 4), Some((2, 0)));
    assert_eq!(reset(&mut host, 5), Err(FunctionError::Wrong), "no such slot");
    // Its message, where its table is.
    let world = machine.0.borrow();
    let at = SPARE.vaddr + u64::from(world.functions[&DISK].words[5] - 0x1010_0000);
    let table: Vec<_> = (0..3).map(|word| world.memory[&(at + 4 * word)]).collect();
    assert_eq!(table, [0x0802_0040, 0, 80]);
}

#[test]
fn bridge_is_not_silenced_where_all_slots_are_behind_ports() {
    let machine = Machine::new();
    machine.start_with(&slots()[1..]);
    let commands = [BRIDGE, PORT, STRANGER].map(|bits| match bits {
        PORT => machine.0.borrow().port.fake.words[1] as u16,
        _ => machine.command(bits),
    });
    assert_eq!(
        commands,
        [6, header::MEMORY | header::BUS_MASTER, header::INTX_OFF]
    );
}

#[test]
fn what_answers_late_is_served_when_it_is_asked_for_and_nothing_beside_it() {
    let machine = Machine::new();
    let mut host = machine.start();
    machine.plug(RootPort::add);
    machine.0.borrow_mut().late = 1000;
    assert!(attend(&mut host));
    assert_eq!(host.identify(&slots(), 7), None);
    machine.0.borrow_mut().late = 0;
    let beside = |world: &mut World| world.functions.get_mut(&BESIDE).unwrap().words[1] |= 6;
    beside(&mut machine.0.borrow_mut());
    assert_eq!(reset(&mut host, 7), Ok(()));
    assert_eq!(machine.command(BESIDE), header::INTX_OFF);
}

#[test]
fn one_that_is_another_is_silenced_and_served_when_it_is_right() {
    let machine = Machine::new();
    let become_ = |identity| {
        let mut world = machine.0.borrow_mut();
        world.functions.get_mut(&DISK).unwrap().words[0] = identity;
    };
    become_(0x1041_1af4);
    let mut host = machine.start();
    assert_eq!(machine.command(DISK), header::INTX_OFF);
    assert_eq!(host.identify(&slots(), 4), None);
    // However often that fails, it takes none of the room for regions.
    for _ in 0..100 {
        assert_eq!(reset(&mut host, 4), Err(FunctionError::Wrong));
    }
    become_(IDENTITY);
    assert_eq!(reset(&mut host, 4), Ok(()));
    assert!(machine.works(DISK));
}

#[test]
fn one_that_does_not_reset_does_not_work() {
    let machine = Machine::new();
    let mut host = machine.start();
    machine.0.borrow_mut().stuck[0] = true;
    assert_eq!(reset(&mut host, 4), Err(FunctionError::Stuck));
    assert!(!machine.works(DISK));
    let mut host = machine.start();
    assert!(!machine.works(DISK), "for the next bus neither");
    machine.0.borrow_mut().stuck[0] = false;
    assert_eq!(reset(&mut host, 4), Ok(()));
}

#[test]
fn one_that_would_go_past_its_iommu_does_not_work() {
    let machine = Machine::new();
    let mut host = machine.start();
    for (limited, done) in [(false, Err(FunctionError::Unguarded)), (true, Ok(()))] {
        machine.0.borrow_mut().limited = limited;
        assert_eq!(reset(&mut host, 4), done);
        assert_eq!(machine.works(DISK), limited);
    }
}

#[test]
fn what_is_put_in_is_served_and_what_is_to_go_loses_its_power() {
    let machine = Machine::new();
    let mut host = machine.start();
    let presence = |host: &Host<Machine>| host.presence(&slots(), 7);
    assert_eq!(reset(&mut host, 7), Err(FunctionError::Gone));
    attend(&mut host);
    assert!(!attend(&mut host));
    for _ in 0..2 {
        machine.plug(RootPort::add);
        assert!(attend(&mut host));
        assert_eq!(presence(&host), Presence::Present);
        assert!(!machine.works(PLUGGED), "not before its reset");
        assert_eq!(machine.command(BESIDE), header::INTX_OFF);
        assert_eq!(reset(&mut host, 7), Ok(()));
        assert!(machine.works(PLUGGED) && machine.is_shown(1, PLUGGED));
        assert!(
            !host.release(&slots(), 7, &Times::new(9)),
            "nobody wants to take it out"
        );
        machine.plug(RootPort::press);
        assert!(attend(&mut host));
        assert_eq!(presence(&host), Presence::Leaving);
        assert!(host.release(&slots(), 7, &Times::new(9)));
        assert_eq!(presence(&host), Presence::Absent);
        assert_eq!(reset(&mut host, 7), Err(FunctionError::Gone));
        attend(&mut host);
    }
    assert_eq!(host.presence(&slots(), 4), Presence::Present, "it never goes");
    assert!(!host.release(&slots(), 4, &Times::new(9)));
}

#[test]
fn what_was_torn_out_is_gone_and_what_a_deaf_port_has_nobody_can_tell() {
    let machine = Machine::new();
    let mut host = machine.start();
    machine.plug(RootPort::add);
    attend(&mut host);
    assert_eq!(reset(&mut host, 7), Ok(()));
    machine.plug(RootPort::tear_out);
    // Also before the port was attended to.
    assert_eq!(reset(&mut host, 7), Err(FunctionError::Gone));
    machine.plug(RootPort::add);
    attend(&mut host);
    assert_eq!(reset(&mut host, 7), Ok(()));
    machine.0.borrow_mut().port.deaf = true;
    machine.plug(RootPort::tear_out);
    assert_eq!(reset(&mut host, 7), Err(FunctionError::Stuck));
}

/// What happens to a bus.
#[derive(Clone, Debug)]
enum Event {
    Add,
    Press,
    Tear,
    Deaf(bool),
    Stuck(usize, bool),
    Attend,
    Reset(usize),
    Release,
    Restart,
    Noise(usize, usize, u32),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::Add),
        Just(Event::Press),
        Just(Event::Tear),
        any::<bool>().prop_map(Event::Deaf),
        (0usize..2, any::<bool>()).prop_map(|(index, stuck)| Event::Stuck(index, stuck)),
        Just(Event::Attend),
        (0usize..2).prop_map(Event::Reset),
        (0usize..2).prop_map(Event::Reset),
        Just(Event::Release),
        Just(Event::Restart),
        (0usize..2, 2usize..64, any::<u32>())
            .prop_map(|(index, word, value)| Event::Noise(index, word, value)),
    ]
}

proptest! {
    /// In any order of what people, devices and control do: who did not read back as reset does not work, only a function without power is
    /// gone, and what no slot has stays silent.
    #[test]
    fn in_any_order_only_what_was_reset_works(events in prop::collection::vec(event(), 0..40)) {
        let machine = Machine::new();
        let mut host = machine.start();
        for event in events {
            match event {
                Event::Add => machine.plug(RootPort::add),
                Event::Press => machine.plug(RootPort::press),
                Event::Tear => machine.plug(RootPort::tear_out),
                Event::Deaf(deaf) => machine.0.borrow_mut().port.deaf = deaf,
                Event::Stuck(index, stuck) => machine.0.borrow_mut().stuck[index] = stuck,
                Event::Attend => { attend(&mut host); }
                Event::Release => {
                    let before = host.presence(&slots(), 7);
                    if host.release(&slots(), 7, &Times::new(9)) {
                        prop_assert_eq!(before, Presence::Leaving);
                        prop_assert!(!machine.0.borrow().port.has_power());
                    }
                }
                Event::Restart => host = machine.start(),
                Event::Noise(index, word, value) => {
                    let mut world = machine.0.borrow_mut();
                    world.functions.get_mut(&[DISK, PLUGGED][index]).unwrap().words[word] ^= value;
                }
                Event::Reset(index) => {
                    machine.0.borrow_mut().status[index] = 15;
                    let result = reset(&mut host, [4, 7][index]);
                    let world = machine.0.borrow();
                    let has_power = index == 0 || world.port.has_power();
                    match result {
                        Ok(()) => prop_assert_eq!((world.status[index], has_power), (0, true)),
                        Err(FunctionError::Gone) => prop_assert!(!has_power),
                        Err(_) => {
                            drop(world);
                            prop_assert!(!has_power || !machine.works([DISK, PLUGGED][index]));
                        }
                    }
                }
            }
            prop_assert!(!machine.works(STRANGER));
        }
    }
}
