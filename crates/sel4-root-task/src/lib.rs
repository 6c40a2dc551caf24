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
//! What differs from upstream: no heap option, no thread-local storage and no unwinding, because nothing here
//! uses them.

#![no_std]

#[cfg(target_os = "none")]
mod entry;
mod printing;
mod stack;
mod termination;

#[cfg(target_os = "none")]
pub mod panicking;

pub use termination::{Never, Termination};

/// Makes the function the one that a root task starts with.
///
/// ```ignore
/// #[root_task]
/// fn main(bootinfo: &sel4::BootInfoPtr) -> ! {
///     todo!()
/// }
/// ```
///
/// The function has the signature `fn<T: Termination>(&sel4::BootInfoPtr) -> T`. The stack's size in bytes is [`DEFAULT_STACK_SIZE`], or given as
/// `#[root_task(stack_size = <usize expression>)]`.
pub use sel4_root_task_macros::root_task;

/// The default stack size used by [`#[root_task]`](root_task), bytes.
pub const DEFAULT_STACK_SIZE: usize = 64 * 1024;

#[doc(hidden)]
#[macro_export]
macro_rules! declare_root_task {
    { main = $main:expr $(,)? } => {
        $crate::declare_root_task! { main = $main, stack_size = $crate::DEFAULT_STACK_SIZE }
    };
    { main = $main:expr, stack_size = $stack_size:expr $(,)? } => {
        const _: () = {
            #[unsafe(link_section = ".stack")]
            static STACK: $crate::_private::Stack<{ $stack_size }> = $crate::_private::Stack::new();

            #[unsafe(no_mangle)]
            static __sel4_root_task__stack_bottom: $crate::_private::StackBottom = STACK.bottom();

            #[unsafe(no_mangle)]
            fn __sel4_root_task__main(bootinfo: &$crate::_private::BootInfoPtr) -> ! {
                $crate::_private::run_main($main, bootinfo)
            }
        };
    };
}

// For macros
#[doc(hidden)]
pub mod _private {
    pub use crate::printing::debug_print_helper;
    pub use crate::stack::{Stack, StackBottom};
    pub use sel4::{self, BootInfoPtr};

    #[cfg(target_os = "none")]
    pub use crate::{panicking::abort_with_message, termination::run_main};
}
