//! Capability pointers, marked with the kind of capability they point to.

use core::fmt;
use core::hash::Hash;
use core::marker::PhantomData;

use crate::{InvocationContext, IpcBuffer, NoExplicitInvocationContext, WORD_SIZE, sys};

pub mod cap;
pub mod cap_type;

/// A slot's address as a number.
pub type CPtrBits = sys::seL4_CPtr;

/// Address of a slot in a CSpace.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct CPtr {
    bits: CPtrBits,
}

impl CPtr {
    /// The raw bits.
    pub const fn bits(self) -> CPtrBits {
        self.bits
    }

    /// The capability pointer with those bits.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        Self { bits }
    }

    /// Marks it.
    pub const fn cast<T: CapType>(self) -> Cap<T> {
        Cap::from_cptr(self)
    }
}

/// A slot's address together with how many of its bits count.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct CPtrWithDepth {
    bits: CPtrBits,
    depth: usize,
}

impl CPtrWithDepth {
    /// The lowest `depth` bits of `bits` are resolved.
    pub const fn from_bits_with_depth(bits: CPtrBits, depth: usize) -> Self {
        Self { bits, depth }
    }

    /// The raw bits.
    pub const fn bits(&self) -> CPtrBits {
        self.bits
    }

    /// Bits to resolve.
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// The [`CPtrWithDepth`] with a depth of 0: in `Untyped_Retype` it names the root CNode itself.
    pub const fn empty() -> Self {
        Self::from_bits_with_depth(0, 0)
    }
}

impl From<CPtr> for CPtrWithDepth {
    fn from(cptr: CPtr) -> Self {
        Self::from_bits_with_depth(cptr.bits(), WORD_SIZE)
    }
}

/// Addresses a slot, looked up in the CSpace of the thread that invokes it.
///
/// - `T` is a [`CapType`] marking the kind of capability.
/// - `C` is a strategy for discovering the current thread's IPC buffer; see [`with`](Cap::with).
///
/// Note that `seL4_CNode_*` invocations are methods of [`AbsoluteCPtr`] rather than [`Cap`].
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Cap<T: CapType, C = NoExplicitInvocationContext> {
    cptr: CPtr,
    invocation_context: C,
    _phantom: PhantomData<T>,
}

impl<T: CapType, C> Cap<T, C> {
    /// The capability pointer.
    pub const fn cptr(&self) -> CPtr {
        self.cptr
    }

    /// The raw bits.
    pub const fn bits(&self) -> CPtrBits {
        self.cptr().bits()
    }

    /// Marks it as another kind.
    pub fn cast<T1: CapType>(self) -> Cap<T1, C> {
        Cap {
            cptr: self.cptr,
            invocation_context: self.invocation_context,
            _phantom: PhantomData,
        }
    }

    /// Marks it as any kind.
    pub fn upcast(self) -> cap::Unspecified<C> {
        self.cast()
    }

    /// Gives it a context: the IPC buffer to use.
    pub fn with<C1>(self, context: C1) -> Cap<T, C1> {
        Cap {
            cptr: self.cptr,
            invocation_context: context,
            _phantom: PhantomData,
        }
    }

    /// Gives it the implicit context.
    pub fn without_context(self) -> Cap<T> {
        self.with(NoExplicitInvocationContext::new())
    }

    /// The context.
    pub fn into_invocation_context(self) -> C {
        self.invocation_context
    }
}

impl<T: CapType> Cap<T> {
    /// Marks a capability pointer.
    pub const fn from_cptr(cptr: CPtr) -> Self {
        Self {
            cptr,
            invocation_context: NoExplicitInvocationContext::new(),
            _phantom: PhantomData,
        }
    }

    /// Marks raw bits.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        CPtr::from_bits(bits).cast()
    }
}

impl<C> cap::Unspecified<C> {
    /// Marks it as a certain kind.
    pub fn downcast<T: CapType>(self) -> Cap<T, C> {
        self.cast()
    }
}

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// Runs `f` with the raw bits and the IPC buffer of the context.
    pub(crate) fn invoke<R>(self, f: impl FnOnce(CPtrBits, &mut IpcBuffer) -> R) -> R {
        let bits = self.bits();
        self.into_invocation_context()
            .with_context(|ipc_buffer| f(bits, ipc_buffer))
    }
}

