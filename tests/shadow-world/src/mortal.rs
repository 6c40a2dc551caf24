//! A shadow that can die at any store and any notification: what it writes goes through a fuse.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use shadow::ledger::Region;
use shared_ring::page::{HostPage, Page};

thread_local! {
    /// Effects that the shadow of this thread still has; `None`: no end.
    static FUSE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The shadow's end.
struct Died;

/// Let the shadow die before its effect number `effects` from now.
pub fn arm(effects: Option<u64>) {
    FUSE.set(effects);
}

/// Effects that are left.
pub fn left() -> Option<u64> {
    FUSE.get()
}

/// How many effects this has; the shadow lives through it.
pub fn effects(act: impl FnOnce()) -> u64 {
    const MANY: u64 = 1 << 32;
    arm(Some(MANY));
    act();
    let left = left().expect("it lives");
    arm(None);
    MANY - left
}

/// The shadow is about to have an effect.
pub fn burn() {
    match FUSE.get() {
        None => {}
        Some(0) => {
            FUSE.set(None);
            // Not a panic: nothing is printed.
            resume_unwind(Box::new(Died));
        }
        Some(left) => FUSE.set(Some(left - 1)),
    }
}

/// What the shadow does, or `None` if it died over it.
pub fn live<T>(act: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(act))
        .map_err(|end: Box<dyn Any + Send>| {
            if !end.is::<Died>() {
                resume_unwind(end);
            }
        })
        .ok()
}

/// A page as the shadow sees it.
#[derive(Clone, Debug)]
pub struct MortalPage(pub HostPage);

impl Page for MortalPage {
    fn load32(&self, offset: usize, order: Ordering) -> u32 {
        self.0.load32(offset, order)
    }
    fn store32(&self, offset: usize, value: u32, order: Ordering) {
        burn();
        self.0.store32(offset, value, order);
    }
    fn load64(&self, offset: usize) -> u64 {
        self.0.load64(offset)
    }
    fn store64(&self, offset: usize, value: u64) {
        burn();
        self.0.store64(offset, value);
    }
    fn load8(&self, offset: usize) -> u8 {
        self.0.load8(offset)
    }
    fn store8(&self, offset: usize, value: u8) {
        burn();
        self.0.store8(offset, value);
    }
    fn fence() {
        HostPage::fence();
    }
}

/// The state region.
#[derive(Clone)]
pub struct Kept(pub Rc<[Cell<u64>]>);

impl Region for Kept {
    fn load(&self, at: usize) -> u64 {
        self.0.get(at).map_or(0, Cell::get)
    }
    fn store(&self, at: usize, value: u64) {
        burn();
        self.0[at].set(value);
    }
}
