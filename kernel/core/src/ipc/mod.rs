//! Communication between threads: endpoints, notifications, replies, faults, and the transfer of messages.

pub mod buffer;
pub mod cancel;
pub mod endpoint;
pub mod fault;
pub mod notification;
pub mod reply;
pub mod transfer;
pub mod wait_queue;
