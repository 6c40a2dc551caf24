//! `<program_image>`: a PD's ELF file.

use crate::error::Fault;
use crate::xml::Element;

/// A PD's ELF file.
#[derive(Clone, Debug)]
pub struct ProgramImage {
    /// Path of the ELF file.
    pub path: String,
    /// Path of another ELF file in which symbols are looked up.
    pub path_for_symbols: Option<String>,
}

impl ProgramImage {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["path", "path_for_symbols"])?;
        element.no_children()?;
        Ok(Self {
            path: element.required("path")?.to_owned(),
            path_for_symbols: element.optional("path_for_symbols").map(str::to_owned),
        })
    }
}
