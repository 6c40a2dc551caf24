//! Invocations of frames, translation tables, address spaces and their identifiers, and of firmware.

use super::{invoke, invoke_for_word};
use crate::cap::{AsidControl, AsidPool, Null, PT, UnspecifiedIntermediateTranslationTable, Untyped, VSpace};
use crate::{
    AbsoluteCPtr, Cap, CapRights, CapTypeForFrameObject, InvocationContext, Result,
    TranslationTableObjectType, VmAttributes, Word, cap_type,
};
use sel4_abi::invocation::InvocationLabel;

impl<T: CapTypeForFrameObject, C: InvocationContext> Cap<T, C> {
    /// C: `seL4_ARM_Page_Map`.
    pub fn frame_map(
        self,
        vspace: VSpace,
        vaddr: usize,
        rights: CapRights,
        attrs: VmAttributes,
    ) -> Result<()> {
        let words = [vaddr as Word, rights.into_inner().into_word(), attrs.into_inner()];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::ARMPageMap,
                words,
                [vspace.bits()],
            )
        })
    }

    /// C: `seL4_ARM_Page_Unmap`.
    pub fn frame_unmap(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::ARMPageUnmap, [], []))
    }

    /// C: `seL4_ARM_Page_GetAddress`.
    pub fn frame_get_address(self) -> Result<usize> {
        self.invoke(|cptr, ipc_buffer| {
            invoke_for_word(ipc_buffer, cptr, InvocationLabel::ARMPageGetAddress, [])
                .map(|paddr| paddr as usize)
        })
    }

    fn frame_cache_operation(self, label: InvocationLabel, start: usize, end: usize) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, label, [start as Word, end as Word], []))
    }

    /// C: `seL4_ARM_Page_Clean_Data`: offsets in the frame. No wrapper of this name exists upstream.
    pub fn frame_clean_data(self, start: usize, end: usize) -> Result<()> {
        self.frame_cache_operation(InvocationLabel::ARMPageCleanData, start, end)
    }

    /// C: `seL4_ARM_Page_Invalidate_Data`: offsets in the frame. No wrapper of this name exists upstream.
    pub fn frame_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.frame_cache_operation(InvocationLabel::ARMPageInvalidateData, start, end)
    }

    /// Corresponds to `seL4_ARM_Page_CleanInvalidate_Data`: offsets in the frame. No wrapper of this name exists
    /// upstream.
    pub fn frame_clean_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.frame_cache_operation(InvocationLabel::ARMPageCleanInvalidateData, start, end)
    }

    /// Corresponds to `seL4_ARM_Page_Unify_Instruction`: offsets in the frame. No wrapper of this name exists
    /// upstream.
    pub fn frame_unify_instruction(self, start: usize, end: usize) -> Result<()> {
        self.frame_cache_operation(InvocationLabel::ARMPageUnifyInstruction, start, end)
    }
}

impl<C: InvocationContext> PT<C> {
    /// C: `seL4_ARM_PageTable_Map`.
    pub fn pt_map(self, vspace: VSpace, vaddr: usize, attr: VmAttributes) -> Result<()> {
        let words = [vaddr as Word, attr.into_inner()];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::ARMPageTableMap,
                words,
                [vspace.bits()],
            )
        })
    }

    /// C: `seL4_ARM_PageTable_Unmap`. No wrapper of this name exists upstream.
    pub fn pt_unmap(self) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, InvocationLabel::ARMPageTableUnmap, [], []))
    }
}

impl<C: InvocationContext> UnspecifiedIntermediateTranslationTable<C> {
    /// Maps a translation table of the given type; panics for the top level, which is not mapped.
    pub fn generic_intermediate_translation_table_map(
        self,
        ty: TranslationTableObjectType,
        vspace: VSpace,
        vaddr: usize,
        attr: VmAttributes,
    ) -> Result<()> {
        match ty {
            TranslationTableObjectType::PT => self.cast::<cap_type::PT>().pt_map(vspace, vaddr, attr),
            TranslationTableObjectType::VSpace => panic!("a VSpace is no intermediate table"),
        }
    }
}

impl<C: InvocationContext> VSpace<C> {
    fn vspace_cache_operation(self, label: InvocationLabel, start: usize, end: usize) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, label, [start as Word, end as Word], []))
    }

    /// C: `seL4_ARM_VSpace_Clean_Data`: virtual addresses. No wrapper of this name exists upstream.
    pub fn vspace_clean_data(self, start: usize, end: usize) -> Result<()> {
        self.vspace_cache_operation(InvocationLabel::ARMVSpaceCleanData, start, end)
    }

    /// C: `seL4_ARM_VSpace_Invalidate_Data`: virtual addresses. No wrapper of this name exists upstream.
    pub fn vspace_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.vspace_cache_operation(InvocationLabel::ARMVSpaceInvalidateData, start, end)
    }

    /// Corresponds to `seL4_ARM_VSpace_CleanInvalidate_Data`: virtual addresses. No wrapper of this name exists
    /// upstream.
    pub fn vspace_clean_invalidate_data(self, start: usize, end: usize) -> Result<()> {
        self.vspace_cache_operation(InvocationLabel::ARMVSpaceCleanInvalidateData, start, end)
    }

    /// C: `seL4_ARM_VSpace_Unify_Instruction`: virtual addresses. No wrapper of this name exists upstream.
    pub fn vspace_unify_instruction(self, start: usize, end: usize) -> Result<()> {
        self.vspace_cache_operation(InvocationLabel::ARMVSpaceUnifyInstruction, start, end)
    }
}

impl<C: InvocationContext> AsidControl<C> {
    /// C: `seL4_ARM_ASIDControl_MakePool`.
    pub fn asid_control_make_pool(self, untyped: Untyped, dst: &AbsoluteCPtr) -> Result<()> {
        let words = [dst.path().bits(), dst.path().depth() as Word];
        let caps = [untyped.bits(), dst.root().bits()];
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::ARMASIDControlMakePool,
                words,
                caps,
            )
        })
    }
}

impl<C: InvocationContext> AsidPool<C> {
    /// C: `seL4_ARM_ASIDPool_Assign`.
    pub fn asid_pool_assign(self, vspace: VSpace) -> Result<()> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(
                ipc_buffer,
                cptr,
                InvocationLabel::ARMASIDPoolAssign,
                [],
                [vspace.bits()],
            )
        })
    }
}

impl<C: InvocationContext> Null<C> {
    /// Corresponds to `seL4_ARM_SMC_Call`: registers x0 to x7 in and out. No wrapper of this name exists upstream,
    /// which marks the SMC capability as null.
    pub fn smc_call(self, args: [Word; 8]) -> Result<[Word; 8]> {
        self.invoke(|cptr, ipc_buffer| {
            invoke(ipc_buffer, cptr, InvocationLabel::ARMSMCCall, args, [])?;
            Ok(core::array::from_fn(|i| ipc_buffer.inner().msg[i]))
        })
    }
}
