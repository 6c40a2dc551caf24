//! Bringing up the controller.
//!
//! The release's state machine wants to be told of interrupts. While there is one command under way at a time, as there is here, it
//! can as well be told before one came: it looks whether the command has ended, and waits on if not.

use alloc::boxed::Box;

use driver_runtime::ProbeError;
use driver_runtime::block::BlockCapabilities;
use driver_runtime::function::Registers;
use driver_runtime::nvme::{self, PAGE};
use driver_runtime::resources::Resources;
use mmio_api::MmioAddr;
use nvme_driver::{Config, Nvme, NvmeBlockDriver};
use rdif_block::{
    BlockController, ControllerEvent, ControllerState, ControllerUpdate, HardIrqHandler, HardwareQueue,
    IrqEndpoint,
};

use crate::DEPTH;
use crate::memory;

/// What the release gave us.
pub struct Controller {
    pub driver: Box<NvmeBlockDriver>,
    pub queue: Box<dyn HardwareQueue>,
    pub interrupt: Box<dyn HardIrqHandler>,
    pub capabilities: BlockCapabilities,
}

/// Steps until the device must be ready. A device that takes longer meets the shadow's deadline.
const PATIENCE: usize = 50_000_000;

/// Brings up the controller of the function at hand, with one queue.
pub fn start(resources: &Resources) -> Result<Controller, ProbeError> {
    let Registers { paddr, len } = nvme::registers(resources)?;
    // Queues of administration and of requests tell by the function's one message.
    let config = Config::msix(PAGE, [0, 0]).map_err(|_| ProbeError::Device)?;
    let address = MmioAddr::from(paddr);
    let controller = Nvme::new(address, len as usize, memory::own(), &memory::Registers, config)
        .map_err(|_| ProbeError::Device)?;
    let mut driver = Box::new(NvmeBlockDriver::from_nvme_with_queue_depth(controller, DEPTH));
    let first = driver.advance(ControllerEvent::Start { target_queues: 1 });
    let mut update = first.map_err(|_| ProbeError::Device)?;
    let mut admin = update
        .take_irq_endpoints()
        .pop()
        .ok_or(ProbeError::Device)?
        .into_handler();
    for _ in 0..PATIENCE {
        let event = match update.controller_state() {
            ControllerState::Ready => return ready(driver, update),
            ControllerState::RegisterPending { .. } => ControllerEvent::RegisterRetry,
            ControllerState::WaitingForIrq => ControllerEvent::Irq(admin.ack().control_event()),
            ControllerState::Shutdown => return Err(ProbeError::Device),
        };
        driver_runtime::pause();
        update = driver.advance(event).map_err(|_| ProbeError::Device)?;
    }
    Err(ProbeError::Device)
}

fn ready(driver: Box<NvmeBlockDriver>, mut update: ControllerUpdate) -> Result<Controller, ProbeError> {
    let queue = update.take_queues().pop().ok_or(ProbeError::Device)?;
    let interrupt = update.take_irq_endpoints().pop().map(IrqEndpoint::into_handler);
    let info = queue.info();
    let capabilities = nvme::capabilities(
        info.device.num_blocks,
        info.device.logical_block_size,
        info.limits.max_blocks_per_request,
        info.limits.max_inflight.min(DEPTH),
    )?;
    Ok(Controller {
        driver,
        queue,
        interrupt: interrupt.ok_or(ProbeError::Device)?,
        capabilities,
    })
}
