//! Reading elements and attributes, with the position of everything that can be wrong.

use roxmltree::{Document, Node, NodeType};

use crate::error::{At, Fault, Rule};

/// An element of the description.
#[derive(Clone, Copy)]
pub struct Element<'a> {
    node: Node<'a, 'a>,
}

impl<'a> Element<'a> {
    /// The document's root element.
    pub fn root(document: &'a Document<'a>) -> Self {
        Self {
            node: document.root_element(),
        }
    }
    /// Its name.
    pub fn name(&self) -> &'a str {
        self.node.tag_name().name()
    }
    /// Where it starts.
    pub fn at(&self) -> At {
        let position = self.node.document().text_pos_at(self.node.range().start);
        At {
            line: position.row,
            column: position.col,
            element: self.name().to_owned(),
        }
    }
    /// This rule is broken here.
    pub fn fault(&self, rule: Rule) -> Fault {
        Fault { at: self.at(), rule }
    }

    /// Its child elements. Text between them is a fault: it is always a slip of the pen.
    pub fn children(&self) -> Result<Vec<Element<'a>>, Fault> {
        let mut elements = Vec::new();
        for node in self.node.children() {
            match node.node_type() {
                NodeType::Element => elements.push(Element { node }),
                NodeType::Text if !node.text().unwrap_or_default().trim().is_empty() => {
                    return Err(self.fault(Rule::Text));
                }
                _ => {}
            }
        }
        Ok(elements)
    }
    /// Checks that it has no child elements.
    pub fn no_children(&self) -> Result<(), Fault> {
        match self.children()?.first() {
            Some(child) => Err(child.fault(Rule::UnknownElement {
                parent: self.name().to_owned(),
            })),
            None => Ok(()),
        }
    }

    /// Checks that it has no attributes but these.
    pub fn only(&self, known: &[&'static str]) -> Result<(), Fault> {
        match self.node.attributes().find(|a| !known.contains(&a.name())) {
            Some(a) => Err(self.fault(Rule::UnknownAttribute {
                name: a.name().to_owned(),
                known: known.join(", "),
            })),
            None => Ok(()),
        }
    }
    /// An attribute that may be absent.
    pub fn optional(&self, name: &str) -> Option<&'a str> {
        self.node.attribute(name)
    }
    /// An attribute that must be there.
    pub fn required(&self, name: &'static str) -> Result<&'a str, Fault> {
        self.optional(name)
            .ok_or_else(|| self.fault(Rule::MissingAttribute { name }))
    }
    /// A name: not empty and not too long for the compiled description.
    pub fn required_name(&self, name: &'static str) -> Result<String, Fault> {
        let value = self.required(name)?;
        let fits = !value.is_empty() && value.len() <= system_spec::config::NAME_MAX;
        if fits {
            Ok(value.to_owned())
        } else {
            Err(self.fault(Rule::NameLength {
                value: value.to_owned(),
            }))
        }
    }
    /// A number: decimal, or hexadecimal with `0x`; `_` may group digits.
    pub fn number(&self, name: &'static str) -> Result<Option<u64>, Fault> {
        self.optional(name).map(|text| self.parse(name, text)).transpose()
    }
    /// A number that must be there.
    pub fn required_number(&self, name: &'static str) -> Result<u64, Fault> {
        self.parse(name, self.required(name)?)
    }
    /// `true` or `false`.
    pub fn boolean(&self, name: &'static str, default: bool) -> Result<bool, Fault> {
        match self.optional(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(value) => Err(self.choice(name, value, "'true' or 'false'")),
        }
    }
    /// The fault of an attribute that is none of a few words.
    pub fn choice(&self, name: &'static str, value: &str, allowed: &'static str) -> Fault {
        self.fault(Rule::Choice {
            name,
            value: value.to_owned(),
            allowed,
        })
    }
    /// A number from 0 to `max`.
    pub fn in_range(&self, name: &'static str, value: u64, max: u64) -> Result<u64, Fault> {
        if value <= max {
            Ok(value)
        } else {
            Err(self.fault(Rule::Range { name, value, max }))
        }
    }

    fn parse(&self, name: &'static str, text: &str) -> Result<u64, Fault> {
        let digits: String = text.chars().filter(|&c| c != '_').collect();
        let number = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        number.map_err(|_| {
            self.fault(Rule::NotANumber {
                name,
                value: text.to_owned(),
            })
        })
    }
}
