//! A network driver with a twist: what the test drivers of the network class have in common.
//!
//! Each of them is a driver of the product, with one thing different: release 0.13.0 of `virtio-drivers` if it does not say another.
#![no_std]

use driver_runtime::ProbeError;
use driver_runtime::net::{
    Begin, Buffer, Completion, Ended, Frame, NetCapabilities, NetDriver, Status, Wanted,
};
use driver_runtime::resources::Resources;
use virtio_drivers::transport::mmio::MmioTransport;

driver_runtime::virtio_net!(pci 0.12 MmioTransport<'static>, |registers, len| new(registers, len));

/// What is different. Each method changes nothing unless it is overridden.
pub trait Twist: Default {
    /// The record that is reported instead of `record`.
    fn record(record: NetCapabilities) -> NetCapabilities {
        record
    }
    /// A frame before it goes to the driver.
    fn transmit(&mut self, frame: &Frame) {
        let _ = frame;
    }
    /// Whether the driver gets this buffer. If not, [`invent`](Self::invent) has it.
    fn receive(&mut self, id: u32, buffer: Buffer) -> bool {
        let _ = (id, buffer);
        true
    }
    /// Whether the driver hears of its device any more.
    fn hears(&mut self) -> bool {
        true
    }
    /// Gives back what [`receive`](Self::receive) kept.
    fn invent(&mut self, done: &mut impl FnMut(Ended, Completion)) {
        let _ = done;
    }
    /// A completion on its way out.
    fn complete(&mut self, ended: Ended, completion: Completion) -> Completion {
        let _ = ended;
        completion
    }
}

/// The driver with the twist `T`.
pub struct Twisted<T, D = Driver> {
    driver: D,
    twist: T,
}

impl<T: Twist, D: NetDriver> NetDriver for Twisted<T, D> {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        Ok(Self {
            driver: D::probe(resources)?,
            twist: T::default(),
        })
    }
    fn capabilities(&self) -> NetCapabilities {
        T::record(self.driver.capabilities())
    }
    fn transmit(&mut self, frame: &Frame) -> Begin {
        self.twist.transmit(frame);
        self.driver.transmit(frame)
    }
    fn receive(&mut self, id: u32, buffer: Buffer) -> Begin {
        if self.twist.receive(id, buffer) {
            self.driver.receive(id, buffer)
        } else {
            Begin::Accepted
        }
    }
    fn set_filter(&mut self, filter: Wanted) -> Status {
        self.driver.set_filter(filter)
    }
    fn link(&self) -> u32 {
        self.driver.link()
    }
    fn poll(&mut self, mut done: impl FnMut(Ended, Completion)) {
        let Self { driver, twist } = self;
        if twist.hears() {
            driver.poll(|ended, completion| done(ended, twist.complete(ended, completion)));
        }
        twist.invent(&mut done);
    }
    fn handle_interrupt(&mut self) {
        if self.twist.hears() {
            self.driver.handle_interrupt();
        }
    }
}

/// Bytes that others may write too.
fn bytes(buffer: Buffer) -> impl Iterator<Item = *mut u8> {
    let (start, len) = (buffer.as_ptr().cast::<u8>(), buffer.as_ptr().len());
    // SAFETY: `at` lies within the buffer, which was validated to lie in a data region.
    (0..len).map(move |at| unsafe { start.add(at) }.as_ptr())
}

/// Reads from `from` on, at most `N` bytes; zeroes where there are none.
pub fn read<const N: usize>(buffer: Buffer, from: usize) -> [u8; N] {
    let mut read = [0; N];
    for (byte, at) in read.iter_mut().zip(bytes(buffer).skip(from)) {
        // SAFETY: a byte of the buffer, of which no reference exists.
        *byte = unsafe { at.read_volatile() };
    }
    read
}

/// Writes from `from` on, as far as the buffer goes.
pub fn write(buffer: Buffer, from: usize, content: &[u8]) {
    for (byte, at) in content.iter().zip(bytes(buffer).skip(from)) {
        // SAFETY: as in `read`.
        unsafe { at.write_volatile(*byte) };
    }
}
