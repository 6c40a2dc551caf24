//! What else survives control's death: the index of the package store and the records, in the state region behind the slots'
//! states ([`crate::state`]). Only control writes it; what it reads back is its own word, and is checked all the same.

use control_protocol::reply::MAX_PACKAGES;
use control_protocol::{PackageHash, Record};

use crate::history::{Asker, KEPT};
use crate::world::World;

/// Bytes of a package in the index: length, hash.
const PACKAGE: usize = 4 + size_of::<PackageHash>();
/// Bytes of a record: length of what follows, session, request, the record as it goes to the operator.
const RECORD: usize = 512;
/// Bytes before the record itself.
const RECORD_HEAD: usize = 2 + 8 + 4;
const RECORDS: usize = (MAX_PACKAGES * PACKAGE).next_multiple_of(RECORD);
/// Bytes of all of it.
pub const LEN: usize = RECORDS + KEPT * RECORD;

/// A session and request that nobody has: the record was not asked for.
const NOBODY: Asker = Asker {
    session: 0,
    request: 0,
};

/// Notes that a store slot has a whole package (length and hash), or not.
pub fn write_package(world: &mut impl World, slot: usize, package: Option<(u32, &PackageHash)>) {
    let mut bytes = [0; PACKAGE];
    if let Some((len, hash)) = package {
        bytes[..4].copy_from_slice(&len.to_le_bytes());
        bytes[4..].copy_from_slice(hash);
    }
    if slot < MAX_PACKAGES {
        world.keep(slot * PACKAGE, &bytes);
    }
}

/// The package in a store slot.
pub fn read_package(world: &mut impl World, slot: usize) -> Option<(u32, PackageHash)> {
    let mut bytes = [0; PACKAGE];
    world.kept((slot < MAX_PACKAGES).then_some(slot * PACKAGE)?, &mut bytes);
    let (len, hash) = bytes.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len);
    (len != 0).then_some((len, hash.try_into().ok()?))
}

/// Writes a record to a place below [`KEPT`].
pub fn write_record(world: &mut impl World, place: usize, record: &Record, asker: Option<Asker>) {
    let mut bytes = [0; RECORD];
    let (head, body) = bytes.split_at_mut(RECORD_HEAD);
    // Every record fits (tested below); one that did not would be forgotten.
    let len = postcard::to_slice(record, body).map_or(0, |used| used.len());
    let asker = asker.unwrap_or(NOBODY);
    head[..2].copy_from_slice(&(len as u16).to_le_bytes());
    head[2..10].copy_from_slice(&asker.session.to_le_bytes());
    head[10..].copy_from_slice(&asker.request.to_le_bytes());
    world.keep(RECORDS + place % KEPT * RECORD, &bytes[..RECORD_HEAD + len]);
}

/// The record at a place, and who asked for it.
pub fn read_record(world: &mut impl World, place: usize) -> Option<(Record, Option<Asker>)> {
    let mut bytes = [0; RECORD];
    world.kept(RECORDS + place % KEPT * RECORD, &mut bytes);
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    let (session, rest) = rest.split_first_chunk::<8>()?;
    let (request, body) = rest.split_first_chunk::<4>()?;
    let body = body.get(..usize::from(u16::from_le_bytes(*len)))?;
    let record: Record = postcard::from_bytes(body).ok()?;
    let asker = Asker {
        session: u64::from_le_bytes(*session),
        request: u32::from_le_bytes(*request),
    };
    (record.id != 0).then_some((record, Some(asker).filter(|asker| *asker != NOBODY)))
}

#[cfg(all(test, feature = "fake"))]
mod tests {
    use super::*;
    use crate::fake::FakeWorld;
    use control_protocol::record::{Figures, Kind, LABEL_MAX, Outcome, PackageLabel, Reason, State};

    #[test]
    fn longest_record_comes_back_with_its_asker() {
        let label = PackageLabel {
            hash: [255; 8],
            label: core::iter::repeat_n('x', LABEL_MAX).collect(),
        };
        let reason = Reason::Fault {
            label: u64::MAX,
            address: u64::MAX,
            pc: u64::MAX,
        };
        let most = u64::MAX;
        let record = Record {
            id: u32::MAX,
            device: 255,
            kind: Kind::Recovery,
            state: State::Done(Outcome::Offline(reason)),
            from: Some(label.clone()),
            to: Some(label.clone()),
            result: Some(label),
            cause: Some(reason),
            figures: Figures {
                began_ns: most,
                stage_ns: most,
                before_ns: most,
                quiesce_ns: most,
                cut_ns: most,
                reset_ns: most,
                attach_ns: most,
                enable_ns: most,
                total_ns: most,
                completions: most,
                blackout_ns: Some(most),
                client_gap_ns: Some(most),
                ..Figures::default()
            },
        };
        let asker = Some(Asker {
            session: 7,
            request: 9,
        });
        let mut world = FakeWorld::new(1, 1, 64, &[]);
        write_record(&mut world, 5, &record, asker);
        assert_eq!(read_record(&mut world, 5), Some((record, asker)));
        assert_eq!(read_record(&mut world, 6), None);
    }

    #[test]
    fn store_index_comes_back() {
        let mut world = FakeWorld::new(1, 1, 64, &[]);
        write_package(&mut world, 3, Some((77, &[9; 32])));
        assert_eq!(read_package(&mut world, 3), Some((77, [9; 32])));
        write_package(&mut world, 3, None);
        assert_eq!(read_package(&mut world, 3), None);
        assert_eq!(read_package(&mut world, MAX_PACKAGES), None);
    }
}
