//! NVMe disks, by release 0.5.2 of `nvme-driver`, unchanged.
//!
//! It asks the device while it starts, without end: a device that does not answer meets the shadow's deadline. It takes a command
//! that failed for one that did not if the code of the failure is even (`docs/design/030-nvme.md`).
#![no_std]

extern crate alloc;

mod memory;

use alloc::boxed::Box;

use driver_runtime::ProbeError;
use driver_runtime::block::{
    BlockCapabilities, BlockDriver, CAP_FLUSH, CAP_WRITE_BACK, Completion, Op, Request, Status, Submit,
};
use driver_runtime::dma::io_addr;
use driver_runtime::function;
use driver_runtime::resources::Resources;
use mmio_api::MmioAddr;
use nvme_driver::{Config, Nvme, NvmeBlockDriver};
use rdif_block::{BlkError, IQueue, Interface, RequestFlags, RequestId, RequestOp, RequestStatus, Segment};

use memory::{PAGE, Window};

/// Class code of a controller with the register interface of NVMe.
const NVME: u32 = 0x01_0802;
/// The region that has the registers (NVMe 1.4, 2.1.10), and how many bytes the release's have at least.
const BAR: u8 = 0;
const LEAST: u64 = 0x1010;
/// Requests under way at most: the release's queue of completions has 16 places, one of which stays free.
const DEPTH: usize = 15;
/// Longest transfer, in bytes; the same as that of later releases.
const TRANSFER_MAX: usize = 128 << 10;

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
        let registers = function::registers(resources, NVME, BAR, LEAST)?;
        let config = Config {
            page_size: PAGE,
            io_queue_pair_count: 1,
        };
        let nvme = Nvme::new(
            MmioAddr::from(registers.paddr),
            registers.len as usize,
            u64::MAX,
            &Window,
            &memory::Registers,
            config,
        );
        let driver = nvme.and_then(|nvme| NvmeBlockDriver::from_nvme_with_queue_depth(nvme, DEPTH));
        let mut controller = driver.map_err(|_| ProbeError::Device)?;
        let queue = controller.create_queue().ok_or(ProbeError::NoMemory)?;
        let info = queue.info();
        let block_size = info.device.logical_block_size;
        if !block_size.is_power_of_two() || !(512..=PAGE).contains(&block_size) {
            return Err(ProbeError::Geometry);
        }
        let longest = (TRANSFER_MAX / block_size) as u32;
        let capabilities = BlockCapabilities {
            capacity: info.device.num_blocks,
            block_size: block_size as u32,
            // The release does not ask whether there is a cache: there may be one, and flush does no harm without.
            flags: CAP_FLUSH | CAP_WRITE_BACK,
            max_transfer: info.limits.max_blocks_per_request.min(longest),
            queue_depth: DEPTH as u32,
        };
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
