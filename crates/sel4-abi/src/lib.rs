//! Placeholder: the room is laid out, its content follows.
#![no_std]
