//! NVMe disks, by release 0.8.2 of `nvme-driver`, unchanged.
//!
//! | module | |
//! |---|---|
//! | `memory` | what the release asks of its surroundings |
//! | `buffers` | data of requests, as the release wants to own them |
//! | `start` | bringing up the controller |
#![no_std]

extern crate alloc;

mod buffers;
mod memory;
mod start;

use alloc::boxed::Box;
use core::num::NonZeroUsize;

use buffers::Buffers;
use driver_runtime::ProbeError;
use driver_runtime::block::{BlockCapabilities, BlockDriver, Completion, Op, Request, Status, Submit};
use driver_runtime::dma::io_addr;
use driver_runtime::resources::Resources;
use rdif_block::{
    BatchSubmitDisposition, BlkError, CompletedRequest, CompletionSink, HardIrqHandler, HardwareQueue,
    OwnedRequest, OwnedRequestBatch, RequestFlags, RequestId, RequestOp, SubmissionSink,
};
use start::Controller;

/// Requests under way at most. The release has a page of the window for each.
const DEPTH: usize = 32;

/// The published driver as a driver of the block class.
pub struct Driver {
    queue: Box<dyn HardwareQueue>,
    interrupt: Box<dyn HardIrqHandler>,
    capabilities: BlockCapabilities,
    /// Where the release takes its requests from: at most one lies there.
    batch: OwnedRequestBatch,
    /// The release has requests that it has not told the device of.
    staged: bool,
    waiting: Waiting,
    buffers: Buffers,
    /// Has the registers' mapping; dropped last.
    _controller: Box<nvme_driver::NvmeBlockDriver>,
}

/// Requests under way, by the release's number.
struct Waiting {
    /// The release's numbers are 1 to [`DEPTH`].
    requests: [(u32, u32); DEPTH + 1],
    count: usize,
}

/// Receives the number of the one request that was offered.
struct Accepted(Option<RequestId>);

impl SubmissionSink for Accepted {
    fn accepted(&mut self, id: RequestId) {
        self.0 = Some(id);
    }
}

/// Receives requests that have ended.
struct Ended<'a, F> {
    waiting: &'a mut Waiting,
    buffers: &'a mut Buffers,
    done: F,
}

impl<F: FnMut(Completion)> CompletionSink for Ended<'_, F> {
    fn complete(&mut self, request: CompletedRequest) {
        if let Some(data) = request.data {
            self.buffers.keep(data.into_cpu_buffer());
        }
        let Some(&(id, count)) = self.waiting.requests.get(usize::from(request.id)) else {
            return;
        };
        self.waiting.count = self.waiting.count.saturating_sub(1);
        let status = request.result.map_or_else(status, |()| Status::Ok);
        let count = if status == Status::Ok { count } else { 0 };
        (self.done)(Completion { id, status, count });
    }
}

fn status(error: BlkError) -> Status {
    match error {
        BlkError::NotSupported => Status::Unsupported,
        BlkError::InvalidBlockIndex(_) => Status::OutOfRange,
        BlkError::InvalidRequest => Status::Invalid,
        _ => Status::IoError,
    }
}

impl Driver {
    /// The request as the release wants it; `None`: its data lie nowhere.
    #[inline]
    fn owned(&mut self, request: &Request, op: RequestOp) -> Option<OwnedRequest> {
        let data = match op {
            RequestOp::Flush => None,
            RequestOp::Read | RequestOp::Write => {
                let bytes = request.data.as_ptr();
                let buffer = self
                    .buffers
                    .take(io_addr(bytes)?, NonZeroUsize::new(bytes.len())?);
                Some(buffer.ok()?.prepare_for_device())
            }
        };
        Some(OwnedRequest {
            op,
            lba: request.block,
            block_count: request.count,
            data,
            flags: RequestFlags::NONE,
        })
    }
}

impl BlockDriver for Driver {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let Controller {
            driver,
            queue,
            interrupt,
            capabilities,
        } = start::start(resources)?;
        memory::init_data().ok_or(ProbeError::NoMemory)?;
        Ok(Self {
            queue,
            interrupt,
            capabilities,
            batch: OwnedRequestBatch::with_capacity(1),
            staged: false,
            waiting: Waiting {
                requests: [(0, 0); DEPTH + 1],
                count: 0,
            },
            buffers: Buffers::new(),
            _controller: driver,
        })
    }

    fn capabilities(&self) -> BlockCapabilities {
        self.capabilities
    }

    fn submit(&mut self, request: &Request) -> Submit {
        if self.waiting.count == DEPTH {
            return Submit::Busy;
        }
        let op = match request.op {
            Op::Read => RequestOp::Read,
            Op::Write => RequestOp::Write,
            // What was answered before is durable when it is answered: the device need not be idle for it (NVMe 1.4, 6.8).
            Op::Flush => RequestOp::Flush,
            Op::Discard | Op::WriteZeroes => return Submit::Done(Status::Unsupported),
        };
        let Some(owned) = self.owned(request, op) else {
            return Submit::Done(Status::Invalid);
        };
        self.batch.push_back(owned);
        let mut accepted = Accepted(None);
        let outcome = self.queue.submit_batch_owned(&mut self.batch, &mut accepted);
        let place = accepted
            .0
            .and_then(|id| self.waiting.requests.get_mut(usize::from(id)));
        if let Some(place) = place {
            *place = (request.id, request.count);
            self.waiting.count += 1;
            self.staged = true;
            return Submit::Accepted;
        }
        // Refused: it never was the device's.
        if let Some(data) = self.batch.pop_front().and_then(|owned| owned.data) {
            self.buffers.keep(data.into_cpu_buffer());
        }
        match outcome.disposition() {
            BatchSubmitDisposition::Fatal(error) => Submit::Done(status(error)),
            // A queue that is full while it is empty will never have room.
            _ if self.waiting.count == 0 => Submit::Done(Status::IoError),
            _ => Submit::Busy,
        }
    }

    fn poll(&mut self, done: impl FnMut(Completion)) {
        if self.staged {
            self.staged = false;
            // It cannot fail: a doorbell is a register.
            let _ = self.queue.commit_submissions();
        }
        if self.waiting.count == 0 {
            return;
        }
        // An error is an end of something that nobody asked for: the device is broken. The shadow's deadline ends it.
        let _ = self.queue.drain_completions(&mut Ended {
            waiting: &mut self.waiting,
            buffers: &mut self.buffers,
            done,
        });
    }

    fn handle_interrupt(&mut self) {
        let _ = self.interrupt.ack();
    }
}
