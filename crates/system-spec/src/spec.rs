//! The compiled static system: what root builds when it boots, and what it must know of device slots later.
//!
//! It lies at the start of the *payload* that the host appends to root's image; images of PDs and packages for the store
//! follow it in the same bytes and are found by offset. Two tiers: [`record`] is the bytes, [`model`] what they mean.
//! [`Spec::parse`] walks every record once, so that whoever holds a [`Spec`] holds one whose indices, ranges and
//! numbers are good. It never panics, whatever the bytes are.

use core::marker::PhantomData;

use zerocopy::FromBytes;

use crate::config::{NAME_MAX, Name};

mod check;
#[cfg(any(feature = "alloc", test))]
mod encode;
pub mod model;
pub mod record;

#[cfg(any(feature = "alloc", test))]
pub use encode::{EncodeError, Sources, encode};
pub use model::{
    Caller, Channel, End, Fill, Irq, Map, Pd, Region, Rights, Role, Segment, Slot, SlotMmio, SlotSide,
    Trigger,
};
use record::{Header, Table};

/// "UMSS", the first word of a payload.
pub const MAGIC: u32 = 0x5353_4d55;
/// Version of the format.
pub const VERSION: u32 = 3;
/// Bytes of a small page.
pub const PAGE: u64 = 4096;
/// First address that user level cannot map.
pub const USER_END: u64 = 1 << 47;
/// Channel ids are below this (bits 62 and 63 of a badge are faults and calls).
pub const MAX_CHANNELS: u32 = 62;
/// Most static PDs.
pub const MAX_PDS: usize = 63;
/// Most pages of writable segments of a PD that root starts anew after a fault: root outranks everybody, and writes them in one go.
pub const MAX_RELOAD: u64 = 64;
/// Most records of a table.
const MAX_RECORDS: u32 = 4096;

/// The rule that a payload breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// Shorter than its header.
    Truncated,
    /// Does not start with [`MAGIC`].
    Magic,
    /// Another [`VERSION`].
    Version,
    /// The stated length is more than there is.
    Length,
    /// This table lies outside the payload or has too many records.
    Table(Kind),
    /// This record of this table breaks a rule.
    Record(Kind, u32),
    /// The header names a region or PD that is not there.
    Header,
}

/// The tables of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Protection domains.
    Pd,
    /// Segments of images.
    Segment,
    /// Memory regions.
    Region,
    /// Content of regions.
    Fill,
    /// Mappings.
    Map,
    /// Interrupts.
    Irq,
    /// Channels.
    Channel,
    /// Callers of root.
    Caller,
    /// Device slots.
    Slot,
}

/// A checked payload.
#[derive(Clone, Copy, Debug)]
pub struct Spec<'a> {
    payload: &'a [u8],
    header: Header,
}

impl<'a> Spec<'a> {
    /// Checks `payload` completely.
    ///
    /// Bytes behind the stated length are ignored: the payload is padded to pages when it is linked.
    pub fn parse(payload: &'a [u8]) -> Result<Self, SpecError> {
        let (header, _) = Header::read_from_prefix(payload).map_err(|_| SpecError::Truncated)?;
        if header.magic != MAGIC {
            return Err(SpecError::Magic);
        }
        if header.version != VERSION {
            return Err(SpecError::Version);
        }
        let payload = payload.get(..header.len as usize).ok_or(SpecError::Length)?;
        let spec = Self { payload, header };
        check::check(&spec)?;
        Ok(spec)
    }

