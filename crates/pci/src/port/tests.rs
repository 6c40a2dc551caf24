use super::*;
use crate::fake::Fake;
use crate::patience::Times;
use proptest::prelude::*;

const AT: u8 = 0x54;
const WORD: usize = (AT as usize + 0x18) / 4;

/// A root port as QEMU makes it: status bits are forgotten when they are written as 1, a device whose power goes is gone.
struct Slot {
    fake: Fake,
    /// It does not do what it is told.
    deaf: bool,
}

impl Slot {
    fn new() -> Self {
        let mut fake = Fake::device();
        fake.words[0xc / 4] = 1 << 16;
        fake.writable[0x18 / 4] = 0xff_ffff;
        fake.writable[0x20 / 4] = 0xfff0_fff0;
        fake.capability(AT, &[0x0142_0010, 0, 0, 0, 0, NEEDED | 1, 0]);
        Self { fake, deaf: false }
    }
    fn happens(&mut self, set: u16, clear: u16) {
        let status = (self.fake.words[WORD] >> 16) as u16 & !clear | set;
        self.fake.words[WORD] = self.fake.words[WORD] & 0xffff | u32::from(status) << 16;
    }
    fn add(&mut self) {
        self.happens(OCCUPIED | CHANGED | PRESSED, 0);
    }
    fn tear_out(&mut self) {
        self.happens(CHANGED, OCCUPIED);
    }
    fn interrupts(&self) -> bool {
        let word = self.fake.words[WORD];
        word & 1 << 5 != 0 && (word >> 16) & word & u32::from(PRESSED | CHANGED) != 0
    }
}

impl Config for Slot {
    fn read(&self, offset: u8) -> u32 {
        self.fake.read(offset)
    }
}

impl ConfigMut for Slot {
    fn write(&mut self, offset: u8, value: u32) {
        assert_ne!(usize::from(offset) / 4, WORD, "status and control at once");
        self.fake.write(offset, value);
    }
}

impl Registers for Slot {
    fn write_half(&mut self, offset: u8, value: u16) {
        if usize::from(offset) == 4 * WORD + 2 {
            return self.happens(0, value & (PRESSED | CHANGED | COMMAND_DONE));
        }
        assert_eq!(usize::from(offset), 4 * WORD);
        if self.deaf {
            return;
        }
        self.fake.words[WORD] = self.fake.words[WORD] & 0xffff_0000 | u32::from(value);
        self.happens(COMMAND_DONE, 0);
        if value & POWER_OFF != 0
            && value & LIGHT == Light::Off as u16
            && self.fake.words[WORD] >> 16 & u32::from(OCCUPIED) != 0
        {
            self.tear_out();
        }
    }
}

#[test]
fn what_is_added_gets_power_and_what_is_released_goes() {
    let mut slot = Slot::new();
    let port = Port::find(&slot).unwrap();
    assert!(port.release(&mut slot, &Times::new(9)));
    port.listen(&mut slot, &Times::new(9));
    assert_eq!(
        (port.presence(&slot), port.attend(&mut slot, &Times::new(9))),
        (Presence::Absent, Change::None)
    );
    slot.add();
    assert!(slot.interrupts());
    assert_eq!(port.attend(&mut slot, &Times::new(9)), Change::Added);
    assert!(!slot.interrupts());
    assert_eq!(
        (port.presence(&slot), port.attend(&mut slot, &Times::new(9))),
        (Presence::Present, Change::None)
    );
    slot.happens(PRESSED, 0);
    assert_eq!(
        (port.attend(&mut slot, &Times::new(9)), port.presence(&slot)),
        (Change::Pressed, Presence::Leaving)
    );
    // Who looks for the first time sees the same.
    assert_eq!(Port::find(&slot).unwrap().presence(&slot), Presence::Leaving);
    port.listen(&mut slot, &Times::new(9));
    assert_eq!(port.presence(&slot), Presence::Leaving);
    assert!(port.release(&mut slot, &Times::new(9)));
    assert_eq!(
        (port.presence(&slot), port.attend(&mut slot, &Times::new(9))),
        (Presence::Absent, Change::Gone)
    );
    slot.add();
    assert_eq!(
        (port.attend(&mut slot, &Times::new(9)), port.presence(&slot)),
        (Change::Added, Presence::Present)
    );
}

