//! `<memory_region>`: memory that is mapped by name.

use super::pages;
use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// A memory region.
#[derive(Clone, Debug)]
pub struct MemoryRegion {
    /// Where it stands.
    pub at: At,
    /// Name.
    pub name: String,
    /// Bytes; absent: as long as the file.
    pub size: Option<u64>,
    /// Bytes of a page; absent: the largest that fits.
    pub page_size: Option<u64>,
    /// Physical address.
    pub phys_addr: Option<u64>,
    /// File it starts with.
    pub prefill_path: Option<String>,
}

impl MemoryRegion {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&[
            "name",
            "size",
            "page_size",
            "phys_addr",
            "prefill_path",
            "prefill_bootinfo",
        ])?;
        element.no_children()?;
        if element.optional("prefill_bootinfo").is_some() {
            let why = "its contents are other machines'";
            return Err(element.fault(Rule::Unsupported {
                element: "prefill_bootinfo",
                why,
            }));
        }
        let page_size = element.number("page_size")?;
        if let Some(value) = page_size.filter(|size| !matches!(size, 0x1000 | 0x20_0000)) {
            return Err(element.fault(Rule::PageSize { value }));
        }
        let aligned = |name, value: u64| match value.is_multiple_of(page_size.unwrap_or(0x1000)) {
            true => Ok(value),
            false => Err(element.fault(Rule::Misaligned {
                name,
                value,
                to: page_size.unwrap_or(0x1000),
            })),
        };
        let size = element
            .number("size")?
            .map(|s| pages(element, "size", s, 1 << 31))
            .transpose()?;
        let phys_addr = element
            .number("phys_addr")?
            .map(|a| element.in_range("phys_addr", a, (1 << 40) - 1));
        let prefill_path = element.optional("prefill_path").map(str::to_owned);
        if size.is_none() && prefill_path.is_none() {
            return Err(element.fault(Rule::NoSize));
        }
        Ok(Self {
            at: element.at(),
            name: element.required_name("name")?,
            size: size.map(|size| aligned("size", size)).transpose()?,
            page_size,
            phys_addr: phys_addr
                .transpose()?
                .map(|a| aligned("phys_addr", a))
                .transpose()?,
            prefill_path,
        })
    }
}
