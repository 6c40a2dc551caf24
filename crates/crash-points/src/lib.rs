//! Points at which a PD of a test build dies on demand. No product build contains this crate.
//!
//! The plan is a page that the PDs of a test system share: one point is armed at a time, by control on behalf of the test
//! ([`arm`]). Who reaches it disarms it first, so that its successor passes. Points have numbers, which are the PD's own.
#![no_std]

use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};

/// First bytes of an upload that is no package but a plan; three words (little-endian) follow: point, how many times it is
/// passed before it is taken, [`Action`].
pub const MAGIC: [u8; 16] = *b"UMBRA CRASH PLAN";
/// Bytes of such an upload.
pub const UPLOAD: usize = 16 + 3 * 8;

/// What is done at the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Action {
    /// The PD that reached it dies.
    Die = 1,
    /// The driver that has the device is killed.
    KillDriver = 2,
}

const POINT: usize = 0;
const PASS: usize = 1;
const ACTION: usize = 2;
const WORDS: usize = 3;

/// The plan's page; null: no plan, and nothing is ever reached.
static PLAN: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());

/// Where the plan is.
///
/// # Safety
/// `vaddr` is 0 (no plan), or the address of a page that stays mapped, readable and writable, for as long as the program
/// runs and that is accessed through this crate only.
pub unsafe fn plan_at(vaddr: usize) {
    PLAN.store(core::ptr::with_exposed_provenance_mut(vaddr), Relaxed);
}

fn words() -> Option<&'static [AtomicU64; WORDS]> {
    // SAFETY: null, or a page by the contract of `plan_at`: aligned, mapped for ever, and accessed by atomics only.
    unsafe { PLAN.load(Relaxed).cast::<[AtomicU64; WORDS]>().as_ref() }
}

/// Arms the point that an upload's bytes name; false: they are no plan.
pub fn arm(bytes: &[u8]) -> bool {
    let Some((MAGIC, rest)) = bytes
        .split_first_chunk::<16>()
        .map(|(magic, rest)| (*magic, rest))
    else {
        return false;
    };
    let (numbers, _) = rest.as_chunks::<8>();
    let (Some(plan), Some(numbers)) = (words(), numbers.get(..WORDS)) else {
        return false;
    };
    for (word, number) in plan.iter().zip(numbers) {
        word.store(u64::from_le_bytes(*number), Relaxed);
    }
    true
}

/// Whether this point is armed and is taken now; it is disarmed by that.
pub fn taken(point: u32) -> Option<Action> {
    let plan = words()?;
    if plan[POINT].load(Relaxed) != u64::from(point) {
        return None;
    }
    let pass = plan[PASS].load(Relaxed);
    if pass > 0 {
        plan[PASS].store(pass - 1, Relaxed);
        return None;
    }
    plan[POINT].store(0, Relaxed);
    Some(if plan[ACTION].load(Relaxed) == Action::KillDriver as u64 {
        Action::KillDriver
    } else {
        Action::Die
    })
}

/// A point where this PD dies if it is armed.
///
/// # Panics
/// That is how it dies.
pub fn point(number: u32) {
    if taken(number) == Some(Action::Die) {
        panic!("crash point {number}");
    }
}
