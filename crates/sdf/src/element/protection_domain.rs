//! `<protection_domain>`: Microkit's, with a role in updates.

use super::dma::Dma;
use super::irq::Irq;
use super::map::Map;
use super::mmio::Mmio;
use super::program_image::ProgramImage;
use super::setvar::{Setvar, Value};
use super::{pages, priority, scheduling, unknown};
use crate::error::{At, Fault, Rule};
use crate::xml::Element;

const ATTRIBUTES: &[&str] = &[
    "name",
    "priority",
    "budget",
    "period",
    "passive",
    "stack_size",
    "smc",
    "cpu",
    "domain",
    "fpu",
    "umbra_role",
    "umbra_restart",
    "umbra_watch",
    "state_size",
    "trace_size",
    "patience",
];

/// What a PD is in updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs the update transaction.
    Control,
    /// Resets devices.
    Bus,
    /// Says what devices reach.
    Iommu,
    /// Serves timeouts.
    Timer,
    /// Finds parts of the system that hang.
    Guard,
    /// Fills new generations.
    Stager,
    /// Stands between clients and drivers of a class.
    Shadow,
    /// Drives the command channel's device.
    Command,
    /// Has a session at a shadow.
    Client,
}

impl Role {
    /// The word in the description.
    pub fn word(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Bus => "bus",
            Self::Iommu => "iommu",
            Self::Timer => "timer",
            Self::Guard => "guard",
            Self::Stager => "stager",
            Self::Shadow => "shadow",
            Self::Command => "command",
            Self::Client => "client",
        }
    }
    /// Whether only one PD can have it.
    pub fn single(self) -> bool {
        !matches!(self, Self::Shadow | Self::Client)
    }
    const ALL: [Self; 9] = [
        Self::Control,
        Self::Bus,
        Self::Iommu,
        Self::Timer,
        Self::Guard,
        Self::Stager,
        Self::Shadow,
        Self::Command,
        Self::Client,
    ];
}

/// A protection domain.
#[derive(Clone, Debug)]
pub struct ProtectionDomain {
    /// Where it stands.
    pub at: At,
    /// Name.
    pub name: String,
    /// 0 to 254 (root is above).
    pub priority: u8,
    /// µs.
    pub budget_us: u64,
    /// µs.
    pub period_us: u64,
    /// Gives up its scheduling context after `init`.
    pub passive: bool,
    /// Bytes.
    pub stack_size: u64,
    /// May use the FPU.
    pub fpu: bool,
    /// Role in updates.
    pub role: Option<Role>,
    /// Root starts it anew after a fault.
    pub restart: bool,
    /// May read all traces.
    pub watch: bool,
    /// Bytes of the versioned state region.
    pub state_size: u64,
    /// Bytes of the trace region.
    pub trace_size: u64,
    /// How long requests wait for a driver, in µs.
    pub patience_us: u64,
    /// Index of the parent, and how it names this child.
    pub parent: Option<(usize, u64)>,
    /// Program.
    pub image: ProgramImage,
    /// Mappings.
    pub maps: Vec<Map>,
    /// Interrupts.
    pub irqs: Vec<Irq>,
    /// Variables.
    pub setvars: Vec<Setvar>,
    /// Registers of its device.
    pub mmio: Vec<Mmio>,
    /// Memory for DMA.
    pub dma: Option<Dma>,
}

