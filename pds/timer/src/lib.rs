//! The timer PD: one timeout per client over the one comparator of the architected physical timer.
//!
//! The comparator can be written by every PD in the contract's kernel configuration, so it is a hint and not the truth:
//! deadlines are kept here, and whatever wakes this PD (an interrupt, a call) makes it look at all of them and write
//! the comparator anew.

#![no_std]
#![forbid(unsafe_code)]

use supervision::Code;
use supervision::timer::Op;

/// Channels of a Microkit PD, and so the most clients.
pub const MAX_CLIENTS: usize = 62;

/// The deadlines: one per channel, bounded by construction. They are looked through, not kept in order: a system has a
/// handful of clients, and then a scan of a bit set beats a heap.
#[derive(Debug)]
pub struct Timeouts {
    /// Bit per channel that may call.
    clients: u64,
    /// Bit per channel that has a deadline.
    armed: u64,
    deadlines: [u64; MAX_CLIENTS],
}

impl Timeouts {
    /// No deadlines yet; `clients` has a bit per channel that may call.
    pub fn new(clients: u64) -> Self {
        Self {
            clients: clients & ((1 << MAX_CLIENTS) - 1),
            armed: 0,
            deadlines: [0; MAX_CLIENTS],
        }
    }

    /// A call on `channel`.
    pub fn call(&mut self, channel: usize, label: u64, argument: u64) -> Code {
        let Some(bit) = self.client(channel) else {
            return Code::Denied;
        };
        if label == Op::SetTimeout as u64 {
            self.deadlines[channel] = argument;
            self.armed |= bit;
            Code::Ok
        } else if label == Op::Cancel as u64 {
            self.armed &= !bit;
            Code::Ok
        } else {
            Code::Denied
        }
    }

    /// Takes the deadlines that have come: bit per channel to notify.
    pub fn expire(&mut self, now: u64) -> u64 {
        let expired = self
            .armed_channels()
            .filter(|channel| self.deadlines[*channel] <= now);
        let due = expired.fold(0, |due, channel| due | 1 << channel);
        self.armed &= !due;
        due
    }

    /// The next deadline.
    pub fn next(&self) -> Option<u64> {
        self.armed_channels().map(|channel| self.deadlines[channel]).min()
    }

    fn armed_channels(&self) -> impl Iterator<Item = usize> + use<> {
        channels(self.armed)
    }

    fn client(&self, channel: usize) -> Option<u64> {
        if channel >= MAX_CLIENTS {
            return None;
        }
        let bit = 1 << channel;
        (self.clients & bit != 0).then_some(bit)
    }
}

/// The channels of a bit set, ascending.
pub fn channels(mut bits: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let channel = (bits != 0).then_some(bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(channel)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    const SET: u64 = Op::SetTimeout as u64;
    const CANCEL: u64 = Op::Cancel as u64;

    #[test]
    fn a_timeout_expires_once_at_its_deadline() {
        let mut timeouts = Timeouts::new(0b1000);
        assert_eq!(timeouts.call(3, SET, 100), Code::Ok);
        assert_eq!((timeouts.next(), timeouts.expire(99)), (Some(100), 0));
        assert_eq!(timeouts.expire(100), 0b1000);
        assert_eq!((timeouts.next(), timeouts.expire(u64::MAX)), (None, 0));
    }

    #[test]
    fn a_new_timeout_replaces_the_old_one() {
        let mut timeouts = Timeouts::new(1);
        timeouts.call(0, SET, 100);
        timeouts.call(0, SET, 200);
        assert_eq!(timeouts.expire(199), 0);
        timeouts.call(0, CANCEL, 0);
        assert_eq!(timeouts.expire(u64::MAX), 0);
    }

    #[test]
    fn strangers_and_unknown_operations_are_denied() {
        let mut timeouts = Timeouts::new(u64::MAX);
        assert_eq!(timeouts.call(0, 0, 5), Code::Denied);
        assert_eq!(timeouts.call(62, SET, 5), Code::Denied);
        assert_eq!(timeouts.call(64, SET, 5), Code::Denied);
        assert_eq!(Timeouts::new(0b10).call(0, SET, 5), Code::Denied);
        assert_eq!(timeouts.next(), None);
    }

    proptest! {
        /// Against a map from channel to deadline.
        #[test]
        fn behaves_as_a_map(steps in proptest::collection::vec((0u8..4, 0usize..64, 0u64..50), 0..200)) {
            let mut timeouts = Timeouts::new(u64::MAX >> 8);
            let mut model = BTreeMap::new();
            for (step, channel, value) in steps {
                match step {
                    0 | 1 => if timeouts.call(channel, SET, value) == Code::Ok { model.insert(channel, value); },
                    2 => if timeouts.call(channel, CANCEL, 0) == Code::Ok { model.remove(&channel); },
                    _ => {
                        let due: Vec<_> = model.iter().filter(|(_, at)| **at <= value).map(|(c, _)| *c).collect();
                        prop_assert_eq!(channels(timeouts.expire(value)).collect::<Vec<_>>(), due.clone());
                        model.retain(|channel, _| !due.contains(channel));
                    }
                }
                prop_assert_eq!(timeouts.next(), model.values().min().copied());
            }
        }
    }
}
