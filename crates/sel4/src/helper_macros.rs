//! What all wrappers and all capability types have in common.

/// Conversions between a wrapper and what it wraps.
macro_rules! newtype_methods {
    ($inner:ty) => {
        /// Wraps the C API's type.
        pub const fn from_inner(inner: $inner) -> Self {
            Self(inner)
        }

        /// Unwraps to the C API's type.
        pub fn into_inner(self) -> $inner {
            self.0
        }

        /// The C API's type within.
        pub const fn inner(&self) -> &$inner {
            &self.0
        }

        /// The C API's type within.
        pub fn inner_mut(&mut self) -> &mut $inner {
            &mut self.0
        }
    };
}

/// Marker type of a kind of capability.
macro_rules! declare_cap_type {
    ($(#[$meta:meta])* $t:ident) => {
        $(#[$meta])*
        #[derive(Debug, Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
        pub struct $t;

        impl $crate::CapType for $t {
            const NAME: &'static str = stringify!($t);
        }
    };
}

/// Marker type of a kind of capability to an object whose size its type determines.
macro_rules! declare_cap_type_for_object_of_fixed_size {
    ($(#[$meta:meta])* $t:ident { $object_type:ident, $blueprint:ident }) => {
        $crate::helper_macros::declare_cap_type! { $(#[$meta])* $t }

        impl $crate::CapTypeForObject for $t {
            fn object_type() -> $crate::ObjectType {
                $crate::$object_type::$t.into()
            }
        }

        impl $crate::CapTypeForObjectOfFixedSize for $t {
            fn object_blueprint() -> $crate::ObjectBlueprint {
                $crate::$blueprint::$t.into()
            }
        }
    };
}

/// Marker type of a kind of capability to an object whose size is chosen.
macro_rules! declare_cap_type_for_object_of_variable_size {
    ($(#[$meta:meta])* $t:ident) => {
        $crate::helper_macros::declare_cap_type! { $(#[$meta])* $t }

        impl $crate::CapTypeForObject for $t {
            fn object_type() -> $crate::ObjectType {
                $crate::ObjectType::$t
            }
        }

        impl $crate::CapTypeForObjectOfVariableSize for $t {
            fn object_blueprint(size_bits: usize) -> $crate::ObjectBlueprint {
                $crate::ObjectBlueprint::$t { size_bits }
            }
        }
    };
}

pub(crate) use {
    declare_cap_type, declare_cap_type_for_object_of_fixed_size,
    declare_cap_type_for_object_of_variable_size, newtype_methods,
};