impl ProtectionDomain {
    /// Reads a PD and its children into `pds`.
    pub fn parse(element: &Element<'_>, parent: Option<usize>, pds: &mut Vec<Self>) -> Result<(), Fault> {
        let mut known = ATTRIBUTES.to_vec();
        if parent.is_some() {
            known.extend(["id", "setvar_id"]);
        }
        element.only(&known)?;
        refuse_other_machines(element)?;
        let child_id = match parent {
            Some(_) => element.in_range("id", element.required_number("id")?, 61)?,
            None => 0,
        };
        let (budget_us, period_us) = scheduling(element)?;
        let stack_size = element.number("stack_size")?.unwrap_or(0x2000);
        let size = |name, default| pages(element, name, element.number(name)?.unwrap_or(default), 1 << 24);
        let image = element
            .children()?
            .into_iter()
            .filter(|c| c.name() == "program_image")
            .collect::<Vec<_>>();
        let image = match image[..] {
            [] => {
                return Err(element.fault(Rule::MissingElement {
                    element: "program_image",
                }));
            }
            [one] => ProgramImage::parse(&one)?,
            [_, second, ..] => {
                return Err(second.fault(Rule::Twice {
                    element: "program_image",
                }));
            }
        };
        let index = pds.len();
        let role = role(element)?;
        // A client that faulted has lost what it knew of its data: whoever looks after it decides.
        let trusted = role.is_some_and(|role| role != Role::Client);
        pds.push(Self {
            at: element.at(),
            name: element.required_name("name")?,
            priority: priority(element)?,
            budget_us,
            period_us,
            passive: element.boolean("passive", false)?,
            stack_size: pages(element, "stack_size", stack_size, 16 << 20)?,
            fpu: element.boolean("fpu", true)?,
            role,
            restart: element.boolean("umbra_restart", trusted)?,
            watch: element.boolean("umbra_watch", false)?,
            state_size: size("state_size", 0x2_0000)?,
            trace_size: size("trace_size", 0x1_0000)?,
            patience_us: element.number("patience")?.unwrap_or(5_000_000),
            parent: parent.map(|parent| (parent, child_id)),
            image,
            maps: Vec::new(),
            irqs: Vec::new(),
            setvars: Vec::new(),
            mmio: Vec::new(),
            dma: None,
        });
        if let (Some(parent), Some(symbol)) = (parent, element.optional("setvar_id")) {
            Setvar::add(&mut pds[parent].setvars, element, symbol, Value::Number(child_id))?;
        }
        element
            .children()?
            .iter()
            .try_for_each(|child| Self::child(element, child, index, pds))
    }

    fn child(
        element: &Element<'_>,
        child: &Element<'_>,
        index: usize,
        pds: &mut Vec<Self>,
    ) -> Result<(), Fault> {
        if child.name() == "protection_domain" {
            return Self::parse(child, Some(index), pds);
        }
        let pd = &mut pds[index];
        match child.name() {
            "program_image" => {}
            "map" => pd.maps.push(Map::parse(child, &mut pd.setvars)?),
            "irq" => pd.irqs.push(Irq::parse(child, &mut pd.setvars)?),
            "setvar" => Setvar::parse(child, &mut pd.setvars)?,
            "mmio" => pd.mmio.push(Mmio::parse(child)?),
            "dma" if pd.dma.is_some() => return Err(child.fault(Rule::Twice { element: "dma" })),
            "dma" => pd.dma = Some(Dma::parse(child)?),
            _ => return Err(unknown(element, child)),
        }
        let what = match child.name() {
            "mmio" => "<mmio> in a protection domain",
            "dma" => "<dma>",
            _ => return Ok(()),
        };
        if pd.role == Some(Role::Command) {
            Ok(())
        } else {
            Err(child.fault(Rule::RoleOnly {
                what,
                role: "command",
            }))
        }
    }
}

fn role(element: &Element<'_>) -> Result<Option<Role>, Fault> {
    let Some(word) = element.optional("umbra_role") else {
        return Ok(None);
    };
    let role = Role::ALL.into_iter().find(|role| role.word() == word);
    let words = "control, bus, iommu, timer, guard, stager, shadow, command or client";
    role.map(Some)
        .ok_or_else(|| element.choice("umbra_role", word, words))
}

fn refuse_other_machines(element: &Element<'_>) -> Result<(), Fault> {
    let unsupported =
        |element: &Element<'_>, name, why| Err(element.fault(Rule::Unsupported { element: name, why }));
    if element.boolean("smc", false)? {
        return unsupported(element, "smc", "there is no firmware to call");
    }
    if element.number("cpu")?.unwrap_or(0) != 0 {
        return unsupported(element, "cpu", "the kernel runs on one core");
    }
    if element.optional("domain").is_some() {
        return unsupported(element, "domain", "there is no domain schedule");
    }
    Ok(())
}
