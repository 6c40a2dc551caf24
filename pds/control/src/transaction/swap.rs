//! The swap: quiesce, cut, reset, attach, start, enable, and back to the spare if that fails.

use control_protocol::record::{Kind, Outcome, Reason};
use supervision::bus::Presence;
use supervision::{Code, shadow};

use super::{Env, Incarnation, Machine, Order, Step};
use crate::world::{Call, World};

impl Machine {
    /// Orders the shadow to drain.
    pub(super) fn quiesce<W: World>(&mut self, env: &mut Env<'_, W>) {
        let limits = env.limits;
        let (most_us, age_us) = match self.order {
            Some(Order {
                drain_us: Some(us), ..
            }) => (us.into(), 0),
            Some(order) if order.kind == Kind::Removal => (limits.leave_us, 0),
            _ => (limits.drain_us, limits.drain_us),
        };
        let until = env.world.now().saturating_add(env.clock.micros(most_us));
        self.enter(env, Step::Quiesce, most_us.saturating_add(limits.shadow_us));
        let command = shadow::Command {
            kind: shadow::CommandKind::Quiesce as u32,
            a: until,
            b: env.clock.micros(age_us),
            ..Default::default()
        };
        self.command_with(env, command);
    }

    /// The shadow hands nothing to the driver any more. After a loss this comes while a driver is being staged, and is
    /// only counted.
    pub(super) fn quiesced<W: World>(&mut self, env: &mut Env<'_, W>, event: &shadow::Event) {
        self.shadow_active = true;
        // A driver that faults in its probe makes the shadow quiesce a second time, with nothing in flight any more: what
        // counts is what the first order met.
        let count = |requests| u32::try_from(requests).unwrap_or(u32::MAX);
        self.figures.in_flight = self.figures.in_flight.max(count(event.a));
        self.figures.undrained = self.figures.undrained.max(count(event.b));
        self.figures.before_ns = self.figures.before_ns.max(env.clock.nanos(event.c));
        if self.step != Step::Quiesce {
            return;
        }
        self.figures.quiesce_ns = self.lap(env);
        match self.take_down(env) {
            Ok(()) => self.bring_up_target(env),
            // Still the holder: nothing was taken from it.
            Err(reason) if self.holder.is_some() => self.resume_driver(env, reason),
            Err(reason) => self.go_offline(env, reason),
        }
    }

    /// The shadow does not answer, so that nothing is known of the requests in flight: leave the driver alone.
    pub(super) fn quiesce_late<W: World>(&mut self, env: &mut Env<'_, W>) {
        match self.holder {
            Some(_) => self.resume_driver(env, Reason::ShadowSilent),
            None => self.go_offline(env, Reason::ShadowSilent),
        }
    }

