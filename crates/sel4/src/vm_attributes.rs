//! Attributes of a mapping.

use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

use crate::sys;
use sel4_abi::vm::VmAttributes as Abi;

/// C: `seL4_ARM_VMAttributes`.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct VmAttributes(sys::seL4_ARM_VMAttributes::Type);

impl VmAttributes {
    /// Device memory, executable.
    pub const NONE: Self = Self(Abi::NONE.into_word());
    /// Cached, executable.
    pub const DEFAULT: Self = Self(Abi::DEFAULT.into_word());
    /// Normal, cached memory; without it device memory.
    pub const PAGE_CACHEABLE: Self = Self(Abi::PAGE_CACHEABLE.into_word());
    /// No effect on this architecture.
    pub const PARITY_ENABLED: Self = Self(Abi::PARITY_ENABLED.into_word());
    /// No instruction fetches.
    pub const EXECUTE_NEVER: Self = Self(Abi::EXECUTE_NEVER.into_word());

    /// Wraps the C API's type.
    pub const fn from_inner(inner: sys::seL4_ARM_VMAttributes::Type) -> Self {
        Self(inner)
    }

    /// Unwraps to the C API's type.
    pub const fn into_inner(self) -> sys::seL4_ARM_VMAttributes::Type {
        self.0
    }

    /// Whether any attribute of `rhs` is in `self`.
    pub const fn has(self, rhs: Self) -> bool {
        self.0 & rhs.0 != 0
    }
}

impl Default for VmAttributes {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Not for VmAttributes {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

impl BitOr for VmAttributes {
    type Output = Self;

    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitOrAssign for VmAttributes {
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

impl BitAnd for VmAttributes {
    type Output = Self;

    fn bitand(self, rhs: Self) -> Self {
        Self(self.0 & rhs.0)
    }
}

impl BitAndAssign for VmAttributes {
    fn bitand_assign(&mut self, rhs: Self) {
        self.0 &= rhs.0;
    }
}
