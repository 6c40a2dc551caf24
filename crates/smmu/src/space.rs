//! What one device reaches: ranges that stay, and of some windows at most one at a time.

use crate::entry::{self, WORDS};
use crate::memory::{CONTEXTS, ENTRY, Memory, PAGE, SPACE_TABLES, TABLES};
use crate::registers::Registers;
use crate::smmu::{CommandError, Smmu};
use crate::tables::{Access, LEAF, MapError, Tables, page};

/// Pages of a window at most.
pub const WINDOW_PAGES: usize = (LEAF as usize) / PAGE;
/// A bit for each page of a window: it may be written.
pub type Writable = [u64; WINDOW_PAGES / 64];

/// A device's space.
#[derive(Clone, Copy, Debug)]
pub struct Space<const PLACES: usize> {
    stream: u32,
    asid: u16,
    context: usize,
    tables: Tables,
    /// Where a window may be, and its table of the last level.
    places: [(u64, usize); PLACES],
}

impl<const PLACES: usize> Space<PLACES> {
    /// The space of `stream`, with this number among the spaces (below 64), and windows at these addresses, multiples of
    /// [`LEAF`]. Nothing of it is let through before [`open`](Self::open). Over the memory of a predecessor it is what it was.
    pub fn new(
        smmu: &Smmu,
        memory: &mut impl Memory,
        number: usize,
        stream: u32,
        places: [u64; PLACES],
    ) -> Result<Self, MapError> {
        let start = TABLES + number * SPACE_TABLES * PAGE;
        let mut tables = Tables::new(start, smmu.paddr(start));
        let mut found = [(0, 0); PLACES];
        for (entry, place) in found.iter_mut().zip(places) {
            if !place.is_multiple_of(LEAF) {
                return Err(MapError::Range);
            }
            *entry = (place, tables.leaf(memory, place)?);
        }
        // 0 is left to nobody: an ASID that nothing was tagged with by mistake.
        let asid = number as u16 + 1;
        let context = CONTEXTS + number * ENTRY;
        let words: [u64; WORDS] = entry::context(smmu.paddr(start), asid, smmu.oas());
        for (index, word) in words.into_iter().enumerate().rev() {
            memory.write(context + 8 * index, word);
        }
        Ok(Self {
            stream,
            asid,
            context,
            tables,
            places: found,
        })
    }

    /// Whose it is.
    pub fn stream(&self) -> u32 {
        self.stream
    }

    /// Adds a range that stays. It must not meet a place.
    pub fn keep(
        &mut self,
        memory: &mut impl Memory,
        paddr: u64,
        len: u64,
        access: Access,
    ) -> Result<(), MapError> {
        let end = paddr.checked_add(len).ok_or(MapError::Range)?;
        if self
            .places
            .iter()
            .any(|&(place, _)| paddr < place + LEAF && place < end)
        {
            return Err(MapError::Overlap);
        }
        self.tables.map(memory, paddr, len, access)
    }

    /// Lets the device reach what stays, and the first `pages` of the place at `place`, some of which it may write.
    pub fn open(
        &mut self,
        smmu: &mut Smmu,
        registers: &mut impl Registers,
        memory: &mut impl Memory,
        place: u64,
        pages: usize,
        writable: &Writable,
    ) -> Result<(), OpenError> {
        let known = self.places.iter().any(|&(base, _)| base == place);
        if !known || pages > WINDOW_PAGES {
            return Err(OpenError::Place);
        }
        // Whatever was open before is closed first: nothing that is known is changed under the device's feet.
        self.close(smmu, registers, memory).map_err(OpenError::Command)?;
        for &(_, table) in self.places.iter().filter(|(base, _)| *base == place) {
            for number in 0..pages {
                let access = if writable[number / 64] >> (number % 64) & 1 == 1 {
                    Access::Write
                } else {
                    Access::Read
                };
                memory.write(table + 8 * number, page(place + (number * PAGE) as u64, access));
            }
        }
        let context = smmu.paddr(self.context);
        smmu.translate(registers, memory, self.stream, context)
            .map_err(OpenError::Command)
    }

    /// Lets nothing through: complete when this answers. Then the windows are forgotten.
    pub fn close(
        &mut self,
        smmu: &mut Smmu,
        registers: &mut impl Registers,
        memory: &mut impl Memory,
    ) -> Result<(), CommandError> {
        smmu.abort(registers, memory, self.stream, self.asid)?;
        for (_, table) in self.places {
            // Windows are filled from the first page on and emptied from the last one on: whoever dies over either, an empty entry
            // is the end.
            let entries = (table..table + PAGE).step_by(8);
            let filled = entries.take_while(|entry| memory.read(*entry) != 0).count();
            for number in (0..filled).rev() {
                memory.write(table + 8 * number, 0);
            }
        }
        Ok(())
    }
}

/// Why a space was not opened: it is closed, or the SMMU does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// No window can be there.
    Place,
    /// The SMMU did not do it.
    Command(CommandError),
}
