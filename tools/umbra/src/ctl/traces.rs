//! The traces of all parts of a system, followed.

use super::Client;
use super::connection::Result;
use zerocopy::FromBytes;

/// An event, and who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Index in [`Traces::names`].
    pub source: usize,
    /// The event.
    pub event: trace::Event,
}

/// Where each trace has been read to.
#[derive(Debug)]
pub struct Traces {
    names: Vec<String>,
    cursors: Vec<u64>,
    /// Ticks of the machine's counter in a second.
    hz: u64,
}

impl Traces {
    /// All traces, from their oldest events on.
    ///
    /// # Errors
    /// No answer.
    pub fn of(client: &mut Client) -> Result<Self> {
        let hz = client.hello()?.counter_hz;
        let names = client.traces()?;
        Ok(Self {
            cursors: vec![0; names.len()],
            names,
            hz,
        })
    }

    /// Who writes them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Ticks of the machine's counter in a second.
    pub fn hz(&self) -> u64 {
        self.hz
    }

    /// What was written since the last time, in order of time. `lost` is told of how many events of whom were overwritten
    /// before they could be read.
    ///
    /// # Errors
    /// No answer.
    pub fn read(&mut self, client: &mut Client, mut lost: impl FnMut(&str, u64)) -> Result<Vec<Written>> {
        let mut events = Vec::new();
        for (source, (name, cursor)) in self.names.iter().zip(&mut self.cursors).enumerate() {
            loop {
                // At most 255 sources: the protocol has a byte for them.
                let (bytes, next, overwritten) = client.trace(source as u8, *cursor)?;
                if overwritten > 0 && *cursor > 0 {
                    lost(name, overwritten);
                }
                let read = bytes.chunks_exact(size_of::<trace::Event>());
                let read = read.filter_map(|event| trace::Event::read_from_bytes(event).ok());
                events.extend(read.map(|event| Written { source, event }));
                if next == *cursor || bytes.is_empty() {
                    break;
                }
                *cursor = next;
            }
        }
        events.sort_by_key(|written| written.event.time);
        Ok(events)
    }
}
