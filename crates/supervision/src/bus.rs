//! Calls to the bus PD, which alone may reset devices.

/// Operation: the label of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Op {
    /// Put the slot's device in its reset state, read back that it is, tell root. `slot`. Answer `Ok`, `DeviceFailed`, or
    /// `Unguarded`: no driver may have the device, and it works no more; or `Empty`: there is no device, so that none reaches anything, and root was told that.
    Reset = 1,
    /// What is in the slot. `slot`. Answer: `device id (virtio), device status`.
    Identify = 2,
    /// Whether there is a device. `slot`. Answer: a [`Presence`]. The bus notifies its caller when one has changed.
    Presence = 3,
    /// Take the power from a device that is [`Presence::Leaving`]: nobody has it any more. `slot`. Answer `Ok`, or `WrongState` for
    /// all others.
    Release = 4,
}

/// Whether a slot has a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Presence {
    /// It has, and always had if the device cannot be taken out.
    #[default]
    Present = 0,
    /// Somebody wants to take it out.
    Leaving = 1,
    /// It has none.
    Absent = 2,
}

impl Presence {
    /// From a message word.
    pub fn from_word(word: u64) -> Option<Self> {
        match word {
            0 => Some(Self::Present),
            1 => Some(Self::Leaving),
            2 => Some(Self::Absent),
            _ => None,
        }
    }
}
