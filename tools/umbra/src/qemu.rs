//! Running machines: what QEMU is told, the guest's console, QMP, and the end.
//!
//! QEMU runs under `timeout -k`: whatever happens to this process, no machine survives its time.

mod console;
mod guest;
mod machine;
mod qmp;

pub use console::{Console, End, Tee};
pub use guest::Guest;
pub use machine::Machine;
pub use qmp::Qmp;

/// Name of the emulator's program.
pub const PROGRAM: &str = "qemu-system-aarch64";
