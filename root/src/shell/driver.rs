//! Driver generations: the system calls behind `root::generation`.
//!
//! What is inside the blackout is short because the rest was done before: at [`Drivers::start`] mapping the registers,
//! issuing the interrupt, clearing the driver's link page, resuming; at [`Drivers::cut`] suspending and deleting two
//! capabilities. Nothing there allocates, and no capability slot is created.

mod build;
mod place;
mod reach;
mod reap;

use driver_package::resources::{
    BADGE_IRQ, BADGE_SHADOW, MAX_IRQS, MAX_MMIO, MMIO_STRIDE, MMIO_VADDR, SLOT_IRQ,
};
use heapless::Vec;
use root::generation::{CutStep, Generations, PLACES};
use root::sender::Sender;
use sel4::init_thread::slot as init;
use sel4::{CapRights, ObjectBlueprint, cap};
use sel4_abi::microkit::slot;
use supervision::{Code, Side};
use system_spec::config::MAX_SLOTS;
use system_spec::spec::record::SLOT_DATA;
use system_spec::spec::{Rights, Slot, Spec, Trigger};

use super::Failure;
use super::memory::{Memory, PAGE, map_now, path};
use super::regions::{RegionFrames, Regions};
use super::system::Static;
use place::{Object, Place};

/// A register region of a device.
#[derive(Clone, Copy, Debug)]
struct Registers {
    frames: RegionFrames,
    phys_addr: u64,
    len: u64,
}

/// An interrupt of a device.
#[derive(Clone, Copy, Debug)]
struct Line {
    irq: u64,
    edge: bool,
    /// Empty slot in which its handlers are issued before they move to their generation.
    issue: u64,
}

/// One side of a slot: what a generation on it uses.
#[derive(Debug)]
struct SideCaps {
    /// Master of the driver's notification.
    notification: u64,
    /// The same, badged with the bit of interrupt `i`.
    irq_badged: [u64; MAX_IRQS],
    /// The shadow's notification, badged with this side's channel.
    shadow_badged: u64,
    /// Masters of the link's pages.
    shadow_page: u64,
    driver_page: u64,
    /// The driver's page, mapped here for good.
    driver_page_here: *mut u8,
}

/// A device slot.
#[derive(Debug)]
pub struct DeviceSlot {
    /// Its generations.
    pub generations: Generations,
    places: [Place; PLACES],
    sides: [SideCaps; 2],
    registers: Vec<Registers, MAX_MMIO>,
    lines: Vec<Line, MAX_IRQS>,
    data: Vec<RegionFrames, SLOT_DATA>,
    /// Master of the page with a copy of the device's PCI configuration space.
    config: Option<u64>,
    number: u32,
    class: u32,
    priority: u8,
    budget_us: u64,
    period_us: u64,
    heap_pages: u64,
}

/// All device slots.
pub struct Drivers {
    /// By number.
    pub slots: Vec<DeviceSlot, MAX_SLOTS>,
    last_generation: u32,
    stager: Option<(cap::VSpace, usize)>,
    pub(super) sched_control: cap::SchedControl,
}

impl Drivers {
    /// Takes everything that generations will ever need.
    pub fn create(
        spec: &Spec<'_>,
        regions: &Regions,
        system: &Static,
        memory: &mut Memory,
        bootinfo: &sel4::BootInfoPtr,
    ) -> Result<Self, Failure> {
        let mut slots = Vec::new();
        for (number, slot) in spec.slots().enumerate() {
            let slot = DeviceSlot::create(number, &slot, regions, system, memory)?;
            slots.push(slot).map_err(|_| Failure::TooMany)?;
        }
        let stager = match spec.stager() {
            Some((pd, window)) => {
                let vspace = cap::VSpace::from_bits(system.get(pd)?.vspace);
                memory.tables(vspace, window as usize)?;
                Some((vspace, window as usize))
            }
            None => None,
        };
        let sched_control = bootinfo.sched_control().index(0).cap();
        Ok(Self {
            slots,
            last_generation: 0,
            stager,
            sched_control,
        })
    }

    /// A slot.
    pub fn slot(&mut self, slot: usize) -> Result<&mut DeviceSlot, Code> {
        self.slots.get_mut(slot).ok_or(Code::Invalid)
    }

