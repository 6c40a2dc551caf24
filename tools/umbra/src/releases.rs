//! Published releases of drivers, put in one after the other under load: what must come of each update is said before, from
//! what each release does on a device of the host's alone, and the run must agree (`docs/design/016-real-releases.md`).

mod class;
mod drive;
mod family;
mod plan;
mod predict;
mod record;
mod report;
mod run;
mod verdict;

pub use class::{Class, Record};
pub use drive::{Driven, Phase, drive};
pub use family::Family;
pub use plan::{Choice, pairs};
pub use predict::{Forecast, forecast};
pub use report::{Report, Row};
pub use run::{Plan, run};
pub use verdict::Verdict;

/// A release that is to be put in.
#[derive(Clone, Debug)]
pub struct Release {
    /// Version of the published crate.
    pub version: String,
    /// What it says that it can do with the machine's device; `None`: it does not come to an end with its probe.
    pub record: Option<Record>,
}
