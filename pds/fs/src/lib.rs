//! The file server: several protection domains share one FAT volume. It is a client of the block shadow like any other.
//!
//! - [`volume`]: the volume over anything that moves sectors; paths, open files and who shares them.
//! - [`session`]: one client: what its requests mean, and what is wrong with them.
//! - [`server`]: all of them in turn.
//!
//! The contract is `crates/file-service`. A client is hostile input: whatever it sends costs it an answer or its session,
//! and others nothing but their turn. `docs/design/022-file-server.md` says why it is as it is.
#![no_std]
#![forbid(unsafe_code)]

pub mod server;
pub mod session;
pub mod volume;

pub use server::Server;
pub use volume::Volume;