#[test]
fn what_is_torn_out_is_gone_and_loses_power() {
    let mut slot = Slot::new();
    slot.happens(OCCUPIED, 0);
    let port = Port::find(&slot).unwrap();
    port.listen(&mut slot, &Times::new(9));
    assert_eq!(port.presence(&slot), Presence::Present);
    slot.tear_out();
    assert_eq!(
        (port.attend(&mut slot, &Times::new(9)), port.presence(&slot)),
        (Change::Gone, Presence::Absent)
    );
    // Whatever is put in now has no power before it was attended to.
    slot.happens(OCCUPIED, CHANGED);
    assert_eq!(port.presence(&slot), Presence::Absent);
}

#[test]
fn port_that_does_not_say_so_has_not_taken_the_power() {
    let mut slot = Slot::new();
    slot.happens(OCCUPIED, 0);
    let port = Port::find(&slot).unwrap();
    slot.deaf = true;
    assert!(!port.release(&mut slot, &Times::new(9)));
    slot.deaf = false;
    assert!(port.release(&mut slot, &Times::new(9)));
    slot.fake.words = [u32::MAX; 64];
    slot.deaf = true;
    assert!(!port.release(&mut slot, &Times::new(9)), "it is gone itself");
}

proptest! {
    /// Whatever its registers are: an answer comes, and power is gone only where the port says so.
    #[test]
    fn any_port_is_answered(words in prop::array::uniform32(any::<u32>()), writable in prop::array::uniform32(any::<u32>()), deaf: bool) {
        let mut slot = Slot { fake: Fake::noise(words, writable), deaf };
        let port = Port { word: AT + 0x18, tells_commands: true };
        for _ in 0..8 {
            port.attend(&mut slot, &Times::new(9));
        }
        if port.release(&mut slot, &Times::new(9)) {
            prop_assert_eq!(port.presence(&slot), Presence::Absent);
        }
        let _ = Port::find(&slot);
    }
}

#[test]
fn only_ports_whose_slot_is_ours_are_used() {
    let mut slot = Slot::new();
    slot.fake.words[usize::from(AT) / 4 + 5] = 1 << 6;
    assert!(Port::find(&slot).is_none(), "no power controller");
    slot = Slot::new();
    slot.fake.words[usize::from(AT) / 4] &= !SLOT;
    assert!(Port::find(&slot).is_none(), "no slot");
    slot = Slot::new();
    slot.fake.words[0xc / 4] = 0;
    assert!(Port::find(&slot).is_none(), "no bridge");
    assert!(Port::find(&Fake::device()).is_none());
}

#[test]
fn port_forwards_one_bus_and_one_piece_of_memory() {
    let mut slot = Slot::new();
    slot.fake.writable[0x1c / 4] = 0xffff;
    slot.fake.writable[0x24 / 4] = 0xfff0_fff0;
    assert!(Port::forward(&mut slot, 1, (0x1010_0000, GRANULE), 0x1000));
    assert_eq!(slot.fake.words[0x18 / 4], 0x01_0100);
    assert_eq!(slot.fake.words[0x20 / 4], 0x1010_1010);
    // Both end before they begin.
    assert_eq!(
        (slot.fake.words[0x1c / 4], slot.fake.words[0x24 / 4]),
        (0xf0, 0xfff0)
    );
    assert_eq!(header::command(&slot), header::MEMORY | header::BUS_MASTER);
    // A bus that is started anew changes nothing.
    slot.fake.writable[1] = 0;
    assert!(Port::forward(&mut slot, 1, (0x1010_0000, GRANULE), 0x1000));
    slot.fake.writable[1] = 0xffff;
    slot.fake.writable[0x20 / 4] = 0;
    assert!(!Port::forward(&mut slot, 1, (0x1020_0000, GRANULE), 0x1000));
}
