//! A scheduling context: parameters, bindings, and a ring of refills.

use super::{Field, Notification, PhysAddr, Reply, SchedContextKind, Tcb};

/// Period in ticks; 0 for a round-robin context.
pub const PERIOD: Field<SchedContextKind, u64> = Field::at(0);
/// Time consumed since it was last asked for, in ticks.
pub const CONSUMED: Field<SchedContextKind, u64> = Field::at(8);
/// Identifies the context in timeout faults.
pub const BADGE: Field<SchedContextKind, u64> = Field::at(16);
/// The thread that runs on this context.
pub const TCB: Field<SchedContextKind, Option<Tcb>> = Field::at(24);
/// The notification this context is bound to.
pub const NOTIFICATION: Field<SchedContextKind, Option<Notification>> = Field::at(32);
/// The newest call made on this context.
pub const REPLY: Field<SchedContextKind, Option<Reply>> = Field::at(40);
/// The thread that yielded to this context and waits for its report.
pub const YIELD_FROM: Field<SchedContextKind, Option<Tcb>> = Field::at(48);
/// Index of the first refill in the ring.
pub const HEAD: Field<SchedContextKind, u64> = Field::at(56);
/// Number of refills in the ring; at least 1 once configured.
pub const COUNT: Field<SchedContextKind, u64> = Field::at(64);
/// Size of the ring; 0 while the context is not configured.
pub const MAX: Field<SchedContextKind, u64> = Field::at(72);
/// Sporadic rather than constant bandwidth.
pub const SPORADIC: Field<SchedContextKind, bool> = Field::at(80);

/// Offset of the ring of refills.
const REFILLS: u64 = 96;
/// Size of a refill: time, amount.
const REFILL_BYTES: u64 = 16;

/// How many refills fit into a context of `2^bits` bytes.
pub const fn capacity(bits: u32) -> u64 {
    ((1 << bits) - REFILLS) / REFILL_BYTES
}

/// Offset of the refill with ring index `index`.
pub const fn refill_offset(index: u64) -> PhysAddr {
    REFILLS + index * REFILL_BYTES
}
