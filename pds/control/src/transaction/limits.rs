//! What a device takes less and less of: packages below the security floor, and of keys that were revoked. The stager refuses
//! them; here is what it is told to refuse.

use control_protocol::PublicKey;
use control_protocol::record::Reason;

use super::{Env, Machine};
use crate::world::World;

impl Machine {
    /// The same, for a system that refuses packages with a smaller security floor.
    pub fn with_floor(self, floor: u32) -> Self {
        Self { floor, ..self }
    }

    /// Packages with a smaller security floor are not built.
    pub fn floor(&self) -> u32 {
        self.floor
    }

    /// Keys whose packages are not built any more: a bit each.
    pub fn revoked(&self) -> u32 {
        self.revoked
    }

    /// What runs is there to stay: nothing older than it says is built from now on.
    pub(super) fn raise_floor<W: World>(&mut self, env: &mut Env<'_, W>) {
        if let Some(package) = self.package {
            let (floor, _) = env.store.limits(env.world, package);
            self.floor = self.floor.max(floor);
        }
    }

    /// Builds no more packages of `key`, which is `bit`, and gives up what is staged of it: a driver that is held, and on
    /// probation the copy of the driver before (so the update is final). A driver that runs goes on, and so does one that a
    /// transaction under way has built.
    pub fn revoke<W: World>(&mut self, env: &mut Env<'_, W>, bit: u32, key: &PublicKey) {
        self.revoked |= bit;
        let mut of_key = |package: u8| env.store.limits(env.world, package).1.as_ref() == Some(key);
        let held = self.held.is_some_and(|held| of_key(held.package));
        let spare = self.in_probation() && self.spare.is_some_and(|spare| of_key(spare.package));
        if held {
            self.give_up_held();
        }
        if spare {
            self.raise_floor(env);
            self.give_up_spare_for_good();
        }
        self.save(env);
        if held || spare {
            self.reap_if_idle(env);
        }
    }
}

/// Whether a package that was refused for this is refused for ever.
pub(super) fn forbids(reason: &Reason) -> bool {
    matches!(reason, Reason::Untrusted { .. } | Reason::BelowFloor { .. })
}
