//! Placeholder
#![no_std]
