//! Enumerations whose values are kernel numbers.

/// Declares an enum of kernel numbers with conversions from and to the raw word.
///
/// Variants may carry one `#[cfg(..)]`, because the invocation labels count on without the variants that a
/// configuration leaves out: that rule lives in the compiler's own discriminant counting, not in a table.
macro_rules! numbered {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $repr:ident {
            $( $(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $variant:ident $(= $value:expr)?, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name {
            $( $(#[doc = $doc])* $(#[cfg($cfg)])? $variant $(= $value)?, )*
        }

        impl $name {
            /// All values of this configuration, in ascending order of declaration.
            pub const ALL: &'static [Self] = &[ $( $(#[cfg($cfg)])? Self::$variant, )* ];

            /// The value with that number, if this configuration has one.
            pub const fn from_raw(raw: $repr) -> Option<Self> {
                match raw {
                    $( $(#[cfg($cfg)])? n if n == Self::$variant as $repr => Some(Self::$variant), )*
                    _ => None,
                }
            }

            /// The number the kernel knows it by.
            pub const fn to_raw(self) -> $repr {
                self as $repr
            }
        }
    };
}

pub(crate) use numbered;
