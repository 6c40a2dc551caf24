//! The demo: a disk driver is replaced while two clients use the disk, and the disk is checked afterwards.

mod channel;
pub mod machine;
mod operator;
mod report;
mod steps;
mod whole;

pub use channel::connect;
pub use operator::{Operator, finished, header, settled, stopped, wait, whole_report};
pub use report::{Clock, Expected, Report, Row, Spread, line, words};
pub use steps::{CLIENTS, DEVICE, Packages, Patience, Progress, loaded, still_loaded, walk};
pub use whole::{Plan, demonstrate, packages, undecided};

#[cfg(test)]
mod tests;
