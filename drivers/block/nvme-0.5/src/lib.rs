//! NVMe disks, by release 0.5.2 of `nvme-driver`, unchanged.
//!
//! It asks the device while it starts, without end: a device that does not answer meets the shadow's deadline. It takes a command
//! that failed for one that did not if the code of the failure is even (`docs/design/030-nvme.md`).
#![no_std]

extern crate alloc;

mod memory;

use alloc::boxed::Box;

use driver_runtime::ProbeError;
use driver_runtime::block::{BlockCapabilities, BlockDriver, Completion, Op, Request, Status, Submit};
use driver_runtime::dma::io_addr;
use driver_runtime::nvme::{self, PAGE};
use driver_runtime::resources::Resources;
use mmio_api::MmioAddr;
use nvme_driver::{Config, Nvme, NvmeBlockDriver};
use rdif_block::{BlkError, IQueue, Interface, RequestFlags, RequestId, RequestOp, RequestStatus, Segment};

use memory::Window;

/// Requests under way at most: the release's queue of completions has 16 places, one of which stays free.
const DEPTH: usize = 15;

/// The published driver as a driver of the block class.
pub struct Driver {
    queue: Box<dyn IQueue>,
    capabilities: BlockCapabilities,
    waiting: [Option<Waiting>; DEPTH],
    /// Keeps the registers' mapping.
    _controller: NvmeBlockDriver,
}

/// A request under way.
#[derive(Clone, Copy)]
struct Waiting {
    release: RequestId,
    id: u32,
    count: u32,
}

fn status(error: BlkError) -> Status {
    match error {
        BlkError::NotSupported => Status::Unsupported,
        BlkError::InvalidBlockIndex(_) => Status::OutOfRange,
        BlkError::InvalidRequest => Status::Invalid,
        _ => Status::IoError,
    }
}

impl BlockDriver for Driver {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let registers = nvme::registers(resources)?;
        let config = Config {
            page_size: PAGE,
            io_queue_pair_count: 1,
        };
        let controller = Nvme::new(
            MmioAddr::from(registers.paddr),
            registers.len as usize,
            u64::MAX,
            &Window,
            &memory::Registers,
            config,
        );
        let driver = controller.and_then(|nvme| NvmeBlockDriver::from_nvme_with_queue_depth(nvme, DEPTH));
        let mut controller = driver.map_err(|_| ProbeError::Device)?;
        let queue = controller.create_queue().ok_or(ProbeError::NoMemory)?;
        let info = queue.info();
        let capabilities = nvme::capabilities(
            info.device.num_blocks,
            info.device.logical_block_size,
            info.limits.max_blocks_per_request,
            DEPTH,
        )?;
        Ok(Self {
            queue,
            capabilities,
            waiting: [None; DEPTH],
            _controller: controller,
        })
    }

    fn capabilities(&self) -> BlockCapabilities {
        self.capabilities
    }

    fn submit(&mut self, request: &Request) -> Submit {
        let op = match request.op {
            Op::Read => RequestOp::Read,
            Op::Write => RequestOp::Write,
            // What was answered before is durable when it is answered: the device need not be idle for it (NVMe 1.4, 6.8).
            Op::Flush => RequestOp::Flush,
            Op::Discard | Op::WriteZeroes => return Submit::Done(Status::Unsupported),
        };
        let idle = self.waiting.iter().all(Option::is_none);
        let Some(place) = self.waiting.iter_mut().find(|place| place.is_none()) else {
            return Submit::Busy;
        };
        let data = request.data.as_ptr();
        let mut one;
        let segments: &mut [Segment<'_>] = if op == RequestOp::Flush {
            &mut []
        } else {
            let Some(bus) = io_addr(data) else {
                return Submit::Done(Status::Invalid);
            };
            // SAFETY: the bytes lie in a data region, which stays mapped as long as we run and is memory for the device until the request
            // has ended. The release uses their address there, and no reference to them is made.
            one = [unsafe { Segment::from_raw_parts(data.cast().as_ptr(), bus, data.len()) }];
            &mut one
        };
        let release = self.queue.submit_request(rdif_block::Request {
            op,
            lba: request.block,
            block_count: request.count,
            segments,
            flags: RequestFlags::NONE,
        });
        match release {
            Ok(release) => {
                *place = Some(Waiting {
                    release,
                    id: request.id,
                    count: request.count,
                });
                Submit::Accepted
            }
            // A queue that is full while it is empty will never have room.
            Err(BlkError::Retry) if !idle => Submit::Busy,
            Err(error) => Submit::Done(status(error)),
        }
    }

    fn poll(&mut self, mut done: impl FnMut(Completion)) {
        for place in &mut self.waiting {
            let Some(Waiting { release, id, count }) = *place else {
                continue;
            };
            let ended = match self.queue.poll_request(release) {
                Ok(RequestStatus::Pending) => continue,
                Ok(RequestStatus::Complete) => Status::Ok,
                Err(error) => status(error),
            };
            *place = None;
            let count = if ended == Status::Ok { count } else { 0 };
            done(Completion {
                id,
                status: ended,
                count,
            });
        }
    }

    // An interrupt is a message: it is gone when it came.
    fn handle_interrupt(&mut self) {}
}
