//! The channels of a protection domain that waits in the middle of its work: those of its network session, of control, of the timer.

use device_class::net::{Peer, Port};
use sel4_microkit::ipc::{self, Event};
use sel4_microkit::{Channel, MessageInfo, get_mr, set_mr};
use smoltcp::time::Instant;
use supervision::timer::Op;
use system_spec::config::ClientConfig;
use trace::clock;

/// Its channels. A wait ends with any notification; an order to stop is remembered.
#[derive(Debug)]
pub struct Channels {
    shadow: Channel,
    control: Channel,
    timer: Channel,
    /// What the timer was asked for last, CNTPCT.
    armed: Option<u64>,
    stop: bool,
}

impl Channels {
    /// Of a client with this configuration.
    pub fn new(config: &ClientConfig) -> Self {
        Self {
            shadow: Channel::new(config.link.channel as usize),
            control: Channel::new(config.control_channel as usize),
            timer: Channel::new(config.timer_channel as usize),
            armed: None,
            stop: false,
        }
    }

    /// Control has ordered to stop; once.
    pub fn is_told_to_stop(&mut self) -> bool {
        core::mem::take(&mut self.stop)
    }

    /// Tells control that the work is stopped.
    pub fn stopped(&self) {
        self.control.notify();
    }

    /// Waits for a notification, at the latest until `deadline`.
    pub fn wait_until(&mut self, deadline: Option<Instant>) {
        if let Some(deadline) = deadline {
            let ticks = ticks_at(deadline);
            // A time that is earlier than the one that is wanted does no harm, and is not asked for anew.
            if self.armed.is_none_or(|armed| armed > ticks) {
                set_mr(0, ticks);
                self.timer.pp_call(MessageInfo::new(Op::SetTimeout as u64, 1));
                self.armed = Some(ticks);
            }
        }
        self.wait();
    }
}

impl Peer for Channels {
    fn notify(&mut self) {
        self.shadow.notify();
    }

    fn wait(&mut self) {
        if let Event::Notified(channels) = ipc::recv() {
            self.stop |= channels.contains(self.control);
            if channels.contains(self.timer) {
                self.armed = None;
            }
        }
    }
}

impl Port for Channels {
    fn call(&mut self, label: u64, words: [u64; 2]) -> (u64, [u64; 4]) {
        set_mr(0, words[0]);
        set_mr(1, words[1]);
        let answer = self.shadow.pp_call(MessageInfo::new(label, 2));
        (answer.label(), [0, 1, 2, 3].map(get_mr))
    }
}

/// The library's time.
pub fn now() -> Instant {
    let us = u128::from(clock::ticks()) * 1_000_000 / u128::from(clock::hz().max(1));
    Instant::from_micros(us as i64)
}

/// The value of CNTPCT at a time of the library's, or soon after.
fn ticks_at(time: Instant) -> u64 {
    let us = u128::from(time.total_micros().max(0).unsigned_abs());
    (us * u128::from(clock::hz()) / 1_000_000) as u64 + 1
}
