//! What happened, as 32 bytes; and as a line of text.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Event {
    /// CNTPCT ticks.
    pub time: u64,
    /// A [`Kind`].
    pub kind: u16,
    /// Device slot.
    pub slot: u16,
    /// Generation it speaks of, 0 if none.
    pub generation: u32,
    /// See the kind.
    pub a: u64,
    /// See the kind.
    pub b: u64,
}
const _: () = assert!(size_of::<Event>() == 32);

impl Event {
    /// An event without further words.
    pub fn new(time: u64, kind: Kind, slot: u32, generation: u32) -> Self {
        // A slot number is below `MAX_SLOTS`; a larger one shows as 65535 rather than as another slot.
        let slot = u16::try_from(slot).unwrap_or(u16::MAX);
        Self {
            time,
            kind: kind as u16,
            slot,
            generation,
            a: 0,
            b: 0,
        }
    }

    /// The same with its words.
    pub fn with(self, a: u64, b: u64) -> Self {
        Self { a, b, ..self }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $a:literal, $b:literal;)*) => {
        /// What happened. Numbers are stable: they stand in recorded traces.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Kind { $($(#[$doc])* $name = $number,)* }

        impl Kind {
            /// From the number in an event; `None` if it is not known.
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
            /// Text, and what the two words are called ("" if unused).
            pub fn text(self) -> (&'static str, &'static str, &'static str) {
                match self { $(Self::$name => ($text, $a, $b),)* }
            }
        }
    };
}

kinds! {
    /// The writer (a PD) started.
    Started = 1, "started", "", "";
    /// Control: a transaction begins. `a` its number, `b` store slot of the package.
    StageBegin = 2, "stage begin", "transaction", "package";
    /// Control: the new generation is built. `a` transaction, `b` pages.
    StageEnd = 3, "stage end", "transaction", "pages";
    /// Shadow: stops feeding. `a` requests in flight, `b` ticks since the last one was handed over.
    Quiesce = 4, "quiesce", "in flight", "ticks before";
    /// Shadow: drained or deadline passed. `a` in flight at the order, `b` now.
    Quiesced = 5, "quiesced", "in flight", "left";
    /// Shadow: active mode.
    Impersonate = 6, "impersonate", "held", "";
    /// Control, root: registers and interrupt taken from the generation.
    Cut = 7, "cut", "", "";
    /// Control, root: the device was reset and read back so. `a` 1 if it was.
    Reset = 8, "reset", "ok", "";
    /// Shadow: expects the generation. `a` side.
    Attach = 9, "attach", "side", "";
    /// Control, root: the generation has the device and runs.
    Start = 10, "start", "", "";
    /// Shadow: the driver's report is there. `a` report state, `b` reason.
    Report = 11, "report", "state", "reason";
    /// Shadow: capability records compared. `a` mask of what was lost.
    Check = 12, "check", "lost", "";
    /// Shadow: replay begins. `a` requests resubmitted, `b` queued.
    Replay = 13, "replay", "resubmitted", "queued";
    /// Shadow: passive mode. `a` requests resubmitted, `b` queued.
    Enabled = 14, "enabled", "resubmitted", "queued";
    /// Shadow: the first completion of a generation. `a` ticks since it was enabled, `b` since the last completion before it, or since
    /// the transaction began.
    FirstCompletion = 15, "first completion", "ticks", "silence";
    /// Control, root: the generation's memory is given back.
    Reap = 16, "reap", "", "";
    /// Root: a driver faulted. `a` fault label, `b` address.
    Fault = 17, "fault", "label", "address";
    /// Control: the update is undone. `a` transaction, `b` reason.
    RollBack = 18, "roll back", "transaction", "reason";
    /// Control: the update stands. `a` transaction.
    Commit = 19, "commit", "transaction", "";
    /// Anyone: refused. `a` reason, `b` detail.
    Refused = 20, "refused", "reason", "detail";
    /// Shadow: the driver must be retired. `a` failure, `b` detail.
    Retire = 21, "retire", "failure", "detail";
    /// Shadow: no driver; requests fail once patience ends.
    Offline = 22, "offline", "", "";
    /// Shadow: a client's session ended. `a` session, `b` why.
    SessionEnded = 23, "session ended", "session", "why";
    /// Shadow: a client's session is open. `a` session, `b` blocks.
    SessionOpen = 24, "session open", "session", "blocks";
    /// Shadow: the partition table was read. `a` entries, `b` checksum.
    Table = 25, "partition table", "entries", "checksum";
    /// Shadow: the client gap. `a` ticks, `b` completions.
    Gap = 26, "client gap", "ticks", "completions";
    /// Shadow: since when nobody was served (the order to stop; after a loss the last request handed to the lost generation), and when the
    /// new generation was handed its first request (CNTPCT).
    Blackout = 27, "blackout", "since", "first new";
    /// Shadow: generation reported that it failed, or not in time. `a` failure, `b` detail.
    Failed = 28, "failed", "failure", "detail";
    /// Control: a state of the transaction was entered. `a` state, `b` transaction.
    Step = 29, "step", "state", "transaction";
    /// Root: a generation is being built. `a` pages.
    Build = 30, "build", "pages", "";
    /// Control: orderly stop.
    Halt = 31, "halt", "", "";
    /// Shadow: feeds the same generation again.
    Resume = 32, "resume", "", "";
    /// Control, root: a driver was killed by the operator's order.
    Kill = 33, "kill", "", "";
    /// Root: a static PD faulted. `slot` is its index, `generation` its restarts so far. `a` fault label, `b` address.
    DomainFault = 34, "protection domain faulted", "label", "address";
    /// Shadow, while the flow of requests is recorded: a pass in which it changed. `a` requests answered, `b` requests accepted and
    /// not answered.
    Flow = 35, "flow", "answered", "live";
    /// Control: whose driver the generation is, as far as there is room: bytes 0 to 15 of its package's name and version.
    Driver = 36, "driver", "", "";
    /// Control: bytes 16 to 31 of them.
    DriverRest = 37, "driver, continued:", "", "";
}

