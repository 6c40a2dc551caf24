//! Links, their pages, and what both ends say first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use device_class::ClassId;
use device_class::report::{DriverReport, RECORD_MAX};
use shared_ring::PAGE_SIZE;
use shared_ring::page::{HostPage, Page};
use system_spec::config::{LinkConfig, ShadowConfig};
use zerocopy::{FromZeros, Immutable, IntoBytes};

use crate::{CONTROL, SIDES, SLOT};

/// The pages of all links, by address. A clone is the same memory.
#[derive(Clone, Default)]
pub struct Pages(Rc<RefCell<HashMap<u64, HostPage>>>);

impl Pages {
    /// The page at this address.
    pub fn at(&self, address: u64) -> HostPage {
        let mut pages = self.0.borrow_mut();
        pages.entry(address).or_insert_with(HostPage::zeroed).clone()
    }

    /// What is in them, by address.
    pub(crate) fn words(&self) -> Vec<(u64, Vec<u64>)> {
        let pages = self.0.borrow();
        let words = |page: &HostPage| (0..PAGE_SIZE).step_by(8).map(|at| page.load64(at)).collect();
        let mut all: Vec<_> = pages.iter().map(|(at, page)| (*at, words(page))).collect();
        all.sort_unstable();
        all
    }

    /// Own and other page of the end of a link that is not the shadow's.
    pub fn peer(&self, link: LinkConfig) -> (HostPage, HostPage) {
        (self.at(link.peer), self.at(link.own))
    }
}

/// The link of a channel.
pub fn link(channel: u64) -> LinkConfig {
    let base = (channel + 1) << 16;
    LinkConfig {
        own: base,
        peer: base + 0x1000,
        channel,
    }
}

/// The second link of a channel, for a class whose sessions have two.
pub fn second_link(channel: u64) -> LinkConfig {
    let LinkConfig { own, peer, .. } = link(channel);
    LinkConfig {
        own: own + 0x8000,
        peer: peer + 0x8000,
        channel,
    }
}

/// A configuration with one slot and no session.
pub fn one_slot() -> ShadowConfig {
    let mut config = ShadowConfig::new_zeroed();
    config.control = link(CONTROL);
    config.slot_count = 1;
    config.slots[0].sides = SIDES.map(link);
    config.slots[0].slot = SLOT;
    config
}

/// The report of a driver with these capabilities.
pub fn report(
    class: ClassId,
    generation: u32,
    state: u32,
    reason: u32,
    capabilities: &(impl IntoBytes + Immutable),
) -> DriverReport {
    let (mut record, bytes) = ([0; RECORD_MAX], capabilities.as_bytes());
    record[..bytes.len()].copy_from_slice(bytes);
    DriverReport {
        state,
        generation,
        class: class as u32,
        reason,
        heartbeat: 0,
        record_len: bytes.len() as u32,
        record,
    }
}
