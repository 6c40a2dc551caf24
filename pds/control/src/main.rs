//! The protection domain: joins the core to root, bus, timer, the links and the memory.

#![no_std]
#![no_main]

mod crash;
mod outside;
mod setup;

use control::Control;
use outside::Outside;
use sel4_microkit::{ChannelSet, Handler, Infallible, protection_domain, var};
use system_spec::config::ControlConfig;

/// Passes through the event loop before others get the processor, when there is always more to do.
const PASSES: usize = 8;

struct Pd {
    outside: Outside,
    control: Control,
}

impl Pd {
    /// Takes everything that has come in, until there is nothing more or others must have their turn.
    fn wake(&mut self) {
        for _ in 0..PASSES {
            self.outside.take_messages(&mut self.control);
            self.outside.take_commands(&mut self.control);
            self.control.tick(&mut self.outside);
            if self.outside.rest(&self.control) {
                return;
            }
        }
        self.outside.come_back_soon();
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        self.outside.notified(channels, &mut self.control);
        self.wake();
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
    let mut pd = Pd {
        control: Control::new(&mut outside, setup::setup(config, saved)),
        outside,
    };
    pd.outside.announce();
    pd.outside.take_root_events(&mut pd.control);
    pd.wake();
    pd
}
