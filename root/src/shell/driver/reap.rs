//! Taking a generation's memory back, a bounded step at a time.

use supervision::Code;

use super::{Drivers, refused};
use crate::shell::memory::path;

/// Copies deleted in a step.
const COPIES: u64 = 16;

impl Drivers {
    /// The next step; `true` when everything is back.
    ///
    /// First the copies of shared frames, which are not descendants of the generation's memory (masters are never
    /// revoked: clients would lose their mappings too). Then chunk by chunk everything that was made of its memory:
    /// frames, address space, CSpace with all that is in it, thread.
    pub fn discard(&mut self, slot: usize, generation: u32) -> Result<bool, Code> {
        let slot = self.slot(slot)?;
        let place_index = slot.generations.find(generation)?;
        slot.generations.reap(place_index)?;
        let place = &mut slot.places[place_index];
        let Some(mut build) = place.build else {
            slot.generations.reaped(place_index)?;
            return Ok(true);
        };
        // Copies of register pages lie behind those of shared frames; after a cut they are gone already.
        let copies = build.copies + place.register_pages;
        if build.deleted < copies {
            let end = copies.min(build.deleted + COPIES);
            for index in build.deleted..end {
                let slot = match index.checked_sub(build.copies) {
                    Some(register) => place.registers + register,
                    None => place.copies + index,
                };
                path(slot).delete().map_err(refused)?;
            }
            build.deleted = end;
        } else if build.revoked < build.objects.chunks_in_use() {
            path(place.chunks + build.revoked as u64)
                .revoke()
                .map_err(refused)?;
            build.revoked += 1;
        }
        let done = build.deleted == copies && build.revoked == build.objects.chunks_in_use();
        place.build = if done { None } else { Some(build) };
        if done {
            slot.generations.reaped(place_index)?;
        }
        Ok(done)
    }
}
