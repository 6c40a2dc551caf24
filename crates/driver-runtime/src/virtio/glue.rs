//! The glue of releases, as macros: each release has types of its own under the same names, and no function can be
//! generic over a crate.

mod event_idx;
mod hal;
mod net;
mod queued;
mod sector;
mod transport;
