//! virtio devices that are PCI functions (virtio 1.2, section 4.1).

use crate::function::Device;

/// The device status of a virtio device (virtio 1.2, 4.1.4.3).
pub trait Status {
    /// Reads it.
    fn read(&self) -> u8;
    /// Writes it.
    fn write(&mut self, value: u8);
}

/// A device, by its status: 0 resets it, and is read when that is done (virtio 1.2, 4.1.4.3.1).
#[derive(Debug)]
pub struct Virtio<S>(pub S);

impl<S: Status> Device for Virtio<S> {
    fn reset(&mut self) {
        self.0.write(0);
    }
    fn is_reset(&self) -> bool {
        self.0.read() == 0
    }
}
