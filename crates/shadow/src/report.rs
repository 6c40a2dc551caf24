//! A new generation's report of itself: copied once, believed only after these checks.

use device_class::report::{DriverReport, RECORD_MAX, STATE_FAILED, STATE_NONE, STATE_READY};
use supervision::shadow::Failure;
use zerocopy::FromBytes;

use crate::Class;

/// Details of [`Failure::BadReport`].
pub mod detail {
    /// Another generation's.
    pub const GENERATION: u64 = 1;
    /// Another class's.
    pub const CLASS: u64 = 2;
    /// The record has another length.
    pub const LENGTH: u64 = 3;
    /// The record cannot be that of a device of the class.
    pub const RECORD: u64 = 4;
    /// The state is not known.
    pub const STATE: u64 = 5;
}

/// What a report says.
pub enum Report<R> {
    /// Nothing yet.
    None,
    /// The driver runs with this record.
    Ready(R),
    /// The driver is no good: why, with a detail.
    Bad(Failure, u64),
}

/// Judge a copy of the report. `stale` is what stood in the page when the side was attached: root clears it before the new
/// generation starts, but we may look earlier. It is an earlier generation's whatever it says, because that one could
/// write there, and could guess our generation's number.
pub fn judge<C: Class>(
    report: &DriverReport,
    generation: u32,
    stale: Option<&DriverReport>,
) -> Report<C::Record> {
    let bad = |detail| Report::Bad(Failure::BadReport, detail);
    if report.state == STATE_NONE || stale == Some(report) {
        return Report::None;
    }
    if report.generation != generation {
        return if stale.is_some_and(|stale| stale.generation == report.generation) {
            Report::None
        } else {
            bad(detail::GENERATION)
        };
    }
    match report.state {
        STATE_FAILED => Report::Bad(Failure::Probe, report.reason.into()),
        STATE_READY if report.class != C::ID => bad(detail::CLASS),
        STATE_READY if report.record_len as usize != size_of::<C::Record>() => bad(detail::LENGTH),
        STATE_READY => match record::<C>(&report.record) {
            Some(record) => Report::Ready(record),
            None => bad(detail::RECORD),
        },
        _ => bad(detail::STATE),
    }
}

fn record<C: Class>(bytes: &[u8; RECORD_MAX]) -> Option<C::Record> {
    let (record, _) = C::Record::read_from_prefix(bytes).ok()?;
    C::sane(&record).then_some(record)
}
