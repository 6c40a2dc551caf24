//! What makes system calls.

pub mod driver;
pub mod lives;
pub mod log;
pub mod memory;
pub mod payload;
pub mod regions;
pub mod serve;
pub mod system;
pub mod wiring;

use root::untyped::Lack;
use system_spec::spec::SpecError;

/// Why the system cannot be built: the image was not made for this machine, or not by our tool.
#[derive(Clone, Copy, Debug)]
#[allow(dead_code)] // The fields are printed.
pub enum Failure {
    /// The payload breaks a rule.
    Spec(SpecError),
    /// No memory.
    Lack(Lack),
    /// The kernel refused.
    Kernel(sel4::Error),
    /// No capability slots left.
    Slots,
    /// More of something than there is room for.
    TooMany,
    /// The payload refers to something that is not there.
    Reference,
}

impl From<Lack> for Failure {
    fn from(lack: Lack) -> Self {
        Self::Lack(lack)
    }
}

impl From<sel4::Error> for Failure {
    fn from(error: sel4::Error) -> Self {
        Self::Kernel(error)
    }
}
