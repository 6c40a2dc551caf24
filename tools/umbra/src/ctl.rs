//! Talking to a running machine: what `cargo umbra ctl` does, and the client that the demo and the tests use.

pub mod client;
pub mod connection;
pub mod json;
mod order;
pub mod place;
pub mod refusal;
pub mod story;
pub mod table;
pub mod text;
pub mod traces;

#[cfg(test)]
pub(crate) mod tests;

pub use client::Client;
pub use connection::ClientError;
pub use order::OrderId;
