//! A device that is a PCI function: what a driver may see of configuration space, and where its registers are.
//!
//! Configuration space can move regions and aim interrupts, so a driver does not get it but a copy, which the bus makes
//! (`docs/design/021-pci.md`). A release that asks how large a region is, by writing ones into its register, is answered from the
//! resources page; every other write is forgotten.

use core::ptr::NonNull;

use driver_package::resources::MmioRegion;
use pci::{Config, Place, bar, header};

use crate::ProbeError;
use crate::resources::Resources;

/// Words of configuration space that are copied.
const WORDS: usize = 64;
/// Offset of the first base address register.
const FIRST_BAR: u8 = 0x10;
/// Where registers of a function lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers {
    /// On the bus, as releases know them; [`dma::registers`](crate::dma::registers) knows where they lie here.
    pub paddr: u64,
    /// Bytes.
    pub len: u64,
}

/// The region that base address register `index` of the function at hand points to, which has to be of the class `class`
/// (PCI, appendix D) and have `least` bytes.
///
/// # Errors
/// [`ProbeError::WrongDevice`]: no PCI function, or one of another class. [`ProbeError::NoRegisters`]: no such region, or it is shorter.
pub fn registers(resources: &Resources, class: u32, index: u8, least: u64) -> Result<Registers, ProbeError> {
    let copy = ConfigCopy::read(resources).ok_or(ProbeError::WrongDevice)?;
    registers_of(&copy, resources.mmio(), class, index, least)
}

fn registers_of(
    copy: &ConfigCopy,
    regions: &[MmioRegion],
    class: u32,
    index: u8,
    least: u64,
) -> Result<Registers, ProbeError> {
    if header::class(copy) != class {
        return Err(ProbeError::WrongDevice);
    }
    let MmioRegion { paddr, len, .. } = copy.region(index, regions).ok_or(ProbeError::NoRegisters)?;
    if len < least {
        return Err(ProbeError::NoRegisters);
    }
    Ok(Registers { paddr, len })
}

/// A copy of configuration space that a release takes for the thing itself.
#[derive(Clone, Debug)]
pub struct ConfigCopy {
    words: [u32; WORDS],
    /// What each base address register reads when ones were written to it.
    masks: [u32; bar::COUNT as usize],
    /// Bit per register to which ones were written last.
    asked: u8,
}

impl Config for ConfigCopy {
    fn read(&self, offset: u8) -> u32 {
        let index = bar_index(offset);
        match index.and_then(|index| self.masks.get(index).map(|mask| (index, mask))) {
            Some((index, mask)) if self.asked & 1 << index != 0 => *mask,
            _ => self.words[usize::from(offset) / 4],
        }
    }
}

impl ConfigCopy {
    /// The copy, if the device is a PCI function.
    pub fn read(resources: &Resources) -> Option<Self> {
        let start = core::ptr::with_exposed_provenance::<[u32; WORDS]>(resources.config()? as usize);
        // SAFETY: checked to be the address of the page that root maps there, for reading, for as long as we run. The bus writes
        // it word by word while no generation has the device, and the same bytes once more when it is started anew.
        Some(Self::new(unsafe { start.read_volatile() }, resources.mmio()))
    }

    fn new(words: [u32; WORDS], regions: &[MmioRegion]) -> Self {
        let mut this = Self {
            words,
            masks: [0; bar::COUNT as usize],
            asked: 0,
        };
        for index in 0..bar::COUNT {
            let Some(region) = this.region(index, regions) else {
                continue;
            };
            let (at, flags) = (usize::from(index), this.bar(index) & 0xf);
            let mask = region.len.wrapping_neg();
            this.masks[at] = mask as u32 | flags;
            if let Some(upper) = this.masks.get_mut(at + 1).filter(|_| flags & 6 == 4) {
                *upper = (mask >> 32) as u32;
            }
        }
        this
    }

    fn bar(&self, index: u8) -> u32 {
        self.words[usize::from(FIRST_BAR / 4 + index)]
    }

