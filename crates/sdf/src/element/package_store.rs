//! `<package_store>`: where packages lie that were sent by the operator or came with the image.

use super::{pages, unknown};
use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// The package store.
#[derive(Clone, Debug)]
pub struct PackageStore {
    /// Packages it has room for.
    pub slots: u32,
    /// Bytes of each.
    pub slot_size: u64,
    /// Packages that come with the image, beside those the device slots start with.
    pub packages: Vec<(At, String)>,
}

impl Default for PackageStore {
    fn default() -> Self {
        Self {
            slots: 8,
            slot_size: 0x8_0000,
            packages: Vec::new(),
        }
    }
}

impl PackageStore {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["slots", "slot_size"])?;
        let default = Self::default();
        let max = system_spec::config::MAX_PACKAGES as u64;
        let slots = element.in_range(
            "slots",
            element.number("slots")?.unwrap_or(default.slots.into()),
            max,
        )?;
        if slots == 0 {
            return Err(element.fault(Rule::TooSmall {
                name: "slots",
                value: slots,
                min: 1,
            }));
        }
        let size = element.number("slot_size")?.unwrap_or(default.slot_size);
        let mut packages = Vec::new();
        for child in element.children()? {
            match child.name() {
                "package" => {
                    child.only(&["name"])?;
                    child.no_children()?;
                    packages.push((child.at(), child.required_name("name")?));
                }
                _ => return Err(unknown(element, &child)),
            }
        }
        Ok(Self {
            slots: slots as u32,
            slot_size: pages(element, "slot_size", size, 1 << 21)?,
            packages,
        })
    }
}
