//! Root: `root::generation` decides; what its shell then does to drivers, pages and memory is done to the state.

use std::collections::VecDeque;

use root::generation::{CutStep, Generations};
use supervision::root::{Event, EventKind};
use supervision::{Code, Side};

use crate::SLOT;
use crate::device::Driver;
use crate::memory::PageRef;
use crate::state::{State, Violation};

/// Root's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Root {
    /// Who is where.
    pub generations: Generations,
    last: u32,
    /// What the generations were made of, in order, if that matters.
    pub packages: Vec<u32>,
    /// Portions of the generation's memory that were given back, of the one that is being given back.
    portions: u8,
    /// What waits for control.
    pub events: VecDeque<Event>,
}

/// So many calls give a generation's memory back: one more than control makes in a wake-up.
const PORTIONS: u8 = 5;

impl State {
    /// The stager begins a generation.
    pub fn build_begin(&mut self, side: Side) -> Result<u32, Code> {
        if self.root.generations.building().is_some() {
            return Err(Code::WrongState);
        }
        let number = self.root.last + 1;
        let place = self.root.generations.begin(number, side)?;
        self.root.last = number;
        // Memory is filled from now on.
        if self.device.may_write_to(place) {
            self.violate(Violation::MemoryReused);
        }
        Ok(number)
    }

    /// The stager's generation is complete.
    pub fn build_finish(&mut self, generation: u32) -> Result<(), Code> {
        let place = self.root.generations.find(generation)?;
        self.root.generations.staged(place)
    }

    /// Control starts a generation.
    pub fn start(&mut self, generation: u32) -> Result<(), Code> {
        let generations = &mut self.root.generations;
        let place = generations.find(generation)?;
        generations.may_start(place)?;
        let side = generations.at(place).map_or(Side::A, |one| one.side);
        self.memory.clear(PageRef::of_driver(side));
        self.root.generations.started(place)?;
        if self.driver.is_some() {
            self.violate(Violation::TwoOwners);
        }
        self.driver = Some(Driver::new(generation, place, side));
        Ok(())
    }

    /// The kernel refuses half-way: root takes back what it gave.
    pub fn start_fails(&mut self, generation: u32) -> Result<(), Code> {
        let place = self.root.generations.find(generation)?;
        self.root.generations.start_failed(place)?;
        Err(Code::WrongState)
    }

    /// Control cuts a generation.
    pub fn cut(&mut self, generation: u32) -> Result<(), Code> {
        let place = self.root.generations.find(generation)?;
        match self.root.generations.cut_step(place)? {
            CutStep::Done => Ok(()),
            CutStep::Take(place) => {
                let side = self.root.generations.at(place).map_or(Side::A, |one| one.side);
                self.memory.clear(PageRef::of_driver(side));
                self.driver = None;
                self.root.generations.cut(place)
            }
        }
    }

    /// Control or the stager gives a portion of a generation back. `Again` until all of it is.
    pub fn discard(&mut self, generation: u32) -> Result<(), Code> {
        let place = self.root.generations.find(generation)?;
        self.root.generations.reap(place)?;
        self.root.portions += 1;
        if self.root.portions < PORTIONS {
            return Err(Code::Again);
        }
        self.root.portions = 0;
        if self.device.may_write_to(place) {
            self.violate(Violation::MemoryReused);
        }
        self.root.generations.reaped(place)
    }

    /// Bus tells of a reset.
    pub fn device_reset(&mut self) -> Result<(), Code> {
        self.root.generations.device_reset()
    }

    /// The running driver stops: a fault, or a kill.
    pub fn stop(&mut self, kind: EventKind) -> Result<(), Code> {
        let place = self.root.generations.holder().ok_or(Code::WrongState)?;
        self.root.generations.stopped(place)?;
        if let Some(driver) = &mut self.driver {
            driver.stopped = true;
        }
        let generation = self.root.generations.at(place).map_or(0, |one| one.number);
        self.root.events.push_back(Event {
            kind,
            slot: SLOT,
            generation,
            detail: 0,
            address: 0,
            pc: 0,
        });
        Ok(())
    }
}
