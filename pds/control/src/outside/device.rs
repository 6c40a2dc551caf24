//! What is done to a device, by whom, in which order: root, bus, and the IOMMU if the device is behind one.

use sel4_microkit::get_mr;
use supervision::{Code, bus, iommu, root};
use system_spec::config::ControlSlot;

use super::Outside;
use super::attach::{call, channel};

impl Outside {
    /// Runs a staged generation, whose memory its device reaches then.
    pub(super) fn start(&self, slot: u64, generation: u32) -> Code {
        match self.iommu(iommu::Op::Admit, slot, generation) {
            Code::Ok => self.root(root::Op::Start, slot, generation),
            refusal => refusal,
        }
    }

    /// Resets a device that reaches nothing any more.
    pub(super) fn reset(&self, slot: u64) -> Code {
        match self.iommu(iommu::Op::Block, slot, 0) {
            Code::Ok => call(channel(self.config.bus_channel), bus::Op::Reset as u64, &[slot]),
            failure => failure,
        }
    }

    /// Gives back what a generation has. One that was to run and does not is reached by its device still.
    pub(super) fn discard(&self, slot: u64, generation: u32) -> Code {
        let discard = || self.root(root::Op::Discard, slot, generation);
        match discard() {
            Code::WrongState if self.guarded(slot) && !self.runs(slot) => {
                self.iommu(iommu::Op::Block, slot, 0);
                discard()
            }
            code => code,
        }
    }

    /// Whether somebody has the device and runs; also if root does not say.
    fn runs(&self, slot: u64) -> bool {
        let root = channel(self.config.root_channel);
        call(root, root::Op::SlotState as u64, &[slot]) != Code::Ok || get_mr(0) != 0
    }

    fn root(&self, operation: root::Op, slot: u64, generation: u32) -> Code {
        let root = channel(self.config.root_channel);
        call(root, operation as u64, &[slot, generation.into()])
    }

    /// Asks the IOMMU. A device that is not behind one reaches everything, always.
    fn iommu(&self, operation: iommu::Op, slot: u64, generation: u32) -> Code {
        if !self.guarded(slot) {
            return Code::Ok;
        }
        let iommu = channel(self.config.iommu_channel);
        call(iommu, operation as u64, &[slot, generation.into()])
    }

    fn guarded(&self, slot: u64) -> bool {
        let mut slots = self.config.slots.iter().take(self.config.slot_count as usize);
        slots.any(|one: &ControlSlot| u64::from(one.slot) == slot && one.guarded != 0)
    }
}
