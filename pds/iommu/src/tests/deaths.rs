//! The PD dies at each of its instants: before each of its writes, before and after each of its questions to root.

extern crate std;

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use super::*;

/// Root, as asked by somebody who may die.
struct Asked(FakeRoot, Fake);

impl Asked {
    fn ask<R>(&mut self, question: impl FnOnce(&mut FakeRoot) -> R) -> R {
        self.1.instant();
        let answer = question(&mut self.0);
        self.1.instant();
        answer
    }
}

impl Root for Asked {
    fn reach(&mut self, slot: u32, index: usize) -> Option<(u64, u64)> {
        self.ask(|root| root.reach(slot, index))
    }
    fn admitted(&mut self, slot: u32) -> u32 {
        self.ask(|root| root.admitted(slot))
    }
    fn window(&mut self, slot: u32, generation: u32) -> Result<Window, Code> {
        self.ask(|root| root.window(slot, generation))
    }
    fn tell_admitted(&mut self, slot: u32, generation: u32) -> Code {
        self.ask(|root| root.tell_admitted(slot, generation))
    }
    fn tell_blocked(&mut self, slot: u32) -> Code {
        self.ask(|root| root.tell_blocked(slot))
    }
    fn tell_fault(&mut self, slot: u32, kind: u8, address: u64, write: bool) {
        self.ask(|root| root.tell_fault(slot, kind, address, write));
    }
}

/// A machine, and the PD that is alive.
struct World {
    fake: Fake,
    root: FakeRoot,
    pd: Iommu<Fake, Fake, Asked>,
    deaths: usize,
}

/// As `main` starts.
fn born(fake: &Fake, root: &FakeRoot) -> Iommu<Fake, Fake, Asked> {
    let asked = Asked(root.clone(), fake.clone());
    let mut pd = Iommu::start(fake.clone(), fake.clone(), asked, &config()).unwrap();
    pd.look();
    pd
}

impl World {
    /// One that dies so many instants after it began, or, if it does not even begin, over that; its successor lives for ever.
    fn new(beginning: Option<usize>, life: usize) -> Self {
        let (fake, root) = (Fake::new(1), FakeRoot::default());
        fake.kill_after(beginning);
        let first = catch_unwind(AssertUnwindSafe(|| born(&fake, &root)));
        let deaths = first.is_err().into();
        let pd = first.unwrap_or_else(|_| born(&fake, &root));
        fake.kill_after((deaths == 0).then_some(life));
        Self {
            fake,
            root,
            pd,
            deaths,
        }
    }

    /// Control asks, and asks a successor again.
    fn call(&mut self, operation: u64, generation: u64) -> Code {
        match self.alive(|pd| pd.call(operation, 2, generation)) {
            Some(code) => code,
            None => self.pd.call(operation, 2, generation),
        }
    }

    /// The SMMU's interrupt came.
    fn look(&mut self) {
        let _ = self.alive(Iommu::look);
    }

    fn alive<R>(&mut self, act: impl FnOnce(&mut Iommu<Fake, Fake, Asked>) -> R) -> Option<R> {
        let done = catch_unwind(AssertUnwindSafe(|| act(&mut self.pd))).ok();
        if done.is_none() {
            self.deaths += 1;
            self.pd = born(&self.fake, &self.root);
        }
        done
    }

    /// The device reaches the data and the first `pages` of this generation's place, and of no place another page.
    fn reaches(&self, generation: u64, pages: usize) {
        assert!(self.fake.lets_through(STREAM, DATA, true));
        let own = (generation as usize - 1) % PLACES;
        for (place, page) in (0..PLACES).flat_map(|place| (0..PAGES).map(move |page| (place, page))) {
            let address = PLACES_AT + place as u64 * LEAF + page as u64 * 0x1000;
            let reached = self.fake.lets_through(STREAM, address, false);
            assert_eq!(
                reached,
                place == own && page < pages,
                "place {place}, page {page}"
            );
        }
    }

    fn reaches_nothing(&self) {
        let reached = |address| self.fake.lets_through(STREAM, address, false);
        let place = |place: usize| reached(PLACES_AT + place as u64 * LEAF + 0x1000);
        assert!(!reached(DATA) && !(0..PLACES).any(place));
    }
}

/// Pages that are looked at of each place.
const PAGES: usize = 8;

/// A slot's life: four generations, one of which has the device go too far, in the first place a smaller one after a larger.
fn lives(world: &mut World) {
    world.reaches_nothing();
    for generation in 1..=4 {
        let pages = if generation == 1 { PAGES - 1 } else { 2 };
        world.root.0.borrow_mut().more_pages = pages - 2;
        assert_eq!(world.call(ADMIT, generation), Code::Ok);
        world.reaches(generation, pages);
        assert_eq!(world.root.0.borrow().admitted, generation as u32);
        if generation == 2 {
            world.root.told();
            assert!(!writes(&world.fake, 0));
            world.look();
            let fault = Told::Fault(smmu::event::TRANSLATION, 0, true);
            assert!(world.root.told().contains(&fault));
            world.reaches_nothing();
        }
        assert_eq!(world.call(BLOCK, 0), Code::Ok);
        world.reaches_nothing();
        assert_eq!(world.root.0.borrow().admitted, 0);
    }
}

#[test]
fn whoever_dies_at_any_instant_the_successor_ends_what_was_begun() {
    let deaths = (0..).map(|life| {
        let mut world = World::new(None, life);
        lives(&mut world);
        world.deaths
    });
    let instants = deaths.take_while(|deaths| *deaths == 1).count();
    assert!(instants > 100, "{instants}");
}

#[test]
fn whoever_dies_over_the_beginning_has_a_successor_that_begins() {
    // All memory is written; that is tens of thousands of instants, and the last ones are those that count.
    let mut instants = 0;
    while World::new(Some(instants), usize::MAX).deaths == 1 {
        instants += 500;
    }
    for beginning in (instants.saturating_sub(600)..).step_by(7) {
        let mut world = World::new(Some(beginning), usize::MAX);
        lives(&mut world);
        if world.deaths == 0 {
            break;
        }
    }
}
