//! Why drivers fail, in groups that can be counted.

use serde::{Deserialize, Serialize};

use crate::record::Reason;

/// A group of [`Reason`]s for which a driver is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(usize)]
pub enum Cause {
    /// It faulted.
    Fault,
    /// It left a request unanswered.
    RequestDeadline,
    /// It showed no sign of life.
    Heartbeat,
    /// It broke the rules of its link, or answered what nobody asked.
    Link,
    /// It kept the processor busy with nothing to do.
    Storm,
    /// It could not take over its device: no report, a bad one, or content that is not what it was.
    Start,
    /// The operator killed it.
    Killed,
    /// All else.
    Other,
}

impl Cause {
    /// How many there are.
    pub const COUNT: usize = 8;
    /// All of them, by number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Fault,
        Self::RequestDeadline,
        Self::Heartbeat,
        Self::Link,
        Self::Storm,
        Self::Start,
        Self::Killed,
        Self::Other,
    ];

    /// The group of a reason.
    pub fn of(reason: &Reason) -> Self {
        match reason {
            Reason::Fault { .. } => Self::Fault,
            Reason::RequestDeadline => Self::RequestDeadline,
            Reason::Heartbeat => Self::Heartbeat,
            Reason::Link { .. } | Reason::UnknownRequest => Self::Link,
            Reason::Storm { .. } | Reason::Budget => Self::Storm,
            Reason::Probe { .. } | Reason::ProbeDeadline | Reason::BadReport | Reason::Changed => Self::Start,
            Reason::Killed => Self::Killed,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_stands_at_its_number() {
        for (number, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, number);
        }
    }
}
