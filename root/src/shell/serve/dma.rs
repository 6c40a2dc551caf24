//! Calls of the IOMMU PD.

use root::request::{Dma, Target};
use supervision::Code;
use supervision::root::{DMA_FAULT, Event, EventKind};
use trace::Kind;

use super::{Answer, Server, answer};

impl Server<'_> {
    pub(super) fn dma(&mut self, request: Dma) -> Result<(Code, Answer), Code> {
        let words = match request {
            Dma::Reach { slot, index } => answer(&self.drivers.range(slot, index)?),
            Dma::Window(Target { slot, generation }) => answer(&self.drivers.window(slot, generation)?),
            Dma::Admitted(Target { slot, generation }) => {
                self.drivers.reached(slot, generation)?;
                Answer::new()
            }
            Dma::Blocked(slot) => {
                self.drivers.slot(slot)?.generations.blocked()?;
                Answer::new()
            }
            Dma::Admission(slot) => answer(&[self.drivers.slot(slot)?.generations.reach().into()]),
            Dma::Fault {
                slot,
                kind,
                address,
                write,
            } => {
                self.device_stopped(slot, kind, address, write)?;
                Answer::new()
            }
        };
        Ok((Code::Ok, words))
    }

    /// A driver whose device was stopped is suspended like one that faulted itself. After a cut nobody is to blame.
    fn device_stopped(&mut self, slot: usize, kind: u8, address: u64, write: bool) -> Result<(), Code> {
        let detail = DMA_FAULT | u64::from(write) << 8 | u64::from(kind);
        let holder = self.drivers.slot(slot)?.generations.holder();
        let generation = self.drivers.stop(slot, holder.ok_or(Code::WrongState)?)?;
        self.log.write(Kind::Fault, slot, generation, detail, address);
        self.tell(Event {
            kind: EventKind::Fault,
            slot: slot as u32,
            generation,
            detail,
            address,
            pc: 0,
        });
        Ok(())
    }
}
