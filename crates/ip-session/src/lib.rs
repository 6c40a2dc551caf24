//! A session with a network device as what the IP library sends and receives by.
//!
//! - [`Session`]: frames of the session as the library's device.
//! - [`Host`]: an address, and sockets.
//! - [`answers`]: datagrams that need no socket.
//! - [`dhcp`]: where the address comes from.
//! - `handshake`: what a peer is not told.
//! - [`place`]: a socket that serves one peer after the other.
//! - `wire`: two ends in memory that lose and repeat frames, for tests.
//!
//! The library copies between its own buffers and a frame; so do we between a frame and the data region, because a borrowed slice
//! of memory that others write is nothing Rust knows. Sums of UDP and TCP are ours, because we add up words where the library adds
//! up bytes.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod answers;
#[cfg(feature = "dhcp")]
pub mod dhcp;
mod handshake;
mod host;
#[cfg(feature = "pd")]
pub mod pd;
pub mod place;
mod session;
mod sums;
#[cfg(feature = "host")]
pub mod wire;

pub use host::Host;
pub use session::{BUFFER, Session, data_len};
