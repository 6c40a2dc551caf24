//! The life of a device slot's generations, and the rules that hold whatever control asks for:
//! at most one generation holds the device; a device whose holder was cut is given to nobody before it was reset;
//! until then what its last holder could still be writing to (by DMA) is not reused. Behind an IOMMU, a generation runs only when its
//! device reaches its memory, and a reset counts only when the device reaches nobody's.

pub use supervision::root::PLACES;
use supervision::{Code, Side};

/// Where a generation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Its memory is being made and filled.
    Building,
    /// Complete, without device, not running.
    Staged,
    /// Has the device and runs.
    Running,
    /// Has the device, but faulted or was killed.
    Stopped,
    /// The device was taken from it.
    Cut {
        /// Its device may still write to its memory.
        quarantined: bool,
    },
    /// Its memory is being taken back.
    Reaping,
}

/// A generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation {
    /// Its number, unique in the system's life, never 0.
    pub number: u32,
    /// Which link and notification it uses.
    pub side: Side,
    /// Where it stands.
    pub phase: Phase,
}

impl Generation {
    fn holds_device(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Stopped)
    }
}

/// What to do for a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutStep {
    /// Take the device from it now.
    Take(usize),
    /// That was done before.
    Done,
}

/// What the IOMMU lets the device reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reach {
    /// There is none: everything.
    #[default]
    Everything,
    /// Nothing.
    Nothing,
    /// The generation in this place.
    Place(usize),
}

/// A device slot's generations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Generations {
    places: [Option<Generation>; PLACES],
    /// The last holder was cut, and the device was not reset since.
    dirty: bool,
    /// As the IOMMU PD said.
    reach: Reach,
}

impl Generations {
    /// None, and a device as the machine's reset left it; `guarded`: behind an IOMMU.
    pub const fn new(guarded: bool) -> Self {
        Self {
            places: [None; PLACES],
            dirty: false,
            reach: if guarded {
                Reach::Nothing
            } else {
                Reach::Everything
            },
        }
    }

    /// The generation in a place.
    pub fn at(&self, place: usize) -> Option<&Generation> {
        self.places.get(place)?.as_ref()
    }
    /// The place of a generation.
    pub fn find(&self, number: u32) -> Result<usize, Code> {
        let is = |g: &Option<Generation>| g.is_some_and(|g| g.number == number);
        self.places.iter().position(is).ok_or(Code::Invalid)
    }
    /// The place of the generation that holds the device.
    pub fn holder(&self) -> Option<usize> {
        self.places
            .iter()
            .position(|g| g.is_some_and(|g| g.holds_device()))
    }
    /// The place of the generation that is being built.
    pub fn building(&self) -> Option<usize> {
        self.places
            .iter()
            .position(|g| g.is_some_and(|g| g.phase == Phase::Building))
    }
    /// Number of the running generation, or 0.
    pub fn running(&self) -> u32 {
        self.places
            .iter()
            .flatten()
            .find(|g| g.phase == Phase::Running)
            .map_or(0, |g| g.number)
    }
    /// How many there are.
    pub fn alive(&self) -> usize {
        self.places.iter().flatten().count()
    }

