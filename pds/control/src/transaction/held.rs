//! Orders that put no new driver in: stage and hold, rehearse, commit, discard.

use control_protocol::record::{Figures, Kind, Outcome, Reason};
use control_protocol::reply::Condition;
use supervision::shadow;

use super::{After, Busy, Env, Machine, Order, Step};
use crate::world::World;

/// An update on probation: when it is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probation {
    /// When the operator says so, and not at the end of the probation time.
    pub manual: bool,
}

impl Machine {
    /// Store slot of the package that is staged and held.
    pub fn held(&self) -> Option<u8> {
        self.held.map(|held| held.package)
    }

    /// The update that is on probation, if one is.
    pub fn probation(&self) -> Option<Probation> {
        let manual = self.manual;
        self.in_probation().then_some(Probation { manual })
    }

    /// Makes the update on probation final; answers the record's number.
    ///
    /// # Errors
    /// A transaction is under way, or (`None`) no update is on probation.
    pub fn confirm<W: World>(&mut self, env: &mut Env<'_, W>) -> Result<u32, Option<Busy>> {
        if let Some(busy) = self.busy() {
            return Err(Some(busy));
        }
        let spare = self.spare.ok_or(None)?;
        let record = self.open_settling(env, Kind::Commit, spare.package);
        self.commit(env);
        self.close_settling(env, record);
        Ok(record)
    }

    /// Gives up what is staged, or else undoes the update on probation; answers the record's number.
    ///
    /// # Errors
    /// A transaction is under way, or (`None`) there is neither.
    pub fn discard<W: World>(&mut self, env: &mut Env<'_, W>) -> Result<u32, Option<Busy>> {
        if let Some(busy) = self.busy() {
            return Err(Some(busy));
        }
        if let Some(held) = self.held {
            let record = self.open_settling(env, Kind::Discard, held.package);
            self.give_up_held();
            // Kept before the record says so, also when memory is being given back already.
            self.save(env);
            self.reap_if_idle(env);
            self.close_settling(env, record);
            return Ok(record);
        }
        let spare = self.spare.ok_or(None)?;
        let label = |package: Option<u8>| package.and_then(|package| env.store.label(package));
        let (from, to) = (label(self.package), label(Some(spare.package)));
        let record = env.history.open(self.index, Kind::Discard, from, to, None);
        env.history.flush(env.world);
        self.pending = Some(Order {
            record,
            kind: Kind::Discard,
            package: spare.package,
            policy: shadow::Policy::Degrade,
            manual: self.manual,
            drain_us: None,
        });
        self.reap_then(env, After::Rest);
        Ok(record)
    }

    /// A record of something that needs no transaction, kept before it is done: who takes over does it, or finds it done.
    /// `package`: what it is about.
    fn open_settling<W: World>(&mut self, env: &mut Env<'_, W>, kind: Kind, package: u8) -> u32 {
        let runs = self.package.and_then(|package| env.store.label(package));
        let about = env.store.label(package);
        let (from, to) = match kind {
            Kind::Commit => (about, runs),
            _ => (runs, about),
        };
        let record = env.history.open(self.index, kind, from, to, None);
        env.history.flush(env.world);
        record
    }

    /// It is done.
    pub(super) fn close_settling<W: World>(&mut self, env: &mut Env<'_, W>, record: u32) {
        let runs = self.package.and_then(|package| env.store.label(package));
        let figures = Figures {
            began_ns: env.clock.nanos(env.world.now()),
            ..Figures::default()
        };
        env.history.close(record, Outcome::Done, runs, &figures);
    }

    /// Begins an order that puts no new driver in. The device is not touched by the first two.
    pub(super) fn begin_beside<W: World>(&mut self, env: &mut Env<'_, W>, order: Order) {
        match order.kind {
            Kind::Discard if self.spare.is_some() => self.quiesce(env),
            // Undone already: the new driver was lost meanwhile.
            Kind::Discard => self.measure(env, Outcome::Done),
            Kind::Stage if !self.serves() => self.refuse(env, Reason::NoDriver),
            Kind::Stage if self.held() == Some(order.package) => self.measure(env, Outcome::Done),
            _ => self.stage(env, order.package),
        }
    }

    /// A driver serves the device, as far as is known.
    pub fn serves(&self) -> bool {
        self.holder.is_some() && !matches!(self.condition, Condition::Offline(_))
    }

    /// What is being staged is not to be put in now.
    pub(super) fn only_stages(&self) -> bool {
        self.public_step().is_some()
            && self
                .order
                .is_some_and(|order| matches!(order.kind, Kind::Stage | Kind::Check))
    }

    /// The driver of such an order is built.
    pub(super) fn staged_beside<W: World>(&mut self, env: &mut Env<'_, W>) {
        let rehearsal = self.order.is_some_and(|order| order.kind == Kind::Check);
        match self.holder {
            // An update needs memory for a copy of the driver of before, too. What is held would make room for it.
            Some(holder) if rehearsal && self.held.is_none() => self.stage_spare(env, holder),
            _ => {
                if !rehearsal {
                    self.held = self.target.take();
                }
                self.staged_all_beside(env);
            }
        }
    }

    /// All that such an order has built is built.
    pub(super) fn staged_all_beside<W: World>(&mut self, env: &mut Env<'_, W>) {
        self.figures.stage_ns += self.lap(env);
        self.bury_target();
        // Before anything else is done: a successor must find what was built.
        self.save(env);
        self.measure(env, Outcome::Done);
    }

    /// The driver that serves is lost while another one is only being staged. That order ends here, so that recovery has its
    /// memory and a record of its own.
    pub(super) fn end_staging<W: World>(&mut self, env: &mut Env<'_, W>, cause: Reason) {
        if self.step == Step::Measure {
            return self.publish(env);
        }
        self.job = None;
        self.hurry(env, false);
        self.staging = None;
        self.bury_target();
        if let Some(order) = self.order.take() {
            let runs = self.package.and_then(|package| env.store.label(package));
            env.history
                .close(order.record, Outcome::Refused(cause), runs, &self.figures);
        }
        self.step = Step::Idle;
        self.deadline = None;
    }

    /// What is staged and held is given back: it was built for the link side beside the holder's, and for its memory.
    pub(super) fn give_up_held(&mut self) {
        if let Some(held) = self.held.take() {
            self.bury(held.generation);
        }
    }

    /// The copy of the driver of before comes up. False: there is none.
    pub(super) fn restore<W: World>(&mut self, env: &mut Env<'_, W>) -> bool {
        let Some(spare) = self.spare.take() else {
            return false;
        };
        self.restoring = true;
        self.package = Some(spare.package);
        self.target = Some(spare);
        self.bring_up_target(env);
        true
    }
}
