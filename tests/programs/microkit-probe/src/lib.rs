//! A system of nothing but Microkit's own elements: a client calls a passive server, a parent sees its child fault.
#![no_std]
#![forbid(unsafe_code)]

/// Label of the client's question, and of the server's answer.
pub const LABEL: u64 = 7;
/// Where the child writes, which is mapped nowhere.
pub const NOWHERE: u64 = 0xdead_0000;
