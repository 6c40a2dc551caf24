//! Calls to the bus PD, which alone may reset devices.

/// Operation: the label of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Op {
    /// Put the slot's device in its reset state, read back that it is, tell root. `slot`. Answer `Ok` or `DeviceFailed`.
    Reset = 1,
    /// What is in the slot. `slot`. Answer: `device id (virtio), device status`.
    Identify = 2,
}
