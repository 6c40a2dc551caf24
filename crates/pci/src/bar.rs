//! Base address registers (PCI 6.2.5): how much room a function wants, and where it gets it.

use crate::ConfigMut;
use crate::header;

/// Base address registers of a device.
pub const COUNT: u8 = 6;
const FIRST: u8 = 0x10;
/// Smallest region of memory.
const SMALLEST: u64 = 16;
/// Largest region that is placed: what needs more is no device of ours.
pub const LARGEST: u64 = 1 << 31;

/// A region that a function wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Number of its (first) register.
    pub index: u8,
    /// Bytes, a power of two.
    pub size: u64,
    /// The register has a second one for the upper half of the address.
    pub wide: bool,
}

/// A register that does not behave as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarError {
    /// The function is no device, or does not stop answering while its registers are written.
    NotQuiet,
    /// Its size is no power of two, too small or too large, or its kind does not exist.
    Size,
    /// It did not take its address.
    NotTaken,
}

/// The memory regions that the function wants, by the number of their register. It answers at none of its regions from here
/// on. Regions in the space of ports, which this machine's processor does not have, are passed over.
pub fn sizes(config: &mut impl ConfigMut) -> Result<[Option<Bar>; COUNT as usize], BarError> {
    let allowed = header::command(config) & !(header::MEMORY | 1);
    if !header::is_endpoint(config) || !header::set_command(config, allowed) {
        return Err(BarError::NotQuiet);
    }
    let mut bars = [None; COUNT as usize];
    let mut index = 0;
    while index < COUNT {
        let bar = size(config, index)?;
        bars[usize::from(index)] = bar;
        index += 1 + u8::from(bar.is_some_and(|bar| bar.wide));
    }
    Ok(bars)
}

/// One register; `None`: there is none, or it is one for ports.
fn size(config: &mut impl ConfigMut, index: u8) -> Result<Option<Bar>, BarError> {
    let low = FIRST + 4 * index;
    let mask = probe(config, low);
    if mask == 0 || mask & 1 != 0 {
        return Ok(None);
    }
    let wide = match mask >> 1 & 3 {
        0 => false,
        2 if index + 1 < COUNT => true,
        _ => return Err(BarError::Size),
    };
    let high = if wide { probe(config, low + 4) } else { u32::MAX };
    let mask = u64::from(high) << 32 | u64::from(mask & !0xf);
    // The lowest bit that can be set is the size, if all above it can be set too.
    let size = mask & mask.wrapping_neg();
    if mask != size.wrapping_neg() || !(SMALLEST..=LARGEST).contains(&size) {
        return Err(BarError::Size);
    }
    Ok(Some(Bar { index, size, wide }))
}

/// The bits of a register that can be set. It is left as it was.
fn probe(config: &mut impl ConfigMut, offset: u8) -> u32 {
    let before = config.read(offset);
    config.write(offset, u32::MAX);
    let mask = config.read(offset);
    config.write(offset, before);
    mask
}

/// Gives a region its place, and reads it back.
pub fn place(config: &mut impl ConfigMut, bar: &Bar, address: u64) -> Result<(), BarError> {
    let low = FIRST + 4 * bar.index;
    config.write(low, address as u32);
    if bar.wide {
        config.write(low + 4, (address >> 32) as u32);
    }
    if is_at(config, bar, address) {
        Ok(())
    } else {
        Err(BarError::NotTaken)
    }
}

/// Whether a region has this place.
pub fn is_at(config: &impl crate::Config, bar: &Bar, address: u64) -> bool {
    let low = FIRST + 4 * bar.index;
    let high = if bar.wide { config.read(low + 4) } else { 0 };
    u64::from(high) << 32 | u64::from(config.read(low) & !0xf) == address
}

/// A piece of the address space from which regions get their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    next: u64,
    end: u64,
}

impl Window {
    /// `len` bytes from `start`.
    pub fn new(start: u64, len: u64) -> Self {
        Self {
            next: start,
            end: start.saturating_add(len),
        }
    }

