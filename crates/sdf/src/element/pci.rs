//! `<pci_host>`: the machine's PCI host bridge, and `<pci>`: a device slot's function behind it.

use driver_package::resources::MMIO_STRIDE;
use pci::Address;
use pci::bar::Window;
use pci::port::GRANULE;

use super::irq::{Irq, MAX_IRQ};
use super::mmio::{Mmio, Transport};
use super::system::Description;
use super::unknown;
use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// Interrupt lines that all functions share.
const LINES: u64 = 4;
/// Regions of a function that its driver gets.
const MAX_BARS: usize = system_spec::spec::record::SLOT_MMIO;
/// Where the window may end: below the memory, so that regions of 32 bits have room in it.
const MAX_WINDOW: u64 = 0x4000_0000;
/// Bytes of the window that are for regions that no driver gets, such as tables of interrupts.
pub const SPARE: u64 = 0x1_0000;
/// Bytes of configuration space that are mapped: buses 0 and 1, a large page.
pub const ECAM_LEN: u64 = 0x20_0000;

/// The host bridge.
#[derive(Clone, Debug)]
pub struct PciHost {
    /// Where it stands.
    pub at: At,
    /// Physical address of the memory-mapped configuration space.
    pub ecam: u64,
    /// Physical address of the memory window, the same on the bus, and its bytes.
    pub window: (u64, u64),
    /// INTID of the first of the shared interrupt lines.
    pub intx: u64,
    /// Physical address of the GICv2m frame, to which interrupts are written.
    pub messages: Option<u64>,
    /// Physical address of the spare regions; set by [`settle`].
    pub spare: u64,
}

impl PciHost {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["ecam", "window", "window_size", "intx", "messages"])?;
        element.no_children()?;
        let aligned = |name, to, max| {
            let value = element.in_range(name, element.required_number(name)?, max)?;
            if value.is_multiple_of(to) {
                Ok(value)
            } else {
                Err(element.fault(Rule::Misaligned { name, value, to }))
            }
        };
        let messages = match element.number("messages")? {
            Some(_) => Some(aligned("messages", 0x1000, MAX_WINDOW)?),
            None => None,
        };
        Ok(Self {
            at: element.at(),
            ecam: aligned("ecam", ECAM_LEN, (1 << 40) - ECAM_LEN)?,
            window: (
                aligned("window", 0x1000, MAX_WINDOW)?,
                aligned("window_size", 0x1000, MAX_WINDOW)?,
            ),
            intx: element.in_range("intx", element.required_number("intx")?, MAX_IRQ - LINES)?,
            messages,
            spare: 0,
        })
    }
}

/// A function.
#[derive(Clone, Debug)]
pub struct Pci {
    /// Where it stands.
    pub at: At,
    /// Where the function is: on bus 0, or the one behind a root port.
    pub address: Address,
    /// That root port.
    pub port: Option<Address>,
    /// Physical address of what the port forwards; set by [`settle`].
    pub forwarded: u64,
    /// What must be there.
    pub vendor: u16,
    /// What must be there.
    pub device: u16,
    /// Class code that must be there; none: it does not matter.
    pub class: Option<u32>,
    /// How its driver reaches it.
    pub transport: Transport,
    /// virtio device id.
    pub device_id: u32,
    /// INTID of its message; none: it has the line that its address gives it.
    pub msi: Option<u64>,
    /// Regions that its driver gets.
    pub bars: Vec<Bar>,
}

/// The function behind a root port. The link behind a port has one device, and two buses of configuration space are mapped.
const BEHIND_PORT: &str = "1:0.0";

impl PciHost {
    /// INTID of the line that a function on bus 0 pulls by pin A, which is a function's only one if it has one interrupt.
    pub fn line(&self, address: Address) -> u64 {
        self.intx + u64::from(address.device) % LINES
    }
}

/// A region of a function.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Number of its base address register.
    pub index: u32,
    /// Bytes.
    pub size: u64,
    /// Bytes from its start that its driver gets: whole pages. The others are the bus's.
    pub drivers: u64,
    at: At,
}

