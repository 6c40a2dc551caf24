use super::*;
use crate::fake::{Fake, RootPort, Times};
use proptest::prelude::*;

#[test]
fn what_is_added_gets_power_and_what_is_released_goes() {
    let mut slot = RootPort::new();
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
    slot.press();
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
    let mut slot = RootPort::new();
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
    let mut slot = RootPort::new();
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
        let mut slot = RootPort { fake: Fake::noise(words, writable), deaf };
        let port = Port { word: RootPort::EXPRESS + 0x18, tells_commands: true };
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
    let mut slot = RootPort::new();
    slot.fake.words[usize::from(RootPort::EXPRESS) / 4 + 5] = 1 << 6;
    assert!(Port::find(&slot).is_none(), "no power controller");
    slot = RootPort::new();
    slot.fake.words[usize::from(RootPort::EXPRESS) / 4] &= !SLOT;
    assert!(Port::find(&slot).is_none(), "no slot");
    slot = RootPort::new();
    slot.fake.words[0xc / 4] = 0;
    assert!(Port::find(&slot).is_none(), "no bridge");
    assert!(Port::find(&Fake::device()).is_none());
}

#[test]
fn port_forwards_one_bus_and_one_piece_of_memory() {
    let mut slot = RootPort::new();
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
