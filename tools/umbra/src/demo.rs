//! The demo: drivers of two disks are replaced while clients use them, and the disks are checked afterwards.

mod channel;
pub mod machine;
pub mod net;
mod operator;
mod report;
mod steps;
mod table;
mod whole;

pub use channel::connect;
pub use operator::{Operator, finished, header, settled, stopped, wait, whole_report};
pub use report::{Checked, Clock, Expected, Report, Row, Spread, line, words};
pub use steps::{
    Bad, CLIENTS, Course, DEVICE, FIRST, Load, Packages, Patience, Progress, SECOND, loaded, still_loaded,
    walk,
};
pub use whole::{Plan, courses, demonstrate, nvme, packages, undecided};

#[cfg(test)]
mod tests;
