//! Rights of a capability.

use crate::{helper_macros::newtype_methods, sys};

/// C: `seL4_CapRights_t`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapRights(sys::seL4_CapRights);

impl CapRights {
    newtype_methods!(sys::seL4_CapRights);

    /// Rights from the four flags.
    pub fn new(grant_reply: bool, grant: bool, read: bool, write: bool) -> Self {
        Self(sys::seL4_CapRights::new(grant_reply, grant, read, write))
    }

    /// No rights.
    pub fn none() -> Self {
        CapRightsBuilder::none().build()
    }

    /// All rights.
    pub fn all() -> Self {
        CapRightsBuilder::all().build()
    }

    /// Read and write.
    pub fn read_write() -> Self {
        CapRightsBuilder::none().read(true).write(true).build()
    }

    /// Read.
    pub fn read_only() -> Self {
        CapRightsBuilder::none().read(true).build()
    }

    /// Write.
    pub fn write_only() -> Self {
        CapRightsBuilder::none().write(true).build()
    }
}

impl From<CapRightsBuilder> for CapRights {
    fn from(builder: CapRightsBuilder) -> Self {
        builder.build()
    }
}

/// Puts [`CapRights`] together, one right after the other.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct CapRightsBuilder {
    grant_reply: bool,
    grant: bool,
    read: bool,
    write: bool,
}

impl CapRightsBuilder {
    /// Starts with no rights.
    pub fn none() -> Self {
        Self::default()
    }

    /// Starts with all rights.
    pub fn all() -> Self {
        Self {
            grant_reply: true,
            grant: true,
            read: true,
            write: true,
        }
    }

    /// The rights set so far.
    pub fn build(self) -> CapRights {
        CapRights::new(self.grant_reply, self.grant, self.read, self.write)
    }

    /// Sets the right to pass a reply capability on (to call).
    #[must_use]
    pub fn grant_reply(mut self, can: bool) -> Self {
        self.grant_reply = can;
        self
    }

    /// Sets the right to pass capabilities on.
    #[must_use]
    pub fn grant(mut self, can: bool) -> Self {
        self.grant = can;
        self
    }

    /// Sets the right to read or receive.
    #[must_use]
    pub fn read(mut self, can: bool) -> Self {
        self.read = can;
        self
    }

    /// Sets the right to write or send.
    #[must_use]
    pub fn write(mut self, can: bool) -> Self {
        self.write = can;
        self
    }
}
