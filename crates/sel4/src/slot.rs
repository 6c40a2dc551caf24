//! Slots, addressed from a CNode, and what can be done with a slot whatever is in it.

use crate::{CPtr, CPtrBits, CapRights, Result, Word, cap};
use sel4_abi::WORD_BITS;
use sel4_abi::invocation::InvocationLabel;

/// A slot: where a lookup that begins at a certain CNode ends.
///
/// That reaches more than a [`Cap`](crate::Cap): slots of any CNode one has a capability to, and by a limited depth
/// those that hold CNodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsoluteCPtr {
    root: cap::CNode,
    bits: CPtrBits,
    depth: usize,
}

impl cap::CNode {
    /// The slot at an address of which all bits count.
    pub fn absolute_cptr(self, path: impl Into<CPtr>) -> AbsoluteCPtr {
        self.absolute_cptr_from_bits_with_depth(path.into().bits(), WORD_BITS)
    }

    /// The slot at an address of which the lowest `depth` bits count.
    pub fn absolute_cptr_from_bits_with_depth(self, bits: CPtrBits, depth: usize) -> AbsoluteCPtr {
        let root = self;
        AbsoluteCPtr { root, bits, depth }
    }

    /// The slot that the capability to this CNode is in; `Untyped_Retype` takes it for the CNode itself.
    pub fn absolute_cptr_for_self(self) -> AbsoluteCPtr {
        self.absolute_cptr_from_bits_with_depth(0, 0)
    }
}

impl AbsoluteCPtr {
    /// Where the lookup begins.
    pub(crate) const fn root_bits(&self) -> CPtrBits {
        self.root.bits()
    }

    /// Index and depth of the lookup, as every invocation takes them: the depth is an 8-bit argument.
    pub(crate) const fn path(&self) -> [Word; 2] {
        [self.bits, self.depth as Word & 0xff]
    }

    /// C: `seL4_CNode_Revoke`: deletes all that was made of the capability here.
    pub fn revoke(self) -> Result<()> {
        self.root.invoke(InvocationLabel::CNodeRevoke, self.path(), [])
    }

    /// C: `seL4_CNode_Delete`: deletes the capability here.
    pub fn delete(self) -> Result<()> {
        self.root.invoke(InvocationLabel::CNodeDelete, self.path(), [])
    }

    /// C: `seL4_CNode_Move`: moves a capability here.
    pub fn move_(self, src: &AbsoluteCPtr) -> Result<()> {
        let ([to, bits], [from, src_bits]) = (self.path(), src.path());
        let words = [to, bits, from, src_bits];
        self.root
            .invoke(InvocationLabel::CNodeMove, words, [src.root_bits()])
    }

    /// C: `seL4_CNode_Copy`: copies a capability here, with at most those rights.
    pub fn copy(self, src: &AbsoluteCPtr, rights: CapRights) -> Result<()> {
        let ([to, bits], [from, src_bits]) = (self.path(), src.path());
        let words = [to, bits, from, src_bits, rights.into_word()];
        self.root
            .invoke(InvocationLabel::CNodeCopy, words, [src.root_bits()])
    }

    /// C: `seL4_CNode_Mint`: copies and badges; what a badge is to an endpoint, a guard is to a CNode.
    pub fn mint(self, src: &AbsoluteCPtr, rights: CapRights, badge: Word) -> Result<()> {
        let ([to, bits], [from, src_bits]) = (self.path(), src.path());
        let words = [to, bits, from, src_bits, rights.into_word(), badge];
        self.root
            .invoke(InvocationLabel::CNodeMint, words, [src.root_bits()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_whole_unless_told_otherwise() {
        let cnode = cap::CNode::from_bits(2);
        assert_eq!(cnode.absolute_cptr(CPtr::from_bits(9)).path(), [9, 64]);
        assert_eq!(cnode.absolute_cptr(cap::Tcb::from_bits(9)).path(), [9, 64]);
        assert_eq!(cnode.absolute_cptr_from_bits_with_depth(9, 17).path(), [9, 17]);
        assert_eq!(cnode.absolute_cptr_for_self().path(), [0, 0]);
        assert_eq!(cnode.absolute_cptr_for_self().root_bits(), 2);
    }
}
