//! What others see of a machine: where it stands, what it needs, what the operator is told.

use control_protocol::cause::Cause;
use control_protocol::record::Step as PublicStep;
use control_protocol::reply::Condition;

use super::{After, Busy, Incarnation, Machine, Step};
use crate::recovery::Failures;

impl Machine {
    /// Number of the device slot.
    pub fn slot(&self) -> u32 {
        self.slot
    }
    /// Where it stands.
    pub fn step(&self) -> Step {
        self.step
    }
    /// When it wants [`tick`](Self::tick).
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }
    /// Who has the device.
    pub fn holder(&self) -> Option<Incarnation> {
        self.holder
    }
    /// Store slot of the package that should run.
    pub fn package(&self) -> Option<u8> {
        self.package
    }
    /// Store slot of the package that a rollback brings back.
    pub fn previous(&self) -> Option<u8> {
        self.spare
            .filter(|_| self.in_probation())
            .map(|spare| spare.package)
            .or(self.previous)
    }
    /// Updates that succeeded, and drivers that were lost.
    pub fn counts(&self) -> (u32, u32) {
        (self.updates, self.failed)
    }

    /// Drivers that were lost, by [`Cause`].
    pub fn causes(&self) -> [u32; Cause::COUNT] {
        self.causes
    }
    /// Failures since the operator last put in a driver.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// What the operator sees.
    pub fn condition(&self) -> Condition {
        match (self.public_step(), self.order) {
            (Some(step), Some(order)) => Condition::Changing {
                job: order.record,
                step,
            },
            _ if self.condition == Condition::Working && self.spare.is_some() => Condition::Probation,
            _ => self.condition,
        }
    }

    /// Whether the package in this store slot must stay there.
    pub fn needs(&self, package: u8) -> bool {
        let generations = [self.holder, self.target, self.spare, self.held];
        let orders = [self.order, self.pending];
        self.package == Some(package)
            || self.previous == Some(package)
            || generations.iter().flatten().any(|one| one.package == package)
            || orders.iter().flatten().any(|order| order.package == package)
            || self.staging == Some(package)
            || self.lent.iter().any(|(_, lent)| *lent == package)
            || self.step == Step::Reap(After::Stage(package))
            || self.step == Step::BackOff(package)
    }

    /// Whether a new order would have to wait for a transaction to end. (One that only gives memory back is over.)
    pub fn busy(&self) -> Option<Busy> {
        match (self.pending, self.order) {
            (Some(order), _) => Some(Busy { job: order.record }),
            (None, Some(order)) if self.public_step().is_some() => Some(Busy { job: order.record }),
            _ => None,
        }
    }

    pub(super) fn in_probation(&self) -> bool {
        self.spare.is_some() && self.public_step().is_none()
    }

    /// The step as the operator sees it; `None` when the outcome is known.
    pub(super) fn public_step(&self) -> Option<PublicStep> {
        Some(match self.step {
            Step::Idle | Step::Reap(After::Rest) => return None,
            Step::StageNew | Step::Reap(After::Stage(_)) => PublicStep::StageNew,
            Step::StageSpare | Step::Reap(After::Spare) => PublicStep::StageSpare,
            Step::Quiesce => PublicStep::Quiesce,
            Step::Attach => PublicStep::Attach,
            Step::Enable => PublicStep::Enable,
            Step::Resume => PublicStep::Resume,
            Step::Measure => PublicStep::Measure,
            Step::BackOff(_) => PublicStep::BackOff,
        })
    }
}
