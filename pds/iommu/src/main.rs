//! The protection domain of the IOMMU: calls from control, the SMMU's interrupt, questions to root.

#![no_std]
#![no_main]

mod mapped;

use iommu::{Iommu, Root, Window};
use mapped::Mapped;
use sel4_microkit::{
    Channel, ChannelSet, Handler, Infallible, MessageInfo, get_mr, protection_domain, set_mr, var,
};
use supervision::Code;
use supervision::root::Op;
use system_spec::config::{IommuConfig, NO_CHANNEL};

/// An instant at which a test lets the PD die.
#[cfg(feature = "crash-points")]
fn crash_point(number: u32) {
    crash_points::point(crash_points::Party::Iommu, number);
}

/// In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn crash_point(_: u32) {}

/// Instants: a call of control's, an answer, a wake-up; questions to root (more by the operation) and the answers; writes to registers
/// (more by the register).
mod instant {
    pub const CALLED: u32 = 0;
    pub const ANSWERED: u32 = 1;
    pub const WOKEN: u32 = 2;
    pub const LOOKED: u32 = 3;
    pub const QUESTION: u32 = 0x100;
    pub const ANSWER: u32 = 0x200;
    pub const REGISTER: u32 = 0x1000;
}

/// Root, by calls.
struct ByCall(Channel);

impl ByCall {
    fn call(&self, op: Op, arguments: &[u64]) -> Code {
        for (register, word) in arguments.iter().enumerate() {
            set_mr(register, *word);
        }
        crash_point(instant::QUESTION + op as u32);
        let answer = self.0.pp_call(MessageInfo::new(op as u64, arguments.len()));
        crash_point(instant::ANSWER + op as u32);
        Code::from_label(answer.label())
    }
}

impl Root for ByCall {
    fn reach(&mut self, slot: u32, index: usize) -> Option<(u64, u64)> {
        let code = self.call(Op::Reach, &[slot.into(), index as u64]);
        (code == Code::Ok).then(|| (get_mr(0), get_mr(1)))
    }
    fn admitted(&mut self, slot: u32) -> u32 {
        match self.call(Op::Admission, &[slot.into()]) {
            Code::Ok => get_mr(0) as u32,
            _ => 0,
        }
    }
    fn window(&mut self, slot: u32, generation: u32) -> Result<Window, Code> {
        match self.call(Op::Window, &[slot.into(), generation.into()]) {
            Code::Ok => Ok(Window {
                paddr: get_mr(0),
                pages: get_mr(1) as usize,
                writable: core::array::from_fn(|index| get_mr(2 + index)),
            }),
            code => Err(code),
        }
    }
    fn tell_admitted(&mut self, slot: u32, generation: u32) -> Code {
        self.call(Op::Admitted, &[slot.into(), generation.into()])
    }
    fn tell_blocked(&mut self, slot: u32) -> Code {
        self.call(Op::Blocked, &[slot.into()])
    }
    fn tell_fault(&mut self, slot: u32, kind: u8, address: u64, write: bool) {
        // Root knows what to do; there is nothing that we could do if it did not.
        let _ = self.call(Op::DmaFault, &[slot.into(), kind.into(), address, write.into()]);
    }
}

struct Pd {
    /// None: the SMMU is not one that can be used. Then no device is let through, and no driver starts.
    iommu: Option<Iommu<Mapped, Mapped, ByCall>>,
    control: Channel,
    events: Channel,
    /// Channel of the guard clock.
    guard: usize,
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        crash_point(instant::WOKEN);
        if channels.contains(self.events) {
            // Acknowledged first: what comes while we look interrupts again.
            let _ = self.events.irq_ack();
            if let Some(iommu) = &mut self.iommu {
                iommu.look();
            }
        }
        crash_point(instant::LOOKED);
        // The guard clock asks who goes round his loop: last, as who hangs in a wake-up does not come here.
        if let Some(guard) = channels.iter().find(|channel| channel.index() == self.guard) {
            guard.notify();
        }
        Ok(())
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        crash_point(instant::CALLED);
        let code = if channel != self.control || message.count() < 2 {
            Code::Denied
        } else {
            match &mut self.iommu {
                Some(iommu) => iommu.call(message.label(), get_mr(0), get_mr(1)),
                None => Code::DeviceFailed,
            }
        };
        crash_point(instant::ANSWERED);
        Ok(MessageInfo::new(code as u64, 0))
    }
}

#[protection_domain]
fn init() -> Pd {
    const NOTHING: IommuConfig = zerocopy::transmute!([0u8; size_of::<IommuConfig>()]);
    let config: &'static IommuConfig = var!(umbra_config: IommuConfig = NOTHING);
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    // SAFETY: the description's compiler mapped the SMMU's registers and this memory here, for us alone, for ever, and wrote their
    // addresses; 0 gives nothing.
    let (registers, memory) = unsafe {
        (
            Mapped::new(config.registers, smmu::registers::LEN),
            Mapped::new(config.memory.vaddr, config.memory.len),
        )
    };
    let root = ByCall(Channel::new(config.root_channel as usize));
    let iommu = match (registers, memory) {
        (Some(registers), Some(memory)) => Iommu::start(registers, memory, root, config).ok(),
        _ => None,
    };
    let mut pd = Pd {
        iommu,
        control: Channel::new(config.control_channel as usize),
        events: Channel::new(config.event_channel as usize),
        guard: *var!(umbra_guard: usize = NO_CHANNEL),
    };
    // What was stopped while a predecessor died.
    if let Some(iommu) = &mut pd.iommu {
        iommu.look();
    }
    pd
}
