//! What a machine is told: events of the shadow, the stager and root, and that time has passed.

use control_protocol::record::Reason;
use supervision::root::Part;
use supervision::{shadow, stager};

use super::{Env, Machine, Step, recover, stage};
use crate::world::{Call, World};

impl Machine {
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
            (QUIESCED, _) => self.quiesced(env, event),
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
        // Behind what must be known of the outcome if we die; a job that follows has done it.
        self.hurry(env, false);
    }

    /// The generation is put to use, or is to be.
    pub(super) fn has(&self, generation: u32) -> bool {
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
        if matches!(self.step, Step::StageNew | Step::StageSpare) && !self.hurried {
            // Perhaps clients never rest, and the stager is below them.
            self.hurry(env, true);
            self.deadline = Some(now.saturating_add(env.clock.micros(env.limits.stage_us)));
            return;
        }
        self.deadline = None;
        self.renew(env);
        match self.step {
            Step::Idle => self.commit(env),
            Step::StageNew | Step::StageSpare => {
                self.job = None;
                // Its successor does the job once more: nobody waits for that, and it may hang again.
                self.hurry(env, false);
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
    /// Who should have answered by now hangs: he is started anew, and goes on from what was told to him. What this costs is decided as if
    /// he were dead.
    fn renew<W: World>(&mut self, env: &mut Env<'_, W>) {
        let part = match self.step {
            Step::StageNew | Step::StageSpare => Part::Stager,
            Step::Quiesce | Step::Attach | Step::Enable | Step::Resume | Step::Measure => Part::Shadow,
            // Times that are meant to come.
            Step::Idle | Step::Reap(_) | Step::BackOff(_) => return,
        };
        // Root refuses only what the description does not have.
        let _ = env.world.call(self.slot, Call::Renew(part));
    }
}
