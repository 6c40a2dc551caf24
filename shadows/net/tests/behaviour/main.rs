//! The network shadow, as its clients and its drivers see it.

mod hostile;
mod receive;
mod restart;
mod single;
mod swap;
mod transmit;
mod world;
