//! The device itself comes and goes (`docs/design/035-hotplug.md`).

use control_protocol::record::{Kind, Reason};
use control_protocol::reply::Condition;
use supervision::bus::Presence;
use supervision::{Code, shadow};

use super::{Env, Machine, Order, Step};
use crate::world::{Call, World};

impl Machine {
    /// The bus says that something has changed. May be told at any time.
    pub fn look<W: World>(&mut self, env: &mut Env<'_, W>) {
        self.presence = env.world.presence(self.slot);
        if self.holder.is_none() {
            // Perhaps it is another one than the one that was reset.
            self.device_clean = false;
        }
        match self.presence {
            // Torn out: a driver without a device is lost.
            Presence::Absent if self.holder.is_some() => self.lost(env, Reason::Removed),
            _ if self.step == Step::Idle => self.follow_device(env),
            _ => {}
        }
    }

    /// At rest: a device that is to leave is let go, and one that was put in gets a driver.
    pub(super) fn follow_device<W: World>(&mut self, env: &mut Env<'_, W>) {
        match (self.presence, self.condition) {
            (Presence::Leaving, _) if self.holder.is_some() => self.leave(env),
            (Presence::Leaving, Condition::Offline(reason)) => {
                self.condition = Condition::Offline(self.let_go(env, reason));
                if self.presence != Presence::Leaving {
                    self.reap_if_idle(env);
                }
            }
            // Whatever was wrong with it is gone with it.
            (Presence::Absent, Condition::Offline(_)) => self.condition = Condition::Offline(Reason::Removed),
            (Presence::Present, Condition::Offline(Reason::Removed)) => self.come_back(env),
            _ => {}
        }
    }

    /// The requests in flight are answered by the driver, for a bounded time; the others are told that nobody serves them.
    fn leave<W: World>(&mut self, env: &mut Env<'_, W>) {
        let package = self.package.unwrap_or(0);
        let label = env.store.label(package);
        let cause = Some(Reason::Removed);
        let record = env.history.open(self.index, Kind::Removal, label, None, cause);
        // The version that runs is the one that is started when a device comes.
        self.give_up_spare(env);
        self.begin_plug(env, record, Kind::Removal, package);
        self.reason = cause;
        self.quiesce(env);
    }

    fn come_back<W: World>(&mut self, env: &mut Env<'_, W>) {
        let Some(package) = self.package else { return };
        let label = env.store.label(package);
        let record = env.history.open(self.index, Kind::Addition, None, label, None);
        self.failures.forgive();
        self.begin_plug(env, record, Kind::Addition, package);
        // What fails is tried again, as after a loss.
        self.recovering = true;
        match self.take_down(env) {
            Ok(()) => self.make_room(env, package),
            Err(reason) => self.go_offline(env, reason),
        }
    }

    fn begin_plug<W: World>(&mut self, env: &mut Env<'_, W>, record: u32, kind: Kind, package: u8) {
        self.give_up_held();
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
        self.command(env, shadow::CommandKind::BeginGap);
    }

    /// Nobody has the device: one that is to leave may. Why there is none, if it was to be `reason`.
    pub(super) fn let_go<W: World>(&mut self, env: &mut Env<'_, W>, reason: Reason) -> Reason {
        if reason == Reason::Removed && self.package.is_none() {
            // The first driver found no device: it is what is started when one comes.
            self.package = self.order.map(|order| order.package);
        }
        let free = self.presence == Presence::Leaving && self.holder.is_none();
        if !free || env.world.call(self.slot, Call::Release) != Code::Ok {
            return reason;
        }
        // Without power it reaches nothing, whatever became of its reset: root hears it from the bus. And what comes is another one.
        self.device_clean = false;
        match self.reset(env) {
            Err(Reason::Removed) => Reason::Removed,
            _ => reason,
        }
    }
}
