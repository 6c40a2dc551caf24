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
    /// Block: name of the partition it is confined to; empty: see `partition_number`.
    pub partition: String,
    /// Block: entry of the partition table, from 1; 0 without a name: the whole device.
    pub partition_number: u32,
    /// Network: Ethernet address, its first byte lowest; 0: made of the device's.
    pub mac: u64,
    /// Network: the client may ask for frames that are for nobody here.
    pub promiscuous: bool,
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
            "mac",
            "promiscuous",
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
            mac: element.optional("mac").map_or(Ok(0), |text| {
                let faulty =
                    || element.choice("mac", text, "six bytes of one station, as '02:00:00:00:00:01'");
                mac(text).ok_or_else(faulty)
            })?,
            promiscuous: element.boolean("promiscuous", false)?,
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

/// The address of one station.
fn mac(text: &str) -> Option<u64> {
    let mut bytes = [0; 8];
    let mut parts = text.split(':');
    for byte in &mut bytes[..6] {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    let word = u64::from_le_bytes(bytes);
    (parts.next().is_none() && word != 0 && bytes[0] & 1 == 0).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mac_is_of_one_station() {
        assert_eq!(mac("52:54:00:12:34:56"), Some(0x5634_1200_5452));
        for wrong in [
            "",
            "01:00:5e:00:00:01",
            "00:00:00:00:00:00",
            "52:54:00:12:34",
            "52:54:00:12:34:56:78",
            "5:54:00:12:34:56",
            "+2:54:00:12:34:5g",
        ] {
            assert_eq!(mac(wrong), None, "{wrong}");
        }
    }
}
