//! `<channel>`: two ends.

use super::setvar::{Setvar, Value};
use crate::error::{At, Fault, Rule};
use crate::xml::Element;

/// One end of a channel.
#[derive(Clone, Debug)]
pub struct End {
    /// Where it stands.
    pub at: At,
    /// PD.
    pub pd: String,
    /// Id.
    pub id: u64,
    /// This end may notify the other.
    pub notify: bool,
    /// This end may call the other.
    pub call: bool,
    /// The id, if it is to be written to a symbol of the PD.
    pub setvar: Option<Setvar>,
}

/// A channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Where it stands.
    pub at: At,
    /// Its ends.
    pub ends: [End; 2],
}

impl Channel {
    /// Reads the element.
    pub fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&[])?;
        let mut ends = Vec::new();
        for child in element.children()? {
            match child.name() {
                "end" => ends.push(End::parse(&child)?),
                _ => return Err(super::unknown(element, &child)),
            }
        }
        let ends = <[End; 2]>::try_from(ends).map_err(|e| element.fault(Rule::Ends { count: e.len() }))?;
        if ends[0].call && ends[1].call {
            return Err(element.fault(Rule::BothCall));
        }
        Ok(Self {
            at: element.at(),
            ends,
        })
    }
}

impl End {
    fn parse(element: &Element<'_>) -> Result<Self, Fault> {
        element.only(&["pd", "id", "pp", "notify", "setvar_id"])?;
        element.no_children()?;
        let id = element.in_range("id", element.required_number("id")?, 61)?;
        let setvar = element.optional("setvar_id").map(|symbol| {
            let symbol = symbol.to_owned();
            Setvar {
                at: element.at(),
                symbol,
                value: Value::Number(id),
            }
        });
        Ok(Self {
            at: element.at(),
            pd: element.required("pd")?.to_owned(),
            id,
            notify: element.boolean("notify", true)?,
            call: element.boolean("pp", false)?,
            setvar,
        })
    }
}
