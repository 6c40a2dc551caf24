//! A passive server: answers calls on the caller's time, and notifications on its notification's.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use microkit_probe::LABEL;
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, get_mr, protection_domain, set_mr,
};

struct Server {
    asked: u64,
}

impl Handler for Server {
    type Error = Infallible;

    fn protected(&mut self, _: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        self.asked += 1;
        set_mr(0, 2 * get_mr(0) + self.asked);
        Ok(MessageInfo::new(
            if message.label() == LABEL { LABEL } else { 0 },
            1,
        ))
    }

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        for channel in channels.iter() {
            channel.notify();
        }
        Ok(())
    }
}

#[protection_domain]
fn init() -> Server {
    Server { asked: 0 }
}
