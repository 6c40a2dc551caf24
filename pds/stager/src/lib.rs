//! The stager: verifies driver packages and fills the memory of staged generations, at low priority, so that whatever a
//! package contains costs nobody else anything.
//!
//! A package is verified completely before root hears of it. From a job until its outcome control does not change the
//! package's store slot: what was verified is what is copied.

#![no_std]
#![forbid(unsafe_code)]

use driver_package::package::signature::{PublicKey, Trust};
use supervision::root::MAX_SEGMENTS;
use supervision::stager::{Job, JobKind, Outcome, Refusal};
use supervision::{Code, Side};
use system_spec::config::{StagerConfig, StagerSlot};

mod build;
mod kept;
mod unreported;
mod verify;

pub use build::{ANSWER_WORDS, Root, clean_up};
pub use kept::{Copy, LEN_MAX as KEPT_MAX};
pub use unreported::Unreported;
pub use verify::{CONFIGURATION, Machine, WrongClass, device, verify};

/// Most message words of a call to root: five and two per segment.
pub const CALL_WORDS: usize = 5 + 2 * MAX_SEGMENTS;

/// Why a job failed: the refusal and its detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub refusal: Refusal,
    /// More precisely.
    pub detail: u32,
}

/// Carries out jobs.
#[derive(Debug)]
pub struct Stager<'a> {
    /// All slots of the package store.
    store: &'a [u8],
    package_size: usize,
    slots: &'a [StagerSlot],
    keys: &'a [PublicKey],
    known: verify::Known<'a>,
}

impl<'a> Stager<'a> {
    /// Takes packages from `store`, for the slots that `config` names.
    pub fn new(store: &'a [u8], config: &'a StagerConfig) -> Self {
        let slots = config
            .slots
            .get(..config.slot_count as usize)
            .unwrap_or(&config.slots);
        Self {
            store,
            package_size: config.package_size as usize,
            slots,
            keys: config.trust.keys(),
            known: verify::Known::default(),
        }
    }

    /// Keeps copies of the packages that it verified in these.
    #[must_use]
    pub fn keeping(self, copies: &'a mut [Copy]) -> Self {
        let known = verify::Known::keeping(copies);
        Self { known, ..self }
    }

    /// Carries out a job.
    ///
    /// `begun` is told slot and generation as soon as root knows the generation: who takes over from here must be able to
    /// find it.
    pub fn run(&self, job: &Job, root: &mut impl Root, begun: impl FnMut(u32, u32)) -> Outcome {
        let outcome = Outcome {
            id: job.id,
            refusal: 0,
            generation: 0,
            detail: 0,
        };
        match self.try_run(job, root, begun) {
            Ok(generation) => Outcome {
                generation,
                ..outcome
            },
            Err(Failure { refusal, detail }) => Outcome {
                refusal: refusal as u32,
                detail,
                ..outcome
            },
        }
    }

    /// The generation that was built, 0 if the job was only to verify.
    fn try_run(&self, job: &Job, root: &mut impl Root, begun: impl FnMut(u32, u32)) -> Result<u32, Failure> {
        let nonsense = Failure {
            refusal: Refusal::Root,
            detail: Code::Invalid as u32,
        };
        let bytes = self.package(job).ok_or(nonsense)?;
        let trust = Trust {
            keys: self.keys,
            revoked: job.revoked_keys,
        };
        let machine = Machine::ours(verify::CONFIGURATION, trust);
        if job.kind == JobKind::Verify as u32 {
            return self.known.package(bytes, &machine).map(|_| 0);
        }
        if job.kind != JobKind::Build as u32 {
            return Err(nonsense);
        }
        let slot = self
            .slots
            .iter()
            .find(|slot| slot.slot == job.slot)
            .ok_or(nonsense)?;
        let side = Side::from_word(job.side.into()).ok_or(nonsense)?;
        let floor = job.security_floor;
        let package = self.known.verify(bytes, &machine, slot, floor)?;
        build::build(&package, job.slot, side, root, begun)
    }

    /// The bytes that the job speaks of.
    fn package(&self, job: &Job) -> Option<&'a [u8]> {
        let len = job.len as usize;
        let from = self.package_size.checked_mul(job.package as usize)?;
        let slot = self.store.get(from..from.checked_add(self.package_size)?)?;
        slot.get(..len)
    }
}

#[cfg(test)]
mod tests;
