//! The transaction's state outside control, and going on from it.

use control_protocol::record::{Kind, Outcome, Reason};
use control_protocol::reply::Condition;
use supervision::{Side, root, shadow};

use super::{After, Env, Incarnation, Machine, Order, Step};
use crate::recovery::Failures;
use crate::state::{MAX_DEAD, NO_PACKAGE, SavedGeneration, SlotState};
use crate::world::World;

impl Step {
    /// As it is saved and traced.
    pub fn number(self) -> u32 {
        match self {
            Self::Idle => 1,
            Self::StageNew => 2,
            Self::StageSpare => 3,
            Self::Quiesce => 4,
            Self::Attach => 5,
            Self::Enable => 6,
            Self::Resume => 7,
            Self::Measure => 8,
            Self::Reap(After::Rest) => 9,
            Self::Reap(After::Stage(_)) => 10,
            Self::BackOff(_) => 11,
            Self::Reap(After::Spare) => 12,
        }
    }
}

impl Machine {
    /// Keeps what a successor needs.
    pub(super) fn save<W: World>(&self, env: &mut Env<'_, W>) {
        self.save_as(env, false);
    }

    /// The same before the cut: a successor that reads it cannot know whether the holder still has the device.
    pub(super) fn save_cutting<W: World>(&self, env: &mut Env<'_, W>) {
        self.save_as(env, true);
    }

    fn save_as<W: World>(&self, env: &mut Env<'_, W>, cutting: bool) {
        let mut dead = [0; MAX_DEAD];
        for (kept, generation) in dead.iter_mut().zip(self.dead.iter().chain(&self.quarantine)) {
            *kept = *generation;
        }
        let offline = match self.outcome {
            Some(outcome) => matches!(outcome, Outcome::Offline(_)),
            None => self.public_step().is_none() && matches!(self.condition, Condition::Offline(_)),
        };
        let state = SlotState {
            step: self.step.number(),
            doubtful: (cutting || offline).into(),
            transaction: self.transaction,
            device_clean: self.device_clean.into(),
            holder: saved(self.holder),
            target: saved(self.target),
            spare: saved(self.spare),
            held: saved(self.held),
            manual: self.manual.into(),
            package: self.package.map_or(NO_PACKAGE, u32::from),
            previous: self.previous.map_or(NO_PACKAGE, u32::from),
            last_side: self.last_side as u32,
            jobs: self.jobs,
            floor: self.floor,
            revoked: self.revoked,
            dead,
            updates: self.updates,
            failed: self.failed,
            causes: self.causes,
            failures: self.failures.save(),
        };
        env.world.save(usize::from(self.index), &state);
        env.history.flush(env.world);
    }

    /// Goes on from what a predecessor saved. A transaction that had not taken the device from the old driver is given
    /// up; one that had is undone by the spare, or ended by recovery. Generations that root has and nobody knows of are given
    /// back. False: nothing was ever built, begin anew.
    pub fn resume<W: World>(&mut self, env: &mut Env<'_, W>, state: &SlotState) -> bool {
        self.take_over(state);
        self.presence = env.world.presence(self.slot);
        let built = self.holder.or(self.target).map(|one| one.package);
        let Some(package) = self.package.or(built) else {
            return false;
        };
        self.package = Some(package);
        let found = env.world.slot_state(self.slot).unwrap_or_default();
        self.reconcile(&found);
        let unfinished = env.history.unfinished(self.index);
        let stands = self
            .holder
            .is_some_and(|holder| holder.generation == found.running);
        let enabling = state.step == Step::Enable.number();
        // A driver that faulted is root's to tell: it keeps an event until somebody has dealt with it. But the predecessor may
        // have killed this one, and not lived to say so.
        let kill = unfinished.is_some_and(|(_, kind)| kind == Kind::Kill);
        let killed = kill && !stands && self.holder.is_some();
        // `Enable`: whether the new driver serves, nobody knows. Doubtful: perhaps none does.
        let lost = state.doubtful == 1 || enabling || self.holder.is_none() || killed;
        if killed && state.doubtful == 0 && !enabling {
            self.count_loss(&Reason::Killed);
        }
        let ours = unfinished.is_some_and(|(_, kind)| matches!(kind, Kind::Recovery | Kind::Kill));
        if enabling && ours && !stands {
            self.count_failure(env, self.holder.map(|holder| holder.package), RESTARTED);
        }
        let undo = [Step::Quiesce, Step::Resume].map(Step::number);
        // What was to be staged stands: there is nothing to undo.
        let staged = self.held.is_some() && unfinished.is_some_and(|(_, kind)| kind == Kind::Stage);
        let undone = !lost && !staged && (stages(state) || undo.contains(&state.step));
        if !lost && !undone {
            self.stand(env, state, unfinished);
            return true;
        }
        // What became of the job that was under way is told by its own record, if there is only one thing that can have.
        let decided = [Step::Idle, Step::Measure, Step::Reap(After::Rest)].map(Step::number);
        let told = unfinished.filter(|(_, kind)| match kind {
            Kind::Update | Kind::Rollback | Kind::Discard => undone || !decided.contains(&state.step),
            Kind::Stage | Kind::Check => undone,
            Kind::Kill | Kind::Recovery | Kind::Removal | Kind::Addition => lost,
            Kind::Boot | Kind::Commit => false,
        });
        if let (Some((record, _)), None) = (unfinished, told) {
            let runs = self.holder.and_then(|holder| env.store.label(holder.package));
            env.history
                .close(record, Outcome::Refused(RESTARTED), runs, &self.figures);
        }
        self.go_on(env, state, told, lost);
        true
    }

