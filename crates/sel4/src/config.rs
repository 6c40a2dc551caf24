//! Questions about the kernel configuration.

/// The values behind [`sel4_cfg_bool!`](crate::sel4_cfg_bool) and [`sel4_cfg_usize!`](crate::sel4_cfg_usize).
pub use sel4_abi::config as consts;

/// Whether an option of the kernel configuration is on: `sel4_cfg_bool!(DEBUG_BUILD)`.
#[macro_export]
macro_rules! sel4_cfg_bool {
    ($key:ident) => {
        const {
            let value: bool = $crate::config::consts::$key;
            value
        }
    };
}

/// A numeric option of the kernel configuration: `sel4_cfg_usize!(NUM_DOMAINS)`.
#[macro_export]
macro_rules! sel4_cfg_usize {
    ($key:ident) => {
        const {
            let value: usize = $crate::config::consts::$key;
            value
        }
    };
}
