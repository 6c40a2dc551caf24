//! Typed events with time stamps, in a region with one writer.
#![no_std]
