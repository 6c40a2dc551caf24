//! What `cargo umbra test` tells the boot tests, by the environment.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Path of a kernel ELF to run the boot tests on, besides ours.
pub const KERNEL: &str = "UMBRA_KERNEL";

/// Name of the kernel configuration to which boot tests are limited; that of [`KERNEL`] if it is set.
pub const CONFIG: &str = "UMBRA_CONFIG";

/// Which deaths the crash campaign has: `all`, or the seed by which some are chosen; not set: others every day.
pub const CRASHES: &str = "UMBRA_CRASHES";

/// Deaths of the crash campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crashes {
    /// All.
    All,
    /// Some, spread over all of them.
    Some {
        /// Other ones for each number.
        seed: u64,
    },
}

impl Crashes {
    /// Longest that the machine may live on a busy host.
    pub fn limit(self) -> Duration {
        match self {
            Self::All => Duration::from_secs(60 * 60),
            Self::Some { .. } => Duration::from_secs(400),
        }
    }
}

/// What [`CRASHES`] says.
pub fn crashes() -> Crashes {
    const DAY: u64 = 24 * 60 * 60;
    match std::env::var(CRASHES).ok() {
        Some(all) if all == "all" => Crashes::All,
        seed => Crashes::Some {
            seed: seed.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                now.map_or(0, |now| now.as_secs() / DAY)
            }),
        },
    }
}
