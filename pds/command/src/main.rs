//! The protection domain: the published virtio console driver on its registers and DMA memory.

#![no_std]
#![no_main]

extern crate alloc;

mod memory;

use alloc::vec::Vec;
use core::ptr::NonNull;

use command::{BATCH, Bridge, Console};
use memory::DmaMemory;
use sel4_microkit::{Channel, ChannelSet, Handler, Infallible, protection_domain, var};
use shared_ring::Link;
use shared_ring::page::SharedPage;
use system_spec::config::{CommandConfig, NO_CHANNEL};
use virtio_drivers::device::console::VirtIOConsole;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, Transport};

/// An instant at which a test lets this PD die.
#[cfg(feature = "crash-points")]
fn crash_point(number: u32) {
    crash_points::point(crash_points::Party::Command, number);
}

/// In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn crash_point(_: u32) {}

/// Bytes of a virtio-mmio register region.
const REGISTERS_LEN: usize = 0x200;

/// The device, through a buffer that it can reach.
struct Device {
    console: VirtIOConsole<DmaMemory, MmioTransport<'static>>,
    out: Vec<u8>,
}

impl Console for Device {
    fn receive(&mut self) -> Option<u8> {
        self.console.recv(true).ok().flatten()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.out.clear();
        self.out.extend_from_slice(bytes);
        // It waits until the device has taken them. It fails only if the queue is full, which it then never is.
        let _ = self.console.send_bytes(&self.out);
    }
}

struct Pd {
    irq: Channel,
    control: Channel,
    /// Channel of the guard clock.
    guard: usize,
    bridge: Bridge<SharedPage>,
    device: Device,
}

impl Pd {
    /// Ends, whatever the host sends: the link takes so many entries, and control, whose priority is lower, takes none
    /// out and puts none in meanwhile.
    fn wake(&mut self) {
        loop {
            // Control is trusted; if its link is broken all the same, this channel is silent from now on.
            crash_point(2);
            let Ok(more) = self.bridge.pass(&mut self.device) else {
                return;
            };
            crash_point(3);
            if self.bridge.publish() {
                crash_point(4);
                self.control.notify();
            }
            crash_point(5);
            if !more && self.bridge.sleep() != Ok(false) {
                return;
            }
        }
    }
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        crash_point(0);
        if channels.contains(self.irq) {
            // The device first: what comes after this raises the line anew.
            let _ = self.device.console.ack_interrupt();
            crash_point(1);
            let _ = self.irq.irq_ack();
        }
        self.wake();
        // The guard clock asks who goes round his loop: last, as who hangs in a wake-up does not come here.
        if let Some(guard) = channels.iter().find(|channel| channel.index() == self.guard) {
            guard.notify();
        }
        Ok(())
    }
}

fn open(config: &CommandConfig) -> Option<Device> {
    let registers = NonNull::new(config.registers as *mut VirtIOHeader)?;
    // SAFETY: the description's compiler mapped the device's registers here, for this program alone and for ever.
    let transport = unsafe { MmioTransport::new(registers, REGISTERS_LEN) }.ok()?;
    if transport.device_type() != DeviceType::Console {
        return None;
    }
    let console = VirtIOConsole::new(transport).ok()?;
    Some(Device {
        console,
        out: Vec::with_capacity(BATCH),
    })
}

#[protection_domain]
fn init() -> Pd {
    const NOTHING: CommandConfig = zerocopy::transmute!([0u8; size_of::<CommandConfig>()]);
    let config: &'static CommandConfig = var!(umbra_config: CommandConfig = NOTHING);
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    memory::init(config);
    let device = open(config).expect("a virtio console where the description says");
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    let link = unsafe { Link::attach(config.control.own as *mut u8, config.control.peer as *const u8) };
    let mut pd = Pd {
        irq: Channel::new(config.irq_channel as usize),
        control: Channel::new(config.control.channel as usize),
        guard: *var!(umbra_guard: usize = NO_CHANNEL),
        bridge: Bridge::new(link),
        device,
    };
    pd.wake();
    // A predecessor may have died before it did so.
    pd.control.notify();
    pd
}