    /// Gives a staged generation its device and runs it.
    pub fn start(&mut self, slot: usize, generation: u32) -> Result<(), Code> {
        let slot = self.slot(slot)?;
        let place = slot.generations.find(generation)?;
        slot.generations.may_start(place)?;
        let side = slot.generations.at(place).map_or(Side::A, |g| g.side);
        if let Err(error) = slot.give_device(place, side) {
            // It never ran. If what it got cannot be taken back either, it stays the one that has the device: nobody else gets it.
            slot.generations.started(place)?;
            slot.take_back(place, side).map_err(refused)?;
            slot.generations.cut(place)?;
            return Err(refused(error));
        }
        slot.generations.started(place)
    }

    /// Suspends a generation and takes its device; `false` if that was done before.
    pub fn cut(&mut self, slot: usize, generation: u32) -> Result<bool, Code> {
        let slot = self.slot(slot)?;
        let place = slot.generations.find(generation)?;
        match slot.generations.cut_step(place)? {
            CutStep::Done => Ok(false),
            CutStep::Take(place) => {
                let side = slot.generations.at(place).map_or(Side::A, |g| g.side);
                slot.take_device(place, side).map_err(refused)?;
                slot.generations.cut(place).map(|()| true)
            }
        }
    }

    /// µs that the running generation took of the processor since this was asked last; its budget and period, µs.
    pub fn consumed(&mut self, slot: usize) -> Result<[u64; 3], Code> {
        let slot = self.slot(slot)?;
        let place = slot.generations.holder().ok_or(Code::WrongState)?;
        let context = cap::SchedContext::from_bits(slot.places[place].object(Object::SchedContext));
        let taken = context.sched_context_consumed().map_err(refused)?;
        Ok([taken, slot.budget_us, slot.period_us])
    }

    /// Suspends a generation that faulted, or that is to be killed. It keeps the device until it is cut.
    pub fn stop(&mut self, slot: usize, place: usize) -> Result<u32, Code> {
        let slot = self.slot(slot)?;
        slot.generations.stopped(place)?;
        slot.places[place].tcb().tcb_suspend().map_err(refused)?;
        slot.generations.at(place).map(|g| g.number).ok_or(Code::Invalid)
    }

    /// How many generations are being built anywhere (the stager has one window).
    fn building(&self) -> bool {
        self.slots
            .iter()
            .any(|slot| slot.generations.building().is_some())
    }
}

/// A refusal by the kernel where the state said that it would not refuse: said, but not explained, to the caller.
fn refused(error: sel4::Error) -> Code {
    sel4_root_task::debug_println!("root: the kernel refused: {error:?}");
    match error {
        sel4::Error::NotEnoughMemory => Code::NoMemory,
        _ => Code::WrongState,
    }
}

impl DeviceSlot {
    fn create(
        number: usize,
        slot: &Slot<'_>,
        regions: &Regions,
        system: &Static,
        memory: &mut Memory,
    ) -> Result<Self, Failure> {
        let mut registers = Vec::new();
        for mmio in slot.mmio() {
            let frames = regions.get(mmio.region)?;
            registers
                .push(Registers {
                    frames,
                    phys_addr: mmio.phys_addr,
                    len: mmio.len,
                })
                .map_err(|_| Failure::TooMany)?;
        }
        let mut lines = Vec::new();
        for (irq, trigger) in slot.irqs() {
            let line = Line {
                irq: irq.into(),
                edge: trigger == Trigger::Edge,
                issue: memory.slots(1)?,
            };
            lines.push(line).map_err(|_| Failure::TooMany)?;
        }
        let mut data = Vec::new();
        for region in slot.data() {
            data.push(regions.get(region)?).map_err(|_| Failure::TooMany)?;
        }
        let copies = data
            .iter()
            .map(|frames: &RegionFrames| frames.region.pages())
            .sum::<u64>()
            + 3;
        let pages = registers
            .iter()
            .map(|r: &Registers| r.frames.region.pages())
            .sum::<u64>();
        let mut places = [Place::EMPTY; PLACES];
        for (index, place) in places.iter_mut().enumerate() {
            let badge = Sender::Driver {
                slot: number,
                place: index,
            }
            .badge();
            let fault_ep = memory.mint(system.endpoint, CapRights::all(), badge)?;
            *place = Place::create(memory, copies, pages, fault_ep)?;
        }
        let [a, b] = &slot.sides;
        let side = |side, memory: &mut Memory| SideCaps::create(slot.shadow, side, regions, system, memory);
        let this = Self {
            generations: Generations::new(slot.guarded),
            places,
            sides: [side(a, memory)?, side(b, memory)?],
            registers,
            lines,
            data,
            config: match slot.config {
                Some(region) => Some(regions.get(region)?.slot),
                None => None,
            },
            number: number as u32,
            class: slot.class,
            priority: slot.priority,
            budget_us: slot.budget_us,
            period_us: slot.period_us,
            heap_pages: slot.heap_size.div_ceil(PAGE as u64),
        };
        // Writing to a frame needs page tables at root's scratch address; they are made once, here.
        let resources = memory.frames(super::memory::PAGE_BITS, 1)?.slot;
        memory.fill(resources, super::memory::PAGE_BITS, 0, &[], false)?;
        Ok(this)
    }

