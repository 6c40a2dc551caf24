//! [`Cap`](crate::Cap), named by what it refers to.
//!
//! Names for capabilities of one type: `$t<C = NoExplicitInvocationContext>` is `Cap<$t, C>`.

macro_rules! declare_cap_aliases {
    ($($t:ident)*) => {
        $(
            #[doc = concat!("Alias of [`Cap`](crate::Cap) marked with [`cap_type::", stringify!($t), "`](crate::cap_type::", stringify!($t), ").")]
            pub type $t<C = $crate::NoExplicitInvocationContext> = $crate::Cap<$crate::cap_type::$t, C>;
        )*
    };
}

declare_cap_aliases! {
    Untyped Endpoint Notification Tcb CNode IrqControl IrqHandler DomainSet AsidControl AsidPool
    Null Unspecified UnspecifiedPage UnspecifiedIntermediateTranslationTable
    VSpace Granule Reply SchedContext SchedControl SmallPage LargePage HugePage PT
}
