//! One device: which driver has it, and the transaction that gives it another one.
//!
//! A [`Machine`] takes events (the shadow's, the stager's, root's, its own deadlines) and does things to the
//! [`World`]. Its steps are those of the design's section 6:
//!
//! ```text
//!  Idle ─▶ StageNew ─▶ StageSpare ─▶ Quiesce ─▶ (cut, reset) Attach ─▶ (start) Enable ─▶ Measure ─▶ Reap ─▶ Idle
//!            │              │           │ no answer             │ refused, failed, faulted, late │
//!            ▼              ▼           ▼                       ▼                                │
//!            Measure ◀──────┘◀────── Resume        (cut, reset) Attach(spare) … or offline       ▼
//!                                                                                      (probation: Idle with a spare)
//! ```
//!
//! Orders that put no driver in leave it early: what is only to be staged is held or given back behind `StageNew`, and an
//! update on probation is discarded by `Quiesce` and the spare.
//!
//! A driver that is lost (fault, retirement, kill) enters the same path behind `Quiesce`: the shadow impersonates, the
//! device is cut and reset at once, and a driver is staged while the clients' requests queue.
//!
//! What is inside the blackout is: the drain, cut, reset, one round trip to the shadow (`Attach`), the start, and the new
//! driver's probe. `Attach` is sent after the cut and needs the shadow's turn, so it costs one wake-up; everything
//! that takes long (verifying, copying, building, giving back) lies outside.
//!
//! Two rules hold in every step: at most one generation is between `Start` and `Cut`, and none is started on a device
//! that was not reset since the last `Cut`. Root enforces both again.

mod finish;
mod held;
mod identity;
mod recover;
mod resume;
mod stage;
mod swap;

pub use held::Probation;
pub use recover::cause;
pub use stage::{job_owner, refusal};

use control_protocol::cause::Cause;
use control_protocol::record::{Figures, Kind, Outcome, Reason, Step as PublicStep};
use control_protocol::reply::Condition;
use heapless::Vec;
use supervision::{Side, shadow, stager};
use zerocopy::FromZeros;

use crate::clock::{Clock, Limits};
use crate::history::History;
use crate::recovery::Failures;
use crate::state::MAX_DEAD;
use crate::store::Store;
use crate::world::World;

/// What a machine works with.
pub struct Env<'a, W> {
    /// The world.
    pub world: &'a mut W,
    /// Packages.
    pub store: &'a mut Store,
    /// Records.
    pub history: &'a mut History,
    /// The counter.
    pub clock: Clock,
    /// How long things may take.
    pub limits: &'a Limits,
}

/// A generation, where it is attached and what it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incarnation {
    /// Number.
    pub generation: u32,
    /// Link side.
    pub side: Side,
    /// Store slot.
    pub package: u8,
}

/// An order to put a package in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The record that reports on it.
    pub record: u32,
    /// Why.
    pub kind: Kind,
    /// Store slot.
    pub package: u8,
    /// What a lost capability means.
    pub policy: shadow::Policy,
    /// The update is final when the operator says so, and not before.
    pub manual: bool,
}

/// Where a machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// No transaction. With a spare: probation.
    Idle,
    /// Waits for the stager: the driver that is to run.
    StageNew,
    /// Waits for the stager: a copy of the driver that runs.
    StageSpare,
    /// Waits for the shadow: `Quiesced`.
    Quiesce,
    /// Cut and reset are done. Waits for the shadow: `Attached`.
    Attach,
    /// Started. Waits for the shadow: `Enabled`, `Refused` or `Failed`.
    Enable,
    /// Undo before the cut. Waits for the shadow: `Enabled`.
    Resume,
    /// Waits for the shadow: `Gap`.
    Measure,
    /// Gives memory back, a portion at a time.
    Reap(After),
    /// Drivers failed one after the other: lets some time pass before this package is staged.
    BackOff(u8),
}

/// What follows on giving memory back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum After {
    /// Nothing, or the order that waits.
    Rest,
    /// Stage this package (recovery).
    Stage(u8),
}

/// Jobs whose packages are kept for a stager that does not answer; beyond that it is taken to be dead.
const MAX_LENT: usize = 2;