    /// What the predecessor knew.
    fn take_over(&mut self, state: &SlotState) {
        self.transaction = state.transaction;
        self.device_clean = state.device_clean == 1;
        self.holder = restored(&state.holder);
        self.target = restored(&state.target);
        self.spare = restored(&state.spare);
        self.held = restored(&state.held);
        self.manual = state.manual == 1;
        self.package = u8::try_from(state.package).ok();
        self.previous = u8::try_from(state.previous).ok();
        self.last_side = Side::from_word(state.last_side.into()).unwrap_or(Side::B);
        self.jobs = state.jobs;
        self.updates = state.updates;
        self.failed = state.failed;
        self.causes = state.causes;
        self.failures = Failures::restore(&state.failures);
        self.floor = self.floor.max(state.floor);
        self.revoked = state.revoked;
        self.shadow_active = self.holder.is_none();
        let dead = state.dead.iter().filter(|generation| **generation != 0);
        dead.for_each(|generation| self.bury(*generation));
    }

    /// Gives back what root has and nobody owns: a generation of which the predecessor had been told, and no more. What is
    /// still being built its stager reports.
    fn reconcile(&mut self, found: &root::SlotState) {
        let places = found.places.iter().copied();
        for stray in places.filter(|one| ![0, found.building, found.running].contains(one)) {
            if !self.has(stray) {
                self.bury(stray);
            }
        }
    }

    /// A driver serves, or root is about to say that it does not; at most there was something to finish. A probation begins
    /// anew.
    fn stand<W: World>(&mut self, env: &mut Env<'_, W>, state: &SlotState, unfinished: Option<(u32, Kind)>) {
        let runs = self.holder.and_then(|holder| env.store.label(holder.package));
        match unfinished {
            // It is done now, or was.
            Some((record, Kind::Commit)) => {
                self.give_up_spare(env);
                self.close_settling(env, record);
            }
            Some((record, Kind::Discard)) if self.spare.is_none() => {
                self.give_up_held();
                self.close_settling(env, record);
            }
            Some((record, kind)) => {
                // Its outcome was known, and just about to be written.
                let ended = state.step == Step::Measure.number();
                let to = env.history.get(record).and_then(|record| record.to.clone());
                let held = self.held.and_then(|held| env.store.label(held.package));
                let outcome = match kind {
                    Kind::Stage if held.is_some() && to == held => Outcome::Done,
                    Kind::Stage | Kind::Check => Outcome::Refused(RESTARTED),
                    _ if ended && to == runs => Outcome::Done,
                    _ if ended => Outcome::RolledBack(RESTARTED),
                    _ => Outcome::Refused(RESTARTED),
                };
                env.history.close(record, outcome, runs, &self.figures);
            }
            None => {}
        }
        self.condition = Condition::Working;
        // Staged before, and just about to be used.
        self.bury_target();
        self.reap_then(env, After::Rest);
    }

    /// Gives up what had not been cut; undoes what had.
    fn go_on<W: World>(
        &mut self,
        env: &mut Env<'_, W>,
        state: &SlotState,
        told: Option<(u32, Kind)>,
        lost: bool,
    ) {
        let package = self.package.unwrap_or(0);
        let label = env.store.label(package);
        let (record, kind) = told.unwrap_or_else(|| {
            let (from, to, cause) = (label.clone(), label, Some(RESTARTED));
            let record = env.history.open(self.index, Kind::Recovery, from, to, cause);
            (record, Kind::Recovery)
        });
        // What is undone, or goes on, is an update that stays on probation, or is discarded as it was ordered.
        let discard = kind == Kind::Discard && (!lost || self.spare.is_some());
        let kind = if discard { kind } else { Kind::Recovery };
        let manual = discard && self.manual;
        self.open(
            env,
            Order {
                record,
                kind,
                package,
                policy: shadow::Policy::Degrade,
                manual,
                drain_us: None,
            },
        );
        self.command(env, shadow::CommandKind::BeginGap);
        if discard && lost {
            self.impersonate(env);
            match self.take_down(env) {
                Ok(()) => self.bring_up_target(env),
                Err(reason) => self.go_offline(env, reason),
            }
        } else if lost {
            self.recovering = true;
            self.impersonate(env);
            self.target_failed(env, RESTARTED);
        } else if stages(state) {
            // The shadow was not told of anything.
            self.refuse(env, RESTARTED);
        } else {
            // Not yet cut: the old driver goes on.
            self.reason = Some(RESTARTED);
            self.command(env, shadow::CommandKind::Resume);
            self.enter(env, Step::Resume, env.limits.shadow_us);
        }
    }
}

/// Something was being built, or room made for it.
fn stages(state: &SlotState) -> bool {
    let room = [After::Stage(0), After::Spare].map(Step::Reap);
    let steps = [Step::StageNew, Step::StageSpare].into_iter().chain(room);
    steps.map(Step::number).any(|step| step == state.step)
}

/// Why a successor undoes things.
const RESTARTED: Reason = Reason::ControlRestarted;

fn saved(incarnation: Option<Incarnation>) -> SavedGeneration {
    incarnation.map_or_else(SavedGeneration::default, |one| SavedGeneration {
        generation: one.generation,
        side: one.side as u32,
        package: one.package.into(),
    })
}

fn restored(saved: &SavedGeneration) -> Option<Incarnation> {
    (saved.generation != 0).then_some(())?;
    Some(Incarnation {
        generation: saved.generation,
        side: Side::from_word(saved.side.into())?,
        package: u8::try_from(saved.package).ok()?,
    })
}
