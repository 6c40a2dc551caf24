//! Orders, and the building of generations.

use control_protocol::record::{Figures, Kind, Reason};
use supervision::{Side, shadow, stager};

use super::{After, Busy, Env, Incarnation, Machine, Order, Step, limits};
use crate::world::{Call, World};

/// Generations of a slot for which root has memory (`supervision::root`).
const ROOT_ROOM: usize = 3;

impl Machine {
    /// Takes an order. It begins at once, or when the transaction before has given its memory back; a driver that was
    /// still on probation is committed by it, and what is staged and not what it wants is given up.
    ///
    /// # Errors
    /// A transaction is under way.
    pub fn accept<W: World>(&mut self, env: &mut Env<'_, W>, order: Order) -> Result<(), Busy> {
        if let Some(busy) = self.busy() {
            return Err(busy);
        }
        self.pending = Some(order);
        if order.kind != Kind::Check && self.held() != Some(order.package) {
            self.give_up_held();
        }
        match self.step {
            Step::Idle => self.commit(env),
            // The spare goes with the others; the order begins when the reaping ends.
            _ => self.give_up_spare(env),
        }
        Ok(())
    }

    /// Begins the order. A driver that serves goes on while the new one is built.
    pub(super) fn begin<W: World>(&mut self, env: &mut Env<'_, W>, order: Order) {
        self.open(env, order);
        self.command(env, shadow::CommandKind::BeginGap);
        if matches!(order.kind, Kind::Stage | Kind::Check | Kind::Discard) {
            return self.begin_beside(env, order);
        }
        if let Some(holder) = self.holder.filter(|_| self.serves()) {
            self.target = self.held.take();
            return match self.target {
                Some(_) => self.stage_spare(env, holder),
                None => self.stage(env, order.package),
            };
        }
        // Nobody serves the device. If its holder could not be cut, or it could not be reset, perhaps it can now; what is
        // quarantined may fill all the memory there is.
        match self.take_down(env) {
            Ok(()) => self.make_room(env, order.package),
            Err(reason) => self.go_offline(env, reason),
        }
    }

    /// A new transaction: forgets the figures and flags of the last one.
    pub(super) fn open<W: World>(&mut self, env: &mut Env<'_, W>, order: Order) {
        self.transaction = self.transaction.wrapping_add(1).max(1);
        self.order = Some(order);
        self.manual = order.manual;
        self.restoring = false;
        self.recovering = false;
        self.reason = None;
        self.outcome = None;
        self.began = env.world.now();
        self.mark = self.began;
        self.figures = Figures {
            began_ns: env.clock.nanos(self.began),
            ..Figures::default()
        };
        self.note(
            env,
            trace::Kind::StageBegin,
            self.transaction.into(),
            order.package.into(),
        );
    }

    /// Stages a package while clients wait: what is dead is given back afterwards, unless it fills root's memory.
    pub(super) fn make_room<W: World>(&mut self, env: &mut Env<'_, W>, package: u8) {
        if self.dead.len() + self.quarantine.len() < ROOT_ROOM {
            self.stage(env, package);
        } else {
            self.reap_then(env, After::Stage(package));
        }
    }

    /// Has a generation built for the side that the last one did not use.
    pub(super) fn stage<W: World>(&mut self, env: &mut Env<'_, W>, package: u8) {
        self.mark = env.world.now();
        self.staging = Some(package);
        self.build(env, package, self.last_side.other());
        self.enter(env, Step::StageNew, env.limits.hurry_us);
    }

    fn build<W: World>(&mut self, env: &mut Env<'_, W>, package: u8, side: Side) {
        self.jobs = self.jobs.wrapping_add(1);
        let id = job_id(self.index, self.jobs);
        self.job = Some(id);
        if self.lent.is_full() {
            self.lent.remove(0);
        }
        let _ = self.lent.push((id, package));
        // The number before the job: a successor must not use it again.
        self.save(env);
        env.world.job(stager::Job {
            id,
            kind: stager::JobKind::Build as u32,
            slot: self.slot,
            side: side as u32,
            package: package.into(),
            // A package that is not there has no bytes; the stager finds it damaged.
            len: env.store.package_len(package).unwrap_or(0),
            security_floor: self.floor,
            revoked_keys: self.revoked,
        });
        // A job that follows another one is not overdue yet.
        self.hurry(env, false);
    }

