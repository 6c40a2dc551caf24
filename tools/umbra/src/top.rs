//! The live view of a machine's devices, on a terminal.
//!
//! | module | |
//! |---|---|
//! | [`view`] | what is shown: knows neither terminal nor machine |
//! | [`keys`] | what keys do |
//! | [`render`] | the view as characters |
//! | [`session`] | joins the view to a terminal and a machine |

pub mod keys;
pub mod render;
pub mod session;
pub mod view;
