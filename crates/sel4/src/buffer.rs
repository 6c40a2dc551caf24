//! The IPC buffer, and how a capability finds the one to use.

use core::cell::Cell;

use crate::{AbsoluteCPtr, Word};
use sel4_abi::ipc_buffer::IpcBuffer as Layout;

/// C: `seL4_IPCBuffer`: what of a message does not travel in registers.
#[derive(Default)]
#[repr(transparent)]
pub struct IpcBuffer(Layout);

impl IpcBuffer {
    pub(crate) const fn layout(&self) -> &Layout {
        &self.0
    }

    pub(crate) const fn layout_mut(&mut self) -> &mut Layout {
        &mut self.0
    }

    /// The words of the message.
    pub fn msg_regs(&self) -> &[Word] {
        &self.0.msg
    }

    /// The words of the message, to write.
    pub fn msg_regs_mut(&mut self) -> &mut [Word] {
        &mut self.0.msg
    }

    /// The capabilities of the message: to send, addresses; received, badges.
    pub fn caps_or_badges_mut(&mut self) -> &mut [Word] {
        &mut self.0.caps_or_badges
    }

    /// Makes a slot the one that a received capability goes to.
    pub fn set_recv_slot(&mut self, slot: &AbsoluteCPtr) {
        self.0.receive_cnode = slot.root_bits();
        [self.0.receive_index, self.0.receive_depth] = slot.path();
    }
}

/// Stands for an IPC buffer.
pub trait InvocationContext {
    /// Lends it to `f`.
    fn with_context<R>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> R) -> R;
}

impl InvocationContext for &mut IpcBuffer {
    fn with_context<R>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> R) -> R {
        f(self)
    }
}

/// Stands for the IPC buffer given to [`set_ipc_buffer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImplicitInvocationContext(());

impl ImplicitInvocationContext {
    /// The one there is.
    pub const fn new() -> Self {
        Self(())
    }
}

impl InvocationContext for ImplicitInvocationContext {
    fn with_context<R>(&mut self, f: impl FnOnce(&mut IpcBuffer) -> R) -> R {
        with_ipc_buffer_mut(f)
    }
}

/// Lends the program's IPC buffer to read. Panics if there is none, or it is lent out: a system call within `f` wants it too.
pub fn with_ipc_buffer<R>(f: impl FnOnce(&IpcBuffer) -> R) -> R {
    with_ipc_buffer_mut(|buffer| f(buffer))
}

/// Lends the program's IPC buffer to write. Panics if there is none, or it is lent out: a system call within `f` wants it too.
pub fn with_ipc_buffer_mut<R>(f: impl FnOnce(&mut IpcBuffer) -> R) -> R {
    place::with(|place| {
        let Some(buffer) = place.take() else { none() };
        let result = f(buffer);
        place.set(Some(buffer));
        result
    })
}

/// Makes a buffer the program's. The kernel is told elsewhere. While the present one is lent out, that one comes back.
pub fn set_ipc_buffer(ipc_buffer: &'static mut IpcBuffer) {
    place::with(|place| place.set(Some(ipc_buffer)));
}

#[cold]
fn none() -> ! {
    panic!("a system call before set_ipc_buffer, or while the buffer is lent out")
}

/// Nothing stands here while the buffer is lent out.
type Place = Cell<Option<&'static mut IpcBuffer>>;

#[cfg(target_os = "none")]
mod place {
    use super::Place;

    struct Shared(Place);

    // SAFETY: a program for the target has one thread that uses the implicit context. That is this crate's
    // documented condition: the runtimes start one thread, and a program that starts another one (which takes
    // raw register values) gives it an explicit context, which does not come here.
    unsafe impl Sync for Shared {}

    static PLACE: Shared = Shared(Place::new(None));

    pub(super) fn with<R>(f: impl FnOnce(&Place) -> R) -> R {
        f(&PLACE.0)
    }
}

#[cfg(not(target_os = "none"))]
mod place {
    use super::Place;

    std::thread_local!(static PLACE: Place = const { Place::new(None) });

    pub(super) fn with<R>(f: impl FnOnce(&Place) -> R) -> R {
        PLACE.with(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cap;

    #[test]
    fn receive_slot_is_what_was_set() {
        let mut buffer = IpcBuffer::default();
        buffer.set_recv_slot(&cap::CNode::from_bits(2).absolute_cptr_from_bits_with_depth(33, 17));
        let Layout {
            receive_cnode,
            receive_index,
            receive_depth,
            ..
        } = buffer.0;
        assert_eq!([receive_cnode, receive_index, receive_depth], [2, 33, 17]);
    }

    #[test]
    fn the_buffer_that_was_set_is_the_one_lent() {
        let buffer = std::boxed::Box::leak(std::boxed::Box::<IpcBuffer>::default());
        set_ipc_buffer(buffer);
        with_ipc_buffer_mut(|buffer| buffer.msg_regs_mut()[3] = 7);
        assert_eq!(with_ipc_buffer(|buffer| buffer.msg_regs()[3]), 7);
    }
}
