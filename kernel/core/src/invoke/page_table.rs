//! Page tables.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::vm::USER_TOP;

use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::page::unmapped;
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::vspace::descriptor::{LAST_LEVEL, bits_left, is_valid, table};
use crate::vspace::walk::walk;

const TABLE_BYTES: u64 = 1 << 12;

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_page_table(&mut self, cap: Cap, call: &Invocation) -> Result<Outcome, Trouble> {
        let Cap::PageTable {
            at,
            asid: mapped_asid,
            ..
        } = cap
        else {
            return Err(InvocationError::IllegalOperation.into());
        };
        match call.label {
            Some(InvocationLabel::ARMPageTableUnmap) => {
                if !self.m.is_last(call.slot) {
                    return Err(InvocationError::RevokeFirst.into());
                }
                if mapped_asid != 0 {
                    self.unmap_cap(cap);
                    self.m.zero(at, TABLE_BYTES);
                    self.m.publish_tables();
                }
                self.m.set_cap(call.slot, unmapped(cap));
                Ok(Outcome::Done)
            }
            Some(InvocationLabel::ARMPageTableMap) => {
                call.needs(2, 1)?;
                if mapped_asid != 0 {
                    return Err(InvocationError::InvalidCapability(0).into());
                }
                let vaddr = call.word(self, 0);
                let vspace = call.extra_cap(self, 0)?;
                self.map_table(at, vspace, vaddr, call)
            }
            _ => Err(InvocationError::IllegalOperation.into()),
        }
    }

    fn map_table(&mut self, at: u64, vspace: Cap, vaddr: u64, call: &Invocation) -> Result<Outcome, Trouble> {
        match vspace {
            Cap::VSpace { asid, .. } if asid != 0 => {}
            _ => return Err(InvocationError::InvalidCapability(1).into()),
        }
        if vaddr > USER_TOP {
            return Err(InvocationError::InvalidArgument(0).into());
        }
        let (root, asid) = self.valid_vspace(vspace, 1)?;
        let reached = walk(&self.m, root, vaddr);
        if reached.level == LAST_LEVEL || is_valid(reached.entry) {
            return Err(InvocationError::DeleteFirst.into());
        }
        let vaddr = vaddr & !((1 << bits_left(reached.level)) - 1);
        self.m.set_cap(call.slot, Cap::PageTable { at, asid, vaddr });
        self.set_entry(reached.entry_at, table(at));
        Ok(Outcome::Done)
    }
}
