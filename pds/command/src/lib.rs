//! The driver of the command channel's device: bytes between a console device and a link to control.
//!
//! Bytes have no meaning here. Nothing is lost: what the link has no room for stays in the device's buffer, and the
//! device then takes no more from the host; what the device has no room for is waited for by the published driver. One
//! pass does a bounded amount of work.
#![no_std]
#![forbid(unsafe_code)]

use shared_ring::page::Page;
use shared_ring::{Link, Violation, Wish};
use supervision::command::{BYTES_MAX, Bytes};

/// Most bytes given to the device at once.
pub const BATCH: usize = 2048;
/// Most entries taken from the device in one pass.
const ENTRIES: usize = 64;

/// A console device.
pub trait Console {
    /// The next byte that came in.
    fn receive(&mut self) -> Option<u8>;
    /// Sends all of the bytes, at most [`BATCH`].
    fn send(&mut self, bytes: &[u8]);
}

/// Carries bytes both ways.
#[derive(Debug)]
pub struct Bridge<P> {
    link: Link<Bytes, Bytes, P>,
    /// An entry that the link had no room for.
    held: Option<Bytes>,
}

impl<P: Page> Bridge<P> {
    /// Over this link to control.
    pub fn new(link: Link<Bytes, Bytes, P>) -> Self {
        Self { link, held: None }
    }

    /// One pass. True: there may be more to do at once.
    ///
    /// # Errors
    /// Control broke the rules of the link.
    pub fn pass(&mut self, console: &mut impl Console) -> Result<bool, Violation> {
        let out = self.link_to_device(console)?;
        let into = self.device_to_link(console)?;
        Ok(out || into)
    }

    /// Publishes what was done: true, control must be notified.
    #[must_use = "a peer that sleeps must be notified"]
    pub fn publish(&mut self) -> bool {
        self.link.publish()
    }

    /// False: something came meanwhile, go on. While control has no room, new bytes from it are still wanted.
    ///
    /// # Errors
    /// Control broke the rules of the link.
    pub fn sleep(&mut self) -> Result<bool, Violation> {
        self.link.sleep_for(if self.held.is_some() {
            Wish::Both
        } else {
            Wish::Entries
        })
    }

    fn link_to_device(&mut self, console: &mut impl Console) -> Result<bool, Violation> {
        let mut batch = [0; BATCH];
        let mut len = 0;
        // As long as a whole entry fits.
        while let Some(room) = batch.get_mut(len..len + BYTES_MAX) {
            let Some(entry) = self.link.recv()? else { break };
            let bytes = entry.as_slice();
            room[..bytes.len()].copy_from_slice(bytes);
            len += bytes.len();
        }
        if len > 0 {
            console.send(&batch[..len]);
        }
        Ok(len + BYTES_MAX > BATCH)
    }

    fn device_to_link(&mut self, console: &mut impl Console) -> Result<bool, Violation> {
        for _ in 0..ENTRIES {
            let Some(entry) = self.held.take().or_else(|| receive_entry(console)) else {
                return Ok(false);
            };
            match self.link.send(&entry) {
                Ok(()) => {}
                Err(shared_ring::SendError::Full) => {
                    self.held = Some(entry);
                    return Ok(false);
                }
                Err(shared_ring::SendError::Violation(violation)) => return Err(violation),
            }
        }
        Ok(true)
    }
}

/// As many bytes as there are and fit into an entry; none if there are none.
fn receive_entry(console: &mut impl Console) -> Option<Bytes> {
    let mut bytes = [0; BYTES_MAX];
    let mut len = 0;
    while let Some(place) = bytes.get_mut(len) {
        let Some(byte) = console.receive() else { break };
        *place = byte;
        len += 1;
    }
    (len > 0).then(|| Bytes::take(&bytes[..len]))
}
