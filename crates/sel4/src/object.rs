//! Kinds of kernel objects, and blueprints for retyping.

use crate::CapType;
use core::ffi::c_uint;
use sel4_abi::object as abi;

/// Another name of [`ObjectTypeArm`].
pub type ObjectTypeArch = ObjectTypeArm;
/// Another name of [`ObjectTypeAArch64`].
pub type ObjectTypeSeL4Arch = ObjectTypeAArch64;
/// Another name of [`ObjectBlueprintArm`].
pub type ObjectBlueprintArch = ObjectBlueprintArm;
/// Another name of [`ObjectBlueprintAArch64`].
pub type ObjectBlueprintSeL4Arch = ObjectBlueprintAArch64;

/// C: `seL4_ObjectType`.
#[derive(Debug, Clone, Eq, PartialEq)]
#[allow(missing_docs)] // The variants are the kernel's object types.
pub enum ObjectType {
    Untyped,
    Endpoint,
    Notification,
    CNode,
    Tcb,
    SchedContext,
    Reply,
    Arch(ObjectTypeArch),
}

/// C: `seL4_ArchObjectType`.
#[derive(Debug, Clone, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum ObjectTypeArm {
    SmallPage,
    LargePage,
    PT,
    SeL4Arch(ObjectTypeSeL4Arch),
}

/// C: `seL4_ModeObjectType`.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum ObjectTypeAArch64 {
    HugePage,
    VSpace,
}

impl ObjectType {
    /// The kernel's type.
    const fn to_abi(&self) -> abi::ObjectType {
        match self {
            Self::Untyped => abi::ObjectType::Untyped,
            Self::Endpoint => abi::ObjectType::Endpoint,
            Self::Notification => abi::ObjectType::Notification,
            Self::CNode => abi::ObjectType::CNode,
            Self::Tcb => abi::ObjectType::Tcb,
            Self::SchedContext => abi::ObjectType::SchedContext,
            Self::Reply => abi::ObjectType::Reply,
            Self::Arch(ObjectTypeArm::SmallPage) => abi::ObjectType::SmallPage,
            Self::Arch(ObjectTypeArm::LargePage) => abi::ObjectType::LargePage,
            Self::Arch(ObjectTypeArm::PT) => abi::ObjectType::PageTable,
            Self::Arch(ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::HugePage)) => abi::ObjectType::HugePage,
            Self::Arch(ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::VSpace)) => abi::ObjectType::VSpace,
        }
    }

    /// The kernel's number.
    pub const fn into_sys(self) -> c_uint {
        self.to_abi() as c_uint
    }
}

impl From<ObjectTypeArch> for ObjectType {
    fn from(ty: ObjectTypeArch) -> Self {
        Self::Arch(ty)
    }
}

impl From<ObjectTypeSeL4Arch> for ObjectTypeArch {
    fn from(ty: ObjectTypeSeL4Arch) -> Self {
        Self::SeL4Arch(ty)
    }
}

impl From<ObjectTypeSeL4Arch> for ObjectType {
    fn from(ty: ObjectTypeSeL4Arch) -> Self {
        Self::Arch(ty.into())
    }
}

/// An object description for [`untyped_retype`](crate::cap::Untyped::untyped_retype).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // The variants are the kernel's object types; `size_bits` as in `seL4_Untyped_Retype`.
pub enum ObjectBlueprint {
    Untyped { size_bits: usize },
    Endpoint,
    Notification,
    CNode { size_bits: usize },
    Tcb,
    SchedContext { size_bits: usize },
    Reply,
    Arch(ObjectBlueprintArch),
}

/// The objects that only Arm kernels have.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectBlueprintArm {
    SmallPage,
    LargePage,
    PT,
    SeL4Arch(ObjectBlueprintSeL4Arch),
}

/// AArch64-specific variants of [`ObjectBlueprint`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum ObjectBlueprintAArch64 {
    HugePage,
    VSpace,
}