/// One device.
#[derive(Clone, Debug)]
pub struct Machine {
    index: u8,
    slot: u32,
    step: Step,
    deadline: Option<u64>,
    holder: Option<Incarnation>,
    target: Option<Incarnation>,
    spare: Option<Incarnation>,
    /// Staged for an order to come: built for the side that the holder does not use.
    held: Option<Incarnation>,
    /// The probation has no end of its own.
    manual: bool,
    dead: Vec<u32, MAX_DEAD>,
    /// Cut, and the device was not reset since: root keeps it.
    quarantine: Vec<u32, MAX_DEAD>,
    device_clean: bool,
    last_side: Side,
    package: Option<u8>,
    previous: Option<u8>,
    failures: Failures,
    condition: Condition,
    updates: u32,
    failed: u32,
    causes: [u32; Cause::COUNT],
    pending: Option<Order>,
    order: Option<Order>,
    transaction: u32,
    jobs: u32,
    job: Option<u32>,
    /// Package of the job in `StageNew`.
    staging: Option<u8>,
    /// Jobs whose outcome has not come, given up or not, with their packages: the stager may still be reading them.
    lent: Vec<(u32, u8), MAX_LENT>,
    /// The shadow is known to hand nothing to any driver.
    shadow_active: bool,
    /// The spare is being brought up, because of `reason`.
    restoring: bool,
    /// A driver was lost: what to bring up next is a matter of [`crate::recovery`].
    recovering: bool,
    reason: Option<Reason>,
    outcome: Option<Outcome>,
    figures: Figures,
    began: u64,
    mark: u64,
}

/// The machine is in the middle of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// Its record.
    pub job: u32,
}

impl Machine {
    /// Device slot number `slot`, the `index`th of control, with nothing in it.
    pub fn new(index: u8, slot: u32) -> Self {
        Self {
            index,
            slot,
            step: Step::Idle,
            deadline: None,
            holder: None,
            target: None,
            spare: None,
            held: None,
            manual: false,
            dead: Vec::new(),
            quarantine: Vec::new(),
            device_clean: false,
            last_side: Side::B,
            package: None,
            previous: None,
            failures: Failures::default(),
            condition: Condition::Empty,
            updates: 0,
            failed: 0,
            causes: [0; Cause::COUNT],
            pending: None,
            order: None,
            transaction: 0,
            jobs: 0,
            job: None,
            staging: None,
            lent: Vec::new(),
            shadow_active: true,
            restoring: false,
            recovering: false,
            reason: None,
            outcome: None,
            figures: Figures::default(),
            began: 0,
            mark: 0,
        }
    }

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

    fn in_probation(&self) -> bool {
        self.spare.is_some() && self.public_step().is_none()
    }

    /// The step as the operator sees it; `None` when the outcome is known.
    fn public_step(&self) -> Option<PublicStep> {
        Some(match self.step {
            Step::Idle | Step::Reap(After::Rest) => return None,
            Step::StageNew | Step::Reap(After::Stage(_)) => PublicStep::StageNew,
            Step::StageSpare => PublicStep::StageSpare,
            Step::Quiesce => PublicStep::Quiesce,
            Step::Attach => PublicStep::Attach,
            Step::Enable => PublicStep::Enable,
            Step::Resume => PublicStep::Resume,
            Step::Measure => PublicStep::Measure,
            Step::BackOff(_) => PublicStep::BackOff,
        })
    }

    /// Something from the slot's shadow.
    pub fn shadow_event<W: World>(&mut self, env: &mut Env<'_, W>, event: &shadow::Event) {
        const QUIESCED: u32 = shadow::EventKind::Quiesced as u32;
        const ATTACHED: u32 = shadow::EventKind::Attached as u32;
        const ENABLED: u32 = shadow::EventKind::Enabled as u32;
        const REFUSED: u32 = shadow::EventKind::Refused as u32;
        const FAILED: u32 = shadow::EventKind::Failed as u32;
        const RETIRE: u32 = shadow::EventKind::Retire as u32;
        const GAP: u32 = shadow::EventKind::Gap as u32;
        const IDLE: u32 = shadow::EventKind::Idle as u32;
        if matches!(event.kind, RETIRE | IDLE) {
            let of_holder = self
                .holder
                .is_some_and(|holder| holder.generation == event.generation);
            match event.kind {
                RETIRE if of_holder => self.lost(env, recover::failure(event.a, event.b)),
                IDLE if of_holder => self.idle(env, event.a, event.b == 1, event.c),
                _ => {}
            }
            return;
        }
        // An answer to a transaction that was given up.
        if event.transaction != self.transaction {
            return;
        }
        let of_target = self
            .target
            .is_some_and(|target| target.generation == event.generation);
        let of_holder = self
            .holder
            .is_some_and(|holder| holder.generation == event.generation);
        match (event.kind, self.step) {
            (QUIESCED, _) => self.quiesced(env, event.a, event.b),
            (ATTACHED, Step::Attach) if of_target => self.attached(env),
            (ENABLED, Step::Enable) if of_holder => self.enabled(env, event),
            (REFUSED | FAILED, Step::Enable) if of_holder => {
                self.shadow_active = true;
                let reason = match event.kind {
                    REFUSED => Reason::CapabilityLost { fields: event.a },
                    _ => recover::failure(event.a, event.b),
                };
                self.target_failed(env, reason);
            }
            (ENABLED, Step::Resume) => self.resumed(env),
            (GAP, _) => self.gap(env, event.a, event.b),
            _ => {}
        }
    }

