//! The end of a transaction: figures, outcome, giving memory back, probation.

use control_protocol::record::{Kind, Outcome, Reason};
use control_protocol::reply::Condition;
use supervision::{Code, shadow};

use super::{After, Env, Machine, Step};
use crate::world::{Call, World};

/// Portions of memory given back per wake-up, if somebody waits for it.
const PORTIONS: usize = 4;

impl Machine {
    /// Refused, with nothing touched: what served goes on.
    pub(super) fn refuse<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) {
        self.note(env, trace::Kind::Refused, 0, 0);
        self.reason.get_or_insert(reason);
        self.bury_target();
        // An update that could not be discarded is on probation as before.
        if self.order.is_none_or(|order| order.kind != Kind::Discard) {
            self.give_up_spare_for_good();
        }
        self.measure(env, Outcome::Refused(reason));
    }

    /// The outcome is known; asks the shadow how the clients fared.
    pub(super) fn measure<W: World>(&mut self, env: &mut Env<'_, W>, outcome: Outcome) {
        self.outcome = Some(outcome);
        if let Some(order) = self.order {
            env.history.decide(order.record, outcome);
        }
        self.figures.total_ns = env.clock.nanos(env.world.now().saturating_sub(self.began));
        self.command(env, shadow::CommandKind::EndGap);
        self.enter(env, Step::Measure, env.limits.shadow_us);
    }

    /// The shadow's answer. There can be two, when a driver is lost between its first service and the first answer.
    pub(super) fn gap<W: World>(&mut self, env: &mut Env<'_, W>, ticks: u64, completions: u64) {
        let gap = env.clock.nanos(ticks);
        self.figures.client_gap_ns = Some(self.figures.client_gap_ns.map_or(gap, |before| before.max(gap)));
        self.figures.completions = self.figures.completions.saturating_add(completions);
        if self.step == Step::Measure {
            self.publish(env);
        }
    }

    /// Tells the outcome, and goes on to give memory back.
    pub(super) fn publish<W: World>(&mut self, env: &mut Env<'_, W>) {
        let outcome = self.outcome.take().unwrap_or(Outcome::Done);
        self.condition = match outcome {
            Outcome::Offline(reason) => Condition::Offline(reason),
            // The device was not touched.
            _ if self.only_stages() => self.condition,
            _ if self.holder.is_some() => Condition::Working,
            // Refused while offline: as it was.
            _ => self.condition,
        };
        if let Some(order) = self.order.take() {
            let result = self.holder.and_then(|holder| env.store.label(holder.package));
            env.history.close(order.record, outcome, result, &self.figures);
        }
        if outcome == Outcome::Done && self.spare.is_none() {
            // There is no way back: what runs is as good as committed.
            self.raise_floor(env);
        }
        self.restoring = false;
        self.recovering = false;
        self.reason = None;
        self.reap_then(env, After::Rest);
    }

    /// The new driver stands: the copy of the old one is given up, its package is kept.
    pub(super) fn commit<W: World>(&mut self, env: &mut Env<'_, W>) {
        if self.spare.is_some() {
            self.note(env, trace::Kind::Commit, self.transaction.into(), 0);
        }
        self.give_up_spare(env);
        self.reap_then(env, After::Rest);
    }

    /// The spare's package is what a rollback brings back.
    pub(super) fn give_up_spare<W: World>(&mut self, env: &mut Env<'_, W>) {
        if let Some(spare) = self.spare.take() {
            self.raise_floor(env);
            if self.package != Some(spare.package) {
                self.previous = Some(spare.package);
            }
            self.bury(spare.generation);
        }
    }

    /// The spare goes without a word on its package.
    pub(super) fn give_up_spare_for_good(&mut self) {
        if let Some(spare) = self.spare.take() {
            self.bury(spare.generation);
        }
    }

    pub(super) fn bury_target(&mut self) {
        if let Some(target) = self.target.take() {
            self.bury(target.generation);
        }
    }

    /// This generation is to be given back. Root has room for fewer than the list holds.
    pub(super) fn bury(&mut self, generation: u32) {
        if !self.dead.contains(&generation) {
            let _ = self.dead.push(generation);
        }
    }

    pub(super) fn reap_if_idle<W: World>(&mut self, env: &mut Env<'_, W>) {
        if self.step == Step::Idle {
            // The probation's deadline is lost by this; it begins anew.
            self.reap_then(env, After::Rest);
        }
    }

    /// Gives back what is dead, then goes on.
    pub(super) fn reap_then<W: World>(&mut self, env: &mut Env<'_, W>, after: After) {
        if self.dead.is_empty() {
            return self.after_reap(env, after);
        }
        let pause = if self.is_awaited(after) {
            env.limits.reap_us
        } else {
            env.limits.reap_idle_us
        };
        self.enter(env, Step::Reap(after), pause);
    }

    /// What follows on giving memory back waits for it.
    fn is_awaited(&self, after: After) -> bool {
        after != After::Rest || self.pending.is_some()
    }

    /// A portion of it.
    pub(super) fn reap<W: World>(&mut self, env: &mut Env<'_, W>) {
        let Step::Reap(after) = self.step else { return };
        let portions = if self.is_awaited(after) { PORTIONS } else { 1 };
        for _ in 0..portions {
            let Some(generation) = self.dead.first().copied() else {
                break;
            };
            match env.world.call(self.slot, Call::Discard(generation)) {
                Code::Again => {}
                // Done; or root knows nothing of it, and then there is nothing to give back.
                Code::Ok | Code::Invalid => {
                    self.dead.remove(0);
                    self.note(env, trace::Kind::Reap, generation.into(), 0);
                }
                // Quarantined: tried again when the device was reset. There is room: root has fewer generations.
                _ => {
                    self.dead.remove(0);
                    let _ = self.quarantine.push(generation);
                }
            }
        }
        self.reap_then(env, after);
    }

    fn after_reap<W: World>(&mut self, env: &mut Env<'_, W>, after: After) {
        match after {
            After::Stage(package) => self.stage(env, package),
            After::Spare => match self.holder {
                Some(holder) => self.stage_spare(env, holder),
                // Lost meanwhile.
                None => self.bring_up_target(env),
            },
            After::Rest => {
                self.step = Step::Idle;
                self.deadline = None;
                if let Some(order) = self.pending.take() {
                    return self.begin(env, order);
                }
                if self.spare.is_some() && !self.manual {
                    let probation = env.clock.micros(env.limits.probation_us);
                    self.deadline = Some(env.world.now().saturating_add(probation));
                }
                self.save(env);
                self.follow_device(env);
            }
        }
    }
}
