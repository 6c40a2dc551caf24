//! When two machines are the same: from here on they do the same, whatever happens. The model checker visits such states
//! once.

use core::hash::{Hash, Hasher};
use core::mem::discriminant;

use control_protocol::record::Reason;
use control_protocol::reply::Condition;

use super::{Machine, Order};

/// What a machine does depends on: everything but what it only reports (figures, counts, reasons, record numbers, since
/// when). A new field must be given its place here.
impl Hash for Machine {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            index,
            slot,
            step,
            deadline,
            holder,
            target,
            spare,
            held,
            manual,
            dead,
            quarantine,
            device_clean,
            last_side,
            package,
            previous,
            floor,
            revoked,
            failures,
            presence,
            condition,
            updates: _,
            failed: _,
            causes: _,
            pending,
            order,
            transaction,
            jobs,
            job,
            hurried,
            staging,
            lent,
            shadow_active,
            restoring,
            recovering,
            reason,
            outcome,
            figures: _,
            began: _,
            mark: _,
        } = self;
        (index, slot, step, deadline).hash(state);
        (holder, target, spare, held, manual).hash(state);
        (dead, quarantine).hash(state);
        (device_clean, last_side, package, previous, failures).hash(state);
        (floor, revoked).hash(state);
        (pending, order, transaction, jobs, job, hurried, staging, lent).hash(state);
        (shadow_active, restoring, recovering).hash(state);
        // A driver is started again when a device comes, if it was for one that went.
        (presence, *condition == Condition::Offline(Reason::Removed)).hash(state);
        (
            discriminant(condition),
            reason.is_some(),
            outcome.as_ref().map(discriminant),
        )
            .hash(state);
    }
}

impl Hash for Order {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            record: _,
            kind,
            package,
            policy,
            manual,
            drain_us,
        } = self;
        (discriminant(kind), package, policy, manual, drain_us).hash(state);
    }
}
