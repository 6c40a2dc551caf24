//! A reply object: who waits for the answer, and its place in the stack of calls of a scheduling context.

use super::{Field, Reply, ReplyKind, SchedContext, Tcb, Word};

/// The thread that waits: for the reply, or (as a receiver that brought this object) for a message.
pub const TCB: Field<ReplyKind, Option<Tcb>> = Field::at(0);
/// The call below this one: made by an earlier caller whose scheduling context travels along.
pub const BELOW: Field<ReplyKind, Option<Reply>> = Field::at(8);
/// What is above: a later call, or the scheduling context if this is the last call.
pub const ABOVE: Field<ReplyKind, Above> = Field::at(16);

/// What lies above a reply object in a call stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Above {
    /// Not part of a call stack's upper end or middle.
    Nothing,
    /// A later call.
    Reply(Reply),
    /// The top: the scheduling context itself.
    Context(SchedContext),
}

const IS_CONTEXT: u64 = 1;

impl Word for Above {
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        if word == 0 {
            Self::Nothing
        } else if word & IS_CONTEXT != 0 {
            Self::Context(SchedContext::at(word & !IS_CONTEXT))
        } else {
            Self::Reply(Reply::at(word))
        }
    }
    #[inline(always)]
    fn to_word(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Reply(reply) => reply.addr(),
            Self::Context(context) => context.addr() | IS_CONTEXT,
        }
    }
}
