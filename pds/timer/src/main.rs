//! The protection domain of the timer: joins [`Timeouts`] to calls, interrupt and comparator.

#![no_std]
#![no_main]

mod device;

use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, MessageInfo, get_mr, protection_domain, var};
use system_spec::config::{NO_CHANNEL, TimerConfig};
use timer::{Timeouts, channels};

/// An instant at which a test lets the timer die.
#[cfg(feature = "crash-points")]
fn crash_point(number: u32) {
    crash_points::point(crash_points::Party::Timer, number);
}

/// In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn crash_point(_: u32) {}

struct Timer {
    irq: Channel,
    /// Channel of the guard clock.
    guard: usize,
    timeouts: Timeouts,
}

impl Timer {
    /// Tells those whose time has come, and writes the comparator for the next.
    fn tick(&mut self) {
        for channel in channels(self.timeouts.expire(trace::clock::ticks())) {
            crash_point(1);
            Channel::new(channel).notify();
        }
        crash_point(2);
        device::set_comparator(self.timeouts.next());
    }
}

impl Handler for Timer {
    type Error = Infallible;

    fn notified(&mut self, signalled: ChannelSet) -> Result<(), Infallible> {
        crash_point(0);
        self.tick();
        crash_point(3);
        if signalled.contains(self.irq) {
            // Failure would be a wrong description; there is nobody to tell.
            let _ = self.irq.irq_ack();
        }
        // The guard clock asks who goes round his loop: last, as who hangs in a wake-up does not come here.
        if let Some(guard) = signalled.iter().find(|channel| channel.index() == self.guard) {
            guard.notify();
        }
        Ok(())
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        crash_point(4);
        let argument = if message.count() > 0 { get_mr(0) } else { 0 };
        let code = self.timeouts.call(channel.index(), message.label(), argument);
        self.tick();
        crash_point(5);
        Ok(MessageInfo::new(code as u64, 0))
    }
}

#[protection_domain]
fn init() -> Timer {
    let config: &TimerConfig = var!(umbra_config: TimerConfig = TimerConfig { irq_channel: 0, clients: 0 });
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    let mut timer = Timer {
        irq: Channel::new(config.irq_channel as usize),
        guard: *var!(umbra_guard: usize = NO_CHANNEL),
        timeouts: Timeouts::new(config.clients),
    };
    // The deadlines of a predecessor died with it: whoever had one looks at his clock and asks again. To be woken too
    // early is harmless.
    for channel in channels(config.clients) {
        Channel::new(channel).notify();
    }
    timer.tick();
    timer
}
