//! Frames: mapping, cache maintenance, address.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::rights::CapRights;
use sel4_abi::vm::{USER_TOP, VmAttributes};

use crate::cap::Cap;
use crate::cap::cspace::LookupFault;
use crate::cap::tree::Tree;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::{CacheOp, Machine};
use crate::vspace::descriptor::{Access, address, bits_left, is_user_writable, is_valid, user_frame};
use crate::vspace::walk::walk;

/// The cache operation a method asks for.
pub(crate) fn cache_op(label: InvocationLabel) -> Option<CacheOp> {
    use InvocationLabel as L;
    match label {
        L::ARMPageCleanData | L::ARMVSpaceCleanData => Some(CacheOp::Clean),
        L::ARMPageInvalidateData | L::ARMVSpaceInvalidateData => Some(CacheOp::Invalidate),
        L::ARMPageCleanInvalidateData | L::ARMVSpaceCleanInvalidateData => Some(CacheOp::CleanInvalidate),
        L::ARMPageUnifyInstruction | L::ARMVSpaceUnifyInstruction => Some(CacheOp::Unify),
        _ => None,
    }
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_page(&mut self, cap: Cap, call: &Invocation) -> Result<Outcome, Trouble> {
        use InvocationLabel as L;
        let Cap::Frame { at, .. } = cap else {
            return Err(InvocationError::IllegalOperation.into());
        };
        match call.label {
            Some(L::ARMPageMap) => self.map_page(cap, call),
            Some(L::ARMPageUnmap) => {
                self.unmap_cap(cap);
                // The mapping may have changed the slot's capability in no other way than this.
                self.m.set_cap(call.slot, unmapped(cap));
                Ok(Outcome::Done)
            }
            Some(L::ARMPageGetAddress) => Ok(Outcome::Word(at)),
            Some(
                label @ (L::ARMPageCleanData
                | L::ARMPageInvalidateData
                | L::ARMPageCleanInvalidateData
                | L::ARMPageUnifyInstruction),
            ) => self.page_cache(cap, label, call),
            _ => Err(InvocationError::IllegalOperation.into()),
        }
    }

    /// Removes the mapping made through a frame or page table capability, if there is one.
    pub(crate) fn unmap_cap(&mut self, cap: Cap) {
        match cap {
            Cap::Frame {
                at,
                size,
                asid,
                vaddr,
                ..
            } if asid != 0 => {
                self.unmap_frame(at, size.bits(), asid, vaddr);
            }
            Cap::PageTable { at, asid, vaddr } if asid != 0 => self.unmap_table(at, asid, vaddr),
            _ => {}
        }
    }

    fn map_page(&mut self, cap: Cap, call: &Invocation) -> Result<Outcome, Trouble> {
        call.needs(3, 1)?;
        let Cap::Frame {
            at,
            size,
            device,
            asid: mapped_asid,
            vaddr: mapped_at,
            ..
        } = cap
        else {
            return Err(InvocationError::IllegalOperation.into());
        };
        let vaddr = call.word(self, 0);
        let rights = CapRights::from_word(call.word(self, 1));
        let attributes = VmAttributes::from_word(call.word(self, 2));
        let (root, asid) = self.valid_vspace(call.extra_cap(self, 0)?, 1)?;
        if vaddr & ((1 << size.bits()) - 1) != 0 {
            return Err(InvocationError::AlignmentError.into());
        }
        if mapped_asid != 0 {
            if mapped_asid != asid {
                return Err(InvocationError::InvalidCapability(1).into());
            }
            if mapped_at != vaddr {
                return Err(InvocationError::InvalidArgument(0).into());
            }
        } else if vaddr
            .checked_add((1 << size.bits()) - 1)
            .is_none_or(|last| last > USER_TOP)
        {
            return Err(InvocationError::InvalidArgument(0).into());
        }
        let reached = walk(&self.m, root, vaddr);
        if bits_left(reached.level) != size.bits() {
            let cause = LookupFault::MissingCapability {
                bits_left: bits_left(reached.level) as u64,
            };
            return Err(InvocationError::FailedLookup { source: false, cause }.into());
        }
        let Cap::Frame { read, write, .. } = cap.with_rights(rights) else {
            return Err(InvocationError::IllegalOperation.into());
        };
        let access = Access {
            read,
            write,
            execute: !attributes.contains(VmAttributes::EXECUTE_NEVER),
            cached: attributes.contains(VmAttributes::PAGE_CACHEABLE),
        };
        let Cap::Frame { read, write, .. } = cap else {
            return Err(InvocationError::IllegalOperation.into());
        };
        self.m.set_cap(
            call.slot,
            Cap::Frame {
                at,
                size,
                write,
                read,
                device,
                asid,
                vaddr,
            },
        );
        self.set_entry(reached.entry_at, user_frame(at, reached.level, access));
        if is_valid(reached.entry) {
            self.m.flush_page(asid, vaddr);
        }
        Ok(Outcome::Done)
    }

    fn page_cache(
        &mut self,
        cap: Cap,
        label: InvocationLabel,
        call: &Invocation,
    ) -> Result<Outcome, Trouble> {
        call.needs(2, 0)?;
        let Cap::Frame {
            at,
            size,
            asid,
            vaddr,
            ..
        } = cap
        else {
            return Err(InvocationError::IllegalOperation.into());
        };
        if asid == 0 {
            return Err(InvocationError::IllegalOperation.into());
        }
        let root = self.vspace_of(asid).ok_or(InvocationError::FailedLookup {
            source: false,
            cause: LookupFault::InvalidRoot,
        })?;
        let reached = walk(&self.m, root, vaddr);
        let same_size = bits_left(reached.level) == size.bits();
        if same_size && (!is_valid(reached.entry) || address(reached.entry) != at) {
            // Another frame has been mapped over this one, and perhaps unmapped.
            return Err(InvocationError::InvalidCapability(0).into());
        }
        let (start, end) = (call.word(self, 0), call.word(self, 1));
        if end <= start {
            return Err(InvocationError::InvalidArgument(1).into());
        }
        if start >= 1 << size.bits() || end > 1 << size.bits() {
            return Err(InvocationError::InvalidArgument(0).into());
        }
        if label == InvocationLabel::ARMPageInvalidateData && same_size && !is_user_writable(reached.entry) {
            // Invalidating would lose what others have written.
            return Err(InvocationError::IllegalOperation.into());
        }
        if let Some(op) = cache_op(label) {
            self.m.cache(op, at + start, end - start);
        }
        Ok(Outcome::Done)
    }
}

/// The same capability without a mapping.
pub(crate) fn unmapped(cap: Cap) -> Cap {
    match cap {
        Cap::Frame {
            at,
            size,
            write,
            read,
            device,
            ..
        } => Cap::Frame {
            at,
            size,
            write,
            read,
            device,
            asid: 0,
            vaddr: 0,
        },
        Cap::PageTable { at, .. } => Cap::PageTable {
            at,
            asid: 0,
            vaddr: 0,
        },
        other => other,
    }
}