impl<T: CapType, C> fmt::Debug for Cap<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(T::NAME).field(&self.bits()).finish()
    }
}

/// Trait for marker types corresponding to kinds of capabilities.
pub trait CapType: Copy + Clone + Eq + PartialEq + Ord + PartialOrd + Hash {
    /// Its name.
    const NAME: &'static str;
}

/// A [`CPtrWithDepth`] to be resolved in the context of a particular CNode.
///
/// It addresses slots more generally than [`Cap`]: any slot addressable from any CNode that is addressable in the
/// current CSpace, also slots that hold CNodes, by limiting the depth.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct AbsoluteCPtr<C = NoExplicitInvocationContext> {
    root: cap::CNode<C>,
    path: CPtrWithDepth,
}

impl<C> AbsoluteCPtr<C> {
    /// The slot at `path` from `root`.
    pub const fn new(root: cap::CNode<C>, path: CPtrWithDepth) -> Self {
        Self { root, path }
    }

    /// The CNode where the lookup begins.
    pub const fn root(&self) -> &cap::CNode<C> {
        &self.root
    }

    /// The CNode where the lookup begins.
    pub fn into_root(self) -> cap::CNode<C> {
        self.root
    }

    /// The path from there.
    pub const fn path(&self) -> &CPtrWithDepth {
        &self.path
    }

    /// Gives it a context: the IPC buffer to use.
    pub fn with<C1>(self, context: C1) -> AbsoluteCPtr<C1> {
        AbsoluteCPtr {
            root: self.root.with(context),
            path: self.path,
        }
    }

    /// Gives it the implicit context.
    pub fn without_context(self) -> AbsoluteCPtr {
        self.with(NoExplicitInvocationContext::new())
    }
}

impl<C: InvocationContext> AbsoluteCPtr<C> {
    /// Runs `f` with the root's raw bits, the path and the IPC buffer of the context.
    pub(crate) fn invoke<R>(self, f: impl FnOnce(CPtrBits, CPtrWithDepth, &mut IpcBuffer) -> R) -> R {
        let path = self.path;
        self.into_root()
            .invoke(|bits, ipc_buffer| f(bits, path, ipc_buffer))
    }
}

/// Trait for types which logically contain a [`CPtrWithDepth`].
///
/// [`CPtr`] and [`Cap`] each have a depth of [`WORD_SIZE`].
pub trait HasCPtrWithDepth {
    /// The same address with its depth.
    fn cptr_with_depth(self) -> CPtrWithDepth;
}

impl HasCPtrWithDepth for CPtr {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self.into()
    }
}

impl<T: CapType, C> HasCPtrWithDepth for Cap<T, C> {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self.cptr().into()
    }
}

impl HasCPtrWithDepth for CPtrWithDepth {
    fn cptr_with_depth(self) -> CPtrWithDepth {
        self
    }
}

impl<C> cap::CNode<C> {
    /// `path`, looked up from this CNode.
    pub fn absolute_cptr<T: HasCPtrWithDepth>(self, path: T) -> AbsoluteCPtr<C> {
        AbsoluteCPtr {
            root: self,
            path: path.cptr_with_depth(),
        }
    }

    /// Returns the [`AbsoluteCPtr`] for the lowest `depth` bits of `bits` in the context of `self`.
    pub fn absolute_cptr_from_bits_with_depth(self, bits: CPtrBits, depth: usize) -> AbsoluteCPtr<C> {
        self.absolute_cptr(CPtrWithDepth::from_bits_with_depth(bits, depth))
    }

    /// The slot this CNode is found in when the search starts at itself.
    pub fn absolute_cptr_for_self(self) -> AbsoluteCPtr<C> {
        self.absolute_cptr(CPtrWithDepth::empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_resolves_whole_words_unless_told_otherwise() {
        let cnode = cap::CNode::from_bits(2);
        assert_eq!(cnode.absolute_cptr(CPtr::from_bits(9)).path().depth(), 64);
        assert_eq!(cnode.absolute_cptr_from_bits_with_depth(9, 17).path().depth(), 17);
        assert_eq!(cnode.absolute_cptr_for_self().path(), &CPtrWithDepth::empty());
    }

    #[test]
    fn debug_output_names_the_kind() {
        assert_eq!(
            std::format!("{:?}", cap::Notification::from_bits(12)),
            "Notification(12)"
        );
    }
}
