//! What the operator's tool and the control PD say to each other on the command channel.
//!
//! Two tiers: [`frame`] and [`decoder`] move checked byte strings over a channel that may lose, damage or invent
//! bytes; [`request`], [`reply`] and [`record`] say what the strings mean. The operator's bytes are hostile: nothing
//! here panics, allocates or waits for more than [`frame::MAX_FRAME`] bytes.
//!
//! The tool asks, the control PD answers; nothing is sent unasked. Every frame carries the asker's session (a random
//! number) and a request number, so that an answer finds its question, and a question that is asked again because
//! its answer got lost is not executed again.
#![no_std]
#![forbid(unsafe_code)]

pub mod cause;
pub mod decoder;
pub mod frame;
pub mod record;
pub mod reply;
pub mod request;
pub mod slot;
pub mod vitals;

pub use decoder::Decoder;
pub use frame::{Frame, Kind, MAX_FRAME, MAX_PAYLOAD, VERSION};
pub use record::Record;
pub use reply::{Error, Reply};
pub use request::Request;

/// SHA-256 of a package: its name on the channel.
pub type PackageHash = [u8; 32];

/// An ed25519 public key.
pub type PublicKey = [u8; 32];

/// Most content bytes in one message (upload, trace, report).
pub const CHUNK_MAX: usize = 2048;
