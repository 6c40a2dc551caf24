//! How a main function ends.

use core::fmt;

/// How a [`#[root_task]`](crate::root_task) function may end.
pub trait Termination {
    /// Why it ended.
    type Error: fmt::Debug;

    /// Why it ended.
    fn report(self) -> Self::Error;
}

/// Stable alternative to `!`, as a type argument: uninhabited.
#[derive(Debug, Copy, Clone, PartialOrd, Ord, PartialEq, Eq, Hash)]
pub enum Never {}

impl fmt::Display for Never {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl Termination for Never {
    type Error = Never;

    fn report(self) -> Self::Error {
        self
    }
}

impl<E: fmt::Debug> Termination for Result<Never, E> {
    type Error = E;

    fn report(self) -> Self::Error {
        let Err(error) = self;
        error
    }
}

/// Names the type `!` on stable Rust, where it may be written as a return type only.
pub trait Output {
    /// The type.
    type Type;
}

impl<T> Output for fn() -> T {
    type Type = T;
}

impl Termination for <fn() -> ! as Output>::Type {
    type Error = Never;

    fn report(self) -> Self::Error {
        self
    }
}

#[doc(hidden)]
#[cfg(target_os = "none")]
pub fn run_main<T: Termination>(
    main: impl FnOnce(&sel4::BootInfoPtr) -> T,
    bootinfo: &sel4::BootInfoPtr,
) -> ! {
    let error = main(bootinfo).report();
    crate::abort!("main thread terminated with error: {error:?}")
}