    /// Begins a generation; its place. `NoMemory` if there is none.
    pub fn begin(&mut self, number: u32, side: Side) -> Result<usize, Code> {
        let place = self
            .places
            .iter()
            .position(Option::is_none)
            .ok_or(Code::NoMemory)?;
        self.places[place] = Some(Generation {
            number,
            side,
            phase: Phase::Building,
        });
        Ok(place)
    }
    /// It is complete.
    pub fn staged(&mut self, place: usize) -> Result<(), Code> {
        self.change(place, |phase| (phase == Phase::Building).then_some(Phase::Staged))
    }
    /// Checks that its memory may be let be reached by the device. Not while that of another one is: who lets it be reached and dies before he
    /// says so would leave memory in reach of which nobody knows.
    pub fn may_be_reached(&self, place: usize) -> Result<(), Code> {
        let staged = self.at(place).is_some_and(|g| g.phase == Phase::Staged);
        let free = self.holder().is_none() && !self.dirty;
        let no_other = [Reach::Nothing, Reach::Place(place)].contains(&self.reach);
        (staged && free && no_other).then_some(()).ok_or(Code::WrongState)
    }
    /// The device reaches its memory, and that of no other generation.
    pub fn reached(&mut self, place: usize) -> Result<(), Code> {
        self.may_be_reached(place)?;
        self.reach = Reach::Place(place);
        Ok(())
    }
    /// The device reaches nothing.
    pub fn blocked(&mut self) -> Result<(), Code> {
        if self.reach == Reach::Everything {
            return Err(Code::WrongState);
        }
        self.reach = Reach::Nothing;
        Ok(())
    }
    /// Number of the generation that the device reaches through an IOMMU, or 0.
    pub fn reach(&self) -> u32 {
        match self.reach {
            Reach::Place(place) => self.at(place).map_or(0, |g| g.number),
            Reach::Everything | Reach::Nothing => 0,
        }
    }
    /// Checks that it may have the device now.
    pub fn may_start(&self, place: usize) -> Result<(), Code> {
        let staged = self.at(place).is_some_and(|g| g.phase == Phase::Staged);
        let reached = match self.reach {
            Reach::Everything => true,
            Reach::Nothing => false,
            Reach::Place(other) => other == place,
        };
        if staged && reached && self.holder().is_none() && !self.dirty {
            Ok(())
        } else {
            Err(Code::WrongState)
        }
    }
    /// It has the device.
    pub fn started(&mut self, place: usize) -> Result<(), Code> {
        self.may_start(place)?;
        self.change(place, |_| Some(Phase::Running))
    }
    /// It could not be given all of the device, and what it got was taken back. It never ran; for the rest it counts as cut.
    pub fn start_failed(&mut self, place: usize) -> Result<(), Code> {
        self.started(place)?;
        self.cut(place)
    }
    /// It faulted or was killed. `WrongState` if it was not running.
    pub fn stopped(&mut self, place: usize) -> Result<(), Code> {
        self.change(place, |phase| (phase == Phase::Running).then_some(Phase::Stopped))
    }
    /// What a cut of it takes; the shell does it, then says [`cut`](Self::cut).
    pub fn cut_step(&self, place: usize) -> Result<CutStep, Code> {
        match self.at(place).map(|g| g.phase) {
            Some(Phase::Running | Phase::Stopped) => Ok(CutStep::Take(place)),
            Some(Phase::Cut { .. }) => Ok(CutStep::Done),
            _ => Err(Code::WrongState),
        }
    }
    /// The device was taken from it.
    pub fn cut(&mut self, place: usize) -> Result<(), Code> {
        let holds = |phase| matches!(phase, Phase::Running | Phase::Stopped);
        self.change(place, |phase| {
            holds(phase).then_some(Phase::Cut { quarantined: true })
        })?;
        self.dirty = true;
        Ok(())
    }
    /// Bus has reset the device and read that back. `WrongState` while somebody holds it, whose setup is gone; or while it still
    /// reaches somebody.
    pub fn device_reset(&mut self) -> Result<(), Code> {
        if self.holder().is_some() || matches!(self.reach, Reach::Place(_)) {
            return Err(Code::WrongState);
        }
        self.dirty = false;
        for generation in self.places.iter_mut().flatten() {
            if let Phase::Cut { quarantined } = &mut generation.phase {
                *quarantined = false;
            }
        }
        Ok(())
    }
    /// Begins (or goes on) taking its memory back.
    pub fn reap(&mut self, place: usize) -> Result<(), Code> {
        if self.reach == Reach::Place(place) {
            return Err(Code::WrongState);
        }
        self.change(place, |phase| match phase {
            Phase::Building | Phase::Staged | Phase::Reaping | Phase::Cut { quarantined: false } => {
                Some(Phase::Reaping)
            }
            Phase::Running | Phase::Stopped | Phase::Cut { quarantined: true } => None,
        })
    }
    /// Its memory was taken back: the place is free.
    pub fn reaped(&mut self, place: usize) -> Result<(), Code> {
        match self.places.get_mut(place) {
            Some(
                slot @ Some(Generation {
                    phase: Phase::Reaping,
                    ..
                }),
            ) => {
                *slot = None;
                Ok(())
            }
            _ => Err(Code::WrongState),
        }
    }

