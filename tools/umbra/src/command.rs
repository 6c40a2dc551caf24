//! The subcommands, one module each: its arguments, and `run`.

pub mod boot;
pub mod build;
pub mod pack;
pub mod setup;
pub mod test;
