//! Intel 82540EM and 82545EM network devices ("e1000"): the network driver of the paper, and a device that is not virtio's.
//!
//! | module | |
//! |---|---|
//! | `device` | registers and descriptors |
//! | `ring` | queues of descriptors |
//!
//! Nothing is copied: descriptors say where clients' frames and the shadow's buffers are. No offloads.
#![no_std]

mod device;
#[cfg(any(test, feature = "host"))]
pub mod fake;
mod ring;

use device::{
    CAUSES, COMMAND_SEND, CTRL_NOT_OURS, CTRL_SLU, Descriptor, END, FRAME_MAX, MDIC_NEGOTIATE, RCTL_BAM,
    RCTL_EN, RCTL_MPE, RCTL_SECRC, RCTL_UPE, Registers, TCTL_ON, TIPG_COPPER, register,
};
use driver_runtime::function::{self, Registers as Region};
use driver_runtime::net::{
    Begin, Buffer, CAP_EVERYTHING, CAP_GROUPS, Completion, Ended, FILTER_ALL_GROUPS, FILTER_EVERYTHING,
    Frame, HEADROOM, LINK_DOWN, LINK_UP, NetCapabilities, NetDriver, Status, Wanted,
};
use driver_runtime::resources::Resources;
use driver_runtime::{ProbeError, dma};
use ring::{DEPTH, Ring};

/// PCI class code of a device for Ethernet.
const CLASS: u32 = 0x02_0000;
/// The region that has the registers.
const BAR: u8 = 0;
/// Payload of a frame (IEEE 802.3).
const MTU: u16 = 1500;

/// The driver.
#[derive(Debug)]
pub struct Driver {
    registers: Registers,
    /// Frames by their number.
    transmit: Ring<u32>,
    /// Buffers by their number, with their bytes.
    receive: Ring<(u32, usize)>,
    /// What came last was no end of a frame: what comes next is none of its own.
    broken: bool,
    mac: [u8; 6],
    link: u32,
}

impl Driver {
    /// Sets up a device that was reset.
    fn start(mut registers: Registers) -> Result<Self, ProbeError> {
        registers.write(register::IMC, u32::MAX);
        let control = registers.read(register::CTRL);
        registers.write(register::CTRL, control & !CTRL_NOT_OURS | CTRL_SLU);
        registers.write(register::MDIC, MDIC_NEGOTIATE);
        for delay in register::DELAYS {
            registers.write(delay, 0);
        }
        for word in 0..register::MTA_WORDS {
            registers.write(register::MTA + 4 * word, 0);
        }
        let receive = Ring::new(&mut registers, register::RECEIVE).ok_or(ProbeError::NoMemory)?;
        let transmit = Ring::new(&mut registers, register::TRANSMIT).ok_or(ProbeError::NoMemory)?;
        registers.write(register::TIPG, TIPG_COPPER);
        registers.write(register::TCTL, TCTL_ON);
        registers.write(register::RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
        registers.write(register::IMS, CAUSES);
        let mut this = Self {
            mac: registers.address(),
            registers,
            transmit,
            receive,
            broken: false,
            link: LINK_DOWN,
        };
        this.look_at_link();
        Ok(this)
    }

    fn look_at_link(&mut self) {
        self.link = if self.registers.link_is_up() {
            LINK_UP
        } else {
            LINK_DOWN
        };
    }
}

/// What came into a buffer of `room` bytes.
fn came(id: u32, room: usize, descriptor: &Descriptor) -> Completion {
    let length = usize::from(descriptor.length);
    if descriptor.errors != 0 || descriptor.status & END == 0 || length > room {
        return Completion::of(id, Status::IoError);
    }
    Completion {
        length: length as u32,
        ..Completion::of(id, Status::Ok)
    }
}

impl NetDriver for Driver {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let Region { paddr, len } = function::registers(resources, CLASS, BAR, Registers::LEN)?;
        // SAFETY: root mapped them there, for as long as this generation has the device; `function::registers` found as many.
        Self::start(unsafe { Registers::new(dma::registers(paddr, len)) })
    }

    fn capabilities(&self) -> NetCapabilities {
        NetCapabilities {
            mac: self.mac,
            mtu: MTU,
            flags: CAP_EVERYTHING | CAP_GROUPS,
            segment_max: 0,
            link: self.link,
            transmit_depth: DEPTH as u16,
            receive_depth: DEPTH as u16,
        }
    }

    fn transmit(&mut self, frame: &Frame) -> Begin {
        if self.transmit.is_full() {
            return Begin::Busy;
        }
        let length = frame.data.len().saturating_sub(HEADROOM as usize);
        let Some(address) = dma::io_addr(frame.data.as_ptr()).filter(|_| (1..=FRAME_MAX).contains(&length))
        else {
            return Begin::Refused(Status::Invalid);
        };
        let descriptor = Descriptor {
            address: address + HEADROOM,
            length: length as u16,
            command: COMMAND_SEND,
            ..Descriptor::default()
        };
        self.transmit.begin(&mut self.registers, descriptor, frame.id);
        Begin::Accepted
    }

    fn receive(&mut self, id: u32, buffer: Buffer) -> Begin {
        // The device is told of 2,048 bytes and writes no more than its longest frame.
        let Some(address) = dma::io_addr(buffer.as_ptr()).filter(|_| buffer.len() >= FRAME_MAX) else {
            return Begin::Refused(Status::Invalid);
        };
        let descriptor = Descriptor {
            address,
            ..Descriptor::default()
        };
        if self
            .receive
            .begin(&mut self.registers, descriptor, (id, buffer.len()))
        {
            Begin::Accepted
        } else {
            Begin::Busy
        }
    }

    fn set_filter(&mut self, filter: Wanted) -> Status {
        let all = filter.flags & FILTER_EVERYTHING != 0;
        // The multicast filter's bits are others than the class's: it is all groups or none.
        let groups = all || filter.flags & FILTER_ALL_GROUPS != 0 || filter.groups != 0;
        let before = self.registers.read(register::RCTL);
        let mut after = before & !(RCTL_UPE | RCTL_MPE);
        if all {
            after |= RCTL_UPE;
        }
        if groups {
            after |= RCTL_MPE;
        }
        // QEMU's device takes nothing for a second after this register was written.
        if after != before {
            self.registers.write(register::RCTL, after);
        }
        Status::Ok
    }

    fn link(&self) -> u32 {
        self.link
    }

    fn poll(&mut self, mut done: impl FnMut(Ended, Completion)) {
        // As many as can be under way: a device that goes on for ever does not keep us here.
        for _ in 0..DEPTH {
            let Some((_, id)) = self.transmit.ended() else {
                break;
            };
            done(Ended::Frame, Completion::of(id, Status::Ok));
        }
        for _ in 0..DEPTH {
            let Some((descriptor, (id, room))) = self.receive.ended() else {
                break;
            };
            let rest = core::mem::replace(&mut self.broken, descriptor.status & END == 0);
            let completion = if rest {
                Completion::of(id, Status::IoError)
            } else {
                came(id, room, &descriptor)
            };
            done(Ended::Buffer, completion);
        }
    }

    fn handle_interrupt(&mut self) {
        // All causes are taken back; what came with them is found by the poll that follows.
        self.registers.read(register::ICR);
        self.look_at_link();
    }
}

#[cfg(test)]
mod tests;
