//! Why drivers fail, in groups that can be counted.

use serde::{Deserialize, Serialize};

use crate::record::Reason;

/// What [`Reason::Fault`] has for a label, shifted right by 16, if it was not the driver's thread but its device that was stopped.
pub const DEVICE_FAULT: u64 = 1;

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
    /// Its device was stopped: it was to reach what it may not.
    Reach,
}

impl Cause {
    /// How many there are.
    pub const COUNT: usize = 9;
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
        Self::Reach,
    ];

    /// The group of a reason.
    pub fn of(reason: &Reason) -> Self {
        match reason {
            Reason::Fault { label, .. } if label >> 16 == DEVICE_FAULT => Self::Reach,
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
    fn device_that_was_stopped_is_no_fault_of_the_thread() {
        let fault = |label| Reason::Fault {
            label,
            address: 0,
            pc: 0,
        };
        assert_eq!(Cause::of(&fault(6)), Cause::Fault);
        assert_eq!(Cause::of(&fault(DEVICE_FAULT << 16 | 0x110)), Cause::Reach);
    }

    #[test]
    fn each_cause_stands_at_its_number() {
        for (number, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, number);
        }
    }
}
