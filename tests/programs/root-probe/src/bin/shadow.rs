//! Stand-in for a shadow: tells control what drivers report.
#![no_std]
#![no_main]

#[path = "../words.rs"]
mod words;

use root_probe::REPORT;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain, var};
use system_spec::config::ShadowConfig;
use words::Words;

/// Where the info area of a link page starts, in words; state and generation are in its first one.
const INFO: usize = 3072 / 8;

struct Shadow {
    config: &'static ShadowConfig,
}

impl Handler for Shadow {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        for (side, [state, generation]) in self.config.slots[0].sides.iter().zip(REPORT) {
            let word = Words(side).peer(INFO);
            Words(&self.config.control).set(state, word & 0xffff_ffff);
            Words(&self.config.control).set(generation, word >> 32);
        }
        Channel::new(self.config.control.channel as usize).notify();
        Ok(())
    }
}

#[protection_domain]
fn init() -> Shadow {
    const NOTHING: ShadowConfig = zerocopy::transmute!([0u8; size_of::<ShadowConfig>()]);
    Shadow {
        config: var!(umbra_config: ShadowConfig = NOTHING),
    }
}
