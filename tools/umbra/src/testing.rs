//! What `cargo umbra test` tells the boot tests, by the environment, and they it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Path of a kernel ELF to run the boot tests on, besides ours.
pub const KERNEL: &str = "UMBRA_KERNEL";

/// Name of the kernel configuration to which boot tests are limited; that of [`KERNEL`] if it is set.
pub const CONFIG: &str = "UMBRA_CONFIG";

/// With what a boot test begins the line that says that it failed, and passed when it was tried again: its name and why follow.
pub const AGAIN: &str = "tried again: ";

/// Which deaths the crash campaign has: `all`, only those of updates that end as [`COMMITS`] or [`ROLLS_BACK`] says, or the seed by which
/// some are chosen; not set: others every day.
pub const CRASHES: &str = "UMBRA_CRASHES";

/// All deaths of an update that commits.
pub const COMMITS: &str = "commits";
/// All deaths of one that rolls back.
pub const ROLLS_BACK: &str = "rolls-back";

/// Deaths of the crash campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crashes {
    /// All; `commit`: only of an update that does, or that does not.
    All {
        /// Or of both.
        commit: Option<bool>,
    },
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
            Self::All { .. } => Duration::from_secs(60 * 60),
            Self::Some { .. } => Duration::from_secs(400),
        }
    }
}

/// What [`CRASHES`] says.
pub fn crashes() -> Crashes {
    const DAY: u64 = 24 * 60 * 60;
    let said = std::env::var(CRASHES).ok();
    match said.as_deref() {
        Some("all") => Crashes::All { commit: None },
        Some(COMMITS) => Crashes::All { commit: Some(true) },
        Some(ROLLS_BACK) => Crashes::All { commit: Some(false) },
        seed => Crashes::Some {
            seed: seed.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                now.map_or(0, |now| now.as_secs() / DAY)
            }),
        },
    }
}
