//! The traces of a machine, as they stand after a swap.
//!
//! A shadow that was told to record a swap keeps in its trace what came before it, the swap, and what came after; so the
//! traces are read when the swap is over, and reading them disturbs nothing that is in the picture.

use crate::ctl::traces::{Traces, Written};
use crate::ctl::{Client, ClientError};
use trace::Event;

/// An event, and who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// PD.
    pub source: String,
    /// The event.
    pub event: Event,
}

/// What was noted, in order of time.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Ticks of the machine's counter in a second.
    pub hz: u64,
    /// Events.
    pub events: Vec<Noted>,
}

impl Recording {
    /// What a machine's traces have now.
    ///
    /// # Errors
    /// No answer.
    pub fn of(client: &mut Client) -> Result<Self, ClientError> {
        let mut traces = Traces::of(client)?;
        let written = traces.read(client, |_, _| {})?;
        let note = |Written { source, event }| Noted {
            source: traces.names()[source].clone(),
            event,
        };
        Ok(Self {
            hz: traces.hz(),
            events: written.into_iter().map(note).collect(),
        })
    }
}
