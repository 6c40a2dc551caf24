//! The resources page, checked before anything in it is used.

use driver_package::image::PAGE;
use driver_package::resources::{
    CONFIG_VADDR, DATA_STRIDE, DATA_VADDR, DataRegion, DriverResources, MAGIC, MAX_DATA_REGIONS, MAX_IRQS,
    MAX_MMIO, MMIO_VADDR, MmioRegion, VERSION, WINDOW_MAX, WINDOW_VADDR,
};

/// What is wrong with a resources page. Root writes it, so this is a broken system and not a broken device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourcesError {
    /// Not a resources page.
    Magic,
    /// Of another version.
    Version,
    /// For a driver of another class.
    Class,
    /// A count is larger than its array.
    Count,
    /// The window is misaligned or too large, or the heap does not lie in it.
    Window,
    /// A register region lies outside its part of the address space.
    Mmio,
    /// The copy of configuration space lies elsewhere.
    Config,
    /// A data region lies outside its part of the address space.
    Data,
}

/// A checked copy of the resources page.
#[derive(Clone, Copy, Debug)]
pub struct Resources(DriverResources);

impl Resources {
    /// Checks `page` for a driver of class `class`.
    pub fn check(page: &DriverResources, class: u32) -> Result<Self, ResourcesError> {
        if page.magic != MAGIC {
            return Err(ResourcesError::Magic);
        }
        if page.version != VERSION {
            return Err(ResourcesError::Version);
        }
        if page.class != class {
            return Err(ResourcesError::Class);
        }
        let counts = [
            (page.mmio_count, MAX_MMIO),
            (page.irq_count, MAX_IRQS),
            (page.data_count, MAX_DATA_REGIONS),
        ];
        if counts.iter().any(|(count, most)| *count as usize > *most) {
            return Err(ResourcesError::Count);
        }
        let heap_from = page.heap_vaddr.wrapping_sub(WINDOW_VADDR);
        let heap_to = heap_from
            .checked_add(page.heap_len)
            .ok_or(ResourcesError::Window)?;
        let aligned = [page.window_paddr, page.window_len, page.heap_vaddr]
            .iter()
            .all(|at| at.is_multiple_of(PAGE));
        if !aligned || page.window_len > WINDOW_MAX || heap_to > page.window_len {
            return Err(ResourcesError::Window);
        }
        let checked = Self(*page);
        if !checked
            .mmio()
            .iter()
            .all(|region| inside(region.vaddr, region.len, MMIO_VADDR, DATA_VADDR))
        {
            return Err(ResourcesError::Mmio);
        }
        if ![0, CONFIG_VADDR].contains(&page.config_vaddr) {
            return Err(ResourcesError::Config);
        }
        for (region, from) in checked
            .data()
            .iter()
            .zip((DATA_VADDR..).step_by(DATA_STRIDE as usize))
        {
            let reached = region.io_addr.checked_add(region.len).is_some();
            if !reached || !inside(region.vaddr, region.len, from, from + DATA_STRIDE) {
                return Err(ResourcesError::Data);
            }
        }
        Ok(checked)
    }

    /// A page that describes memory of the host, which lies where it lies.
    #[cfg(any(test, feature = "host"))]
    pub(crate) fn unchecked(page: DriverResources) -> Self {
        Self(page)
    }

    /// Number of this generation.
    pub fn generation(&self) -> u32 {
        self.0.generation
    }
    /// Class number.
    pub fn class(&self) -> u32 {
        self.0.class
    }
    /// Register regions of the device.
    pub fn mmio(&self) -> &[MmioRegion] {
        self.0.mmio.get(..self.0.mmio_count as usize).unwrap_or_default()
    }
    /// Address of the copy of the device's PCI configuration space, if it is on PCI.
    pub fn config(&self) -> Option<u64> {
        Some(self.0.config_vaddr).filter(|vaddr| *vaddr != 0)
    }
    /// Interrupts of the device.
    pub fn irq_count(&self) -> u32 {
        self.0.irq_count
    }
    /// Data regions, as requests number them.
    pub fn data(&self) -> &[DataRegion] {
        self.0.data.get(..self.0.data_count as usize).unwrap_or_default()
    }
    /// The window: its address here, the address the device uses, its bytes.
    pub fn window(&self) -> DataRegion {
        DataRegion {
            vaddr: WINDOW_VADDR,
            io_addr: self.0.window_paddr,
            len: self.0.window_len,
        }
    }
    /// Start and bytes of the heap.
    pub fn heap(&self) -> (u64, u64) {
        (self.0.heap_vaddr, self.0.heap_len)
    }
    /// Frequency of CNTPCT, in Hz.
    pub fn counter_hz(&self) -> u64 {
        self.0.counter_hz
    }
}

