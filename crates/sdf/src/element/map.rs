//! `<map>`: a memory region in a PD's address space.

use super::setvar::{Setvar, Value};
use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// A mapping.
#[derive(Clone, Debug)]
pub struct Map {
    /// Where it stands.
    pub at: At,
    /// Memory region.
    pub region: String,
    /// Address.
    pub vaddr: u64,
    /// Rights.
    pub rights: system_spec::spec::Rights,
    /// Normal memory, not device memory.
    pub cached: bool,
}

impl Map {
    /// Reads the element; what it sets goes to `setvars`.
    pub fn parse(element: &Element<'_>, setvars: &mut Vec<Setvar>) -> Result<Self, Fault> {
        let sizes = ["setvar_size", "setvar_prefill_size"];
        element.only(&[
            "mr",
            "vaddr",
            "perms",
            "cached",
            "setvar_vaddr",
            sizes[0],
            sizes[1],
        ])?;
        element.no_children()?;
        let region = element.required("mr")?.to_owned();
        let vaddr = element.required_number("vaddr")?;
        if let Some(symbol) = element.optional("setvar_vaddr") {
            Setvar::add(setvars, element, symbol, Value::Number(vaddr))?;
        }
        if let Some(symbol) = element.optional(sizes[0]) {
            Setvar::add(setvars, element, symbol, Value::RegionSize(region.clone()))?;
        }
        if let Some(symbol) = element.optional(sizes[1]) {
            Setvar::add(setvars, element, symbol, Value::PrefillSize(region.clone()))?;
        }
        let perms = element.optional("perms").unwrap_or("rw");
        Ok(Self {
            at: element.at(),
            region,
            vaddr,
            rights: rights(perms).ok_or_else(|| {
                element.fault(Rule::Perms {
                    value: perms.to_owned(),
                })
            })?,
            cached: element.boolean("cached", true)?,
        })
    }
}

fn rights(perms: &str) -> Option<system_spec::spec::Rights> {
    let bits = perms.chars().try_fold(0, |bits, c| match c {
        'r' => Some(bits | 1),
        'w' => Some(bits | 2),
        'x' => Some(bits | 4),
        _ => None,
    })?;
    // `x` without `r` is read and execute on this machine, as with Microkit; `w` alone cannot be mapped.
    if bits & 3 == 2 {
        return None;
    }
    system_spec::spec::Rights::from_bits(bits | 1)
}
