//! A root port for tests.

use super::Fake;
use crate::port::{CHANGED, COMMAND_DONE, LIGHT, Light, NEEDED, OCCUPIED, POWER_OFF, PRESSED, Registers};
use crate::{Config, ConfigMut};

/// A root port as QEMU makes it: status bits are forgotten when they are written as 1, a device whose power goes is gone.
#[derive(Clone, Debug)]
pub struct RootPort {
    /// Its configuration space.
    pub fake: Fake,
    /// It does not do what it is told.
    pub deaf: bool,
}

impl Default for RootPort {
    fn default() -> Self {
        Self::new()
    }
}

impl RootPort {
    /// Offset of its capability of PCI Express.
    pub const EXPRESS: u8 = 0x54;
    /// Index of the word of slot control and status.
    const WORD: usize = (Self::EXPRESS as usize + 0x18) / 4;

    /// One with an empty slot.
    pub fn new() -> Self {
        let mut fake = Fake::device();
        fake.words[0xc / 4] = 1 << 16;
        fake.writable[0x18 / 4] = 0xff_ffff;
        fake.writable[0x20 / 4] = 0xfff0_fff0;
        fake.capability(Self::EXPRESS, &[0x0142_0010, 0, 0, 0, 0, NEEDED | 1, 0]);
        Self { fake, deaf: false }
    }

    /// Sets and clears bits of the slot's status.
    pub(crate) fn happens(&mut self, set: u16, clear: u16) {
        let status = self.status() & !clear | set;
        self.fake.words[Self::WORD] = self.fake.words[Self::WORD] & 0xffff | u32::from(status) << 16;
    }

    fn status(&self) -> u16 {
        (self.fake.words[Self::WORD] >> 16) as u16
    }

    /// Somebody puts something in.
    pub fn add(&mut self) {
        self.happens(OCCUPIED | CHANGED | PRESSED, 0);
    }

    /// Somebody presses the button at what is in it.
    pub fn press(&mut self) {
        self.happens(PRESSED, 0);
    }

    /// Somebody takes out what is in it, asked or not.
    pub fn tear_out(&mut self) {
        self.happens(CHANGED, OCCUPIED);
    }

    /// Whether what is in it has power.
    pub fn has_power(&self) -> bool {
        self.status() & OCCUPIED != 0 && self.fake.words[Self::WORD] & u32::from(POWER_OFF) == 0
    }

    /// Whether it pulls its line.
    pub fn interrupts(&self) -> bool {
        let word = self.fake.words[Self::WORD];
        word & 1 << 5 != 0 && (word >> 16) & word & u32::from(PRESSED | CHANGED) != 0
    }
}

impl Config for RootPort {
    fn read(&self, offset: u8) -> u32 {
        self.fake.read(offset)
    }
}

impl ConfigMut for RootPort {
    fn write(&mut self, offset: u8, value: u32) {
        assert_ne!(usize::from(offset) / 4, Self::WORD, "status and control at once");
        self.fake.write(offset, value);
    }
}

impl Registers for RootPort {
    fn write_half(&mut self, offset: u8, value: u16) {
        if usize::from(offset) == 4 * Self::WORD + 2 {
            return self.happens(0, value & (PRESSED | CHANGED | COMMAND_DONE));
        }
        assert_eq!(usize::from(offset), 4 * Self::WORD);
        if self.deaf {
            return;
        }
        self.fake.words[Self::WORD] = self.fake.words[Self::WORD] & 0xffff_0000 | u32::from(value);
        self.happens(COMMAND_DONE, 0);
        if value & POWER_OFF != 0 && value & LIGHT == Light::Off as u16 && self.status() & OCCUPIED != 0 {
            self.tear_out();
        }
    }
}