/// Whether `vaddr..vaddr + len` is not empty and lies in `from..to`.
fn inside(vaddr: u64, len: u64, from: u64, to: u64) -> bool {
    let end = vaddr.checked_add(len);
    len != 0 && vaddr >= from && end.is_some_and(|end| end <= to)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use zerocopy::FromZeros;

    pub(crate) fn good() -> DriverResources {
        let mut page = DriverResources::new_zeroed();
        (page.magic, page.version, page.class, page.generation) = (MAGIC, VERSION, 1, 7);
        (page.mmio_count, page.irq_count, page.data_count) = (1, 1, 2);
        (page.window_paddr, page.window_len) = (0x4800_0000, 64 * PAGE);
        (page.heap_vaddr, page.heap_len) = (WINDOW_VADDR + 32 * PAGE, 32 * PAGE);
        page.mmio[0] = MmioRegion {
            vaddr: MMIO_VADDR + 0xe00,
            paddr: 0xa00_3e00,
            len: 0x200,
        };
        page.data[0] = DataRegion {
            vaddr: DATA_VADDR,
            io_addr: 0x5000_0000,
            len: 0x4000,
        };
        page.data[1] = DataRegion {
            vaddr: DATA_VADDR + DATA_STRIDE,
            io_addr: 0x6000_0000,
            len: DATA_STRIDE,
        };
        page
    }

    fn refusal(change: impl FnOnce(&mut DriverResources)) -> Option<ResourcesError> {
        let mut page = good();
        change(&mut page);
        Resources::check(&page, 1).err()
    }

    #[test]
    fn every_rule_has_its_refusal() {
        assert_eq!(refusal(|_| ()), None);
        assert_eq!(refusal(|p| p.magic = 0), Some(ResourcesError::Magic));
        assert_eq!(refusal(|p| p.version += 1), Some(ResourcesError::Version));
        assert_eq!(refusal(|p| p.class = 2), Some(ResourcesError::Class));
        assert_eq!(refusal(|p| p.mmio_count = 5), Some(ResourcesError::Count));
        assert_eq!(refusal(|p| p.irq_count = 5), Some(ResourcesError::Count));
        assert_eq!(refusal(|p| p.data_count = 17), Some(ResourcesError::Count));
        assert_eq!(refusal(|p| p.heap_len += 1), Some(ResourcesError::Window));
        assert_eq!(refusal(|p| p.heap_len = u64::MAX), Some(ResourcesError::Window));
        assert_eq!(refusal(|p| p.heap_vaddr = 0), Some(ResourcesError::Window));
        assert_eq!(refusal(|p| p.window_paddr += 1), Some(ResourcesError::Window));
        assert_eq!(
            refusal(|p| p.window_len = WINDOW_MAX + PAGE),
            Some(ResourcesError::Window)
        );
        assert_eq!(refusal(|p| p.mmio[0].vaddr = 0), Some(ResourcesError::Mmio));
        assert_eq!(refusal(|p| p.mmio[0].len = u64::MAX), Some(ResourcesError::Mmio));
        assert_eq!(refusal(|p| p.mmio_count = 2), Some(ResourcesError::Mmio));
        assert_eq!(refusal(|p| p.config_vaddr = CONFIG_VADDR), None);
        assert_eq!(refusal(|p| p.config_vaddr = 1), Some(ResourcesError::Config));
        assert_eq!(refusal(|p| p.data.swap(0, 1)), Some(ResourcesError::Data));
        assert_eq!(refusal(|p| p.data[1].len += 1), Some(ResourcesError::Data));
        assert_eq!(
            refusal(|p| p.data[0].io_addr = u64::MAX),
            Some(ResourcesError::Data)
        );
    }
}
