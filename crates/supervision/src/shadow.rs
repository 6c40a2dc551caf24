//! Control and a shadow: commands and events, as entries on a link. Nothing here depends on the class.
//!
//! One update, seen from the shadow: `BeginGap` (staging starts) → `Quiesce` → *Quiesced* → (control: cut, reset) →
//! `Attach` → *Attached* → (control: start) → *Enabled*, or *Refused*/*Failed*, after which control cuts again and
//! attaches the staged copy of the old driver → `EndGap` → *Gap*. A crash enters with `Impersonate` in place of `Quiesce`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Commands, control → shadow. `slot` is always the device slot; `a`, `b`, `c` as said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CommandKind {
    /// The transaction begins: measure the client gap from here.
    BeginGap = 1,
    /// Stop feeding the driver; drain until CNTPCT reaches `a`, and not for requests that the driver has had for `b` ticks
    /// (0: however old they are); then impersonate and say `Quiesced`.
    Quiesce = 2,
    /// The driver is gone: impersonate at once and say `Quiesced`.
    Impersonate = 3,
    /// Undo `Quiesce` before the cut: feed the same generation again. Answer: `Enabled` with all figures 0.
    Resume = 4,
    /// Generation `a` will come on side `b`: zero our page, expect its report until CNTPCT reaches `c`. Answer: `Attached`.
    /// `policy` says what a lost capability means.
    Attach = 5,
    /// No driver any more; fail requests once patience (`a`, ticks) ends.
    Offline = 6,
    /// The transaction ended: answer `Gap`.
    EndGap = 7,
    /// Record the flow of requests in the trace: `a` is a [`Flow`]. No answer is expected, and no transaction meant.
    Flow = 8,
}

/// For how long each pass that changed the flow of requests is put into the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u64)]
pub enum Flow {
    /// Not at all.
    #[default]
    Off = 0,
    /// Until it is switched off.
    On = 1,
    /// Until a swap is over, and a little longer: then the trace has what came before, the swap, and what came after.
    Single = 2,
}

impl Flow {
    /// From a message word; what is not known is off.
    pub fn from_word(word: u64) -> Self {
        match word {
            1 => Self::On,
            2 => Self::Single,
            _ => Self::Off,
        }
    }
}

/// What to do about a lost capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Policy {
    /// Refuse the update.
    Refuse = 0,
    /// Accept it, and fail only requests that reveal the loss.
    Degrade = 1,
    /// As `Degrade`, even if what is open does not fit any more.
    Force = 2,
    /// This is the first driver of the slot: its record becomes the slot's.
    First = 3,
}

impl Policy {
    /// From its number; what is not known is the strictest.
    pub fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Degrade,
            2 => Self::Force,
            3 => Self::First,
            _ => Self::Refuse,
        }
    }
}

/// A command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Command {
    /// A [`CommandKind`].
    pub kind: u32,
    /// Device slot.
    pub slot: u32,
    /// A [`Policy`], for `Attach`.
    pub policy: u32,
    /// Transaction; returned in the events it causes.
    pub transaction: u32,
    /// See the kind.
    pub a: u64,
    /// See the kind.
    pub b: u64,
    /// See the kind.
    pub c: u64,
}
const _: () = assert!(size_of::<Command>() == 40);

/// Events, shadow → control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum EventKind {
    /// Nothing is handed to the driver any more. `a` requests were in flight at the order, `b` still are; the last one had been handed
    /// over `c` ticks before the order.
    Quiesced = 1,
    /// Ready for the generation's report.
    Attached = 2,
    /// Passive again. `a`: CNTPCT since which nobody was served: of the order to stop, or, if the old driver was lost, of the last
    /// request handed to it; `b`: of the first request handed to the new one; `c`: `resubmitted << 32 | queued`.
    Enabled = 3,
    /// The new driver lacks what the old one had: `a` is a bit mask of the class's capability fields.
    Refused = 4,
    /// The new driver failed to come up: `a` is a [`Failure`], `b` its detail.
    Failed = 5,
    /// The running driver must be retired: `a` is a [`Failure`], `b` its detail.
    Retire = 6,
    /// Longest time without a completion since `BeginGap`: `a` ticks; `b` completions in that time.
    Gap = 7,
    /// In the last `a` ticks no request was with the driver, and it was asked for a sign of life; `b` is 1 if the same was said of
    /// the time before, and `c` is how often the driver passed through its event loop meanwhile. No answer is expected, and no
    /// transaction meant.
    Idle = 8,
}

/// What is wrong with a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Failure {
    /// It reported that it could not probe its device.
    Probe = 1,
    /// It did not report in time.
    ProbeDeadline = 2,
    /// Its report makes no sense (wrong generation, class or record).
    BadReport = 3,
    /// It broke the rules of the link.
    Link = 4,
    /// It answered a request that was never sent, or answered twice.
    UnknownRequest = 5,
    /// A request was not answered in time. Detail: how long the driver has had it, in ticks.
    RequestDeadline = 6,
    /// What was learnt through the old driver (partition table) is not what the new one reads.
    Changed = 7,
    /// It passed through its event loop much more often than its requests could make it: an endless interrupt. Detail: how
    /// often in one window of the watch.
    Storm = 9,
    /// It had nothing to do, was asked for a sign of life, and gave none.
    Heartbeat = 8,
}

/// An event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Event {
    /// An [`EventKind`].
    pub kind: u32,
    /// Device slot.
    pub slot: u32,
    /// Generation it speaks of.
    pub generation: u32,
    /// The command's transaction, 0 if none.
    pub transaction: u32,
    /// See the kind.
    pub a: u64,
    /// See the kind.
    pub b: u64,
    /// See the kind.
    pub c: u64,
}
const _: () = assert!(size_of::<Event>() == 40);
