//! Invocations of untypeds.

use super::invoke;
use crate::{AbsoluteCPtr, InvocationContext, ObjectBlueprint, Result, Word, cap::Untyped};
use sel4_abi::invocation::InvocationLabel::UntypedRetype;

impl<C: InvocationContext> Untyped<C> {
    /// Corresponds to `seL4_Untyped_Retype`: `num_objects` objects, in the slots from `dst_offset` on of the CNode
    /// that `dst` names.
    pub fn untyped_retype(
        self,
        blueprint: &ObjectBlueprint,
        dst: &AbsoluteCPtr,
        dst_offset: usize,
        num_objects: usize,
    ) -> Result<()> {
        let words = [
            blueprint.ty().into_sys().into(),
            blueprint.api_size_bits().unwrap_or(0) as Word,
            dst.path().bits(),
            dst.path().depth() as Word,
            dst_offset as Word,
            num_objects as Word,
        ];
        self.invoke(|cptr, ipc_buffer| invoke(ipc_buffer, cptr, UntypedRetype, words, [dst.root().bits()]))
    }
}
