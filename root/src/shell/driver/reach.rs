//! What the IOMMU PD asks of a slot, and is believed.

use root::generation::PLACES;
use supervision::Code;
use supervision::root::WINDOW_WORDS;

use super::Drivers;
use crate::shell::memory::PAGE;

impl Drivers {
    /// Address and bytes of range `index` that the device of a slot may ever reach.
    pub fn range(&mut self, slot: usize, index: usize) -> Result<[u64; 2], Code> {
        let slot = self.slot(slot)?;
        if let Some(place) = slot.places.get(index) {
            return Ok([place.paddr, 1 << root::chunks::GENERATION_BITS]);
        }
        let frames = slot.data.get(index - PLACES).ok_or(Code::Empty)?;
        Ok([frames.paddr, frames.region.size])
    }

    /// Memory of a staged generation: address, pages, and which of them may be written. Kernel objects lie behind these pages.
    pub fn window(&mut self, slot: usize, generation: u32) -> Result<[u64; 2 + WINDOW_WORDS], Code> {
        let slot = self.slot(slot)?;
        let place = slot.generations.find(generation)?;
        slot.generations.may_be_reached(place)?;
        let place = &slot.places[place];
        let window = place.build.as_ref().ok_or(Code::WrongState)?.window;
        let mut words = [0; 2 + WINDOW_WORDS];
        words[..2].copy_from_slice(&[place.paddr, window.pages()]);
        words[2..].copy_from_slice(&window.writable());
        const _: () = assert!(PAGE == 4096);
        Ok(words)
    }

    /// The device reaches this generation's memory.
    pub fn reached(&mut self, slot: usize, generation: u32) -> Result<(), Code> {
        let slot = self.slot(slot)?;
        let place = slot.generations.find(generation)?;
        slot.generations.reached(place)
    }
}
