//! What is behind a function, as far as its reset goes.

use pci::{Config, Place, header, virtio};
use system_spec::config::BusFunction;

use crate::e1000::{self, Ethernet};
use crate::function::Function;
use crate::nvme::{self, Controller};
use crate::space::{Mapped, Space};
use crate::virtio_pci::Virtio;

/// What a device is, as far as its reset goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As virtio 1.2, section 4.1, says.
    Virtio,
    /// A controller with the registers of NVMe 1.4, section 3.1.
    Nvme,
    /// An Intel 82540EM or 82545EM.
    E1000,
}

impl Kind {
    /// What the function at hand says it is: by its identity, by its class code, and by its structures.
    pub(crate) fn of(config: &impl Config) -> (Self, Option<Place>) {
        let identity = header::identity(config);
        if header::class(config) == nvme::CLASS {
            (Self::Nvme, Some(nvme::REGISTERS))
        } else if identity.is_some_and(|identity| e1000::IDENTITIES.contains(&identity)) {
            (Self::E1000, Some(e1000::REGISTERS))
        } else {
            let common = virtio::structures(config).common;
            (
                Self::Virtio,
                common.filter(|place| place.len >= virtio::common::LEN),
            )
        }
    }
}

/// What is behind a function, to be reset.
pub trait Device {
    /// Tells it to reset itself.
    fn reset(&mut self);
    /// Whether it reads back as reset.
    fn is_reset(&self) -> bool;
    /// What it says of itself, as its specification defines it.
    fn status(&self) -> u32;
    /// Whether what it reaches is what an IOMMU lets it, asked after its reset. QEMU has virtio devices of which that is not so.
    fn is_limited(&mut self) -> bool {
        true
    }
}

/// Registers as far as this one, from the beginning of the region of the first base address register.
pub(crate) const fn registers_to(last: usize) -> Place {
    Place {
        bar: 0,
        offset: 0,
        len: last as u32 + 4,
    }
}

/// What is behind a function.
#[derive(Debug)]
pub enum Behind<M> {
    /// A virtio device.
    Virtio(Virtio<M>),
    /// An NVMe controller.
    Nvme(Controller<M>),
    /// A network device of Intel's.
    E1000(Ethernet<M>),
}

impl<M: Mapped> Behind<M> {
    /// Its registers, in the region that drivers get.
    pub(crate) fn of(
        space: &impl Space<Mapped = M>,
        described: &BusFunction,
        function: &Function,
    ) -> Option<Self> {
        let bar = described
            .bars
            .iter()
            .take(described.bar_count as usize)
            .find(|bar| bar.index == u64::from(function.registers.bar))?;
        let (region, offset) = (space.at(&bar.here)?, function.registers.offset as usize);
        let registers = || region.part(offset, function.registers.len as usize);
        Some(match function.kind {
            Kind::Virtio => Self::Virtio(Virtio(region.part(offset, virtio::common::LEN as usize)?)),
            Kind::Nvme => Self::Nvme(Controller(registers()?)),
            Kind::E1000 => Self::E1000(Ethernet(registers()?)),
        })
    }

    fn device(&self) -> &dyn Device {
        match self {
            Self::Virtio(device) => device,
            Self::Nvme(device) => device,
            Self::E1000(device) => device,
        }
    }

    fn device_mut(&mut self) -> &mut dyn Device {
        match self {
            Self::Virtio(device) => device,
            Self::Nvme(device) => device,
            Self::E1000(device) => device,
        }
    }
}

impl<M: Mapped> Device for Behind<M> {
    fn reset(&mut self) {
        self.device_mut().reset();
    }
    fn is_reset(&self) -> bool {
        self.device().is_reset()
    }
    fn status(&self) -> u32 {
        self.device().status()
    }
    fn is_limited(&mut self) -> bool {
        self.device_mut().is_limited()
    }
}
