//! A driver is lost: the same transaction, entered behind quiescing.

use control_protocol::record::{Kind, Outcome, Reason};
use supervision::{Code, root, shadow};

use super::{After, Env, Machine, Order, Step};
use crate::recovery::Choice;
use crate::world::{Call, World};

impl Machine {
    /// The holder faulted, or must be retired.
    pub(super) fn lost<W: World>(&mut self, env: &mut Env<'_, W>, cause: Reason) {
        self.failed = self.failed.saturating_add(1);
        if self.step != Step::Enable {
            if cause != Reason::Killed {
                self.failures.count(env.world.now());
            }
            if let Some(order) = self.order.filter(|_| self.public_step().is_some()) {
                env.history.lost(order.record, cause);
            }
        }
        match self.step {
            Step::Idle | Step::Reap(After::Rest) => {
                let Some(package) = self.package else { return };
                let label = env.store.label(package);
                let record = env
                    .history
                    .open(self.index, Kind::Recovery, label.clone(), label, Some(cause));
                self.recover_after(env, Kind::Recovery, record, cause);
            }
            // The new driver. Perhaps the shadow's `Enabled` is under way.
            Step::Enable => {
                self.impersonate(env);
                self.target_failed(env, cause);
            }
            Step::StageNew | Step::StageSpare | Step::Quiesce => {
                self.recovering = true;
                self.impersonate(env);
                if let Err(reason) = self.take_down(env) {
                    self.go_offline(env, reason);
                }
                // Staging goes on, or the shadow's `Quiesced` is under way.
            }
            Step::Resume | Step::Measure => {
                self.recovering = true;
                self.restoring = false;
                self.impersonate(env);
                self.bury_target();
                self.job = None;
                self.target_failed(env, cause);
            }
            // No holder in these steps.
            Step::Attach | Step::Reap(After::Stage(_)) => {}
        }
    }

    /// The operator's kill.
    ///
    /// # Errors
    /// No driver runs (`None`), a transaction is under way, or root refuses.
    pub fn kill<W: World>(&mut self, env: &mut Env<'_, W>) -> Result<u32, Option<super::Busy>> {
        if let Some(busy) = self.busy() {
            return Err(Some(busy));
        }
        let (Some(holder), Some(package)) = (self.holder, self.package) else {
            return Err(None);
        };
        self.note(env, trace::Kind::Kill, 0, 0);
        if env.world.call(self.slot, Call::Kill) != Code::Ok {
            return Err(None);
        }
        // Root's event will follow; by then this generation is no holder any more.
        self.failed = self.failed.saturating_add(1);
        // A kill says nothing against the version that runs: it stays.
        self.give_up_spare();
        let from = env.store.label(holder.package);
        let record = env.history.open(
            self.index,
            Kind::Kill,
            from,
            env.store.label(package),
            Some(Reason::Killed),
        );
        self.recover_after(env, Kind::Kill, record, Reason::Killed);
        Ok(record)
    }

    fn recover_after<W: World>(&mut self, env: &mut Env<'_, W>, kind: Kind, record: u32, cause: Reason) {
        let package = self
            .spare
            .map(|spare| spare.package)
            .or(self.package)
            .unwrap_or(0);
        self.open(
            env,
            Order {
                record,
                kind,
                package,
                policy: shadow::Policy::Degrade,
            },
        );
        self.recovering = true;
        self.command(env, shadow::CommandKind::BeginGap);
        self.impersonate(env);
        if let Err(reason) = self.take_down(env) {
            return self.go_offline(env, reason);
        }
        match self.spare.take() {
            // Still on probation: the version before it is ready.
            Some(spare) => {
                self.reason = Some(cause);
                self.restoring = true;
                self.package = Some(spare.package);
                self.target = Some(spare);
                self.failures.forgive();
                self.bring_up_target(env);
            }
            None => self.recover(env, cause),
        }
    }

    /// Chooses what to start next; the device is cut and reset.
    pub(super) fn recover<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) {
        self.reason.get_or_insert(reason);
        self.restoring = false;
        let window = env.clock.micros(env.limits.failure_window_us);
        let now = env.world.now();
        match self.failures.choose(now, window, self.package, self.previous) {
            Choice::Restart(package) | Choice::LastGood(package) => self.make_room(env, package),
            Choice::Offline => self.go_offline(env, Reason::TooManyFailures),
        }
    }

    /// No driver serves the device.
    pub(super) fn go_offline<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) {
        self.note(env, trace::Kind::Offline, 0, 0);
        self.job = None;
        self.staging = None;
        self.bury_target();
        self.give_up_spare_for_good();
        let patience = env.clock.micros(env.limits.patience_us);
        let command = shadow::Command {
            kind: shadow::CommandKind::Offline as u32,
            a: patience,
            ..Default::default()
        };
        self.command_with(env, command);
        self.shadow_active = true;
        self.measure(env, Outcome::Offline(reason));
    }
}

/// A shadow's verdict on a driver, for the record.
pub(super) fn failure(failure: u64, detail: u64) -> Reason {
    use shadow::Failure as F;
    match failure {
        x if x == F::Probe as u64 => Reason::Probe { code: detail },
        x if x == F::ProbeDeadline as u64 => Reason::ProbeDeadline,
        x if x == F::Link as u64 => Reason::Link { detail },
        x if x == F::UnknownRequest as u64 => Reason::UnknownRequest,
        x if x == F::RequestDeadline as u64 => Reason::RequestDeadline,
        x if x == F::Changed as u64 => Reason::Changed,
        _ => Reason::BadReport,
    }
}

/// Root's event, for the record.
pub fn cause(event: &root::Event) -> Reason {
    match event.kind {
        root::EventKind::Fault => Reason::Fault {
            label: event.detail,
            address: event.address,
            pc: event.pc,
        },
        root::EventKind::Killed => Reason::Killed,
        root::EventKind::Budget => Reason::Budget,
    }
}
