//! Waits by the clock.

use pci::Patience;

/// How long a device has for all that is asked of it at a time, in milliseconds. A function may take 100 to come back from its reset (PCI
/// Express, 6.6.2). A call has three such times at most (device, function, ports), and who does not come round his loop in half a second
/// hangs (the guard clock).
const MS: u64 = 120;

/// An end, by the counter.
pub struct Deadline(u64);

impl Deadline {
    /// From now on.
    pub fn new() -> Self {
        Self(trace::clock::ticks().saturating_add(MS * trace::clock::hz() / 1000))
    }
}

impl Patience for Deadline {
    fn lasts(&self) -> bool {
        trace::clock::ticks() < self.0
    }
    fn renewed(&self) -> Self {
        Self::new()
    }
}
