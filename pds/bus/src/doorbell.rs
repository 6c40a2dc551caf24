//! Where functions write their messages to.

/// Where messages are written to, and which there are: a GICv2m frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doorbell {
    /// Bus address.
    pub address: u64,
    /// INTID of the first message.
    pub first: u32,
    /// How many there are.
    pub count: u32,
}

impl Doorbell {
    /// Offset of the register that tells the range (`MSI_TYPER`).
    pub const TYPE: usize = 0x08;
    /// Offset of the register that messages are written to (`MSI_SETSPI_NS`).
    const SET: u64 = 0x40;

    /// The frame at `frame` whose type register reads so.
    pub fn new(frame: u64, kind: u32) -> Self {
        Self {
            address: frame + Self::SET,
            first: kind >> 16 & 0x3ff,
            count: kind & 0x3ff,
        }
    }

    /// Whether it has this message.
    pub(crate) fn has(&self, message: u32) -> bool {
        message
            .checked_sub(self.first)
            .is_some_and(|index| index < self.count)
    }
}
