//! A runtime for root tasks, under the API of rust-sel4 5.0's crate of that name.
//!
//! It defines the entry point `_start`, which sets up the stack, announces the IPC buffer to [`sel4`] and calls
//! the function declared with [`#[root_task]`](root_task); and a panic handler, which prints (debug
//! configuration) and aborts. An aborted root task faults; having no fault handler it stops for good, and a
//! debug kernel says where.
//!
//! A program is linked by this crate's script (pages of their own for code, constants and data, base 0x400000).
//! Its build script names it:
//!
//! ```no_run
//! // build.rs
//! if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
//!     println!("cargo::rustc-link-arg-bins=-Troot-task.ld");
//! }
//! ```
//!
//! What differs from upstream: the function does not return; no heap option, no thread-local storage and no
//! unwinding.

#![no_std]

#[cfg(target_os = "none")]
mod entry;
mod stack;

pub use sel4::{debug_print, debug_println};

/// Makes a function the one that a root task starts with.
///
/// ```ignore
/// #[root_task(stack_size = 128 * 1024)]
/// fn main(bootinfo: &sel4::BootInfoPtr) -> ! { loop {} }
/// ```
///
/// The stack has that many bytes, a multiple of 16; without the argument, [`DEFAULT_STACK_SIZE`].
pub use sel4_macros::root_task;

/// Bytes of a stack of which nothing is said.
pub const DEFAULT_STACK_SIZE: usize = 64 * 1024;

#[doc(hidden)]
#[macro_export]
macro_rules! root_task_starts_with {
    ($main:ident) => {
        $crate::root_task_starts_with! { $main stack_size = $crate::DEFAULT_STACK_SIZE }
    };
    ($main:ident stack_size = $bytes:expr) => {
        // SAFETY: a program has one such function, and nothing else is called so.
        #[unsafe(no_mangle)]
        fn __root_task_main(bootinfo: &$crate::_private::BootInfoPtr) -> ! {
            $main(bootinfo)
        }

        // SAFETY: as above; the entry point reads it before anything else runs.
        #[unsafe(no_mangle)]
        static __root_task_stack: $crate::_private::StackBottom = {
            // SAFETY: the linker script puts this section where an overflow faults.
            #[unsafe(link_section = ".stack")]
            static STACK: $crate::_private::Stack<{ $bytes }> = $crate::_private::Stack::new();
            STACK.bottom()
        };
    };
}

/// What the macros of this crate need where they are used.
#[doc(hidden)]
pub mod _private {
    pub use crate::stack::{Stack, StackBottom};
    pub use sel4::BootInfoPtr;
}
