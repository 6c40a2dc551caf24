//! The block class at the driver's side: the trait that a driver implements, and the [`Engine`] that serves it.

use core::ptr::NonNull;

pub use device_class::block::{
    BlockCapabilities, CAP_DISCARD, CAP_FLUSH, CAP_READ_ONLY, CAP_WRITE_BACK, CAP_WRITE_ZEROES, Op, Status,
};

use crate::ProbeError;
use crate::resources::Resources;

mod engine;
pub use engine::Engine;
mod validate;

/// What any driver of a disk must do. There is no method to export, import, quiesce or suspend: an update is no
/// business of the driver.
pub trait BlockDriver: Sized {
    /// Bring up the device that `resources` describe. It is in its reset state.
    fn probe(resources: &Resources) -> Result<Self, ProbeError>;

    /// What the device and this driver can do. Does not change as long as the driver lives.
    fn capabilities(&self) -> BlockCapabilities;

    /// Take a request. It is checked against the capabilities. A synchronous driver carries it out here.
    fn submit(&mut self, request: &Request) -> Submit;

    /// Give each request that has ended to `done`, in whatever order they ended, without waiting.
    fn poll(&mut self, done: impl FnMut(Completion));

    /// The device's interrupt came: make it go away. A [`poll`](Self::poll) follows.
    fn handle_interrupt(&mut self);
}

/// What became of a submitted request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Submit {
    /// It is under way; [`BlockDriver::poll`] will tell its end.
    Accepted,
    /// It has ended: nothing more will be heard of it.
    Done(Status),
    /// No room, and nothing was done: offer it again after the next completion. A driver with nothing under way is never busy.
    Busy,
}

/// A request that makes sense for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// To be returned in the completion.
    pub id: u32,
    /// What to do.
    pub op: Op,
    /// First block.
    pub block: u64,
    /// Blocks; 0 for a flush.
    pub count: u32,
    /// Data to read into or write from; empty unless the operation has data.
    pub data: Buffer,
}

/// A run of bytes in a data region. Its owner may read and write them at any time, so that they are memory for a
/// device and not something to make decisions on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    vaddr: u64,
    len: usize,
}

impl Buffer {
    /// No bytes.
    pub const EMPTY: Self = Self { vaddr: 0, len: 0 };

    /// Bytes of a test.
    #[cfg(test)]
    pub(crate) fn of_test(bytes: &mut [u8]) -> Self {
        Self {
            vaddr: bytes.as_mut_ptr().expose_provenance() as u64,
            len: bytes.len(),
        }
    }

    /// Where the bytes are, and how many.
    pub fn as_ptr(self) -> NonNull<[u8]> {
        let start = core::ptr::with_exposed_provenance_mut(self.vaddr as usize);
        NonNull::slice_from_raw_parts(NonNull::new(start).unwrap_or(NonNull::dangling()), self.len)
    }
}

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The request's.
    pub id: u32,
    /// How it ended.
    pub status: Status,
    /// Blocks transferred: the request's count if `status` is `Ok`.
    pub count: u32,
}
