//! The transaction's state outside control, and going on from it.

use control_protocol::record::{Kind, Outcome, Reason};
use control_protocol::reply::Condition;
use supervision::{Side, shadow};

use super::{After, Env, Incarnation, Machine, Order, Step};
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
            dead,
        };
        env.world.save(usize::from(self.index), &state);
        env.history.flush(env.world);
    }

    /// Goes on from what a predecessor saved. A transaction that had not taken the device from the old driver is given
    /// up; one that had is undone by the spare, or ended by recovery. Generations whose building was not reported to the
    /// predecessor are root's to find. False: nothing was ever built, begin anew.
    pub fn resume<W: World>(&mut self, env: &mut Env<'_, W>, state: &SlotState) -> bool {
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
        self.shadow_active = self.holder.is_none();
        state
            .dead
            .iter()
            .filter(|generation| **generation != 0)
            .for_each(|generation| self.bury(*generation));
        let built = self.holder.or(self.target).map(|one| one.package);
        let Some(package) = self.package.or(built) else {
            return false;
        };
        self.package = Some(package);
        let label = env.store.label(package);
        let reason = Reason::ControlRestarted;
        // Root's word for it, as the event that says otherwise may have died with the predecessor.
        let running = env.world.running_generation(self.slot);
        let stands = self.holder.is_some_and(|holder| holder.generation == running);
        // `Enable`: whether the new driver serves, nobody knows. Doubtful: perhaps none does.
        let lost = state.doubtful == 1 || state.step == Step::Enable.number() || !stands;
        let undo = [Step::StageNew, Step::StageSpare, Step::Quiesce, Step::Resume].map(Step::number);
        let undone = !lost && undo.contains(&state.step);
        let unfinished = env.history.unfinished(self.index);
        // What became of the job that was under way is told by its own record, if there is only one thing that can have.
        let told = unfinished.filter(|(_, kind)| match kind {
            Kind::Update | Kind::Rollback => undone || (lost && self.spare.is_some()),
            Kind::Stage | Kind::Check => undone,
            Kind::Kill | Kind::Recovery => lost,
            Kind::Boot | Kind::Commit | Kind::Discard => false,
        });
        if let (Some((record, _)), None) = (unfinished, told) {
            let result = self.holder.and_then(|holder| env.store.label(holder.package));
            // Its outcome was known, and just about to be written.
            let ended = state.step == Step::Measure.number();
            let to = env.history.get(record).and_then(|record| record.to.clone());
            let outcome = match lost {
                false if ended && to == result => Outcome::Done,
                false if ended => Outcome::RolledBack(reason),
                _ => Outcome::Refused(reason),
            };
            env.history.close(record, outcome, result, &self.figures);
        }
        if !lost && !undone {
            // A driver serves; at most there was something to give back. A probation begins anew.
            self.condition = Condition::Working;
            // Staged before, and just about to be used.
            self.bury_target();
            self.reap_then(env, After::Rest);
            return true;
        }
        let record = match told {
            Some((record, _)) => record,
            None => env
                .history
                .open(self.index, Kind::Recovery, label.clone(), label, Some(reason)),
        };
        self.open(
            env,
            Order {
                record,
                kind: Kind::Recovery,
                package,
                policy: shadow::Policy::Degrade,
                manual: false,
            },
        );
        self.command(env, shadow::CommandKind::BeginGap);
        if lost {
            self.recovering = true;
            self.impersonate(env);
            self.target_failed(env, reason);
        } else if [Step::StageNew, Step::StageSpare]
            .map(Step::number)
            .contains(&state.step)
        {
            // The shadow was not told of anything.
            self.refuse(env, reason);
        } else {
            // Not yet cut: the old driver goes on.
            self.reason = Some(reason);
            self.command(env, shadow::CommandKind::Resume);
            self.enter(env, Step::Resume, env.limits.shadow_us);
        }
        true
    }
}

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
