//! `<dma>`: memory that a static PD's device reaches, with an address known when the image is built.

use super::pages;
use crate::error::Fault;
use crate::xml::Element;

/// Memory for DMA.
#[derive(Clone, Debug)]
pub struct Dma {
    /// Bytes.
    pub size: u64,
}

impl Dma {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["size"])?;
        element.no_children()?;
        Ok(Self {
            size: pages(element, "size", element.required_number("size")?, 1 << 20)?,
        })
    }
}
