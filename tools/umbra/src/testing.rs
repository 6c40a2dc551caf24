//! What `cargo umbra test` tells the boot tests, by the environment.

/// Path of a kernel ELF to run the boot tests on, besides ours.
pub const KERNEL: &str = "UMBRA_KERNEL";

/// Name of the kernel configuration to which boot tests are limited; that of [`KERNEL`] if it is set.
pub const CONFIG: &str = "UMBRA_CONFIG";
