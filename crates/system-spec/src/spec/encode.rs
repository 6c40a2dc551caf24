//! Writing a payload, on the host.

use alloc::vec::Vec;

use zerocopy::{Immutable, IntoBytes};

use super::record::{
    CallerRecord, ChannelRecord, FillRecord, Header, IrqRecord, MapRecord, NONE, PdRecord, RegionRecord,
    SegmentRecord, SlotRecord, Table,
};
use super::{MAGIC, Spec, SpecError, VERSION};

/// Content in a payload starts at multiples of this.
const CONTENT_ALIGN: usize = 16;

/// What goes into a payload. Offsets in `segments` and `fills` are written by [`encode`] from their contents.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Protection domains.
    pub pds: Vec<PdRecord>,
    /// Segments and their content.
    pub segments: Vec<(SegmentRecord, Vec<u8>)>,
    /// Regions.
    pub regions: Vec<RegionRecord>,
    /// Fills and their content.
    pub fills: Vec<(FillRecord, Vec<u8>)>,
    /// Mappings.
    pub maps: Vec<MapRecord>,
    /// Interrupts.
    pub irqs: Vec<IrqRecord>,
    /// Channels.
    pub channels: Vec<ChannelRecord>,
    /// Callers of root.
    pub callers: Vec<CallerRecord>,
    /// Device slots.
    pub slots: Vec<SlotRecord>,
    /// Region of root's trace.
    pub root_trace: Option<u32>,
    /// The stager's PD and the address of its window.
    pub stager: Option<(u32, u64)>,
}

/// Why a payload could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// More than 4 GiB.
    TooLarge,
    /// It would be refused by [`Spec::parse`].
    Refused(SpecError),
}

/// Writes a payload, and checks it as root will.
pub fn encode(sources: &Sources) -> Result<Vec<u8>, EncodeError> {
    let mut header = Header {
        magic: MAGIC,
        version: VERSION,
        root_trace: sources.root_trace.unwrap_or(NONE),
        stager: sources.stager.map_or(NONE, |(pd, _)| pd),
        stager_window: sources.stager.map_or(0, |(_, window)| window),
        ..Header::default()
    };
    let mut segments: Vec<SegmentRecord> = sources.segments.iter().map(|(record, _)| *record).collect();
    let mut fills: Vec<FillRecord> = sources.fills.iter().map(|(record, _)| *record).collect();
    let mut out = alloc::vec![0; size_of::<Header>()];
    // The tables have to be in place before it is known where the content starts: write them, then correct the two
    // that point to content.
    header.pds = table(&mut out, &sources.pds)?;
    header.segments = table(&mut out, &segments)?;
    header.regions = table(&mut out, &sources.regions)?;
    header.fills = table(&mut out, &fills)?;
    header.maps = table(&mut out, &sources.maps)?;
    header.irqs = table(&mut out, &sources.irqs)?;
    header.channels = table(&mut out, &sources.channels)?;
    header.callers = table(&mut out, &sources.callers)?;
    header.slots = table(&mut out, &sources.slots)?;
    for (record, (_, content)) in segments.iter_mut().zip(&sources.segments) {
        (record.offset, record.len) = append(&mut out, content)?;
    }
    for (record, (_, content)) in fills.iter_mut().zip(&sources.fills) {
        (record.offset, record.len) = append(&mut out, content)?;
    }
    overwrite(&mut out, header.segments.offset, segments.as_bytes());
    overwrite(&mut out, header.fills.offset, fills.as_bytes());
    header.len = u32::try_from(out.len()).map_err(|_| EncodeError::TooLarge)?;
    overwrite(&mut out, 0, header.as_bytes());
    Spec::parse(&out).map_err(EncodeError::Refused)?;
    Ok(out)
}

fn append(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(u32, u32), EncodeError> {
    out.resize(out.len().next_multiple_of(CONTENT_ALIGN), 0);
    let offset = u32::try_from(out.len()).map_err(|_| EncodeError::TooLarge)?;
    let len = u32::try_from(bytes.len()).map_err(|_| EncodeError::TooLarge)?;
    out.extend_from_slice(bytes);
    Ok((offset, len))
}

fn table<T: IntoBytes + Immutable>(out: &mut Vec<u8>, records: &[T]) -> Result<Table, EncodeError> {
    let (offset, _) = append(out, records.as_bytes())?;
    Ok(Table {
        offset,
        count: u32::try_from(records.len()).map_err(|_| EncodeError::TooLarge)?,
    })
}

fn overwrite(out: &mut [u8], offset: u32, bytes: &[u8]) {
    let start = offset as usize;
    out[start..start + bytes.len()].copy_from_slice(bytes);
}