impl ObjectBlueprint {
    /// The type of the object.
    pub const fn ty(self) -> ObjectType {
        match self {
            Self::Untyped { .. } => ObjectType::Untyped,
            Self::Endpoint => ObjectType::Endpoint,
            Self::Notification => ObjectType::Notification,
            Self::CNode { .. } => ObjectType::CNode,
            Self::Tcb => ObjectType::Tcb,
            Self::SchedContext { .. } => ObjectType::SchedContext,
            Self::Reply => ObjectType::Reply,
            Self::Arch(ObjectBlueprintArm::SmallPage) => ObjectType::Arch(ObjectTypeArm::SmallPage),
            Self::Arch(ObjectBlueprintArm::LargePage) => ObjectType::Arch(ObjectTypeArm::LargePage),
            Self::Arch(ObjectBlueprintArm::PT) => ObjectType::Arch(ObjectTypeArm::PT),
            Self::Arch(ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::HugePage)) => {
                ObjectType::Arch(ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::HugePage))
            }
            Self::Arch(ObjectBlueprintArm::SeL4Arch(ObjectBlueprintAArch64::VSpace)) => {
                ObjectType::Arch(ObjectTypeArm::SeL4Arch(ObjectTypeAArch64::VSpace))
            }
        }
    }

    /// The size argument of the retype, if the type has one.
    pub const fn api_size_bits(self) -> Option<usize> {
        match self {
            Self::Untyped { size_bits } | Self::CNode { size_bits } | Self::SchedContext { size_bits } => {
                Some(size_bits)
            }
            _ => None,
        }
    }

    /// log2 of the bytes the object takes.
    pub const fn physical_size_bits(self) -> usize {
        match self {
            Self::SchedContext { size_bits } if size_bits < abi::MIN_SCHED_CONTEXT_BITS => {
                abi::MIN_SCHED_CONTEXT_BITS
            }
            _ => {
                let size_bits = match self.api_size_bits() {
                    Some(size_bits) => size_bits,
                    None => 0,
                };
                self.ty().to_abi().physical_size_bits(size_bits)
            }
        }
    }

    /// The untyped that an ASID pool is made of.
    pub const fn asid_pool() -> Self {
        Self::Untyped {
            size_bits: abi::ASID_POOL_BITS,
        }
    }
}

impl From<ObjectBlueprintArch> for ObjectBlueprint {
    fn from(blueprint: ObjectBlueprintArch) -> Self {
        Self::Arch(blueprint)
    }
}

impl From<ObjectBlueprintSeL4Arch> for ObjectBlueprintArch {
    fn from(blueprint: ObjectBlueprintSeL4Arch) -> Self {
        Self::SeL4Arch(blueprint)
    }
}

impl From<ObjectBlueprintSeL4Arch> for ObjectBlueprint {
    fn from(blueprint: ObjectBlueprintSeL4Arch) -> Self {
        Self::Arch(blueprint.into())
    }
}

/// Capability types of objects that can be retyped.
pub trait CapTypeForObject: CapType {
    /// The object's type.
    fn object_type() -> ObjectType;
}

/// Capability types of objects that come in one size.
pub trait CapTypeForObjectOfFixedSize: CapTypeForObject {
    /// The blueprint of one.
    fn object_blueprint() -> ObjectBlueprint;
}

/// Capability types of objects whose size is chosen when they are made.
pub trait CapTypeForObjectOfVariableSize: CapTypeForObject {
    /// The blueprint of one of that size.
    fn object_blueprint(size_bits: usize) -> ObjectBlueprint;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cap_type;

    #[test]
    fn blueprints_have_the_kernels_numbers_and_sizes() {
        let cases = [
            (ObjectBlueprint::Untyped { size_bits: 20 }, 0, 20),
            (ObjectBlueprint::Tcb, 1, abi::TCB_BITS),
            (ObjectBlueprint::Endpoint, 2, 4),
            (ObjectBlueprint::Notification, 3, 6),
            (ObjectBlueprint::CNode { size_bits: 10 }, 4, 15),
            (ObjectBlueprint::SchedContext { size_bits: 8 }, 5, 8),
            (ObjectBlueprint::SchedContext { size_bits: 1 }, 5, 7),
            (ObjectBlueprint::Reply, 6, 5),
            (cap_type::HugePage::object_blueprint(), 7, 30),
            (cap_type::VSpace::object_blueprint(), 8, 12),
            (cap_type::SmallPage::object_blueprint(), 9, 12),
            (cap_type::LargePage::object_blueprint(), 10, 21),
            (cap_type::PT::object_blueprint(), 11, 12),
        ];
        for (blueprint, number, size_bits) in cases {
            assert_eq!(blueprint.ty().into_sys(), number, "{blueprint:?}");
            assert_eq!(blueprint.physical_size_bits(), size_bits, "{blueprint:?}");
        }
    }
}
