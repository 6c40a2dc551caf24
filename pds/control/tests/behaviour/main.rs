//! control, as operators, devices, drivers and the parts of the system that die or hang see it.

mod faults;
mod hangs;
mod limits;
mod losses;
mod orders;
mod plug;
mod random;
mod restart;
mod update;
mod world;
