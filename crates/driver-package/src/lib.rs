//! What a driver is made of outside a running PD: the flat image and the package around it
//! ([`image`], [`package`]), and what a driver finds when it starts ([`resources`]).
//!
//! Both sides of each format meet only here: the host tool writes packages, the stager verifies them, root
//! builds PDs from their images, and the driver runtime reads the resources page.
#![no_std]
#![forbid(unsafe_code)]

pub mod resources;
