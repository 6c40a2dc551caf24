//! Calls to the IOMMU PD, which alone says what devices reach.

/// Operation: the label of the call. Answer `Ok`, what root says of it, or `DeviceFailed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Op {
    /// Let the slot's device reach the memory of a staged generation, and the slot's data. `slot, generation`. Before root starts it.
    Admit = 1,
    /// Let it reach nothing; answered when that is so. `slot, 0`. Before the device is reset.
    Block = 2,
}