    /// Registers, interrupts, a clean link page; then it runs.
    fn give_device(&self, place: usize, side: Side) -> sel4::Result<()> {
        let (place, side) = (&self.places[place], &self.sides[side as usize]);
        let rights = Rights {
            write: true,
            execute: false,
        };
        let mut copy = place.registers;
        for (index, registers) in self.registers.iter().enumerate() {
            let vaddr = (MMIO_VADDR + index as u64 * MMIO_STRIDE) as usize;
            for page in 0..registers.frames.region.pages() {
                map_now(copy, place.vspace(), vaddr + page as usize * PAGE, rights, false)?;
                copy += 1;
            }
        }
        for (index, line) in self.lines.iter().enumerate() {
            // A handler of its own for every generation: its deletion with the generation is the final one, and only
            // that makes the line inactive.
            init::IRQ_CONTROL
                .cap()
                .irq_control_get_trigger(line.irq, line.edge, &path(line.issue))?;
            let handler = cap::IrqHandler::from_bits(line.issue);
            handler.irq_handler_set_notification(cap::Notification::from_bits(side.irq_badged[index]))?;
            // With GICv2 the line may still be masked from a delivery that the predecessor did not acknowledge.
            handler.irq_handler_ack()?;
            place
                .driver_slot(SLOT_IRQ + index as u64)
                .move_(&path(line.issue))?;
        }
        side.clear();
        place.tcb().tcb_resume()
    }

    /// After a gift that failed half-way: also the handler that had not moved yet, or the next one could not be issued.
    fn take_back(&self, place: usize, side: Side) -> sel4::Result<()> {
        for line in &self.lines {
            path(line.issue).delete()?;
        }
        self.take_device(place, side)
    }

    /// Suspended first, so that it cannot act while it loses things. Nothing that it wrote is left for a successor on the
    /// same side to be judged by: it may have written a report or answers in that one's name.
    fn take_device(&self, place: usize, side: Side) -> sel4::Result<()> {
        let (place, side) = (&self.places[place], &self.sides[side as usize]);
        place.tcb().tcb_suspend()?;
        side.clear();
        for copy in 0..place.register_pages {
            path(place.registers + copy).delete()?;
        }
        for index in 0..self.lines.len() as u64 {
            place.driver_slot(SLOT_IRQ + index).delete()?;
        }
        Ok(())
    }
}

impl SideCaps {
    fn create(
        shadow: usize,
        side: &system_spec::spec::SlotSide,
        regions: &Regions,
        system: &Static,
        memory: &mut Memory,
    ) -> Result<Self, Failure> {
        let notification = memory.object(ObjectBlueprint::Notification)?;
        let shadow = system.get(shadow)?;
        let shadow_signals = shadow.slot(slot::BASE_OUTPUT_NOTIFICATION + u64::from(side.channel));
        shadow_signals.mint(&path(notification), CapRights::write_only(), BADGE_SHADOW)?;
        let mut irq_badged = [0; MAX_IRQS];
        for (index, slot) in irq_badged.iter_mut().enumerate() {
            *slot = memory.mint(notification, CapRights::write_only(), BADGE_IRQ << index)?;
        }
        let driver_page = regions.get(side.driver_page)?.slot;
        let here = memory.copy(driver_page)?;
        Ok(Self {
            notification,
            irq_badged,
            shadow_badged: memory.mint(shadow.notification, CapRights::write_only(), 1 << side.channel)?,
            shadow_page: regions.get(side.shadow_page)?.slot,
            driver_page,
            driver_page_here: memory.keep(here)?,
        })
    }

    /// Zeroes the driver's page of the link.
    fn clear(&self) {
        // SAFETY: the page was mapped here for writing when the slot was created, and stays so. The shadow reads it
        // through a mapping of its own and takes what is there as hostile; no reference of ours points into it.
        unsafe { core::ptr::write_bytes(self.driver_page_here.cast::<u64>(), 0, PAGE / 8) };
    }
}
