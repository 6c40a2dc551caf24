//! From `system.xml` to what root builds: Microkit's system description format, with device slots, sessions and roles.
//!
//! [`compile`] parses and checks a description and decides everything that it leaves open (channel ids, addresses, link
//! pages, regions). The result says what to write into each program's symbols; once the host tool has linked the programs
//! flat, [`System::payload`] turns all of it into the bytes behind root's image.
#![forbid(unsafe_code)]

mod check;
pub mod element;
mod error;
mod output;
mod plan;
mod role;
mod xml;

pub use error::{At, Error, Fault, Rule};
pub use output::{PD_WINDOW, Patch, PayloadError, Program, System};

use element::system::Description;
use system_spec::config::StagerSlot;

/// A file that a description names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File<'a> {
    /// Content of a memory region, by the path in the description.
    Prefill(&'a str),
    /// A driver package, by its name.
    Package(&'a str),
}

/// Where files come from: their content, or why there is none.
pub type Files<'a> = &'a dyn Fn(File<'_>) -> Result<Vec<u8>, String>;

/// An ed25519 key.
pub type PublicKey = [u8; 32];

/// Parses and checks a description. `file` is its name in errors; the system will take packages signed by one of `keys`, of
/// which the first [`MAX_KEYS`](system_spec::config::MAX_KEYS) count.
pub fn compile(file: &str, xml: &str, keys: &[PublicKey], files: Files<'_>) -> Result<System, Error> {
    let located = |fault| located(file, fault);
    let description = describe(xml).map_err(located)?;
    plan::plan(&description, keys, files).map_err(located)
}

/// The device slots of a description: each name, and what a package for it must match.
pub fn device_slots(file: &str, xml: &str) -> Result<Vec<(String, StagerSlot)>, Error> {
    let description = describe(xml).map_err(|fault| located(file, fault))?;
    let slots = description.slots.iter().enumerate();
    Ok(slots
        .map(|(number, slot)| (slot.name.clone(), role::stager_slot(number, slot)))
        .collect())
}

fn located(file: &str, fault: Fault) -> Error {
    Error {
        file: file.to_owned(),
        at: fault.at,
        rule: Box::new(fault.rule),
    }
}

/// Parses and checks.
fn describe(xml: &str) -> Result<Description, Fault> {
    let document = roxmltree::Document::parse(xml).map_err(|error| {
        let at = At {
            line: error.pos().row,
            column: error.pos().col,
            element: "system".to_owned(),
        };
        Fault {
            at,
            rule: Rule::Xml(error.to_string()),
        }
    })?;
    let description = Description::parse(&xml::Element::root(&document))?;
    check::check(&description)?;
    Ok(description)
}

/// Whether a description has an SMMU, without checking the rest.
pub fn has_iommu(xml: &str) -> bool {
    roxmltree::Document::parse(xml)
        .is_ok_and(|document| document.descendants().any(|node| node.has_tag_name("iommu")))
}

/// Whether a description has a device behind a root port, without checking the rest.
pub fn has_port(xml: &str) -> bool {
    let is_behind = |node: roxmltree::Node<'_, '_>| node.has_tag_name("pci") && node.has_attribute("port");
    roxmltree::Document::parse(xml).is_ok_and(|document| document.descendants().any(is_behind))
}

/// The paths of the programs that a description names, in the order of [`System::programs`], without checking the rest.
pub fn programs(xml: &str) -> Vec<String> {
    let Ok(document) = roxmltree::Document::parse(xml) else {
        return Vec::new();
    };
    document
        .descendants()
        .filter(|node| node.has_tag_name("program_image"))
        .filter_map(|node| node.attribute("path").map(str::to_owned))
        .collect()
}
