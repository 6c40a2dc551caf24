//! Address spaces: translation tables of four levels, 512 entries each, and the identifiers they run under.

pub mod asid;
pub mod descriptor;
pub mod walk;
