//! Which IPC buffer an invocation uses.

use core::cell::RefCell;

use crate::{ImplicitInvocationContext, IpcBuffer};

/// How an invocation finds the IPC buffer to use.
pub trait InvocationContext {
    /// Runs `f` with the buffer.
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T;
}

/// No IPC buffer given: one must be passed with each invocation.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NoInvocationContext;

impl NoInvocationContext {
    /// The only value.
    pub const fn new() -> Self {
        Self
    }
}

impl InvocationContext for &mut IpcBuffer {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        f(self)
    }
}

impl<U: InvocationContext> InvocationContext for &mut U {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        U::with_context(self, f)
    }
}

impl<U: InvocationContext> InvocationContext for &RefCell<U> {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        U::with_context(&mut self.borrow_mut(), f)
    }
}

/// The default strategy for discovering the current thread's IPC buffer: the one set by
/// [`set_ipc_buffer`](crate::set_ipc_buffer).
pub type NoExplicitInvocationContext = ImplicitInvocationContext;
