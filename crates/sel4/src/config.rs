//! The kernel configuration.

pub use sel4_abi::config as consts;

/// Asks a yes-or-no question about the kernel configuration, at compile time: `sel4_cfg_bool!(DEBUG_BUILD)` is
/// [`consts::DEBUG_BUILD`].
#[macro_export]
macro_rules! sel4_cfg_bool {
    ($question:ident) => {{
        const ANSWER: bool = $crate::config::consts::$question;
        ANSWER
    }};
}
