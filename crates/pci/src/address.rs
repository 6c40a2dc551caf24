//! A function's address, and the walk over a bus.

use core::fmt;

use crate::Config;
use crate::header;

/// Devices of a bus.
const DEVICES: u8 = 32;
/// Functions of a device.
const FUNCTIONS: u8 = 8;

/// Where a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Bus.
    pub bus: u8,
    /// Device, below 32.
    pub device: u8,
    /// Function, below 8.
    pub function: u8,
}

impl Address {
    /// From the 16 bits that also name the function to an IOMMU: bus, five bits of device, three of function.
    pub fn from_bits(bits: u16) -> Self {
        Self {
            bus: (bits >> 8) as u8,
            device: (bits >> 3 & 0x1f) as u8,
            function: (bits & 7) as u8,
        }
    }
    /// See [`from_bits`](Self::from_bits).
    pub fn bits(self) -> u16 {
        u16::from(self.bus) << 8 | u16::from(self.device & 0x1f) << 3 | u16::from(self.function & 7)
    }
    /// From text: `bus:device.function`, hexadecimal, as other tools print it.
    pub fn from_text(text: &str) -> Option<Self> {
        let (bus, rest) = text.split_once(':')?;
        let (device, function) = rest.split_once('.')?;
        let number = |digits: &str, end: u8| {
            let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(digits, 16)
                .ok()
                .filter(|number| plain && *number < end)
        };
        Some(Self {
            bus: number(bus, u8::MAX)?,
            device: number(device, DEVICES)?,
            function: number(function, FUNCTIONS)?,
        })
    }
    /// Offset of its 4096 bytes in the memory-mapped configuration space.
    pub fn ecam_offset(self) -> usize {
        usize::from(self.bits()) << 12
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}

/// The functions that there are on a bus; `config` lends the configuration space of an address, if it reaches there.
pub fn functions<C: Config>(bus: u8, config: impl Fn(Address) -> Option<C>) -> impl Iterator<Item = Address> {
    (0..DEVICES).flat_map(move |device| {
        let at = move |function| Address {
            bus,
            device,
            function,
        };
        let is_there = |function| config(at(function)).filter(|config| header::identity(config).is_some());
        let count = match is_there(0) {
            None => 0,
            Some(first) if header::has_more_functions(&first) => FUNCTIONS,
            Some(_) => 1,
        };
        let mut there = [false; FUNCTIONS as usize];
        for function in 0..count {
            there[usize::from(function)] = is_there(function).is_some();
        }
        (0..FUNCTIONS)
            .filter(move |function| there[usize::from(*function)])
            .map(at)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    #[test]
    fn text_and_bits_name_the_same_function() {
        let address = Address {
            bus: 1,
            device: 0x1f,
            function: 7,
        };
        assert_eq!(address.to_string(), "01:1f.7");
        assert_eq!(Address::from_text("01:1f.7"), Some(address));
        assert_eq!(Address::from_bits(address.bits()), address);
        assert_eq!(address.ecam_offset(), 0x1f_f000);
        for wrong in [
            "", "0:2", "2.0", "0:20.0", "0:2.8", "100:0.0", "0:+2.0", "0:.0", "ff:0.0",
        ] {
            assert_eq!(Address::from_text(wrong), None, "{wrong}");
        }
    }

    struct Words(u32, u32);

    impl Config for Words {
        fn read(&self, offset: u8) -> u32 {
            match offset {
                0 => self.0,
                0xc => self.1,
                _ => 0,
            }
        }
    }

    #[test]
    fn only_devices_that_say_so_have_more_functions() {
        let config = |at: Address| match (at.device, at.function) {
            (1, 0 | 1) => Some(Words(0x1042_1af4, 0)),
            (2, 0 | 3) => Some(Words(0x1042_1af4, 0x80_0000)),
            (5, 1) => Some(Words(0x1042_1af4, 0x80_0000)),
            // Out of reach.
            (2, 4) | (6, _) => None,
            _ => Some(Words(u32::MAX, u32::MAX)),
        };
        let found: Vec<_> = functions(0, config).map(|at| (at.device, at.function)).collect();
        assert_eq!(found, [(1, 0), (2, 0), (2, 3)]);
    }
}
