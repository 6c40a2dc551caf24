//! The initial thread's stack.

use core::cell::UnsafeCell;

/// A stack of `N` bytes, which begin a page.
#[repr(C, align(4096))]
pub struct Stack<const N: usize>(UnsafeCell<[u8; N]>);

// SAFETY: nothing but the stack pointer of the one initial thread points into it.
unsafe impl<const N: usize> Sync for Stack<N> {}

impl<const N: usize> Stack<N> {
    /// A stack of zeroes.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        const {
            assert!(
                N > 0 && N.is_multiple_of(16),
                "the stack pointer is aligned to 16 bytes"
            )
        };
        Self(UnsafeCell::new([0; N]))
    }

    /// Where it begins: the address after its last byte.
    pub const fn bottom(&self) -> StackBottom {
        StackBottom(self.0.get().cast::<u8>().wrapping_add(N))
    }
}

/// The address where a stack begins.
#[repr(transparent)]
pub struct StackBottom(#[allow(dead_code)] *mut u8); // Read by the entry point.

// SAFETY: an address, which is never dereferenced here.
unsafe impl Sync for StackBottom {}