/// Bytes of text that an event of the kinds [`Kind::Driver`] and [`Kind::DriverRest`] carries in its two words.
pub const TEXT: usize = 16;

impl Event {
    /// With these bytes of text in its two words, the lowest byte first; what is longer is cut.
    #[must_use]
    pub fn with_text(self, text: &[u8]) -> Self {
        let word = |from: usize| {
            let bytes = core::array::from_fn(|at| text.get(from + at).copied().unwrap_or(0));
            u64::from_le_bytes(bytes)
        };
        self.with(word(0), word(TEXT / 2))
    }

    /// The bytes of text in its two words; those that are no graphic ASCII are 0.
    #[must_use]
    pub fn text(&self) -> [u8; TEXT] {
        let words = [self.a.to_le_bytes(), self.b.to_le_bytes()];
        let byte = |at: usize| words[at / 8][at % 8];
        core::array::from_fn(|at| {
            Some(byte(at))
                .filter(|byte| matches!(byte, b' '..=b'~'))
                .unwrap_or(0)
        })
    }
}

/// An event as a line of text: `[   12.345678] slot 0 gen 3: quiesced, in flight 32, left 1`.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The event.
    pub event: Event,
    /// Frequency of CNTPCT in Hz.
    pub hz: u64,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Event {
            time,
            kind,
            slot,
            generation,
            a,
            b,
        } = self.event;
        let us = u128::from(time) * 1_000_000 / u128::from(self.hz.max(1));
        write!(
            f,
            "[{:5}.{:06}] slot {slot} gen {generation}: ",
            us / 1_000_000,
            us % 1_000_000
        )?;
        let Some(kind) = Kind::from_number(kind) else {
            return write!(f, "kind {kind}, {a:#x}, {b:#x}");
        };
        let (text, first, second) = kind.text();
        f.write_str(text)?;
        if matches!(kind, Kind::Driver | Kind::DriverRest) {
            let text = self.event.text();
            let len = text.iter().position(|byte| *byte == 0).unwrap_or(TEXT);
            return write!(f, " {}", core::str::from_utf8(&text[..len]).unwrap_or_default());
        }
        if !first.is_empty() {
            write!(f, ", {first} {a}")?;
        }
        if !second.is_empty() {
            write!(f, ", {second} {b}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::format;

    #[test]
    fn text_is_carried_cut_and_never_strange() {
        let event = |text: &[u8]| Event::new(1_500_000, Kind::Driver, 1, 2).with_text(text);
        let line = |text: &[u8]| {
            format!(
                "{}",
                Line {
                    event: event(text),
                    hz: 1_000_000
                }
            )
        };
        assert_eq!(line(b"disk 1.2"), "[    1.500000] slot 1 gen 2: driver disk 1.2");
        assert_eq!(&event(b"0123456789abcdefg").text(), b"0123456789abcdef");
        assert!(line(b"\x1b[2J\xff").ends_with(": driver "));
    }
}
