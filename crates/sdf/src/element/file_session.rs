//! `<file_session>`: a client's use of a file server.

use super::pages;
use crate::error::{At, Fault};
use crate::xml::Element;

/// A file session.
#[derive(Clone, Debug)]
pub struct FileSession {
    /// Where it stands.
    pub at: At,
    /// PD of the client.
    pub client: String,
    /// PD of the server.
    pub server: String,
    /// Bytes of the data region.
    pub data_size: u64,
}

impl FileSession {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["client", "server", "data_size"])?;
        element.no_children()?;
        let size = element.required_number("data_size")?;
        Ok(Self {
            at: element.at(),
            client: element.required("client")?.to_owned(),
            server: element.required("server")?.to_owned(),
            data_size: pages(element, "data_size", size, 1 << 24)?,
        })
    }
}
