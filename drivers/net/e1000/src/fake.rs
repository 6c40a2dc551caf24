//! A device without hardware: registers that only remember, and a tester who writes descriptors as a device could, lies included.

extern crate std;

use core::ptr::NonNull;
use std::boxed::Box;

use driver_runtime::dma;

use crate::Driver;
use crate::device::{Descriptor, FRAME_MAX, Registers, queue, register};
use crate::ring::{DEPTH, SLOTS};

/// Frames, and buffers, under way at most.
pub const UNDER_WAY: usize = DEPTH;
/// The longest frame, and the shortest buffer.
pub const LONGEST: usize = FRAME_MAX;
/// Bytes of a descriptor.
pub const DESCRIPTOR: usize = size_of::<Descriptor>();
const WORDS: usize = Registers::LEN as usize / size_of::<u32>();

/// One of the device's queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Frames to be sent.
    Transmit,
    /// Buffers for frames that come.
    Receive,
}

impl Queue {
    fn register(self) -> usize {
        match self {
            Self::Transmit => register::TRANSMIT,
            Self::Receive => register::RECEIVE,
        }
    }
}

/// A driver and its device.
#[derive(Debug)]
pub struct Fake {
    /// The driver.
    pub driver: Driver,
    words: NonNull<u32>,
}

impl Fake {
    /// A device that was reset and has a carrier. `None`: no memory.
    pub fn new() -> Option<Self> {
        let words = NonNull::from(Box::leak(Box::new([0u32; WORDS]))).cast::<u32>();
        // SAFETY: as many bytes, aligned; they live until `drop`, and are looked at through registers alone.
        let mut registers = unsafe { Registers::new(words.cast()) };
        registers.write(register::STATUS, crate::device::STATUS_LU);
        let driver = Driver::start(registers).ok()?;
        Some(Self { driver, words })
    }

    /// As the device: a register has this value. Where descriptors are stays what the driver wrote, as nobody looks there.
    pub fn set(&mut self, offset: usize, value: u32) {
        let offset = offset & (Registers::LEN as usize - size_of::<u32>());
        let bases = [Queue::Transmit, Queue::Receive].map(Queue::register);
        let is_base = bases
            .iter()
            .any(|base| queue::BASE.iter().any(|at| base + at == offset));
        if !is_base {
            self.driver.registers.write(offset, value);
        }
    }

    /// The first descriptor that is not the device's.
    pub fn tail(&self, of: Queue) -> usize {
        self.driver.registers.read(of.register() + queue::TAIL) as usize
    }

    /// What the device finds in a descriptor.
    pub fn read(&self, of: Queue, slot: usize) -> [u8; DESCRIPTOR] {
        let at = descriptor(&self.driver.registers, of.register(), slot);
        // SAFETY: one of the ring's; no reference to it exists.
        unsafe { at.cast::<[u8; DESCRIPTOR]>().read_volatile() }
    }

    /// As the device: a descriptor is these bytes.
    pub fn write(&mut self, to: Queue, slot: usize, bytes: [u8; DESCRIPTOR]) {
        let at = descriptor(&self.driver.registers, to.register(), slot);
        // SAFETY: one of the ring's; no reference to it exists.
        unsafe { at.cast::<[u8; DESCRIPTOR]>().write_volatile(bytes) };
    }

    /// As the device: it has done with a descriptor.
    pub fn end(&mut self, of: Queue, slot: usize, status: u8, length: u16) {
        end(&self.driver.registers, of.register(), slot, status, length);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        for of in [Queue::Transmit, Queue::Receive] {
            let page = descriptor(&self.driver.registers, of.register(), 0);
            // SAFETY: the page that the ring took; the driver ends with us, and the device is a fake.
            unsafe { dma::free_pages(page.cast(), 1) };
        }
        // SAFETY: leaked in `new`, with this type; the registers end with us.
        drop(unsafe { Box::from_raw(self.words.cast::<[u32; WORDS]>().as_ptr()) });
    }
}

fn descriptor(registers: &Registers, register: usize, slot: usize) -> NonNull<Descriptor> {
    let [low, high] = queue::BASE.map(|at| u64::from(registers.read(register + at)));
    // SAFETY: on the host a bus address is the address; the ring has its page, and `slot` is one of its.
    unsafe {
        let first = dma::vaddr_of(low | high << 32).unwrap_or(NonNull::dangling());
        first.cast::<Descriptor>().add(slot % SLOTS)
    }
}

/// As the device: ends the descriptor in `slot` of the queue at `register`.
pub(crate) fn end(registers: &Registers, register: usize, slot: usize, status: u8, length: u16) {
    let at = descriptor(registers, register, slot);
    // SAFETY: one of the ring's; no reference to it exists.
    unsafe {
        let before = at.read_volatile();
        at.write_volatile(Descriptor {
            status,
            length,
            ..before
        });
    }
}
