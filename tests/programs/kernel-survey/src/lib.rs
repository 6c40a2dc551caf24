//! A root task that asks the kernel everything and prints what it answers. The program is `main.rs`.
#![no_std]
#![forbid(unsafe_code)]
