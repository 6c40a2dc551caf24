//! Invocations of CNodes, as methods of the slots they act on.

use super::invoke;
use crate::{AbsoluteCPtr, CPtrWithDepth, CapRights, InvocationContext, Result, Word};
use sel4_abi::invocation::InvocationLabel;

/// The two words that name a slot.
fn path_words(path: &CPtrWithDepth) -> [Word; 2] {
    // The depth is an 8-bit argument of the interface.
    [path.bits(), path.depth() as Word & 0xff]
}

impl<C: InvocationContext> AbsoluteCPtr<C> {
    /// A method that acts on this slot alone.
    fn on_slot(self, label: InvocationLabel) -> Result<()> {
        self.invoke(|root, path, ipc_buffer| invoke(ipc_buffer, root, label, path_words(&path), []))
    }

    /// C: `seL4_CNode_Revoke`.
    pub fn revoke(self) -> Result<()> {
        self.on_slot(InvocationLabel::CNodeRevoke)
    }

    /// C: `seL4_CNode_Delete`.
    pub fn delete(self) -> Result<()> {
        self.on_slot(InvocationLabel::CNodeDelete)
    }

    /// C: `seL4_CNode_CancelBadgedSends`. No wrapper of this name exists upstream.
    pub fn cancel_badged_sends(self) -> Result<()> {
        self.on_slot(InvocationLabel::CNodeCancelBadgedSends)
    }

    /// C: `seL4_CNode_Copy`.
    pub fn copy(self, src: &AbsoluteCPtr, rights: CapRights) -> Result<()> {
        let [src_index, src_depth] = path_words(src.path());
        self.invoke(|root, path, ipc_buffer| {
            let [index, depth] = path_words(&path);
            let words = [
                index,
                depth,
                src_index,
                src_depth,
                rights.into_inner().into_word(),
            ];
            invoke(
                ipc_buffer,
                root,
                InvocationLabel::CNodeCopy,
                words,
                [src.root().bits()],
            )
        })
    }

    /// Corresponds to `seL4_CNode_Mint`. For a CNode `badge` is its guard
    /// ([`CNodeCapData::into_word`](crate::CNodeCapData::into_word)).
    pub fn mint(self, src: &AbsoluteCPtr, rights: CapRights, badge: Word) -> Result<()> {
        let [src_index, src_depth] = path_words(src.path());
        self.invoke(|root, path, ipc_buffer| {
            let [index, depth] = path_words(&path);
            let words = [
                index,
                depth,
                src_index,
                src_depth,
                rights.into_inner().into_word(),
                badge,
            ];
            invoke(
                ipc_buffer,
                root,
                InvocationLabel::CNodeMint,
                words,
                [src.root().bits()],
            )
        })
    }

    /// C: `seL4_CNode_Move`.
    pub fn move_(self, src: &AbsoluteCPtr) -> Result<()> {
        let [src_index, src_depth] = path_words(src.path());
        self.invoke(|root, path, ipc_buffer| {
            let [index, depth] = path_words(&path);
            let words = [index, depth, src_index, src_depth];
            invoke(
                ipc_buffer,
                root,
                InvocationLabel::CNodeMove,
                words,
                [src.root().bits()],
            )
        })
    }

    /// C: `seL4_CNode_Mutate`.
    pub fn mutate(self, src: &AbsoluteCPtr, badge: Word) -> Result<()> {
        let [src_index, src_depth] = path_words(src.path());
        self.invoke(|root, path, ipc_buffer| {
            let [index, depth] = path_words(&path);
            let words = [index, depth, src_index, src_depth, badge];
            invoke(
                ipc_buffer,
                root,
                InvocationLabel::CNodeMutate,
                words,
                [src.root().bits()],
            )
        })
    }

    /// C: `seL4_CNode_Rotate`: pivot goes here, src goes to pivot. No wrapper of this name exists upstream.
    pub fn rotate(
        self,
        badge: Word,
        pivot: &AbsoluteCPtr,
        pivot_badge: Word,
        src: &AbsoluteCPtr,
    ) -> Result<()> {
        let [pivot_index, pivot_depth] = path_words(pivot.path());
        let [src_index, src_depth] = path_words(src.path());
        self.invoke(|root, path, ipc_buffer| {
            let [index, depth] = path_words(&path);
            let words = [
                index,
                depth,
                badge,
                pivot_index,
                pivot_depth,
                pivot_badge,
                src_index,
                src_depth,
            ];
            let caps = [pivot.root().bits(), src.root().bits()];
            invoke(ipc_buffer, root, InvocationLabel::CNodeRotate, words, caps)
        })
    }
}
