//! Markers corresponding to kinds and classes of capabilities.

use crate::helper_macros::{
    declare_cap_type, declare_cap_type_for_object_of_fixed_size, declare_cap_type_for_object_of_variable_size,
};

declare_cap_type_for_object_of_variable_size! {
    /// C: `seL4_Untyped`.
    Untyped
}

declare_cap_type_for_object_of_fixed_size! {
    /// C: the endpoint capability type.
    Endpoint { ObjectType, ObjectBlueprint }
}

declare_cap_type_for_object_of_fixed_size! {
    /// C: the notification capability type.
    Notification { ObjectType, ObjectBlueprint }
}

declare_cap_type_for_object_of_fixed_size! {
    /// C: `seL4_TCB`.
    Tcb { ObjectType, ObjectBlueprint }
}

declare_cap_type_for_object_of_variable_size! {
    /// C: `seL4_CNode`.
    CNode
}

declare_cap_type_for_object_of_variable_size! {
    /// C: the scheduling context capability type.
    SchedContext
}

declare_cap_type! {
    /// C: the reply capability type.
    Reply
}

declare_cap_type! {
    /// C: `seL4_SchedControl`.
    SchedControl
}

declare_cap_type! {
    /// C: `seL4_IRQControl`.
    IrqControl
}

declare_cap_type! {
    /// C: `seL4_IRQHandler`.
    IrqHandler
}

declare_cap_type! {
    /// C: `seL4_ASIDControl`.
    AsidControl
}

declare_cap_type! {
    /// C: `seL4_ASIDPool`.
    AsidPool
}

declare_cap_type! {
    /// C: `seL4_DomainSet`.
    DomainSet
}

declare_cap_type! {
    /// C: the null capability.
    Null
}

declare_cap_type! {
    /// A capability whose type is not known here.
    Unspecified
}

declare_cap_type! {
    /// A frame, of whatever size.
    UnspecifiedPage
}

declare_cap_type! {
    /// A page table, of whatever level.
    UnspecifiedIntermediateTranslationTable
}

declare_cap_type_for_object_of_fixed_size! {
    /// C: `seL4_ARM_Page` with `size_bits = 12`.
    SmallPage { ObjectTypeArch, ObjectBlueprintArch }
}

declare_cap_type_for_object_of_fixed_size! {
    /// C: `seL4_ARM_Page` with `size_bits = 21`.
    LargePage { ObjectTypeArch, ObjectBlueprintArch }
}

declare_cap_type_for_object_of_fixed_size! {
    /// C: `seL4_ARM_Page` with `size_bits = 30`.
    HugePage { ObjectTypeSeL4Arch, ObjectBlueprintSeL4Arch }
}

declare_cap_type_for_object_of_fixed_size! {
    /// C: `seL4_ARM_VSpace`.
    VSpace { ObjectTypeSeL4Arch, ObjectBlueprintSeL4Arch }
}

declare_cap_type_for_object_of_fixed_size! {
    /// C: `seL4_ARM_PageTable`.
    PT { ObjectTypeArch, ObjectBlueprintArch }
}

/// Alias for [`SmallPage`].
pub type Granule = SmallPage;