    /// Static PDs; their index is how everything else names them.
    pub fn pds(&self) -> Records<'a, Pd<'a>> {
        self.records(self.header.pds)
    }
    /// Segments of this PD's image.
    pub fn segments(&self, pd: &Pd<'_>) -> impl Iterator<Item = Segment<'a>> + use<'a> {
        self.records::<Segment<'a>>(self.header.segments)
            .skip(pd.first_segment)
            .take(pd.segment_count)
    }
    /// Memory regions; their index is how everything else names them.
    pub fn regions(&self) -> Records<'a, Region> {
        self.records(self.header.regions)
    }
    /// Content of regions.
    pub fn fills(&self) -> Records<'a, Fill<'a>> {
        self.records(self.header.fills)
    }
    /// Mappings.
    pub fn maps(&self) -> Records<'a, Map> {
        self.records(self.header.maps)
    }
    /// Interrupts of static PDs.
    pub fn irqs(&self) -> Records<'a, Irq> {
        self.records(self.header.irqs)
    }
    /// Channels between static PDs.
    pub fn channels(&self) -> Records<'a, Channel> {
        self.records(self.header.channels)
    }
    /// PDs that may call root.
    pub fn callers(&self) -> Records<'a, Caller> {
        self.records(self.header.callers)
    }
    /// Device slots; their index is their number.
    pub fn slots(&self) -> Records<'a, Slot<'a>> {
        self.records(self.header.slots)
    }
    /// The stager's PD and the address of its window.
    pub fn stager(&self) -> Option<(usize, u64)> {
        (self.header.stager != record::NONE)
            .then_some((self.header.stager as usize, self.header.stager_window))
    }
    /// The region in which root writes its trace.
    pub fn root_trace(&self) -> Option<usize> {
        (self.header.root_trace != record::NONE).then_some(self.header.root_trace as usize)
    }

    fn records<T>(&self, table: Table) -> Records<'a, T> {
        Records {
            payload: self.payload,
            table,
            next: 0,
            of: PhantomData,
        }
    }
    /// `len` bytes of the payload from `offset`.
    fn bytes(&self, offset: u32, len: u32) -> Option<&'a [u8]> {
        bytes(self.payload, offset, len)
    }
}

/// The records of a table, as what they mean.
#[derive(Clone, Debug)]
pub struct Records<'a, T> {
    payload: &'a [u8],
    table: Table,
    next: u32,
    of: PhantomData<T>,
}

impl<'a, T: Meaning<'a>> Records<'a, T> {
    /// The record with this index.
    pub fn get(&self, index: usize) -> Option<T> {
        let index = u32::try_from(index).ok().filter(|&i| i < self.table.count)?;
        T::read(
            self.payload,
            record_bytes(self.payload, self.table, index, size_of::<T::Record>())?,
        )
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.count as usize
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a, T: Meaning<'a>> Iterator for Records<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let item = self.get(self.next as usize)?;
        self.next += 1;
        Some(item)
    }
}

/// A type of [`model`] and the record it is made from.
pub trait Meaning<'a>: Sized {
    /// The record.
    type Record: FromBytes;
    /// Gives the record its meaning; `None` if it breaks a rule that concerns it alone.
    fn from_record(payload: &'a [u8], record: Self::Record, bytes: &'a [u8]) -> Option<Self>;

    /// Reads the record from its bytes, then [`from_record`](Self::from_record).
    fn read(payload: &'a [u8], bytes: &'a [u8]) -> Option<Self> {
        Self::from_record(payload, Self::Record::read_from_bytes(bytes).ok()?, bytes)
    }
}

fn bytes(payload: &[u8], offset: u32, len: u32) -> Option<&[u8]> {
    payload.get(offset as usize..(offset as usize).checked_add(len as usize)?)
}

fn record_bytes(payload: &[u8], table: Table, index: u32, size: usize) -> Option<&[u8]> {
    let start = (table.offset as usize).checked_add((index as usize).checked_mul(size)?)?;
    payload.get(start..start.checked_add(size)?)
}

/// A name from its zero-padded bytes.
pub fn name_str(name: &[u8]) -> Option<&str> {
    let len = name.iter().position(|&b| b == 0).unwrap_or(name.len());
    core::str::from_utf8(&name[..len]).ok()
}

/// Zero-padded bytes of a name, or `None` if it is too long.
pub fn name_bytes(name: &str) -> Option<Name> {
    let mut bytes = [0; NAME_MAX];
    bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    Some(bytes)
}

#[cfg(test)]
mod tests;
