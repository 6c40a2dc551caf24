//! The IOMMU PD: it alone drives the SMMU, so that a device reaches what the generation that has it may reach.
//!
//! Root decides what that is, and is told what was done: no generation starts before its device reaches it, no memory is used again
//! before no device reaches it (`docs/design/031-iommu.md`).

#![no_std]
#![forbid(unsafe_code)]

mod device;

use heapless::Vec;
use smmu::space::Writable;
use smmu::{Memory, Registers, Smmu, Start, StartError};
use supervision::Code;
use supervision::iommu::Op;
use system_spec::config::{IommuConfig, MAX_SLOTS};

use device::Device;

/// A generation's memory, as root states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Physical address.
    pub paddr: u64,
    /// Pages of 4 KiB.
    pub pages: usize,
    /// Bit per page: it may be written.
    pub writable: Writable,
}

/// What root is asked and told.
pub trait Root {
    /// What the slot's device may ever reach ([`supervision::root::Op::Reach`]): address and bytes.
    fn reach(&mut self, slot: u32, index: usize) -> Option<(u64, u64)>;
    /// The generation whose device was let through when root was told last; 0: none.
    fn admitted(&mut self, slot: u32) -> u32;
    /// A generation's memory, if it may be let through now.
    fn window(&mut self, slot: u32, generation: u32) -> Result<Window, Code>;
    /// The device reaches this generation's memory.
    fn tell_admitted(&mut self, slot: u32, generation: u32) -> Code;
    /// The device reaches nothing.
    fn tell_blocked(&mut self, slot: u32) -> Code;
    /// The device was stopped at this address. `write`: it was to write.
    fn tell_fault(&mut self, slot: u32, kind: u8, address: u64, write: bool);
}

/// The SMMU and the devices behind it.
pub struct Iommu<R, M, T> {
    registers: R,
    memory: M,
    root: T,
    smmu: Smmu,
    devices: Vec<Device, MAX_SLOTS>,
}

/// Most events that are looked at in one go. A device that caused one is cut off, so more than a queue's do not come.
const EVENTS: usize = 1024;

impl<R: Registers, M: Memory, T: Root> Iommu<R, M, T> {
    /// Starts the SMMU, or goes on with it: devices that root knows as admitted stay so, all others reach nothing. A slot whose
    /// ranges have no room is not served.
    pub fn start(
        mut registers: R,
        mut memory: M,
        mut root: T,
        config: &IommuConfig,
    ) -> Result<Self, StartError> {
        let slots = config.slots();
        let (smmu, start) = Smmu::start(&mut registers, &mut memory, config.memory_paddr, slots.len())?;
        let mut devices = Vec::new();
        for (number, slot) in slots.iter().enumerate() {
            let doorbell = (slot.messages != 0).then_some(config.doorbell_paddr);
            if let Ok(device) = Device::new(&smmu, &mut memory, &mut root, number, slot, doorbell) {
                // As many as there are slots.
                let _ = devices.push(device);
            }
        }
        let mut this = Self {
            registers,
            memory,
            root,
            smmu,
            devices,
        };
        if start == Start::Adopted {
            this.settle();
        }
        Ok(this)
    }

    /// What a predecessor had begun and root does not know of is undone.
    fn settle(&mut self) {
        for index in 0..self.devices.len() {
            if self.root.admitted(self.devices[index].slot) == 0 {
                // If the SMMU does not answer, nobody is told that it did.
                let _ = self.close(index);
            }
        }
    }

    /// Serves a call of control.
    pub fn call(&mut self, label: u64, slot: u64, generation: u64) -> Code {
        let found = self
            .devices
            .iter()
            .position(|device| u64::from(device.slot) == slot);
        match (found, u32::try_from(generation)) {
            (Some(index), Ok(generation)) if label == Op::Admit as u64 => {
                self.admit(index, generation).err().unwrap_or(Code::Ok)
            }
            (Some(index), Ok(_)) if label == Op::Block as u64 => self.block(index),
            _ if label == Op::Admit as u64 || label == Op::Block as u64 => Code::Invalid,
            _ => Code::Denied,
        }
    }

    fn admit(&mut self, index: usize, generation: u32) -> Result<(), Code> {
        let device = &mut self.devices[index];
        let window = self.root.window(device.slot, generation)?;
        device
            .space
            .open(
                &mut self.smmu,
                &mut self.registers,
                &mut self.memory,
                window.paddr,
                window.pages,
                &window.writable,
            )
            .map_err(|_| Code::DeviceFailed)?;
        match self.root.tell_admitted(device.slot, generation) {
            Code::Ok => Ok(()),
            refusal => {
                let _ = self.close(index);
                Err(refusal)
            }
        }
    }

    fn block(&mut self, index: usize) -> Code {
        match self.close(index) {
            Ok(()) => self.root.tell_blocked(self.devices[index].slot),
            Err(code) => code,
        }
    }

    fn close(&mut self, index: usize) -> Result<(), Code> {
        let space = &mut self.devices[index].space;
        space
            .close(&mut self.smmu, &mut self.registers, &mut self.memory)
            .map_err(|_| Code::DeviceFailed)
    }

    /// Looks at what was stopped. A device that tried to reach what it may not is cut off at once, and root is told: first that, so
    /// that a flood of events ends. The event goes last: a successor looks before anybody else does anything, and root takes no fault of one
    /// generation twice.
    pub fn look(&mut self) {
        for _ in 0..EVENTS {
            let Some(event) = self.smmu.event(&self.registers, &self.memory) else {
                break;
            };
            let of_stream = |device: &Device| device.space.stream() == event.stream;
            if let Some(index) = self.devices.iter().position(of_stream) {
                let _ = self.close(index);
                let slot = self.devices[index].slot;
                self.root.tell_fault(slot, event.kind, event.address, event.write);
            }
            self.smmu.taken(&mut self.registers);
        }
    }
}

#[cfg(test)]
mod tests;
