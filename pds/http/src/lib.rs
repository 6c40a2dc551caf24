//! The web server: files of the file server, and a page that shows how the machine does. Nothing can be changed through it.
//!
//! - [`request`]: heads of requests, from bytes that anybody may have sent.
//! - [`mod@route`]: what a target leads to; nothing climbs.
//! - [`files`]: files of the file server's, without waiting.
//! - [`connection`], [`server`]: one client, all clients; who is too slow, who is too many.
//! - [`status`]: what the page shows.
//!
//! It knows nothing of drivers and updates but what the trace says, which it shows.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod connection;
pub mod files;
pub mod request;
mod response;
pub mod route;
pub mod server;
pub mod status;

pub use server::Server;
