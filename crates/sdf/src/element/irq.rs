//! `<irq>`: an interrupt of a PD (with a channel id) or of a device slot (without).

use super::setvar::{Setvar, Value};
use crate::error::{At, Fault};
use crate::xml::Element;

/// Highest interrupt number of the machine.
pub(crate) const MAX_IRQ: u64 = 159;

/// An interrupt.
#[derive(Clone, Debug)]
pub struct Irq {
    /// Where it stands.
    pub at: At,
    /// GIC INTID.
    pub irq: u64,
    /// Edge, not level.
    pub edge: bool,
    /// Channel id (0 for a device slot's).
    pub id: u64,
}

impl Irq {
    /// Reads a PD's interrupt; what it sets goes to `setvars`.
    pub fn parse(element: &Element<'_>, setvars: &mut Vec<Setvar>) -> Result<Self, Fault> {
        element.only(&["irq", "id", "trigger", "setvar_id"])?;
        let id = element.in_range("id", element.required_number("id")?, 61)?;
        if let Some(symbol) = element.optional("setvar_id") {
            Setvar::add(setvars, element, symbol, Value::Number(id))?;
        }
        Self::line(element, id)
    }
    /// Reads a device slot's interrupt.
    pub fn of_slot(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["irq", "trigger"])?;
        Self::line(element, 0)
    }

    fn line(element: &Element<'_>, id: u64) -> Result<Self, Fault> {
        element.no_children()?;
        let edge = match element.optional("trigger") {
            None | Some("level") => false,
            Some("edge") => true,
            Some(value) => return Err(element.choice("trigger", value, "'level' or 'edge'")),
        };
        let irq = element.in_range("irq", element.required_number("irq")?, MAX_IRQ)?;
        Ok(Self {
            at: element.at(),
            irq,
            edge,
            id,
        })
    }
}
