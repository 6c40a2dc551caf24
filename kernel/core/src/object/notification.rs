//! A notification: a word of flags, the threads that wait for them, and what is bound to it.

use super::{Field, NotificationKind, SchedContext, Tcb};

/// First waiting thread, or 0.
pub const HEAD: Field<NotificationKind, u64> = Field::at(0);
/// Last waiting thread, or 0.
pub const TAIL: Field<NotificationKind, u64> = Field::at(8);
/// True while signalled and not collected; then nobody waits.
pub const ACTIVE: Field<NotificationKind, bool> = Field::at(16);
/// The flags collected so far.
pub const WORD: Field<NotificationKind, u64> = Field::at(24);
/// The thread that receives signals also while it waits at an endpoint.
pub const BOUND_TCB: Field<NotificationKind, Option<Tcb>> = Field::at(32);
/// The scheduling context lent to a passive waiter.
pub const SCHED_CONTEXT: Field<NotificationKind, Option<SchedContext>> = Field::at(40);