    /// Room for a region of `size` bytes, a power of two: at a multiple of its size, and on pages of its own.
    pub fn take(&mut self, size: u64) -> Option<u64> {
        let size = size.max(0x1000);
        let start = self.next.checked_next_multiple_of(size)?;
        let end = start.checked_add(size)?;
        if end > self.end {
            return None;
        }
        self.next = end;
        Some(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::fake::Fake;
    use proptest::prelude::*;

    #[test]
    fn registers_say_what_they_want_and_are_left_as_they_were() {
        let mut fake = Fake::device();
        fake.bar(0, 0xffff_ffe1, 1);
        fake.bar(1, 0xffff_f000, 0);
        fake.bar(4, 0xffff_c000, 0xc);
        fake.bar(5, 0xffff_ffff, 0);
        fake.words[0x14 / 4] = 0x1000_0000;
        let bars = sizes(&mut fake).unwrap();
        let bar = |index, size, wide| Some(Bar { index, size, wide });
        assert_eq!(
            bars,
            [
                None,
                bar(1, 0x1000, false),
                None,
                None,
                bar(4, 0x4000, true),
                None
            ]
        );
        assert_eq!(fake.read(0x14), 0x1000_0000);
        assert_eq!(place(&mut fake, &bars[4].unwrap(), 0x80_1234_4000), Ok(()));
        assert!(is_at(&fake, &bars[4].unwrap(), 0x80_1234_4000));
        assert_eq!(
            place(&mut fake, &bars[4].unwrap(), 0x1000),
            Err(BarError::NotTaken)
        );
    }

    #[test]
    fn registers_that_lie_are_refused() {
        // Not a power of two; smaller than memory can be; of no known kind; wide without a second register.
        for (index, mask, kind) in [
            (0, 0xff0f_f000, 0),
            (0, 0x10, 0),
            (0, 0xffff_f000, 2),
            (0, 0xffff_f000, 6),
            (5, 0xffff_f000, 4),
            (0, 0, 8),
        ] {
            let mut fake = Fake::device();
            fake.bar(index, mask, kind);
            assert_eq!(sizes(&mut fake), Err(BarError::Size), "{index} {mask:#x} {kind}");
        }
        let mut huge = Fake::device();
        huge.bar(0, 0, 4);
        huge.bar(1, 0xffff_fff0, 0);
        assert_eq!(sizes(&mut huge), Err(BarError::Size));
        let mut bridge = Fake::device();
        bridge.words[3] = 1 << 16;
        assert_eq!(sizes(&mut bridge), Err(BarError::NotQuiet));
        let mut loud = Fake::device();
        loud.stuck = header::MEMORY.into();
        assert_eq!(sizes(&mut loud), Err(BarError::NotQuiet));
    }

    proptest! {
        /// Whatever a function's registers are: an answer comes, and it can be used.
        #[test]
        fn any_registers_are_answered(words in prop::array::uniform32(any::<u32>()), writable in prop::array::uniform32(any::<u32>())) {
            let mut fake = Fake::noise(words, writable);
            if let Ok(bars) = sizes(&mut fake) {
                for bar in bars.iter().flatten() {
                    prop_assert!(bar.size.is_power_of_two() && (SMALLEST..=LARGEST).contains(&bar.size));
                    prop_assert!(bar.index + u8::from(bar.wide) < COUNT);
                }
                prop_assert_eq!(header::command(&fake) & (header::MEMORY | 1), 0);
            }
        }

        /// Regions do not meet, and lie in their window.
        #[test]
        fn places_are_apart(start in 0u64..1 << 40, len in 0u64..1 << 24, sizes in prop::collection::vec(4u32..22, 0..20)) {
            let mut window = Window::new(start, len);
            let mut last = start;
            for size in sizes.into_iter().map(|bits| 1u64 << bits) {
                let Some(at) = window.take(size) else { continue };
                prop_assert!(at >= last && at.is_multiple_of(size) && at + size <= start + len);
                last = at + size.max(0x1000);
            }
        }
    }

    #[test]
    fn a_window_at_the_end_of_all_addresses_has_no_room() {
        assert_eq!(Window::new(u64::MAX - 0x2000, u64::MAX).take(0x4000), None);
    }
}
