//! Names of orders.

use std::fmt;
use std::str::FromStr;

/// An order, by the numbers in its frame: no two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderId {
    /// The client's session.
    pub session: u64,
    /// Its request.
    pub request: u32,
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{}", self.session, self.request)
    }
}

impl FromStr for OrderId {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let numbers = text.split_once('.').and_then(|(session, request)| {
            let session = u64::from_str_radix(session, 16).ok()?;
            Some(Self {
                session,
                request: request.parse().ok()?,
            })
        });
        numbers.ok_or("an order is named by two numbers, as in `1f2e3d.7`")
    }
}
