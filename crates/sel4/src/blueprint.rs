//! What an untyped can be retyped into.

use crate::CapType;
use sel4_abi::object::{MIN_SCHED_CONTEXT_BITS, ObjectType};

/// An object to make. `size_bits` is `Untyped_Retype`'s: log2 of the bytes, for a CNode of the slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The kernel's objects.
pub enum ObjectBlueprint {
    Untyped { size_bits: usize },
    CNode { size_bits: usize },
    SchedContext { size_bits: usize },
    Tcb,
    Endpoint,
    Notification,
    Reply,
    Arch(ObjectBlueprintArch),
}

/// An object of which the architecture says what it is. Upstream tells two levels of these apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Frames of 4 KiB and 2 MiB, translation tables below and at the top.
pub enum ObjectBlueprintArch {
    SmallPage,
    LargePage,
    PT,
    VSpace,
}

impl ObjectBlueprint {
    /// The kernel's type, and the size argument: 0 for types that have none.
    pub(crate) const fn arguments(self) -> (ObjectType, usize) {
        match self {
            Self::Untyped { size_bits } => (ObjectType::Untyped, size_bits),
            Self::CNode { size_bits } => (ObjectType::CNode, size_bits),
            Self::SchedContext { size_bits } => (ObjectType::SchedContext, size_bits),
            Self::Tcb => (ObjectType::Tcb, 0),
            Self::Endpoint => (ObjectType::Endpoint, 0),
            Self::Notification => (ObjectType::Notification, 0),
            Self::Reply => (ObjectType::Reply, 0),
            Self::Arch(ObjectBlueprintArch::SmallPage) => (ObjectType::SmallPage, 0),
            Self::Arch(ObjectBlueprintArch::LargePage) => (ObjectType::LargePage, 0),
            Self::Arch(ObjectBlueprintArch::PT) => (ObjectType::PageTable, 0),
            Self::Arch(ObjectBlueprintArch::VSpace) => (ObjectType::VSpace, 0),
        }
    }

    /// log2 of the bytes it takes from the untyped.
    pub const fn physical_size_bits(self) -> usize {
        let (ty, size_bits) = self.arguments();
        let too_small = matches!(ty, ObjectType::SchedContext) && size_bits < MIN_SCHED_CONTEXT_BITS;
        ty.physical_size_bits(if too_small {
            MIN_SCHED_CONTEXT_BITS
        } else {
            size_bits
        })
    }
}

/// Kinds that say by themselves what to retype for one.
pub trait CapTypeForObjectOfFixedSize: CapType {
    /// That.
    fn object_blueprint() -> ObjectBlueprint;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cap_type;
    use sel4_abi::object::TCB_BITS;

    #[test]
    fn blueprints_have_the_kernels_numbers_and_sizes() {
        let cases = [
            (ObjectBlueprint::Untyped { size_bits: 20 }, 0, 20),
            (cap_type::Tcb::object_blueprint(), 1, TCB_BITS),
            (cap_type::Endpoint::object_blueprint(), 2, 4),
            (cap_type::Notification::object_blueprint(), 3, 6),
            (ObjectBlueprint::CNode { size_bits: 10 }, 4, 15),
            (ObjectBlueprint::SchedContext { size_bits: 8 }, 5, 8),
            (ObjectBlueprint::SchedContext { size_bits: 1 }, 5, 7),
            (ObjectBlueprint::Reply, 6, 5),
            (cap_type::VSpace::object_blueprint(), 8, 12),
            (cap_type::SmallPage::object_blueprint(), 9, 12),
            (cap_type::LargePage::object_blueprint(), 10, 21),
            (cap_type::PT::object_blueprint(), 11, 12),
        ];
        for (blueprint, number, size_bits) in cases {
            assert_eq!(blueprint.arguments().0.to_raw(), number, "{blueprint:?}");
            assert_eq!(blueprint.physical_size_bits(), size_bits, "{blueprint:?}");
        }
    }
}
