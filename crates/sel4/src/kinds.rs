//! The kinds of capabilities: one table, from which the marker types and the names of marked capabilities come.

use crate::blueprint::{CapTypeForObjectOfFixedSize, ObjectBlueprint, ObjectBlueprintArch as Arch};

/// A kind per line, and behind `=` what to retype for one, where the kind alone says it.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $(= $blueprint:expr)?;)*) => {
        /// Kinds of capabilities, as marker types.
        pub mod cap_type {
            $(
                $(#[$doc])*
                #[derive(Clone, Copy, Debug, PartialEq, Eq)]
                pub struct $kind;

                impl crate::CapType for $kind {
                    const NAME: &'static str = stringify!($kind);
                }
            )*

            /// The smallest frame.
            pub type Granule = SmallPage;
        }

        /// [`Cap`](crate::Cap) by kind: `cap::Tcb` is a capability of kind [`cap_type::Tcb`].
        pub mod cap {
            use crate::{Cap, ImplicitInvocationContext, cap_type};

            $(
                $(#[$doc])*
                pub type $kind<C = ImplicitInvocationContext> = Cap<cap_type::$kind, C>;
            )*

            /// The smallest frame.
            pub type Granule<C = ImplicitInvocationContext> = SmallPage<C>;
        }

        $($(
            impl CapTypeForObjectOfFixedSize for cap_type::$kind {
                fn object_blueprint() -> ObjectBlueprint {
                    $blueprint
                }
            }
        )?)*
    };
}

kinds! {
    /// Of no certain kind.
    Unspecified;
    /// No capability.
    Null;
    /// Memory that objects can be made of.
    Untyped;
    /// Table of capabilities.
    CNode;
    /// Thread control block.
    Tcb = ObjectBlueprint::Tcb;
    /// Where callers and servers meet.
    Endpoint = ObjectBlueprint::Endpoint;
    /// Word of signals.
    Notification = ObjectBlueprint::Notification;
    /// What a server answers through.
    Reply;
    /// Budget and period.
    SchedContext;
    /// Authority to fill scheduling contexts.
    SchedControl;
    /// Authority over interrupts.
    IrqControl;
    /// One interrupt.
    IrqHandler;
    /// Identifiers for address spaces.
    AsidPool;
    /// Top-level translation table: an address space.
    VSpace = ObjectBlueprint::Arch(Arch::VSpace);
    /// Translation table of a lower level.
    PT = ObjectBlueprint::Arch(Arch::PT);
    /// Frame of 4 KiB.
    SmallPage = ObjectBlueprint::Arch(Arch::SmallPage);
    /// Frame of 2 MiB.
    LargePage = ObjectBlueprint::Arch(Arch::LargePage);
    /// Frame of some size.
    UnspecifiedPage;
}
