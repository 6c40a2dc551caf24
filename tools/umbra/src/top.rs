//! The live view of a machine's devices, on a terminal.
//!
//! | module | |
//! |---|---|
//! | [`view`] | what is shown, and what keys do: knows neither terminal nor machine |
//! | [`render`] | the view as characters |
//! | [`session`] | joins the view to a terminal and a machine |

pub mod render;
pub mod session;
pub mod view;
