//! The control PD's core: the update transaction, recovery, the package store and the operator's requests.
//!
//! Pure: the world outside is the trait [`World`]; what it reports comes in as events, what control wants of it goes
//! out as calls, commands and jobs. `main.rs` joins the two to the system. Nothing here waits: control is an event
//! loop, and every step has a deadline ([`Control::deadline`]).
//!
//! | module | |
//! |---|---|
//! | [`transaction`] | one device's update, as a state machine |
//! | [`recovery`] | what to start after a driver failed |
//! | [`store`] | package slots and uploads |
//! | [`history`] | jobs, and what happened to each device |
//! | [`operator`] | requests and their effects |
//! | [`channel`] | bytes of the command channel |
//! | [`state`], [`ledger`] | what survives control's death |
//! | [`guard`] | whether somebody watches control itself |
//! | [`effect`] | names for the instants at which it can die |
#![no_std]
#![forbid(unsafe_code)]

pub mod channel;
pub mod clock;
mod control;
pub mod effect;
#[cfg(feature = "fake")]
pub mod fake;
pub mod guard;
pub mod history;
pub mod ledger;
pub mod operator;
pub mod recovery;
pub mod state;
pub mod store;
pub mod transaction;
pub mod world;

pub use control::{Control, Setup, SlotSetup};
pub use world::{Call, Consumed, World};
