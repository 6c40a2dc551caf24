//! The channels of a protection domain that works in straight lines: it waits in the middle of its work, so it receives by itself
//! instead of through the main loop.

use core::cell::Cell;

use device_class::block::{Peer, Port};
use sel4_microkit::ipc::{self, Event};
use sel4_microkit::{Channel, MessageInfo, get_mr};
use system_spec::config::ClientConfig;

/// Its channels. A wait ends with any notification; an order to stop is remembered.
#[derive(Debug)]
pub struct Channels<'a> {
    shadow: Channel,
    control: Channel,
    stop: &'a Cell<bool>,
}

impl<'a> Channels<'a> {
    /// Of a client with this configuration; `stop` becomes true with control's order.
    pub fn new(config: &ClientConfig, stop: &'a Cell<bool>) -> Self {
        Self {
            shadow: Channel::new(config.link.channel as usize),
            control: Channel::new(config.control_channel as usize),
            stop,
        }
    }

    /// Tells control that the work is stopped. Whatever comes then, there is nothing to do for it; a late order is answered again.
    pub fn stopped(&mut self) -> ! {
        loop {
            self.control.notify();
            self.stop.set(false);
            while !self.stop.get() {
                self.wait();
            }
        }
    }
}

impl Peer for Channels<'_> {
    fn notify(&mut self) {
        self.shadow.notify();
    }

    fn wait(&mut self) {
        if let Event::Notified(channels) = ipc::recv()
            && channels.contains(self.control)
        {
            self.stop.set(true);
        }
    }
}

impl Port for Channels<'_> {
    fn call(&mut self, label: u64) -> (u64, [u64; 4]) {
        let answer = self.shadow.pp_call(MessageInfo::new(label, 0));
        (answer.label(), [0, 1, 2, 3].map(get_mr))
    }
}
