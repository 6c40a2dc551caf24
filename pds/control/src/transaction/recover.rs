//! A driver is lost: the same transaction, entered behind quiescing.

use control_protocol::cause::Cause;
use control_protocol::record::{Figures, Kind, Outcome, Reason};
use supervision::bus::Presence;
use supervision::{Code, root, shadow};

use super::{After, Env, Machine, Order, Step};
use crate::recovery::Choice;
use crate::world::{Call, World};

/// What of its share of the processor a driver may take while it has nothing to do, in thousandths.
const IDLE_PERMILLE: u32 = 500;

impl Machine {
    /// For a whole window of the shadow's watch, and for the one before it if `again`, no request was with the driver. What it
    /// took of the processor meanwhile, it took for nothing: an interrupt that never ends, or a loop.
    pub(super) fn idle<W: World>(&mut self, env: &mut Env<'_, W>, window: u64, again: bool, passes: u64) {
        // The first window's figure starts with the time before it.
        let Some(consumed) = env.world.consumed(self.slot) else {
            return;
        };
        let permille = consumed.permille_of(env.clock.micros_of(window));
        if again && permille > IDLE_PERMILLE {
            let permille = Some(permille);
            let passes = u32::try_from(passes).unwrap_or(u32::MAX);
            self.lost(env, Reason::Storm { permille, passes });
        }
    }

    /// The holder faulted, or must be retired.
    pub(super) fn lost<W: World>(&mut self, env: &mut Env<'_, W>, cause: Reason) {
        self.count_loss(&cause);
        if self.only_stages() {
            self.end_staging(env, cause);
        }
        if self.step != Step::Enable {
            // A device that goes says nothing against its driver.
            if !matches!(cause, Reason::Killed | Reason::Removed) {
                self.count_failure(env, self.holder.map(|holder| holder.package), cause);
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
            Step::StageNew
            | Step::StageSpare
            | Step::Quiesce
            | Step::Reap(After::Stage(_) | After::Spare) => {
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
            Step::Attach | Step::BackOff(_) => {}
        }
    }

    pub(super) fn count_loss(&mut self, cause: &Reason) {
        self.failed = self.failed.saturating_add(1);
        if let Some(count) = self.causes.get_mut(Cause::of(cause) as usize) {
            *count = count.saturating_add(1);
        }
    }

    /// A driver of this package failed, and no operator waits for it: a restart, or the driver that ran.
    pub(super) fn count_failure<W: World>(
        &mut self,
        env: &mut Env<'_, W>,
        package: Option<u8>,
        reason: Reason,
    ) {
        self.failures.count(env.world.now(), package, reason);
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
        let (from, to) = (env.store.label(holder.package), env.store.label(package));
        let cause = Some(Reason::Killed);
        let record = env.history.open(self.index, Kind::Kill, from.clone(), to, cause);
        // Before it is done: who takes over must know that it was asked for, and by whom.
        env.history.flush(env.world);
        self.note(env, trace::Kind::Kill, 0, 0);
        if env.world.call(self.slot, Call::Kill) != Code::Ok {
            // It stopped by itself, just now.
            let refused = Outcome::Refused(Reason::NoDriver);
            env.history.close(record, refused, from, &Figures::default());
            return Ok(record);
        }
        // Root's event will follow; by then this generation is no holder any more.
        self.count_loss(&Reason::Killed);
        // A kill says nothing against the version that runs: it stays.
        self.give_up_spare(env);
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
                manual: false,
                drain_us: None,
            },
        );
        self.recovering = true;
        self.command(env, shadow::CommandKind::BeginGap);
        self.impersonate(env);
        if let Err(reason) = self.take_down(env) {
            return self.go_offline(env, reason);
        }
        match self.spare {
            // Still on probation: the version before it is ready.
            Some(_) => {
                self.reason = Some(cause);
                self.failures.forgive();
                self.restore(env);
            }
            None => self.recover(env, cause),
        }
    }

    /// Chooses what to start next; the device is cut and reset.
    pub(super) fn recover<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) {
        self.reason.get_or_insert(reason);
        self.restoring = false;
        if self.presence != Presence::Present {
            return self.go_offline(env, Reason::Removed);
        }
        let window = env.clock.micros(env.limits.failure_window_us);
        let now = env.world.now();
        match self.failures.choose(now, window, self.package, self.previous) {
            Choice::Restart(package) | Choice::LastGood(package) => {
                match self.failures.back_off(now, window, env.limits.back_off_us) {
                    0 => self.make_room(env, package),
                    pause => self.enter(env, Step::BackOff(package), pause),
                }
            }
            Choice::Offline => self.go_offline(env, Reason::TooManyFailures),
        }
    }

    /// The package that was chosen may not be built any more: the last good one, if that is another, or nothing.
    pub(super) fn recover_without<W: World>(
        &mut self,
        env: &mut Env<'_, W>,
        refused: Option<u8>,
        reason: Reason,
    ) {
        self.reason.get_or_insert(reason);
        self.restoring = false;
        match self.failures.choose_without(refused, self.package, self.previous) {
            Choice::Restart(package) | Choice::LastGood(package) => self.make_room(env, package),
            Choice::Offline => self.go_offline(env, reason),
        }
    }

    /// No driver serves the device.
    pub(super) fn go_offline<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) {
        self.note(env, trace::Kind::Offline, 0, 0);
        self.job = None;
        self.hurry(env, false);
        self.staging = None;
        self.bury_target();
        self.give_up_spare_for_good();
        self.give_up_held();
        let reason = self.let_go(env, reason);
        let patience = match reason {
            // Nobody is expected: whoever asks is told at once. (0 would be the shadow's own patience.)
            Reason::Removed => 1,
            _ => env.clock.micros(env.limits.patience_us),
        };
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
        x if x == F::Heartbeat as u64 => Reason::Heartbeat,
        x if x == F::Storm as u64 => Reason::Storm {
            permille: None,
            passes: u32::try_from(detail).unwrap_or(u32::MAX),
        },
        x if x == F::Changed as u64 => Reason::Changed,
        _ => Reason::BadReport,
    }
}

const _: () = assert!(root::DMA_FAULT >> 16 == control_protocol::cause::DEVICE_FAULT);

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
