//! NVMe disks, by release 0.5.2 of `nvme-driver`, unchanged.
//!
//! It asks the device while it starts, without end: a device that does not answer meets the shadow's deadline. It takes a command
//! that failed for one that did not if the code of the failure is even (`docs/design/030-nvme.md`).
#![no_std]

extern crate alloc;

mod memory;
mod waiting;

use alloc::boxed::Box;

use driver_runtime::ProbeError;
use driver_runtime::block::{BlockCapabilities, BlockDriver, Completion, Request, Status, Submit};
use driver_runtime::dma::io_addr;
use driver_runtime::nvme::{self, PAGE};
use driver_runtime::resources::Resources;
use mmio_api::MmioAddr;
use nvme_driver::{Config, Nvme, NvmeBlockDriver};
use rdif_block::{BlkError, IQueue, Interface, RequestFlags, RequestId, RequestOp, RequestStatus, Segment};

use memory::Window;
use waiting::{DEPTH, Waiting};

/// The published driver as a driver of the block class.
pub struct Driver {
    queue: Box<dyn IQueue>,
    capabilities: BlockCapabilities,
    waiting: Waiting<Asked>,
    /// An interrupt came since each request was asked for.
    told: bool,
    /// Keeps the registers' mapping.
    _controller: NvmeBlockDriver,
}

/// A request under way.
#[derive(Clone, Copy)]
struct Asked {
    release: RequestId,
    id: u32,
    count: u32,
}

driver_runtime::nvme_requests!();

/// How a request ended, if it did.
#[inline]
fn end_of(queue: &mut dyn IQueue, asked: Asked) -> Option<Completion> {
    let Asked { release, id, count } = asked;
    let (status, count) = match queue.poll_request(release) {
        Ok(RequestStatus::Pending) => return None,
        Ok(RequestStatus::Complete) => (Status::Ok, count),
        Err(error) => (status(error), 0),
    };
    Some(Completion { id, status, count })
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
            waiting: Waiting::new(),
            told: false,
            _controller: controller,
        })
    }

    fn capabilities(&self) -> BlockCapabilities {
        self.capabilities
    }

    fn submit(&mut self, request: &Request) -> Submit {
        let Some(op) = operation(request.op) else {
            return Submit::Done(Status::Unsupported);
        };
        if self.waiting.len() == DEPTH {
            return Submit::Busy;
        }
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
                self.waiting.push(Asked {
                    release,
                    id: request.id,
                    count: request.count,
                });
                Submit::Accepted
            }
            // A queue that is full while it is empty will never have room.
            Err(BlkError::Retry) if self.waiting.len() > 0 => Submit::Busy,
            Err(error) => Submit::Done(status(error)),
        }
    }

    fn poll(&mut self, mut done: impl FnMut(Completion)) {
        // The release is asked for each request, which takes longer than to look at the queue. Most end in their order, and one that
        // overtakes another tells by an interrupt: so without one nobody is asked for what stands behind the first that has not ended.
        let told = core::mem::take(&mut self.told);
        let Self { queue, waiting, .. } = self;
        waiting.let_go(told, |asked| match end_of(&mut **queue, asked) {
            Some(completion) => {
                done(completion);
                true
            }
            None => false,
        });
    }

    // An interrupt is a message: it is gone when it came.
    fn handle_interrupt(&mut self) {
        self.told = true;
    }
}
