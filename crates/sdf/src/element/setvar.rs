//! `<setvar>`, and the `setvar_…` attributes of other elements: a symbol of the program that the host writes.

use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// What is written.
#[derive(Clone, Debug)]
pub enum Value {
    /// This number.
    Number(u64),
    /// The size of a region.
    RegionSize(String),
    /// The bytes a region is prefilled with.
    PrefillSize(String),
    /// The physical address of a region.
    RegionPaddr(String),
}

/// A symbol to be written.
#[derive(Clone, Debug)]
pub struct Setvar {
    /// Where it stands.
    pub at: At,
    /// The symbol: a 64-bit word.
    pub symbol: String,
    /// What is written.
    pub value: Value,
}

impl Setvar {
    /// Reads the element.
    pub fn parse(element: &Element<'_>, setvars: &mut Vec<Self>) -> Result<(), Fault> {
        element.only(&["symbol", "region_paddr"])?;
        element.no_children()?;
        let region = element.required("region_paddr")?.to_owned();
        Self::add(
            setvars,
            element,
            element.required("symbol")?,
            Value::RegionPaddr(region),
        )
    }
    /// Adds one, unless its symbol is set already.
    pub fn add(
        setvars: &mut Vec<Self>,
        element: &Element<'_>,
        symbol: &str,
        value: Value,
    ) -> Result<(), Fault> {
        if setvars.iter().any(|setvar| setvar.symbol == symbol) {
            return Err(element.fault(Rule::DuplicateSetvar {
                symbol: symbol.to_owned(),
            }));
        }
        setvars.push(Self {
            at: element.at(),
            symbol: symbol.to_owned(),
            value,
        });
        Ok(())
    }
}