    /// The stager finished a job.
    pub fn built<W: World>(&mut self, env: &mut Env<'_, W>, outcome: &stager::Outcome) {
        let result = match outcome.refusal {
            0 => Ok(outcome.generation),
            refusal => Err(stage::refusal(refusal, outcome.detail)),
        };
        self.lent.retain(|(job, _)| *job != outcome.id);
        if self.job != Some(outcome.id) {
            // A job that was given up: what it built is given back. Or the predecessor had written down what this message
            // says, and died before it let go of the message.
            if let Ok(generation) = result
                && !self.has(generation)
            {
                self.bury(generation);
                self.save(env);
                self.reap_if_idle(env);
            }
            return;
        }
        self.job = None;
        match (self.step, result) {
            (Step::StageNew, Ok(generation)) => self.staged_new(env, generation),
            (Step::StageSpare, Ok(generation)) => self.staged_spare(env, generation),
            (_, Err(reason)) => self.stage_failed(env, reason),
            (_, Ok(generation)) => self.bury(generation),
        }
    }

    /// The generation is put to use, or is to be.
    fn has(&self, generation: u32) -> bool {
        let all = [self.holder, self.target, self.spare, self.held];
        all.iter().flatten().any(|one| one.generation == generation)
    }

    /// Root saw a driver of the slot stop.
    pub fn died<W: World>(&mut self, env: &mut Env<'_, W>, generation: u32, reason: Reason) {
        if self.holder.is_some_and(|holder| holder.generation == generation) {
            self.lost(env, reason);
        }
    }

    /// Time has passed.
    pub fn tick<W: World>(&mut self, env: &mut Env<'_, W>) {
        let now = env.world.now();
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        match self.step {
            Step::Idle => self.commit(env),
            Step::StageNew | Step::StageSpare => {
                self.job = None;
                self.stage_failed(env, Reason::StagerSilent);
            }
            Step::Quiesce => self.quiesce_late(env),
            Step::Attach => self.go_offline(env, Reason::ShadowSilent),
            Step::Enable => {
                // Whether it serves already is not known.
                self.impersonate(env);
                self.target_failed(env, Reason::ShadowSilent);
            }
            Step::Resume => self.resume_late(env),
            Step::Measure => self.publish(env),
            Step::Reap(_) => self.reap(env),
            Step::BackOff(package) => self.make_room(env, package),
        }
    }

    /// Enters a step that waits at most `limit_us`.
    fn enter<W: World>(&mut self, env: &mut Env<'_, W>, step: Step, limit_us: u64) {
        self.step = step;
        self.deadline = Some(env.world.now().saturating_add(env.clock.micros(limit_us)));
        if let (Some(step), Some(order)) = (self.public_step(), self.order) {
            env.history.at(order.record, step, &self.figures);
        }
        self.note(
            env,
            trace::Kind::Step,
            self.step.number().into(),
            self.transaction.into(),
        );
        self.save(env);
    }

    fn command<W: World>(&self, env: &mut Env<'_, W>, kind: shadow::CommandKind) {
        self.command_with(
            env,
            shadow::Command {
                kind: kind as u32,
                ..shadow::Command::new_zeroed()
            },
        );
    }

    /// The driver is gone, or not to be trusted: the shadow shall answer for it. What comes next waits for `Quiesced`.
    fn impersonate<W: World>(&mut self, env: &mut Env<'_, W>) {
        self.shadow_active = false;
        self.command(env, shadow::CommandKind::Impersonate);
    }

    fn command_with<W: World>(&self, env: &mut Env<'_, W>, command: shadow::Command) {
        env.world.command(shadow::Command {
            slot: self.slot,
            transaction: self.transaction,
            ..command
        });
    }

    fn note<W: World>(&self, env: &mut Env<'_, W>, kind: trace::Kind, a: u64, b: u64) {
        let generation = self.holder.or(self.target).map_or(0, |one| one.generation);
        let now = env.world.now();
        env.world
            .trace(trace::Event::new(now, kind, self.slot, generation).with(a, b));
    }

    /// Nanoseconds since the last lap or beginning.
    fn lap<W: World>(&mut self, env: &mut Env<'_, W>) -> u64 {
        let now = env.world.now();
        let lap = env.clock.nanos(now.saturating_sub(self.mark));
        self.mark = now;
        lap
    }
}
