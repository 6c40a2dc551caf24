//! The protection domain of the bus: calls from control, registers, configuration space, and the word to root.

#![no_std]
#![no_main]

mod device;
mod patience;

use bus::function::FunctionError;
use bus::host::Host;
use bus::virtio_mmio::{REGISTERS_LEN, identify, reset};
use bus::{Bus, Request};
use device::{Here, Mapped};
use patience::Deadline;
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, get_mr, protection_domain, set_mr, var,
};
use supervision::{Code, bus::Presence, root};
use system_spec::config::{BusConfig, BusSlot, NO_CHANNEL};

/// A point where a test lets the bus die.
#[cfg(feature = "crash-points")]
fn crash_point(number: u32) {
    crash_points::point(crash_points::Party::Bus, number);
}

/// In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn crash_point(_: u32) {}

/// A channel that the description's compiler did not make.
const NO_LINE: u64 = u64::MAX;

/// Number of that transport.
const VIRTIO_MMIO: u32 = 1;

struct Pd {
    bus: Bus<'static>,
    host: Option<Host<Here>>,
    control: Channel,
    root: Channel,
    /// The line of the root ports, if there are any.
    ports: Option<Channel>,
    /// Channel of the guard clock.
    guard: usize,
}

fn registers(slot: &BusSlot) -> Option<Mapped> {
    // SAFETY: the description's compiler mapped the device's registers here, for ever, and wrote their address.
    unsafe { Mapped::new(slot.registers, REGISTERS_LEN as u64) }
}

/// How a reset ended that was tried.
fn code(done: bool) -> Code {
    if done { Code::Ok } else { Code::DeviceFailed }
}

impl Pd {
    /// Looks at what happened to slots of devices that come and go, and has control look.
    fn attend(&mut self) {
        let slots = self.bus.slots();
        let patience = Deadline::new();
        if self
            .host
            .as_mut()
            .is_some_and(|host| host.attend(slots, &patience))
        {
            self.control.notify();
        }
    }

    /// Resets; only if that was read back root learns of it. What root says of it is the answer.
    fn reset(&mut self, slot: &BusSlot) -> Code {
        crash_point(0);
        let patience = Deadline::new();
        let done = if slot.transport == VIRTIO_MMIO {
            registers(slot).map_or(Code::DeviceFailed, |mut registers| {
                code(reset(&mut registers, &patience).is_ok())
            })
        } else {
            match self
                .host
                .as_mut()
                .map(|host| host.reset(self.bus.slots(), slot.slot, &patience))
            {
                // What is not there reaches nothing.
                Some(Err(FunctionError::Gone)) => Code::Empty,
                Some(Err(FunctionError::Unguarded)) => Code::Unguarded,
                result => code(matches!(result, Some(Ok(())))),
            }
        };
        if matches!(done, Code::DeviceFailed | Code::Unguarded) {
            return done;
        }
        crash_point(1);
        set_mr(0, slot.slot.into());
        let answer = self
            .root
            .pp_call(MessageInfo::new(root::Op::DeviceReset as u64, 1));
        crash_point(2);
        match Code::from_label(answer.label()) {
            Code::Ok => done,
            refusal => refusal,
        }
    }

    /// virtio device id and status of what is in a slot.
    fn identify(&self, slot: &BusSlot) -> Option<(u32, u32)> {
        if slot.transport == VIRTIO_MMIO {
            let identity = identify(&registers(slot)?).ok()?;
            Some((identity.device_id, identity.status))
        } else {
            self.host.as_ref()?.identify(self.bus.slots(), slot.slot)
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if let Some(ports) = self.ports.filter(|ports| channels.contains(*ports)) {
            self.attend();
            // The line is quiet now, or something more has happened.
            let _ = ports.irq_ack();
        }
        // The guard clock asks who goes round his loop: last, as who hangs in a wake-up does not come here.
        if let Some(guard) = channels.iter().find(|channel| channel.index() == self.guard) {
            guard.notify();
        }
        Ok(())
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        if channel != self.control || message.count() < 1 {
            return Ok(MessageInfo::new(Code::Denied as u64, 0));
        }
        let (code, words) = match self.bus.request(message.label(), get_mr(0)) {
            Err(code) => (code, 0),
            Ok(Request::Reset(slot)) => {
                let code = self.reset(&slot);
                self.attend();
                (code, 0)
            }
            Ok(Request::Presence(slot)) => {
                let host = self.host.as_ref();
                let presence = host.map_or(Presence::Present, |host| {
                    host.presence(self.bus.slots(), slot.slot)
                });
                set_mr(0, presence as u64);
                (Code::Ok, 1)
            }
            Ok(Request::Release(slot)) => {
                let host = self.host.as_mut();
                let done =
                    host.is_some_and(|host| host.release(self.bus.slots(), slot.slot, &Deadline::new()));
                self.attend();
                (if done { Code::Ok } else { Code::WrongState }, 0)
            }
            Ok(Request::Identify(slot)) => match self.identify(&slot) {
                Some((device_id, status)) => {
                    set_mr(0, device_id.into());
                    set_mr(1, status.into());
                    (Code::Ok, 2)
                }
                None => (Code::DeviceFailed, 0),
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
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    let bus = Bus::new(&config.slots, config.slot_count);
    let pd = Pd {
        // SAFETY: `Host` asks only for regions of its configuration, which the description's compiler wrote.
        host: Host::start(
            unsafe { Here::new() },
            &config.host,
            bus.slots(),
            &Deadline::new(),
        ),
        bus,
        control: Channel::new(config.control_channel as usize),
        root: Channel::new(config.root_channel as usize),
        ports: (config.port_channel != NO_LINE).then(|| Channel::new(config.port_channel as usize)),
        guard: *var!(umbra_guard: usize = NO_CHANNEL),
    };
    if let Some(ports) = pd.ports {
        // What a predecessor was told of and did not tell on; and its interrupt, if it had not acknowledged it.
        let _ = ports.irq_ack();
        pd.control.notify();
    }
    pd
}
