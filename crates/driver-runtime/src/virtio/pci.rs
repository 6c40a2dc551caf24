//! A device that is a PCI function: what a release may see of configuration space, and what it leaves out.
//!
//! Configuration space can move regions and aim interrupts, so a driver does not get it but a copy, which the bus makes
//! (`docs/design/021-pci.md`). A release that asks how large a region is, by writing ones into its register, is answered from the
//! resources page; every other write is forgotten.

use core::ptr::NonNull;

use driver_package::resources::MmioRegion;
use pci::virtio::{common, structures};
use pci::{Config, Place, bar, header, msix};

use super::Facts;
use crate::ProbeError;
use crate::resources::Resources;

/// Words of configuration space that are copied.
const WORDS: usize = 64;
/// Offset of the first base address register.
const FIRST_BAR: u8 = 0x10;
/// virtio 1.2, 4.1.2: vendor, and device ids as virtio numbers them start here.
const VENDOR: u16 = 0x1af4;
const FIRST_DEVICE: u16 = 0x1040;

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
    fn here(&self, place: &Place, regions: &[MmioRegion]) -> Option<NonNull<u32>> {
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

/// Gives a queue its interrupt, which no release does.
#[derive(Debug)]
pub struct Vectors {
    /// The common configuration; none: the function's interrupt is a line, and needs no saying.
    common: Option<NonNull<u32>>,
}

impl Vectors {
    /// Makes the queue's interrupt the function's one message, and that of a change of configuration too. To be said before the
    /// queue is switched on (virtio 1.2, 4.1.4.3.2).
    pub fn aim(&mut self, queue: u16) {
        let Some(common) = self.common else { return };
        for (offset, value) in [
            (common::CONFIG_MSIX_VECTOR, 0),
            (common::QUEUE_SELECT, queue),
            (common::QUEUE_MSIX_VECTOR, 0),
        ] {
            // SAFETY: `open` found `common::LEN` bytes of registers there, which this generation alone has; the fields are of
            // this width. The release selects its queue anew before it uses one.
            unsafe { common.byte_add(offset).cast::<u16>().write_volatile(value) };
        }
    }
}

/// A function as a release finds it.
#[derive(Debug)]
pub struct PciDevice<F> {
    /// Configuration space.
    pub copy: ConfigCopy,
    /// What the device says of itself.
    pub facts: F,
    /// What the release leaves out.
    pub vectors: Vectors,
}

impl<F: Facts> PciDevice<F> {
    /// The function, if the device is on PCI.
    ///
    /// # Errors
    /// [`ProbeError::WrongDevice`]: it is not such a device. [`ProbeError::NoRegisters`]: its structures do not lie in our regions.
    pub fn open(resources: &Resources) -> Result<Option<Self>, ProbeError> {
        let Some(vaddr) = resources.config() else {
            return Ok(None);
        };
        let start = core::ptr::with_exposed_provenance::<[u32; WORDS]>(vaddr as usize);
        // SAFETY: checked to be the address of the page that root maps there, for reading, for as long as we run. The bus writes it
        // only while no generation has the device.
        let copy = ConfigCopy::new(unsafe { start.read_volatile() }, resources.mmio());
        if header::identity(&copy) != Some((VENDOR, FIRST_DEVICE + F::DEVICE as u16)) {
            return Err(ProbeError::WrongDevice);
        }
        let found = structures(&copy);
        let here = |place: Option<Place>, least: u32| {
            place
                .filter(|place| place.len >= least)
                .and_then(|place| copy.here(&place, resources.mmio()))
                .ok_or(ProbeError::NoRegisters)
        };
        let common = here(found.common, common::LEN)?;
        let device = here(found.device, F::CONFIG_LEN)?;
        // SAFETY: both lie in regions that root mapped, are aligned and long enough, which `here` checked, and the release's
        // driver does not run yet.
        let facts = unsafe {
            common.byte_add(common::DEVICE_FEATURE_SELECT).write_volatile(0);
            let features = common.byte_add(common::DEVICE_FEATURE).read_volatile();
            F::read(features, device)
        };
        let vectors = Vectors {
            common: msix::is_on(&copy).then_some(common),
        };
        Ok(Some(Self { copy, facts, vectors }))
    }
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
