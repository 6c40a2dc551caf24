//! The protection domain: joins the core to root, bus, timer, the links and the memory.

#![no_std]
#![no_main]

mod crash;
mod outside;
mod setup;

use control::Control;
use control::guard::Guard;
use outside::Outside;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain, var};
use supervision::Code;
use system_spec::config::{ControlConfig, NO_CHANNEL};
use trace::clock::{hz, ticks};

/// Passes through the event loop before others get the processor, when there is always more to do.
const PASSES: usize = 8;

struct Pd {
    outside: Outside,
    control: Control,
    /// Channel of the guard clock, if there is one that asks.
    guard_channel: usize,
    guard: Option<Guard>,
}

impl Pd {
    /// Takes everything that has come in, until there is nothing more or others must have their turn.
    fn wake(&mut self) {
        for _ in 0..PASSES {
            self.outside.take_messages(&mut self.control);
            self.outside.take_commands(&mut self.control);
            self.control.tick(&mut self.outside);
            self.watch_guard();
            if self
                .outside
                .rest(&self.control, self.guard.map(|guard| guard.deadline()))
            {
                return;
            }
        }
        self.outside.come_back_soon();
    }

    /// Has a guard clock started anew that does not ask any more.
    fn watch_guard(&mut self) {
        let Some(guard) = &mut self.guard else { return };
        if ticks() < guard.deadline() {
            return;
        }
        guard.asked(ticks());
        if self.outside.renew_guard() != Code::Ok {
            // It is buried.
            self.guard = None;
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.outside.notified(channels, &mut self.control);
        let asks = channels
            .iter()
            .find(|channel| channel.index() == self.guard_channel);
        if let (Some(_), Some(guard)) = (asks, &mut self.guard) {
            guard.asked(ticks());
        }
        self.wake();
        // The guard clock asks who goes round his loop: last, as who hangs in a wake-up does not come here.
        if let Some(guard) = asks {
            guard.notify();
        }
        Ok(())
    }
}

#[protection_domain]
fn init() -> Pd {
    const NOTHING: ControlConfig = zerocopy::transmute!([0u8; size_of::<ControlConfig>()]);
    let config: &'static ControlConfig = var!(umbra_config: ControlConfig = NOTHING);
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    let mut outside = Outside::new(config);
    let saved = outside.saved();
    let guard_channel = *var!(umbra_guard: usize = NO_CHANNEL);
    let mut pd = Pd {
        control: Control::new(&mut outside, setup::setup(config, saved)),
        outside,
        guard_channel,
        guard: (guard_channel != NO_CHANNEL).then(|| Guard::new(ticks(), hz())),
    };
    pd.outside.announce();
    pd.outside.take_root_events(&mut pd.control);
    pd.wake();
    pd
}
