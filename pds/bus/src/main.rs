//! The protection domain of the bus: calls from control, registers, and the word to root.

#![no_std]
#![no_main]

mod device;

use core::ptr::NonNull;

use bus::virtio_mmio::{identify, reset};
use bus::{Bus, Request};
use device::Mapped;
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, get_mr, protection_domain, set_mr, var,
};
use supervision::{Code, root};
use system_spec::config::{BusConfig, BusSlot};

/// Number of the bus's first crash point: before a reset, after it, after root was told.
#[cfg(feature = "crash-points")]
const CRASH_POINTS: u32 = 300;

/// A point where a test lets the bus die.
#[cfg(feature = "crash-points")]
fn crash_point(number: u32) {
    crash_points::point(CRASH_POINTS + number);
}

/// In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn crash_point(_: u32) {}

struct Pd {
    bus: Bus<'static>,
    control: Channel,
    root: Channel,
}

fn registers(slot: &BusSlot) -> Option<Mapped> {
    let base = NonNull::new(core::ptr::with_exposed_provenance_mut(slot.registers as usize))?;
    // SAFETY: the description's compiler mapped the device's registers here, for ever, and wrote their address.
    Some(unsafe { Mapped::new(base) })
}

impl Pd {
    /// Resets; only if that was read back root learns of it. What root says of it is the answer.
    fn reset(&self, slot: &BusSlot) -> Code {
        crash_point(0);
        match registers(slot).map(|mut registers| reset(&mut registers)) {
            Some(Ok(())) => {
                crash_point(1);
                set_mr(0, slot.slot.into());
                let answer = self
                    .root
                    .pp_call(MessageInfo::new(root::Op::DeviceReset as u64, 1));
                crash_point(2);
                Code::from_label(answer.label())
            }
            _ => Code::DeviceFailed,
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, _: ChannelSet) -> Result<(), Infallible> {
        Ok(())
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        if channel != self.control || message.count() < 1 {
            return Ok(MessageInfo::new(Code::Denied as u64, 0));
        }
        let (code, words) = match self.bus.request(message.label(), get_mr(0)) {
            Err(code) => (code, 0),
            Ok(Request::Reset(slot)) => (self.reset(&slot), 0),
            Ok(Request::Identify(slot)) => match registers(&slot).map(|registers| identify(&registers)) {
                Some(Ok(identity)) => {
                    set_mr(0, identity.device_id.into());
                    set_mr(1, identity.status.into());
                    (Code::Ok, 2)
                }
                _ => (Code::DeviceFailed, 0),
            },
        };
        Ok(MessageInfo::new(code as u64, words))
    }
}

#[protection_domain]
fn init() -> Pd {
    const NOTHING: BusConfig = zerocopy::transmute!([0u8; size_of::<BusConfig>()]);
    let config: &'static BusConfig = var!(umbra_config: BusConfig = NOTHING);
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::plan_at(*var!(crash_plan: usize = 0));
    }
    Pd {
        bus: Bus::new(&config.slots, config.slot_count),
        control: Channel::new(config.control_channel as usize),
        root: Channel::new(config.root_channel as usize),
    }
}
