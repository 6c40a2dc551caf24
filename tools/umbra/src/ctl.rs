//! Talking to a running machine: what `cargo umbra ctl` does, and the client that the demo and the tests use.

pub mod client;
pub mod json;
pub mod place;
pub mod table;
pub mod text;

#[cfg(test)]
mod tests;

pub use client::{Client, ClientError};
