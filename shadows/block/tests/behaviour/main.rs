//! The block class' shadow against clients and drivers that the tests script.

mod compatibility;
mod interleavings;
mod reports;
mod requests;
mod restart;
mod retired;
mod single;
mod swap;
mod table;
mod watch;
mod world;
