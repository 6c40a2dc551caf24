//! A virtio block driver with a twist: what the test drivers have in common.
//!
//! Each of them is release 0.13.0 of `virtio-drivers` as the product has it, with one thing wrong.
#![no_std]

pub mod aim;

use driver_runtime::ProbeError;
use driver_runtime::block::{BlockCapabilities, BlockDriver, Completion, Request, Submit};
use driver_runtime::resources::Resources;
use virtio_drivers::transport::mmio::MmioTransport;

driver_runtime::virtio_blk!(pci 0.12 MmioTransport<'static>, |registers, len| new(registers, len));

/// What is wrong. Each method does nothing wrong unless it is overridden.
pub trait Twist: Default {
    /// Before the device is probed.
    fn before_probe() {}
    /// Before a request goes to the driver.
    fn before_submit(&mut self) {}
    /// The request that goes to the driver instead of `request`.
    fn request(&mut self, request: Request) -> Request {
        request
    }
    /// Before completions are looked for; `in_flight` requests are with the driver.
    fn before_poll(&mut self, in_flight: u32) {
        let _ = in_flight;
    }
    /// At an interrupt of the device; whether the driver hears of it.
    fn interrupt(&mut self) -> bool {
        true
    }
    /// The record that is reported instead of `record`.
    fn record(record: BlockCapabilities) -> BlockCapabilities {
        record
    }
    /// A completion on its way out.
    fn complete(&mut self, completion: Completion, done: &mut impl FnMut(Completion)) {
        done(completion);
    }
}

/// The driver with the twist `T`.
pub struct Twisted<T> {
    driver: Driver,
    twist: T,
    in_flight: u32,
}

impl<T: Twist> BlockDriver for Twisted<T> {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        T::before_probe();
        Ok(Self {
            driver: Driver::probe(resources)?,
            twist: T::default(),
            in_flight: 0,
        })
    }
    fn capabilities(&self) -> BlockCapabilities {
        T::record(self.driver.capabilities())
    }
    fn submit(&mut self, request: &Request) -> Submit {
        self.twist.before_submit();
        let submit = self.driver.submit(&self.twist.request(*request));
        self.in_flight += u32::from(matches!(submit, Submit::Accepted));
        submit
    }
    fn poll(&mut self, mut done: impl FnMut(Completion)) {
        self.twist.before_poll(self.in_flight);
        self.driver.poll(|completion| {
            self.in_flight = self.in_flight.saturating_sub(1);
            self.twist.complete(completion, &mut done);
        });
    }
    fn handle_interrupt(&mut self) {
        if self.twist.interrupt() {
            self.driver.handle_interrupt();
        }
    }
}

/// Read an address where nothing is ever mapped, as if through a null pointer to a struct.
pub fn fault() {
    let nothing = core::ptr::with_exposed_provenance::<u32>(16);
    // SAFETY: nothing is mapped there, so the read does not happen: it is a fault, which is what is wanted.
    let _ = unsafe { nothing.read_volatile() };
}

/// Do nothing for ever.
pub fn spin() {
    #[allow(clippy::empty_loop, reason = "it is the purpose")]
    loop {}
}

/// Wait for ever, without taking any time.
pub fn sleep() {
    #[cfg(feature = "pd")]
    loop {
        sel4::cap::Notification::from_bits(driver_package::resources::SLOT_NOTIFICATION).wait();
    }
}

/// Let the device's interrupt come again, whether the device has anything to do or not.
pub fn listen() {
    #[cfg(feature = "pd")]
    let _ = sel4::cap::IrqHandler::from_bits(driver_package::resources::SLOT_IRQ).irq_handler_ack();
}

/// Switch off the physical timer, which user level can reach in this kernel configuration.
pub fn stop_timer() {
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the timer's control register has no effect on memory.
    unsafe {
        core::arch::asm!("msr cntp_ctl_el0, xzr", options(nomem, nostack, preserves_flags))
    };
}
