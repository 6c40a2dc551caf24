//! An endpoint: two words. A queue of threads that all wait to send, or all wait to receive.

use super::{EndpointKind, Field};

/// First thread of the queue, or 0.
pub const HEAD: Field<EndpointKind, u64> = Field::at(0);
/// Last thread of the queue, with [`RECEIVING`] in the lowest bit.
pub const TAIL: Field<EndpointKind, u64> = Field::at(8);
/// Flag in [`TAIL`]: the queued threads wait to receive (else to send).
pub const RECEIVING: u64 = 1;