    fn resume_driver<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) {
        self.reason.get_or_insert(reason);
        self.command(env, shadow::CommandKind::Resume);
        self.enter(env, Step::Resume, env.limits.shadow_us);
    }

    /// The shadow does not answer: whether the old driver is being fed, nobody knows. Put the question in a way that has
    /// an end: as after a loss.
    pub(super) fn resume_late<W: World>(&mut self, env: &mut Env<'_, W>) {
        self.recovering = true;
        self.bury_target();
        self.impersonate(env);
        self.target_failed(env, Reason::ShadowSilent);
    }

    /// The old driver is being fed again.
    pub(super) fn resumed<W: World>(&mut self, env: &mut Env<'_, W>) {
        let reason = self.reason.unwrap_or(Reason::ShadowSilent);
        self.refuse(env, reason);
    }

    /// Takes the device from its holder, if it has one, and resets it. On an error the holder tells whether the cut
    /// failed (there still is one) or the reset did.
    pub(super) fn take_down<W: World>(&mut self, env: &mut Env<'_, W>) -> Result<(), Reason> {
        self.mark = env.world.now();
        if let Some(holder) = self.holder {
            self.note(env, trace::Kind::Cut, 0, 0);
            self.save_cutting(env);
            match env.world.call(self.slot, Call::Cut(holder.generation)) {
                // The latter two: it was never started, and has nothing that could be taken.
                Code::Ok | Code::WrongState | Code::Invalid => {}
                code => return Err(Reason::Root { code: code as u8 }),
            }
            self.holder = None;
            self.device_clean = false;
            self.bury(holder.generation);
            self.give_up_held();
            self.save(env);
        }
        self.figures.cut_ns += self.lap(env);
        self.reset(env)
    }

    /// Resets the device, unless that is done. What its last holder had may then be given back.
    pub(super) fn reset<W: World>(&mut self, env: &mut Env<'_, W>) -> Result<(), Reason> {
        if self.device_clean {
            return Ok(());
        }
        self.mark = env.world.now();
        let code = env.world.call(self.slot, Call::Reset);
        self.note(env, trace::Kind::Reset, u64::from(code == Code::Ok), code as u64);
        self.figures.reset_ns += self.lap(env);
        match code {
            Code::Ok => self.device_clean = true,
            // What comes into the slot is asked to reset itself before it is given to anybody.
            Code::Empty => self.presence = Presence::Absent,
            Code::Unguarded => return Err(Reason::Unguarded),
            _ => return Err(Reason::DeviceReset),
        }
        while let Some(generation) = self.quarantine.pop() {
            self.bury(generation);
        }
        self.save(env);
        match self.device_clean {
            true => Ok(()),
            false => Err(Reason::Removed),
        }
    }

    pub(super) fn bring_up_target<W: World>(&mut self, env: &mut Env<'_, W>) {
        let Some(target) = self.target else {
            // An update that is discarded has no other target than the copy of the driver of before.
            if self.restore(env) {
                return;
            }
            return self.go_offline(env, self.reason.unwrap_or(Reason::TooManyFailures));
        };
        if !self.shadow_active {
            // `Impersonate` is under way.
            return self.enter(env, Step::Quiesce, env.limits.shadow_us);
        }
        let policy = match self.order {
            // Nothing to compare with.
            _ if self.package.is_none() => shadow::Policy::First,
            // What the operator wanted, also when the old driver died on the way.
            Some(order) if !self.restoring && order.package == target.package => order.policy,
            // To serve with less is better than not to serve.
            _ => shadow::Policy::Degrade,
        };
        self.bring_up(env, target, policy);
    }

    /// Turns the shadow to the generation's side. The device is nobody's now.
    fn bring_up<W: World>(&mut self, env: &mut Env<'_, W>, target: Incarnation, policy: shadow::Policy) {
        if let Err(reason) = self.reset(env) {
            return self.go_offline(env, reason);
        }
        self.last_side = target.side;
        let wait = env.limits.shadow_us.saturating_add(env.limits.probe_us);
        let command = shadow::Command {
            kind: shadow::CommandKind::Attach as u32,
            policy: policy as u32,
            a: target.generation.into(),
            b: target.side as u64,
            c: env.world.now().saturating_add(env.clock.micros(wait)),
            ..Default::default()
        };
        self.command_with(env, command);
        self.mark = env.world.now();
        self.enter(env, Step::Attach, env.limits.shadow_us);
    }

    /// The shadow waits for the generation's report: start it.
    pub(super) fn attached<W: World>(&mut self, env: &mut Env<'_, W>) {
        let Some(target) = self.target.take() else { return };
        self.figures.attach_ns = self.lap(env);
        // Whatever the answer, from here on it may have the device until it is cut.
        self.holder = Some(target);
        self.device_clean = false;
        let limits = env.limits;
        let wait = limits
            .shadow_us
            .saturating_mul(2)
            .saturating_add(limits.probe_us)
            .saturating_add(limits.enable_us);
        self.enter(env, Step::Enable, wait);
        match env.world.call(self.slot, Call::Start(target.generation)) {
            Code::Ok => self.note(env, trace::Kind::Start, 0, 0),
            code => {
                // It does not run. Whether it got something of the device is root's to say: cut and reset regardless.
                env.world.call(self.slot, Call::Cut(target.generation));
                self.holder = None;
                self.bury(target.generation);
                self.target_failed(env, Reason::Root { code: code as u8 });
            }
        }
    }

    /// The driver serves.
    pub(super) fn enabled<W: World>(&mut self, env: &mut Env<'_, W>, event: &shadow::Event) {
        let Some(holder) = self.holder else { return };
        self.shadow_active = false;
        self.note_driver(env, holder.package);
        self.figures.enable_ns = self.lap(env);
        self.figures.resubmitted = (event.c >> 32) as u32;
        self.figures.queued = event.c as u32;
        // 0: no driver served before; nothing was held up.
        let blackout = event.b.checked_sub(event.a).filter(|_| event.a != 0);
        self.figures.blackout_ns = blackout.map(|ticks| env.clock.nanos(ticks));
        let outcome = match self.reason {
            Some(reason) if self.restoring => Outcome::RolledBack(reason),
            Some(reason) if self.recovering && self.failures.fell_back() => Outcome::LastGood(reason),
            // An update whose new driver failed after the old one had died: the old version was built anew.
            Some(reason)
                if self.recovering && self.order.is_some_and(|order| order.package != holder.package) =>
            {
                Outcome::RolledBack(reason)
            }
            // The same for a job of a predecessor, of which only the record is left.
            Some(reason) if self.inherited(env, holder.package) => Outcome::RolledBack(reason),
            _ => Outcome::Done,
        };
        self.now_runs(holder.package);
        self.measure(env, outcome);
    }

    /// The record is that of an order which a control that died had taken, and this package is not what was ordered.
    fn inherited<W: World>(&self, env: &Env<'_, W>, package: u8) -> bool {
        let record = self
            .order
            .and_then(|order| Some((order.kind, env.history.get(order.record)?)));
        record.is_some_and(|(now, then)| {
            now == Kind::Recovery
                && !matches!(then.kind, Kind::Recovery | Kind::Kill)
                && then.to != env.store.label(package)
        })
    }

    /// Notes which package should run from now on, and which one ran well before it.
    fn now_runs(&mut self, package: u8) {
        let before = self.package.replace(package);
        if self.restoring || self.order.is_none_or(|order| order.package != package) {
            // A version from before. If it is the last good one, there is nothing behind it.
            if before != self.package {
                self.previous = None;
            }
            return;
        }
        if self
            .order
            .is_some_and(|order| matches!(order.kind, Kind::Update | Kind::Rollback))
        {
            if !self.recovering || before != self.package {
                self.updates = self.updates.saturating_add(1);
            }
            if before != self.package {
                // Not when the same one comes up again and again: its failures count.
                self.failures.forgive();
                if self.spare.is_none() {
                    // No probation, as there is no copy to go back to at once.
                    self.previous = before;
                }
            }
        }
    }

    /// The driver that was to run does not: back to the spare, or what recovery says, or offline.
    pub(super) fn target_failed<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) {
        // Nobody asked for this one: it counts against its version, and what is tried after it has an end.
        let ours = self.recovering || self.restoring;
        if ours && self.step == Step::Enable {
            let failed = self.holder.map(|holder| holder.package).or(self.package);
            self.count_failure(env, failed, reason);
        }
        self.note(env, trace::Kind::RollBack, self.transaction.into(), 0);
        self.bury_target();
        if let Err(reason) = self.take_down(env) {
            return self.go_offline(env, reason);
        }
        if self.spare.is_some() {
            self.reason.get_or_insert(reason);
            self.restore(env);
        } else if ours {
            self.recovering = true;
            self.recover(env, reason);
        } else {
            self.go_offline(env, reason);
        }
    }
}