    fn change(&mut self, place: usize, to: impl Fn(Phase) -> Option<Phase>) -> Result<(), Code> {
        let generation = self
            .places
            .get_mut(place)
            .and_then(Option::as_mut)
            .ok_or(Code::Invalid)?;
        generation.phase = to(generation.phase).ok_or(Code::WrongState)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn staged(slot: &mut Generations, number: u32) -> usize {
        let place = slot.begin(number, Side::A).unwrap();
        slot.staged(place).unwrap();
        place
    }

    #[test]
    fn nobody_starts_on_a_device_that_was_not_reset() {
        let mut slot = Generations::new(false);
        let (old, new) = (staged(&mut slot, 1), staged(&mut slot, 2));
        slot.started(old).unwrap();
        assert_eq!(slot.may_start(new), Err(Code::WrongState));
        slot.cut(old).unwrap();
        assert_eq!(slot.may_start(new), Err(Code::WrongState));
        slot.device_reset().unwrap();
        slot.started(new).unwrap();
        assert_eq!(slot.running(), 2);
    }

    #[test]
    fn start_that_failed_leaves_the_device_to_the_next_one_after_a_reset() {
        let mut slot = Generations::new(false);
        let (first, second) = (staged(&mut slot, 1), staged(&mut slot, 2));
        slot.start_failed(first).unwrap();
        assert_eq!(slot.cut_step(first), Ok(CutStep::Done), "control cuts it again");
        assert_eq!(slot.may_start(second), Err(Code::WrongState));
        assert_eq!(slot.reap(first), Err(Code::WrongState));
        slot.device_reset().unwrap();
        slot.reap(first).unwrap();
        slot.started(second).unwrap();
    }

    #[test]
    fn memory_of_a_cut_generation_is_kept_until_the_reset() {
        let mut slot = Generations::new(false);
        let old = staged(&mut slot, 1);
        slot.started(old).unwrap();
        assert_eq!(slot.reap(old), Err(Code::WrongState));
        slot.cut(old).unwrap();
        assert_eq!(slot.reap(old), Err(Code::WrongState));
        slot.device_reset().unwrap();
        slot.reap(old).unwrap();
        slot.reaped(old).unwrap();
        assert_eq!(slot.alive(), 0);
    }

    #[test]
    fn cut_is_idempotent() {
        let mut slot = Generations::new(false);
        let place = staged(&mut slot, 1);
        assert_eq!(slot.cut_step(place), Err(Code::WrongState));
        slot.started(place).unwrap();
        assert_eq!(slot.cut_step(place), Ok(CutStep::Take(place)));
        slot.cut(place).unwrap();
        assert_eq!(slot.cut_step(place), Ok(CutStep::Done));
    }

    #[test]
    fn a_reset_under_a_running_driver_is_refused() {
        let mut slot = Generations::new(false);
        let place = staged(&mut slot, 1);
        slot.started(place).unwrap();
        slot.stopped(place).unwrap();
        assert_eq!(slot.device_reset(), Err(Code::WrongState));
    }

    #[test]
    fn behind_an_iommu_nobody_runs_whose_device_does_not_reach_him() {
        let mut slot = Generations::new(true);
        let (old, new) = (staged(&mut slot, 1), staged(&mut slot, 2));
        assert_eq!(slot.started(old), Err(Code::WrongState));
        slot.reached(old).unwrap();
        assert_eq!(slot.started(new), Err(Code::WrongState));
        slot.started(old).unwrap();
        assert_eq!((slot.reached(new), slot.reach()), (Err(Code::WrongState), 1));
    }

    #[test]
    fn behind_an_iommu_a_reset_counts_when_the_device_is_blocked() {
        let mut slot = Generations::new(true);
        let old = staged(&mut slot, 1);
        slot.reached(old).unwrap();
        slot.started(old).unwrap();
        slot.cut(old).unwrap();
        assert_eq!(slot.device_reset(), Err(Code::WrongState));
        slot.blocked().unwrap();
        assert_eq!(slot.reap(old), Err(Code::WrongState), "it was not reset yet");
        slot.device_reset().unwrap();
        slot.reap(old).unwrap();
    }

    #[test]
    fn behind_an_iommu_a_device_reaches_no_other_before_it_was_blocked() {
        let mut slot = Generations::new(true);
        let (first, second) = (staged(&mut slot, 1), staged(&mut slot, 2));
        slot.reached(first).unwrap();
        assert_eq!(slot.may_be_reached(second), Err(Code::WrongState));
        slot.reached(first).expect("asked again");
        slot.blocked().unwrap();
        slot.reached(second).unwrap();
    }

    #[test]
    fn memory_that_a_device_was_let_reach_is_kept_though_its_generation_never_ran() {
        let mut slot = Generations::new(true);
        let place = staged(&mut slot, 1);
        slot.reached(place).unwrap();
        assert_eq!(slot.reap(place), Err(Code::WrongState));
        slot.blocked().unwrap();
        slot.reap(place).unwrap();
    }

    #[test]
    fn there_is_room_for_three() {
        let mut slot = Generations::new(false);
        for number in 1..=3 {
            staged(&mut slot, number);
        }
        assert_eq!(slot.begin(4, Side::B), Err(Code::NoMemory));
    }

    proptest! {
        /// Whatever is asked in whatever order: one holder at most, none started dirty, none reaped in quarantine.
        #[test]
        fn the_rules_hold_in_every_order(guarded: bool, ops in prop::collection::vec((0u8..10, 0usize..4), 1..200)) {
            let mut slot = Generations::new(guarded);
            // The place that the device reaches, if it is guarded.
            let mut reached = None;
            let mut number = 0;
            let mut dirty = false;
            for (op, place) in ops {
                let before = slot;
                let result = match op {
                    0 => { number += 1; slot.begin(number, Side::A).map(drop) }
                    1 => slot.staged(place),
                    2 => slot.started(place),
                    3 => slot.stopped(place),
                    4 => slot.cut(place),
                    5 => slot.device_reset(),
                    6 => slot.reap(place),
                    7 => slot.reaped(place),
                    8 => slot.reached(place),
                    _ => slot.blocked(),
                };
                if result.is_err() { prop_assert_eq!(before, slot); }
                let phase = |s: &Generations, place| s.at(place).map(|g| g.phase);
                match (op, result) {
                    (2, Ok(())) => {
                        prop_assert!(!dirty && before.holder().is_none());
                        prop_assert!(!guarded || reached == Some(place));
                    }
                    (4, Ok(())) => dirty = true,
                    (5, Ok(())) => { prop_assert!(before.holder().is_none() && reached.is_none()); dirty = false; }
                    (8, Ok(())) => { prop_assert!(guarded && !dirty && before.holder().is_none() && reached.is_none_or(|other| other == place)); reached = Some(place); }
                    (9, Ok(())) => { prop_assert!(guarded); reached = None; }
                    (6, Ok(())) => {
                        prop_assert!(reached != Some(place));
                        let quarantine = Some(Phase::Cut { quarantined: true });
                        prop_assert!(phase(&before, place) != quarantine);
                    }
                    _ => {}
                }
                let holders = (0..PLACES).filter(|&p| matches!(phase(&slot, p), Some(Phase::Running | Phase::Stopped)));
                prop_assert!(holders.count() <= 1);
            }
        }
    }
}
