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

mod events;
mod finish;
mod held;
mod identity;
mod limits;
mod plug;
mod recover;
mod resume;
mod stage;
mod swap;
mod view;

pub use held::Probation;
pub use recover::cause;
pub use stage::{job_owner, refusal};

use control_protocol::cause::Cause;
use control_protocol::record::{Figures, Kind, Outcome, Reason};
use control_protocol::reply::Condition;
use heapless::Vec;
use supervision::bus::Presence;
use supervision::{Side, shadow};
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
    /// How long the old driver may finish what it has, if the operator said so.
    pub drain_us: Option<u32>,
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
    /// Stage this package: recovery, or memory that was not there before.
    Stage(u8),
    /// The same for the copy of the driver that runs.
    Spare,
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
    /// Packages with a smaller security floor are not built.
    floor: u32,
    /// Packages of these keys are not built.
    revoked: u32,
    failures: Failures,
    /// Whether there is a device, as the bus said last.
    presence: Presence,
    condition: Condition,
    updates: u32,
    failed: u32,
    causes: [u32; Cause::COUNT],
    pending: Option<Order>,
    order: Option<Order>,
    transaction: u32,
    jobs: u32,
    job: Option<u32>,
    /// Root was told that it takes too long.
    hurried: bool,
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
            floor: 0,
            revoked: 0,
            failures: Failures::default(),
            presence: Presence::Present,
            condition: Condition::Empty,
            updates: 0,
            failed: 0,
            causes: [0; Cause::COUNT],
            pending: None,
            order: None,
            transaction: 0,
            jobs: 0,
            job: None,
            hurried: false,
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

    /// Whose driver the generation is.
    fn note_driver<W: World>(&self, env: &mut Env<'_, W>, package: u8) {
        let label = env.store.label(package).unwrap_or_default().label;
        let (first, rest) = label.as_bytes().split_at(label.len().min(trace::TEXT));
        let generation = self.holder.map_or(0, |one| one.generation);
        for (kind, text) in [(trace::Kind::Driver, first), (trace::Kind::DriverRest, rest)] {
            let event = trace::Event::new(env.world.now(), kind, self.slot, generation);
            if !text.is_empty() {
                env.world.trace(event.with_text(text));
            }
        }
    }

    /// Nanoseconds since the last lap or beginning.
    fn lap<W: World>(&mut self, env: &mut Env<'_, W>) -> u64 {
        let now = env.world.now();
        let lap = env.clock.nanos(now.saturating_sub(self.mark));
        self.mark = now;
        lap
    }
}
