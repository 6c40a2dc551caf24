//! The IPC buffer of the program's thread.

use core::cell::RefCell;

use crate::{InvocationContext, IpcBuffer};

type Slot = RefCell<Option<&'static mut IpcBuffer>>;

#[cfg(target_os = "none")]
mod slot {
    use super::Slot;

    struct SingleThreaded(Slot);

    // SAFETY: a program for the target has one thread that uses the implicit context. That is this crate's
    // documented condition: the runtimes start one thread, and a program that starts another one (which takes
    // raw register values) gives it an explicit context, which does not come here.
    unsafe impl Sync for SingleThreaded {}

    static IPC_BUFFER: SingleThreaded = SingleThreaded(Slot::new(None));

    pub(super) fn with<T>(f: impl FnOnce(&Slot) -> T) -> T {
        f(&IPC_BUFFER.0)
    }
}

#[cfg(not(target_os = "none"))]
mod slot {
    use super::Slot;

    std::thread_local! {
        static IPC_BUFFER: Slot = const { Slot::new(None) };
    }

    pub(super) fn with<T>(f: impl FnOnce(&Slot) -> T) -> T {
        IPC_BUFFER.with(f)
    }
}

const NOT_SET: &str = "IPC buffer not set";

/// Lends the IPC buffer to read.
///
/// # Panics
///
/// If it was not set, or is in use by [`with_ipc_buffer_mut`].
pub fn with_ipc_buffer<F, T>(f: F) -> T
where
    F: FnOnce(&IpcBuffer) -> T,
{
    slot::with(|slot| f(slot.borrow().as_ref().expect(NOT_SET)))
}

/// Provides mutable access to this thread's IPC buffer. System calls need it too: make none within `f`.
///
/// # Panics
///
/// If it was not set, or is in use.
pub fn with_ipc_buffer_mut<F, T>(f: F) -> T
where
    F: FnOnce(&mut IpcBuffer) -> T,
{
    slot::with(|slot| f(slot.borrow_mut().as_mut().expect(NOT_SET)))
}

/// Sets the IPC buffer that this crate will use. Does not modify kernel state.
///
/// # Panics
///
/// If the present one is in use.
pub fn set_ipc_buffer(ipc_buffer: &'static mut IpcBuffer) {
    slot::with(|slot| *slot.borrow_mut() = Some(ipc_buffer));
}

/// Whether each thread has a place of its own for its IPC buffer.
pub const fn ipc_buffer_is_thread_local() -> bool {
    cfg!(not(target_os = "none"))
}

/// The strategy for discovering the current thread's IPC buffer which uses the one set by [`set_ipc_buffer`].
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImplicitInvocationContext;

impl ImplicitInvocationContext {
    /// The only value.
    pub const fn new() -> Self {
        Self
    }
}

impl InvocationContext for ImplicitInvocationContext {
    fn with_context<T>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> T) -> T {
        with_ipc_buffer_mut(f)
    }
}
