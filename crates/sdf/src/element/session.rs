//! `<session>`: a client's use of a device slot.

use super::pages;
use crate::error::{At, Fault};
use crate::xml::Element;

/// A session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Where it stands.
    pub at: At,
    /// PD of the client.
    pub client: String,
    /// Device slot.
    pub slot: String,
    /// Name of the partition it is confined to; empty: see `partition_number`.
    pub partition: String,
    /// Entry of the partition table, from 1; 0 without a name: the whole device.
    pub partition_number: u32,
    /// Bytes of the data region.
    pub data_size: u64,
    /// Bytes of the report region, 0: none.
    pub report_size: u64,
}

impl Session {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&[
            "client",
            "slot",
            "partition",
            "partition_number",
            "data_size",
            "report_size",
        ])?;
        element.no_children()?;
        let partition = match element.optional("partition") {
            Some(_) => element.required_name("partition")?,
            None => String::new(),
        };
        let number = element.in_range(
            "partition_number",
            element.number("partition_number")?.unwrap_or(0),
            128,
        )?;
        let report_size = match element.number("report_size")? {
            Some(size) if size > 0 => pages(element, "report_size", size, 1 << 24)?,
            _ => 0,
        };
        Ok(Self {
            at: element.at(),
            client: element.required("client")?.to_owned(),
            slot: element.required("slot")?.to_owned(),
            partition,
            partition_number: number as u32,
            // A driver sees data regions 16 MiB apart.
            data_size: pages(
                element,
                "data_size",
                element.required_number("data_size")?,
                1 << 24,
            )?,
            report_size,
        })
    }
}