impl Pci {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&[
            "address",
            "port",
            "vendor",
            "device",
            "transport",
            "device_id",
            "class",
            "msi",
        ])?;
        let function = |name, text: &str| {
            let on_first = Address::from_text(text).filter(|address| address.bus == 0);
            on_first.ok_or_else(|| element.choice(name, text, "a function of bus 0, such as '0:2.0'"))
        };
        let text = element.required("address")?;
        let (port, address) = match element.optional("port") {
            Some(port) if text == BEHIND_PORT => (Some(function("port", port)?), Address::from_bits(1 << 8)),
            Some(_) => return Err(element.choice("address", text, "'1:0.0', which is behind the port")),
            None => (None, function("address", text)?),
        };
        let transport = match element.required("transport")? {
            "virtio-pci" => Transport::VirtioPci,
            "pci" => Transport::Pci,
            value => return Err(element.choice("transport", value, "'virtio-pci' or 'pci'")),
        };
        let id = |name| element.in_range(name, element.required_number(name)?, 0xfffe);
        let msi = match element.number("msi")? {
            Some(irq) => Some(element.in_range("msi", irq, MAX_IRQ)?),
            None => None,
        };
        let class = match element.number("class")? {
            Some(code) => Some(element.in_range("class", code, 0xff_ffff)? as u32),
            None => None,
        };
        if port.is_some() && msi.is_none() {
            // Its line would be the port's own.
            return Err(element.fault(Rule::MissingAttribute { name: "msi" }));
        }
        let mut bars = Vec::new();
        for child in element.children()? {
            match child.name() {
                "bar" => bars.push(Bar::parse(&child)?),
                _ => return Err(unknown(element, &child)),
            }
        }
        if bars.is_empty() {
            return Err(element.fault(Rule::MissingElement { element: "bar" }));
        }
        if bars.len() > MAX_BARS {
            return Err(element.fault(Rule::TooMany {
                kind: "regions of a function",
                max: MAX_BARS,
            }));
        }
        Ok(Self {
            at: element.at(),
            address,
            port,
            forwarded: 0,
            vendor: id("vendor")? as u16,
            device: id("device")? as u16,
            class,
            transport,
            device_id: element.in_range("device_id", element.number("device_id")?.unwrap_or(0), 255)? as u32,
            msi,
            bars,
        })
    }
}

impl Bar {
    fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["index", "size", "drivers"])?;
        element.no_children()?;
        let index = element.in_range(
            "index",
            element.required_number("index")?,
            (pci::bar::COUNT - 1).into(),
        )?;
        let size = element.in_range("size", element.required_number("size")?, MMIO_STRIDE)?;
        // Less than a page, and the page would be another region's too.
        if size < 0x1000 {
            return Err(element.fault(Rule::TooSmall {
                name: "size",
                value: size,
                min: 0x1000,
            }));
        }
        if !size.is_power_of_two() {
            let to = size.next_power_of_two();
            return Err(element.fault(Rule::Misaligned {
                name: "size",
                value: size,
                to,
            }));
        }
        let drivers = match element.number("drivers")? {
            Some(part) => element.in_range("drivers", part, size)?,
            None => size,
        };
        let (name, value, to) = ("drivers", drivers, 0x1000);
        if drivers < to {
            return Err(element.fault(Rule::TooSmall { name, value, min: to }));
        }
        if !drivers.is_multiple_of(to) {
            return Err(element.fault(Rule::Misaligned { name, value, to }));
        }
        Ok(Self {
            index: index as u32,
            size,
            drivers,
            at: element.at(),
        })
    }
}

/// Gives every region its place in the window and every function its interrupt: from here on a slot on PCI has registers and
/// interrupts like any other.
pub fn settle(description: &mut Description) -> Result<(), Fault> {
    let Description { slots, pci, .. } = description;
    let mut window = match pci {
        Some(host) => Window::new(host.window.0, host.window.1),
        None => Window::new(0, 0),
    };
    for slot in slots {
        let Some(function) = &mut slot.pci else { continue };
        let fault = |at: &At, rule| Fault { at: at.clone(), rule };
        let Some(host) = pci else {
            return Err(fault(&function.at, Rule::MissingElement { element: "pci_host" }));
        };
        let too_small = || Rule::PciWindow { len: host.window.1 };
        let mut forwarded = Window::new(0, 0);
        if function.port.is_some() {
            let granule = window.take(GRANULE);
            function.forwarded = granule.ok_or_else(|| fault(&function.at, too_small()))?;
            forwarded = Window::new(function.forwarded, GRANULE - SPARE);
        }
        for bar in &function.bars {
            let room = if function.port.is_some() {
                &mut forwarded
            } else {
                &mut window
            };
            let phys_addr = room.take(bar.size).ok_or_else(|| fault(&bar.at, too_small()))?;
            slot.mmio.push(Mmio {
                at: bar.at.clone(),
                phys_addr,
                size: bar.drivers,
                transport: function.transport,
                device_id: function.device_id,
                compatible: String::new(),
            });
        }
        if function.msi.is_some() && host.messages.is_none() {
            return Err(fault(&host.at, Rule::MissingAttribute { name: "messages" }));
        }
        slot.irqs.push(Irq {
            at: function.at.clone(),
            irq: function.msi.unwrap_or_else(|| host.line(function.address)),
            edge: function.msi.is_some(),
            id: 0,
        });
    }
    if let Some(host) = pci {
        host.spare = window.take(SPARE).ok_or_else(|| Fault {
            at: host.at.clone(),
            rule: Rule::PciWindow { len: host.window.1 },
        })?;
    }
    Ok(())
}
