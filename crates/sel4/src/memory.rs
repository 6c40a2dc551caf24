//! Methods of memory: untypeds, frames, translation tables, address spaces.

use crate::cap::{AsidPool, PT, Untyped, VSpace};
use crate::{
    AbsoluteCPtr, Cap, CapRights, CapType, InvocationContext, ObjectBlueprint, Result, VmAttributes,
};
use crate::{Word, cap_type};
use sel4_abi::invocation::InvocationLabel;

impl<C: InvocationContext> Untyped<C> {
    /// C: `seL4_Untyped_Retype`: makes objects, in the slots from `dst_offset` on of the CNode that `dst` names.
    pub fn untyped_retype(
        self,
        blueprint: &ObjectBlueprint,
        dst: &AbsoluteCPtr,
        dst_offset: usize,
        num_objects: usize,
    ) -> Result<()> {
        let (ty, size_bits) = blueprint.arguments();
        let [index, depth] = dst.path();
        let (first, count) = (dst_offset as Word, num_objects as Word);
        let words = [ty.to_raw(), size_bits as Word, index, depth, first, count];
        self.invoke(InvocationLabel::UntypedRetype, words, [dst.root_bits()])
    }
}

/// Kinds that are frames.
pub trait CapTypeForFrameObject: CapType {}

impl CapTypeForFrameObject for cap_type::SmallPage {}
impl CapTypeForFrameObject for cap_type::LargePage {}
impl CapTypeForFrameObject for cap_type::UnspecifiedPage {}

impl<T: CapTypeForFrameObject, C: InvocationContext> Cap<T, C> {
    /// C: `seL4_ARM_Page_Map`: maps it, or changes rights and attributes where it is mapped.
    pub fn frame_map(
        self,
        vspace: VSpace,
        vaddr: usize,
        rights: CapRights,
        attrs: VmAttributes,
    ) -> Result<()> {
        let words = [vaddr as Word, rights.into_word(), attrs.into_word()];
        self.invoke(InvocationLabel::ARMPageMap, words, [vspace.bits()])
    }

    /// C: `seL4_ARM_Page_Unmap`.
    pub fn frame_unmap(self) -> Result<()> {
        self.invoke(InvocationLabel::ARMPageUnmap, [], [])
    }

    /// C: `seL4_ARM_Page_GetAddress`: its physical address.
    pub fn frame_get_address(self) -> Result<usize> {
        let answer = self.invoke_for(InvocationLabel::ARMPageGetAddress, [], []);
        answer.map(|[paddr]| paddr as usize)
    }

    /// C: `seL4_ARM_Page_CleanInvalidate_Data`: offsets in the frame. No wrapper of this name exists upstream.
    pub fn frame_clean_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.invoke(InvocationLabel::ARMPageCleanInvalidateData, range(start, end), [])
    }

    /// C: `seL4_ARM_Page_Unify_Instruction`: offsets in the frame. No wrapper of this name exists upstream.
    pub fn frame_unify_instruction(self, start: usize, end: usize) -> Result<()> {
        self.invoke(InvocationLabel::ARMPageUnifyInstruction, range(start, end), [])
    }
}

fn range(start: usize, end: usize) -> [Word; 2] {
    [start as Word, end as Word]
}

impl<C: InvocationContext> PT<C> {
    /// C: `seL4_ARM_PageTable_Map`: puts it where a table lacks in the translation of an address.
    pub fn pt_map(self, vspace: VSpace, vaddr: usize, attr: VmAttributes) -> Result<()> {
        let words = [vaddr as Word, attr.into_word()];
        self.invoke(InvocationLabel::ARMPageTableMap, words, [vspace.bits()])
    }
}

impl<C: InvocationContext> AsidPool<C> {
    /// C: `seL4_ARM_ASIDPool_Assign`: gives an address space what it needs before anything can be mapped.
    pub fn asid_pool_assign(self, vspace: VSpace) -> Result<()> {
        self.invoke(InvocationLabel::ARMASIDPoolAssign, [], [vspace.bits()])
    }
}

impl<C: InvocationContext> VSpace<C> {
    /// C: `seL4_ARM_VSpace_Clean_Data`: virtual addresses. No wrapper of this name exists upstream.
    pub fn vspace_clean_data(self, start: usize, end: usize) -> Result<()> {
        self.invoke(InvocationLabel::ARMVSpaceCleanData, range(start, end), [])
    }
}