    /// The driver that is to run is built. If another one serves, a pristine copy of that is built too, to go back to.
    pub(super) fn staged_new<W: World>(&mut self, env: &mut Env<'_, W>, generation: u32) {
        let Some(package) = self.staging.take() else {
            return self.bury(generation);
        };
        self.target = Some(Incarnation {
            generation,
            side: self.last_side.other(),
            package,
        });
        if self.only_stages() {
            return self.staged_beside(env);
        }
        match self.holder {
            Some(holder) => self.stage_spare(env, holder),
            None => {
                self.figures.stage_ns += self.lap(env);
                self.save(env);
                self.bring_up_target(env);
            }
        }
    }

    /// Has a pristine copy of the driver that serves built.
    pub(super) fn stage_spare<W: World>(&mut self, env: &mut Env<'_, W>, holder: Incarnation) {
        self.build(env, holder.package, holder.side);
        self.enter(env, Step::StageSpare, env.limits.hurry_us);
    }

    /// Both are built.
    pub(super) fn staged_spare<W: World>(&mut self, env: &mut Env<'_, W>, generation: u32) {
        // The package that should run is the one whose copy was ordered: only an `Enable` changes it.
        if self.only_stages() {
            self.bury(generation);
            return self.staged_all_beside(env);
        }
        let Some(package) = self.package else {
            return self.bury(generation);
        };
        self.spare = Some(Incarnation {
            generation,
            side: self.last_side,
            package,
        });
        self.figures.stage_ns += self.lap(env);
        self.save(env);
        self.note(env, trace::Kind::StageEnd, self.transaction.into(), 0);
        match self.holder {
            Some(_) => self.quiesce(env),
            // Lost meanwhile: the device is cut and reset already.
            None => self.bring_up_target(env),
        }
    }

    /// The stager's job is overdue, or it is not any more: whether it goes before the clients.
    pub(super) fn hurry<W: World>(&mut self, env: &mut Env<'_, W>, hurry: bool) {
        if self.hurried != hurry {
            self.hurried = hurry;
            // Root does it, whatever state the slot is in.
            let _ = env.world.call(self.slot, Call::Hurry(hurry));
        }
    }

    /// Staging failed: nothing was touched.
    pub(super) fn stage_failed<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) {
        if self.step == Step::StageSpare && self.holder.is_none() && self.target.is_some() {
            // The driver was lost meanwhile; what is built is better than nothing.
            return self.bring_up_target(env);
        }
        if reason == Reason::NoMemory && !self.dead.is_empty() {
            // What a job given up had built was not counted on. The package is not to blame: room first, then once more.
            match (self.step, self.staging) {
                (Step::StageNew, Some(package)) => return self.reap_then(env, After::Stage(package)),
                (Step::StageSpare, _) => return self.reap_then(env, After::Spare),
                _ => {}
            }
        }
        self.bury_target();
        if self.holder.is_some() {
            self.refuse(env, reason);
        } else if self.recovering && limits::forbids(&reason) {
            let refused = self.staging.or(self.package);
            self.count_failure(env, refused, reason);
            self.recover_without(env, refused, reason);
        } else if self.recovering {
            self.count_failure(env, self.package, reason);
            self.recover(env, reason);
        } else if self.order.is_some_and(|order| order.kind == Kind::Boot) {
            self.go_offline(env, reason);
        } else {
            self.refuse(env, reason);
        }
    }
}

/// Job numbers say whose they are: control routes outcomes by them.
pub(super) fn job_id(index: u8, count: u32) -> u32 {
    (u32::from(index) + 1) << 24 | (count & 0xff_ffff)
}

/// Index of the machine that gave the job, from its number.
pub fn job_owner(id: u32) -> Option<usize> {
    (id >> 24).checked_sub(1).map(|index| index as usize)
}

/// The stager's refusal, for the record.
pub fn refusal(refusal: u32, detail: u32) -> Reason {
    use stager::Refusal as R;
    match refusal {
        x if x == R::Damaged as u32 => Reason::Damaged { detail },
        x if x == R::Malformed as u32 => Reason::Malformed { detail },
        x if x == R::WrongClass as u32 => Reason::WrongClass { what: detail },
        x if x == R::WrongDevice as u32 => Reason::WrongDevice { why: detail },
        x if x == R::NoMemory as u32 => Reason::NoMemory,
        x if x == R::Signature as u32 => Reason::Untrusted { why: detail },
        x if x == R::Floor as u32 => Reason::BelowFloor { floor: detail },
        _ => Reason::Root {
            code: u8::try_from(detail).unwrap_or(u8::MAX),
        },
    }
}
