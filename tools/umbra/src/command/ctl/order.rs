//! The orders, as arguments.

use crate::complete;
use crate::ctl::{OrderId, table};
use clap::{Subcommand, ValueEnum};
use control_protocol::{request, vitals};
use std::path::PathBuf;

/// An order.
#[derive(Subcommand)]
pub(super) enum Order {
    /// Show what the devices do
    Status,
    /// Replace the driver of a device while it is in use
    Update {
        /// Package file; or the label or the beginning of the hash of a package in the store
        #[arg(value_name = "PKG", add = complete::packages())]
        package: String,
        /// Device [default: the only one]
        #[arg(long, add = complete::devices())]
        device: Option<String>,
        /// What to do if the new driver lacks a capability that the running one has
        #[arg(long, value_enum, default_value_t = Policy::Refuse)]
        policy: Policy,
        /// Keep the update on probation until `ctl commit` or `ctl discard`
        #[arg(long)]
        manual_commit: bool,
        /// How long the old driver may finish what it has, such as 0us, 300us or 5ms; what it has not finished then, the new one is
        /// asked again [default: requests that it has had for 80us are not waited for]
        #[arg(long, value_name = "TIME", value_parser = table::micros)]
        drain: Option<u32>,
        /// Do and check everything up to the point where the device would be touched, then give it all back
        #[arg(long, conflicts_with_all = ["policy", "manual_commit", "drain"])]
        dry_run: bool,
    },
    /// Build a driver beside the one that runs and hold it; `ctl update` to the same package then takes it
    Stage {
        /// Package, as with `update`
        #[arg(value_name = "PKG", add = complete::packages())]
        package: String,
        /// Device [default: the only one]
        #[arg(add = complete::devices())]
        device: Option<String>,
    },
    /// Make an update final that is still on probation
    Commit {
        /// Device
        #[arg(add = complete::devices())]
        device: String,
    },
    /// Give up a staged driver; or undo an update that is still on probation
    Discard {
        /// Device
        #[arg(add = complete::devices())]
        device: String,
    },
    /// Go back to the driver before the last update
    Rollback {
        /// Device
        #[arg(add = complete::devices())]
        device: String,
    },
    /// Stop the running driver as if it had crashed; it is restarted
    Kill {
        /// Device
        #[arg(add = complete::devices())]
        device: String,
    },
    /// Tell what became of an order whose answer got lost
    Ordered {
        /// As the order's failure named it
        order: OrderId,
    },
    /// List the keys whose packages the machine takes, and the drivers that each of them signed
    Keys,
    /// Take no more packages of a key until the machine is booted again; drivers of it that run are let run
    Revoke {
        /// Name of a key (`key list`), or the beginning of it as `ctl keys` shows it
        #[arg(value_name = "KEY", add = complete::machine_keys())]
        key: String,
    },
    /// List the packages in the machine's store
    Packages,
    /// List what happened to the drivers
    History {
        /// Device [default: all]
        #[arg(add = complete::devices())]
        device: Option<String>,
    },
    /// Print every event of the traces of control, shadows and root, in order of time
    Trace {
        /// Go on printing until interrupted
        #[arg(long)]
        follow: bool,
    },
    /// Print what happened, in sentences: from the traces, and every order and failure from the history
    Log {
        /// Go on printing until interrupted
        #[arg(long)]
        follow: bool,
    },
    /// Print a line for each change of a device, until interrupted
    Watch {
        /// Device [default: all]
        #[arg(add = complete::devices())]
        device: Option<String>,
    },
    /// Switch the trace of requests: a shadow then notes every pass in which requests came or were answered
    Record {
        /// For how long
        #[arg(value_enum)]
        flow: Flow,
        /// Device [default: the only one]
        #[arg(add = complete::devices())]
        device: Option<String>,
    },
    /// List the reports of the clients, or fetch one
    Report {
        /// Client
        #[arg(add = complete::reports())]
        name: Option<String>,
        /// File to write it to, instead of a hexadecimal dump
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// First byte
        #[arg(long, default_value_t = 0)]
        offset: usize,
        /// Bytes [default: all]
        #[arg(long)]
        len: Option<usize>,
    },
    /// Ask the clients to stop, and wait until they have
    Stop,
}

/// For how long requests are traced.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Flow {
    /// No longer
    Off,
    /// Until it is switched off
    On,
    /// Until the next swap of a driver is over, and a little longer
    Single,
}

impl From<Flow> for vitals::Flow {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Off => Self::Off,
            Flow::On => Self::On,
            Flow::Single => Self::Single,
        }
    }
}

/// What to do about a lost capability.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Policy {
    /// Go back to the old driver
    Refuse,
    /// Keep the new one, and fail only the requests that reveal the loss
    Degrade,
    /// As degrade, even if a client's partition does not fit the new one any more
    Force,
}

impl From<Policy> for request::Policy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Refuse => Self::Refuse,
            Policy::Degrade => Self::Degrade,
            Policy::Force => Self::Force,
        }
    }
}
