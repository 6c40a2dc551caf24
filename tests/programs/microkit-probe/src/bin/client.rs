//! Calls, notifies, reads and writes, and says `microkit-probe: passed` when all of it was right.
#![no_std]
#![no_main]

use microkit_probe::LABEL;
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, debug_println, get_mr, protection_domain, set_mr,
    var,
};

struct Client {
    server: Channel,
    parent: Channel,
    heard: [bool; 2],
}

impl Handler for Client {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        for (heard, channel) in self.heard.iter_mut().zip([self.server, self.parent]) {
            *heard |= channels.contains(channel);
        }
        if self.heard == [true; 2] {
            debug_println!("microkit-probe: passed");
        }
        Ok(())
    }
}

fn ask(server: Channel, number: u64) -> u64 {
    set_mr(0, number);
    let answer = server.pp_call(MessageInfo::new(LABEL, 1));
    assert_eq!((answer.label(), answer.count()), (LABEL, 1), "the answer");
    get_mr(0)
}

fn word(address: usize, offset: usize) -> *mut u64 {
    (address + offset) as *mut u64
}

#[protection_domain]
fn init() -> Client {
    let server = Channel::new(*var!(server: usize = 0));
    assert_eq!(ask(server, 20), 41, "the first call");
    assert_eq!(ask(server, 20), 42, "the second call");
    let (table, table_len) = (*var!(table: usize = 0), *var!(table_len: usize = 0));
    // SAFETY: the description maps `table_len` bytes there, readable, and nobody writes them.
    let table = unsafe { core::slice::from_raw_parts(table as *const u8, table_len) };
    let text = include_bytes!("../../../../systems/microkit-probe/table.txt");
    assert_eq!(table, text, "the prefilled region");
    let (large, large_size) = (*var!(large: usize = 0), *var!(large_size: usize = 0));
    assert_eq!(large_size, 0x20_0000);
    for offset in (0..large_size).step_by(0x1_0000) {
        // SAFETY: inside the region, which the description maps for this program alone, readable and writable.
        let before = unsafe { core::ptr::replace(word(large, offset), offset as u64) };
        assert_eq!(before, 0, "memory comes zeroed");
    }
    for offset in (0..large_size).step_by(0x1_0000) {
        // SAFETY: as above.
        let found = unsafe { *word(large, offset) };
        assert_eq!(found, offset as u64, "one page at each address");
    }
    server.notify();
    Client {
        server,
        parent: Channel::new(*var!(parent: usize = 0)),
        heard: [false; 2],
    }
}
