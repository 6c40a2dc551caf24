//! Calls to the timer PD. One timeout per client; it arrives as a notification on the timer's channel.

/// Operation: the label of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Op {
    /// Notify at or soon after this value of CNTPCT; replaces the earlier timeout. `deadline`.
    SetTimeout = 1,
    /// No timeout any more.
    Cancel = 2,
}