    /// The driver's region that a base address register points to. Only memory has one.
    fn region(&self, index: u8, regions: &[MmioRegion]) -> Option<MmioRegion> {
        if index >= bar::COUNT {
            return None;
        }
        let low = self.bar(index);
        let wide = low & 7 == 4 && index + 1 < bar::COUNT;
        let high = if wide { self.bar(index + 1) } else { 0 };
        let paddr = u64::from(high) << 32 | u64::from(low & !0xf);
        regions
            .iter()
            .find(|region| low & 1 == 0 && region.paddr == paddr && region.len.is_power_of_two())
            .copied()
    }

    /// A write by the release: only whether it asks for a size matters.
    pub fn write(&mut self, offset: u8, value: u32) {
        if let Some(index) = bar_index(offset) {
            self.asked &= !(1 << index);
            self.asked |= u8::from(value == u32::MAX) << index;
        }
    }

    /// Where a piece of a region is mapped here.
    pub(crate) fn here(&self, place: &Place, regions: &[MmioRegion]) -> Option<NonNull<u32>> {
        let region = self.region(place.bar, regions)?;
        let vaddr = region.vaddr.checked_add(place.offset.into())?;
        if !place.lies_in(region.len) || !vaddr.is_multiple_of(4) {
            return None;
        }
        NonNull::new(core::ptr::with_exposed_provenance_mut(vaddr as usize))
    }
}

/// Which base address register lies at `offset`.
fn bar_index(offset: u8) -> Option<usize> {
    let index = offset.checked_sub(FIRST_BAR)? / 4;
    (index < bar::COUNT).then_some(index.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGION: MmioRegion = MmioRegion {
        vaddr: 0x70_0000,
        paddr: 0x80_1000_4000,
        len: 0x4000,
    };

    fn copy() -> ConfigCopy {
        let mut words = [0; WORDS];
        words[0] = 0x1042_1af4;
        words[5] = 0x1001_0000;
        words[8] = 0x1000_400c;
        words[9] = 0x80;
        ConfigCopy::new(words, &[REGION])
    }

    #[test]
    fn a_release_that_asks_for_a_size_is_answered() {
        let mut copy = copy();
        copy.write(0x20, u32::MAX);
        copy.write(0x24, u32::MAX);
        assert_eq!((copy.read(0x20), copy.read(0x24)), (0xffff_c00c, u32::MAX));
        copy.write(0x20, 0x1000_400c);
        copy.write(0x24, 0x80);
        assert_eq!((copy.read(0x20), copy.read(0x24)), (0x1000_400c, 0x80));
        // A region that is not the driver's has no size here.
        copy.write(0x14, u32::MAX);
        assert_eq!(copy.read(0x14), 0);
    }

    #[test]
    fn registers_are_those_of_the_class_that_is_wanted() {
        let mut copy = copy();
        copy.words[2] = 0x0108_0200;
        let find = |class, index, least| registers_of(&copy, &[REGION], class, index, least);
        let (paddr, len) = (REGION.paddr, REGION.len);
        assert_eq!(find(0x01_0802, 4, len), Ok(Registers { paddr, len }));
        assert_eq!(find(0x01_0801, 4, len), Err(ProbeError::WrongDevice));
        assert_eq!(find(0x01_0802, 4, len + 1), Err(ProbeError::NoRegisters));
        assert_eq!(find(0x01_0802, 1, len), Err(ProbeError::NoRegisters));
        assert_eq!(find(0x01_0802, 200, len), Err(ProbeError::NoRegisters));
    }

    #[test]
    fn every_other_write_is_forgotten() {
        let mut copy = copy();
        let before = copy.words;
        for offset in (0..=0xfc).step_by(4) {
            copy.write(offset, 0x1234_5678);
        }
        assert_eq!(copy.words, before);
        assert_eq!(copy.read(0x20), 0x1000_400c);
    }

    #[test]
    fn pieces_outside_the_drivers_regions_are_nowhere() {
        let copy = copy();
        let here = |bar, offset, len| {
            let place = Place { bar, offset, len };
            copy.here(&place, &[REGION]).map(|at| at.as_ptr().addr())
        };
        assert_eq!(here(4, 0x3000, 0x1000), Some(0x70_3000));
        assert_eq!(here(4, 0x3004, 0x1000), None);
        assert_eq!(here(4, 2, 4), None);
        assert_eq!(here(1, 0, 4), None);
        assert_eq!(here(5, 0, 4), None);
        assert_eq!(here(4, u32::MAX - 3, u32::MAX), None);
    }
}
