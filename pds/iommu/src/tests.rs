//! The order of things, with a root that writes it down and a fake SMMU.

extern crate std;

use smmu::fake::{Fake, PADDR};
use smmu::tables::LEAF;
use std::cell::RefCell;
use std::rc::Rc;
use std::vec::Vec;
use supervision::root::PLACES;
use system_spec::config::IommuSlot;

use super::*;

const STREAM: u32 = 0x10;
const PLACES_AT: u64 = 0x4800_0000;
const DATA: u64 = 0x6000_0000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Admitted(u32),
    Blocked,
    Fault(u8, u64, bool),
}

#[derive(Default)]
struct State {
    told: Vec<Told>,
    admitted: u32,
    refuses: bool,
    more_pages: usize,
}

/// Root: generation `n` is in place `n - 1`, and behind the last place in the first one again, with two pages of which the second may be
/// written, and some more.
#[derive(Clone, Default)]
struct FakeRoot(Rc<RefCell<State>>);

impl FakeRoot {
    fn told(&self) -> Vec<Told> {
        core::mem::take(&mut self.0.borrow_mut().told)
    }
}

impl Root for FakeRoot {
    fn reach(&mut self, _: u32, index: usize) -> Option<(u64, u64)> {
        match index {
            0..PLACES => Some((PLACES_AT + index as u64 * LEAF, LEAF)),
            PLACES => Some((DATA, 0x2000)),
            _ => None,
        }
    }
    fn admitted(&mut self, _: u32) -> u32 {
        self.0.borrow().admitted
    }
    fn window(&mut self, _: u32, generation: u32) -> Result<Window, Code> {
        let place = generation.checked_sub(1).ok_or(Code::Invalid)? % PLACES as u32;
        let mut writable = [0; 8];
        writable[0] = 0b10;
        Ok(Window {
            paddr: PLACES_AT + u64::from(place) * LEAF,
            pages: 2 + self.0.borrow().more_pages,
            writable,
        })
    }
    fn tell_admitted(&mut self, _: u32, generation: u32) -> Code {
        let mut state = self.0.borrow_mut();
        state.told.push(Told::Admitted(generation));
        if state.refuses {
            return Code::WrongState;
        }
        state.admitted = generation;
        Code::Ok
    }
    fn tell_blocked(&mut self, _: u32) -> Code {
        let mut state = self.0.borrow_mut();
        state.told.push(Told::Blocked);
        state.admitted = 0;
        Code::Ok
    }
    fn tell_fault(&mut self, _: u32, kind: u8, address: u64, write: bool) {
        self.0.borrow_mut().told.push(Told::Fault(kind, address, write));
    }
}

fn config() -> IommuConfig {
    let mut config = IommuConfig {
        memory_paddr: PADDR,
        doorbell_paddr: 0x0802_0000,
        slot_count: 1,
        ..IommuConfig::default()
    };
    config.slots[0] = IommuSlot {
        slot: 2,
        stream: STREAM,
        messages: 1,
        reserved: 0,
    };
    config
}

fn start(fake: &Fake, root: &FakeRoot) -> Iommu<Fake, Fake, FakeRoot> {
    Iommu::start(fake.clone(), fake.clone(), root.clone(), &config()).unwrap()
}

fn writes(fake: &Fake, address: u64) -> bool {
    fake.access(STREAM, address, true) == Ok(address)
}

const ADMIT: u64 = Op::Admit as u64;
const BLOCK: u64 = Op::Block as u64;

#[test]
fn a_device_reaches_what_its_generation_may_reach_between_admission_and_block() {
    let (fake, root) = (Fake::new(1), FakeRoot::default());
    let mut iommu = start(&fake, &root);
    assert!(!writes(&fake, DATA));
    assert_eq!(iommu.call(ADMIT, 2, 1), Code::Ok);
    assert!(writes(&fake, DATA) && writes(&fake, 0x0802_0040) && writes(&fake, PLACES_AT + 0x1000));
    assert_eq!(root.told(), [Told::Admitted(1)]);
    assert_eq!(iommu.call(BLOCK, 2, 0), Code::Ok);
    assert!(!writes(&fake, DATA) && !writes(&fake, PLACES_AT + 0x1000));
    assert_eq!(root.told(), [Told::Blocked]);
}

#[test]
fn a_generation_that_root_refuses_is_not_reached() {
    let (fake, root) = (Fake::new(1), FakeRoot::default());
    let mut iommu = start(&fake, &root);
    root.0.borrow_mut().refuses = true;
    assert_eq!(iommu.call(ADMIT, 2, 1), Code::WrongState);
    assert!(!writes(&fake, DATA));
    assert_eq!(iommu.call(ADMIT, 2, 0), Code::Invalid);
    assert_eq!(iommu.call(ADMIT, 1, 1), Code::Invalid, "no such slot");
    assert_eq!(iommu.call(3, 2, 1), Code::Denied);
}

#[test]
fn root_is_not_told_of_a_block_that_the_smmu_did_not_complete() {
    let (fake, root) = (Fake::new(1), FakeRoot::default());
    let mut iommu = start(&fake, &root);
    iommu.call(ADMIT, 2, 1);
    root.told();
    fake.deafen(true);
    assert_eq!(iommu.call(BLOCK, 2, 0), Code::DeviceFailed);
    assert_eq!(root.told(), []);
}

#[test]
fn a_device_that_goes_too_far_is_cut_off_and_told_of_once() {
    let (fake, root) = (Fake::new(1), FakeRoot::default());
    let mut iommu = start(&fake, &root);
    iommu.call(ADMIT, 2, 1);
    root.told();
    // Behind the window; there are kernel objects.
    assert!(!writes(&fake, PLACES_AT + 0x2000));
    iommu.look();
    assert_eq!(root.told(), [Told::Fault(0x10, PLACES_AT + 0x2000, true)]);
    assert!(!writes(&fake, DATA));
    iommu.look();
    assert_eq!(root.told(), [], "an abort is no event");
    // The page without the right.
    assert_eq!(iommu.call(BLOCK, 2, 0), Code::Ok);
    assert_eq!(iommu.call(ADMIT, 2, 1), Code::Ok);
    root.told();
    assert!(!writes(&fake, PLACES_AT));
    iommu.look();
    assert_eq!(root.told(), [Told::Fault(0x13, PLACES_AT, true)]);
}

#[test]
fn a_successor_keeps_what_root_knows_and_undoes_the_rest() {
    let (fake, root) = (Fake::new(1), FakeRoot::default());
    start(&fake, &root).call(ADMIT, 2, 1);
    assert!(writes(&fake, DATA));
    start(&fake, &root);
    assert!(writes(&fake, DATA) && writes(&fake, PLACES_AT + 0x1000));
    // Root never learned of this one.
    root.0.borrow_mut().admitted = 0;
    start(&fake, &root);
    assert!(!writes(&fake, DATA));
}

mod deaths;
