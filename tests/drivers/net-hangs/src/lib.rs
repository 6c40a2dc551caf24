//! A network driver that sends some frames and then takes notice of nothing: neither of interrupts nor of what the device has done.
#![no_std]

/// What it would be if nothing were wrong.
mod release {
    use virtio_drivers::transport::mmio::MmioTransport;

    driver_runtime::virtio_net!(pci 0.12 MmioTransport<'static>, |registers, len| new(registers, len));
}

use driver_runtime::ProbeError;
use driver_runtime::net::{
    Begin, Buffer, Completion, Ended, Frame, NetCapabilities, NetDriver, Status, Wanted,
};
use driver_runtime::resources::Resources;

/// The frame with which it stops.
pub const LAST: u32 = 200;

/// The driver.
pub struct Driver {
    driver: release::Driver,
    frames: u32,
}

impl NetDriver for Driver {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        Ok(Self {
            driver: release::Driver::probe(resources)?,
            frames: 0,
        })
    }
    fn capabilities(&self) -> NetCapabilities {
        self.driver.capabilities()
    }
    fn transmit(&mut self, frame: &Frame) -> Begin {
        self.frames = self.frames.saturating_add(1);
        self.driver.transmit(frame)
    }
    fn receive(&mut self, id: u32, buffer: Buffer) -> Begin {
        self.driver.receive(id, buffer)
    }
    fn set_filter(&mut self, filter: Wanted) -> Status {
        self.driver.set_filter(filter)
    }
    fn link(&self) -> u32 {
        self.driver.link()
    }
    fn poll(&mut self, done: impl FnMut(Ended, Completion)) {
        if self.frames < LAST {
            self.driver.poll(done);
        }
    }
    fn handle_interrupt(&mut self) {
        if self.frames < LAST {
            self.driver.handle_interrupt();
        }
    }
}
