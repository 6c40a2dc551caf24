//! The subcommands, one module each: its arguments, and `run`.

pub mod bench;
pub mod boot;
pub mod build;
pub mod completions;
pub mod ctl;
pub mod demo;
pub mod key;
pub mod new;
pub mod pack;
pub mod run;
pub mod setup;
pub mod test;
pub mod top;
pub mod trace;
