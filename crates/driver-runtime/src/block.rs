//! The block class at the driver's side: the trait that a driver implements, and [`Block`], which is served by the
//! [`Engine`](crate::engine::Engine).

use device_class::ClassId;
use device_class::block::{BlockRequest, BlockResponse};
use driver_package::resources::DataRegion;

pub use crate::buffer::Buffer;
pub use device_class::block::{
    BlockCapabilities, CAP_DISCARD, CAP_FLUSH, CAP_READ_ONLY, CAP_WRITE_BACK, CAP_WRITE_ZEROES, Op, Status,
};

use crate::ProbeError;
use crate::engine::{Class, Offer};
use crate::resources::Resources;

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

/// A driver of the class, as the engine serves it.
#[derive(Debug)]
pub struct Block<D>(pub D);

impl<D: BlockDriver> Class for Block<D> {
    const ID: ClassId = ClassId::Block;
    type Asked = BlockRequest;
    type Answer = BlockResponse;
    type Record = BlockCapabilities;
    type Request = Request;
    type Completion = Completion;

    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        D::probe(resources).map(Self)
    }

    fn record(&self) -> BlockCapabilities {
        self.0.capabilities()
    }

    #[inline]
    fn validate(
        asked: &BlockRequest,
        generation: u32,
        record: &BlockCapabilities,
        regions: &[DataRegion],
    ) -> Result<Request, Completion> {
        validate::validate(asked, generation, record, regions).map_err(|status| Completion {
            id: asked.id,
            status,
            count: 0,
        })
    }

    #[inline]
    fn offer(&mut self, request: &Request) -> Offer<Completion> {
        match self.0.submit(request) {
            Submit::Accepted => Offer::Accepted,
            Submit::Done(status) => Offer::Done(Completion {
                id: request.id,
                status,
                count: if status == Status::Ok { request.count } else { 0 },
            }),
            Submit::Busy => Offer::Busy,
        }
    }

    #[inline]
    fn poll(&mut self, done: impl FnMut(Completion)) {
        self.0.poll(done);
    }

    fn handle_interrupt(&mut self) {
        self.0.handle_interrupt();
    }

    #[inline]
    fn answer(completion: Completion, generation: u32) -> BlockResponse {
        BlockResponse {
            id: completion.id,
            generation,
            status: completion.status as u8,
            reserved: [0; 3],
            count: completion.count,
        }
    }
}

#[cfg(test)]
mod tests;
