//! What gives the right to reply.

use crate::{NoExplicitInvocationContext, cap};

/// Alias for conveying reply authority to system calls: with mixed-criticality scheduling, a reply object.
pub type ReplyAuthority<C = NoExplicitInvocationContext> = cap::Reply<C>;

/// What says which reply object a receive uses.
pub trait ConveysReplyAuthority {
    /// Invocation context of the authority.
    type C;

    /// The authority.
    fn into_reply_authority(self) -> ReplyAuthority<Self::C>;
}

impl<C> ConveysReplyAuthority for ReplyAuthority<C> {
    type C = C;

    fn into_reply_authority(self) -> ReplyAuthority<Self::C> {
        self
    }
}
