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
use driver_runtime::block::{BlockCapabilities, BlockDriver, Completion, Request, Status, Submit};
use driver_runtime::dma::io_addr;
use driver_runtime::resources::Resources;
use heapless::Deque;
use rdif_block::{
    BatchSubmitDisposition, CompletedRequest, CompletionSink, HardIrqHandler, HardwareQueue, OwnedRequest,
    OwnedRequestBatch, RequestFlags, RequestId, RequestOp, SubmissionSink,
};
use start::Controller;

/// Requests under way at most. The release has a page of the window for each.
const DEPTH: usize = 32;

/// The published driver as a driver of the block class.
pub struct Driver {
    queue: Box<dyn HardwareQueue>,
    interrupt: Box<dyn HardIrqHandler>,
    capabilities: BlockCapabilities,
    /// Where the release takes its requests from, at the end of a turn: what it works out for each time is long.
    batch: OwnedRequestBatch,
    /// Whose they are, in the same order.
    asked: Deque<(u32, u32), DEPTH>,
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

/// Receives the numbers of requests, in the order in which they were offered.
struct Accepted<'a> {
    asked: &'a mut Deque<(u32, u32), DEPTH>,
    waiting: &'a mut Waiting,
}

impl SubmissionSink for Accepted<'_> {
    fn accepted(&mut self, id: RequestId) {
        let place = self.waiting.requests.get_mut(usize::from(id));
        if let (Some(place), Some(asked)) = (place, self.asked.pop_front()) {
            *place = asked;
            self.waiting.count += 1;
        }
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

driver_runtime::nvme_requests!();

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

    /// Gives the release what was asked for, and tells the device of it. What the release refuses ends.
    fn commit(&mut self, mut done: impl FnMut(Completion)) {
        let before = self.waiting.count;
        // Each time all are taken, or one is refused and ends.
        for _ in 0..=DEPTH {
            if self.batch.is_empty() {
                break;
            }
            let mut accepted = Accepted {
                asked: &mut self.asked,
                waiting: &mut self.waiting,
            };
            let outcome = self.queue.submit_batch_owned(&mut self.batch, &mut accepted);
            let refused = match outcome.disposition() {
                BatchSubmitDisposition::Continue => continue,
                BatchSubmitDisposition::Fatal(error) => status(error),
                // A queue that is full while it is empty will never have room.
                BatchSubmitDisposition::QueueFull if self.waiting.count == 0 => Status::IoError,
                BatchSubmitDisposition::QueueFull => break,
            };
            // It never was the device's.
            if let Some(data) = self.batch.pop_front().and_then(|owned| owned.data) {
                self.buffers.keep(data.into_cpu_buffer());
            }
            if let Some((id, _)) = self.asked.pop_front() {
                done(Completion {
                    id,
                    status: refused,
                    count: 0,
                });
            }
        }
        if self.waiting.count == before {
            return;
        }
        // It cannot fail: a doorbell is a register.
        let _ = self.queue.commit_submissions();
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
            batch: OwnedRequestBatch::with_capacity(DEPTH),
            asked: Deque::new(),
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
        // No more than the release has numbers for, which are fewer where the device's queues are short: what it had no room for would
        // lie in `batch` with nothing under way, and no interrupt would come for it.
        if self.waiting.count + self.asked.len() >= self.capabilities.queue_depth as usize {
            return Submit::Busy;
        }
        let Some(op) = operation(request.op) else {
            return Submit::Done(Status::Unsupported);
        };
        let Some(owned) = self.owned(request, op) else {
            return Submit::Done(Status::Invalid);
        };
        // There is room: fewer than `DEPTH` are asked for.
        let _ = self.asked.push_back((request.id, request.count));
        self.batch.push_back(owned);
        Submit::Accepted
    }

    fn poll(&mut self, mut done: impl FnMut(Completion)) {
        if !self.batch.is_empty() {
            self.commit(&mut done);
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
