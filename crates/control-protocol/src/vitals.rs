//! What a device does at this moment, and how much it has done.

use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::reply::MAX_DEVICES;

/// The devices, in the order of [`Status`](crate::reply::Status).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vitals {
    /// The guest's counter now, in nanoseconds.
    pub now_ns: u64,
    /// Devices.
    pub devices: Vec<DeviceVitals, MAX_DEVICES>,
}

/// One device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceVitals {
    /// As its shadow shows it; `None`: the shadow never ran.
    pub traffic: Option<Traffic>,
    /// As root has it; `None`: root did not say.
    pub memory: Option<Memory>,
}

/// What the shadow counts. The numbers are of one moment each, but not all of the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// What the shadow does.
    pub mode: Mode,
    /// Generation that it attached last, 0 if none.
    pub generation: u32,
    /// Requests of clients that drivers answered since boot.
    pub requests: u64,
    /// Bytes that they moved.
    pub bytes: u64,
    /// How long drivers had them, summed up, in nanoseconds. What a driver took with it when it was retired counts from the
    /// moment at which its successor got it.
    pub waited_ns: u64,
    /// Requests that the driver has.
    pub in_flight: u32,
    /// Requests that are accepted and wait: for a driver, or for earlier ones.
    pub queued: u32,
}

/// What a shadow does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// No driver, and none expected: requests wait, and fail when patience ends.
    Offline,
    /// Expects a driver's report: requests wait.
    Waiting,
    /// Hands requests to the driver.
    Passive,
    /// Lets the driver finish what it has: requests wait.
    Draining,
    /// Impersonates: requests wait.
    Active,
    /// None that this protocol knows.
    Unknown,
}

/// Memory of a device's drivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Generations that have some: that which runs, what is staged or kept to go back to, what is not given back yet.
    pub generations: u32,
    /// Generations for which there is room.
    pub room: u32,
    /// Bytes of one generation's.
    pub each: u64,
}

/// What the trace records of the flow of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flow {
    /// Nothing.
    Off,
    /// Every pass of the shadow in which it changed, until it is switched off.
    On,
    /// The same, until the next swap of a driver is over, and a little longer.
    Single,
}
