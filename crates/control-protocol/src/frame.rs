//! One frame: header, payload, CRC-32. All numbers little-endian.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | magic | [`MAGIC`] |
//! | 4 | version: u16 | [`VERSION`] of the payload; the frame itself is the same in every version |
//! | 6 | kind: u8 | [`Kind`] |
//! | 7 | reserved: u8 | 0 |
//! | 8 | session: u64 | random number of the asker |
//! | 16 | request: u32 | the asker's count of requests, the same in the answer |
//! | 20 | length: u16 | bytes of payload, at most [`MAX_PAYLOAD`] |
//! | 22 | check: u16 | low half of the CRC-32 of bytes 0 to 21: a damaged length is seen before it is waited for |
//! | 24 | payload | |
//! | 24 + length | CRC-32 | ISO-HDLC, of all bytes before it |

use crc::{CRC_32_ISO_HDLC, Crc, Table};
use serde::{Deserialize, Serialize};

/// First bytes of a frame; no text and no terminal sends them.
pub const MAGIC: [u8; 4] = [0xf5, b'U', b'm', 0xb7];
/// Version of requests and replies that this crate speaks.
pub const VERSION: u16 = 7;
/// Bytes before the payload.
pub const HEADER: usize = 24;
/// Bytes after the payload.
pub const TRAILER: usize = 4;
/// Longest payload: a chunk and what stands around it.
pub const MAX_PAYLOAD: usize = crate::CHUNK_MAX + 256;
/// Longest frame.
pub const MAX_FRAME: usize = HEADER + MAX_PAYLOAD + TRAILER;

const CRC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A [`Request`](crate::Request).
    Request = 1,
    /// A [`Reply`](crate::Reply).
    Reply = 2,
    /// The answer to a request of a version we do not speak: the payload is empty and the frame's version is ours.
    OtherVersion = 3,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Request,
            2 => Self::Reply,
            3 => Self::OtherVersion,
            _ => return None,
        })
    }
}

/// A frame that arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Version of the payload.
    pub version: u16,
    /// What the payload is.
    pub kind: Kind,
    /// The asker.
    pub session: u64,
    /// The question.
    pub request: u32,
    /// Bytes to be read by [`Frame::message`].
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The payload as a message; `None` if it is not one, or of another version, or something follows it.
    pub fn message<T: Deserialize<'a>>(&self) -> Option<T> {
        if self.version != VERSION {
            return None;
        }
        match postcard::take_from_bytes(self.payload) {
            Ok((message, [])) => Some(message),
            _ => None,
        }
    }
}

/// Writes a frame with `message` as payload into `buffer` and returns its bytes; `None` if the message is too long.
pub fn encode<'b>(
    buffer: &'b mut [u8; MAX_FRAME],
    kind: Kind,
    session: u64,
    request: u32,
    message: &impl Serialize,
) -> Option<&'b [u8]> {
    let len = postcard::to_slice(message, &mut buffer[HEADER..HEADER + MAX_PAYLOAD])
        .ok()?
        .len();
    Some(seal(buffer, VERSION, kind, session, request, len))
}

/// Writes the answer to a request of another version.
pub fn encode_other_version(buffer: &mut [u8; MAX_FRAME], session: u64, request: u32) -> &[u8] {
    seal(buffer, VERSION, Kind::OtherVersion, session, request, 0)
}

/// Writes a frame around payload bytes that are a message already (an answer kept for a repeated question).
/// `None` if they are too long.
pub fn encode_bytes<'b>(
    buffer: &'b mut [u8; MAX_FRAME],
    kind: Kind,
    session: u64,
    request: u32,
    payload: &[u8],
) -> Option<&'b [u8]> {
    buffer[HEADER..HEADER + MAX_PAYLOAD]
        .get_mut(..payload.len())?
        .copy_from_slice(payload);
    Some(seal(buffer, VERSION, kind, session, request, payload.len()))
}

/// Header and CRC around `len` bytes of payload that stand in the buffer. `len` is at most `MAX_PAYLOAD`.
fn seal(
    buffer: &mut [u8; MAX_FRAME],
    version: u16,
    kind: Kind,
    session: u64,
    request: u32,
    len: usize,
) -> &[u8] {
    buffer[0..4].copy_from_slice(&MAGIC);
    buffer[4..6].copy_from_slice(&version.to_le_bytes());
    buffer[6] = kind as u8;
    buffer[7] = 0;
    buffer[8..16].copy_from_slice(&session.to_le_bytes());
    buffer[16..20].copy_from_slice(&request.to_le_bytes());
    buffer[20..22].copy_from_slice(&(len as u16).to_le_bytes());
    let check = CRC.checksum(&buffer[..22]) as u16;
    buffer[22..24].copy_from_slice(&check.to_le_bytes());
    let crc = CRC.checksum(&buffer[..HEADER + len]);
    buffer[HEADER + len..][..TRAILER].copy_from_slice(&crc.to_le_bytes());
    &buffer[..HEADER + len + TRAILER]
}

/// What the first bytes of a buffer are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A whole frame of so many bytes.
    Whole(Header, usize),
    /// Perhaps the beginning of one (no bytes at all are).
    Partial,
    /// No frame begins with these bytes.
    Not,
    /// The header is right and what follows is damaged.
    Damaged,
}

/// What a header says of the frame beside its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    version: u16,
    kind: Kind,
    session: u64,
    request: u32,
}

impl Header {
    /// The frame, whose bytes are `bytes`.
    pub(crate) fn with_payload(self, bytes: &[u8]) -> Frame<'_> {
        let payload = bytes
            .get(HEADER..bytes.len().saturating_sub(TRAILER))
            .unwrap_or(&[]);
        Frame {
            version: self.version,
            kind: self.kind,
            session: self.session,
            request: self.request,
            payload,
        }
    }
}

/// Reads the frame at the start of `bytes`.
pub(crate) fn parse(bytes: &[u8]) -> Start {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        let known = bytes.len().min(MAGIC.len());
        return if bytes[..known] == MAGIC[..known] {
            Start::Partial
        } else {
            Start::Not
        };
    };
    let [
        m0,
        m1,
        m2,
        m3,
        v0,
        v1,
        kind,
        reserved,
        s @ ..,
        r0,
        r1,
        r2,
        r3,
        l0,
        l1,
        c0,
        c1,
    ] = *header;
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    if [m0, m1, m2, m3] != MAGIC || reserved != 0 || len > MAX_PAYLOAD {
        return Start::Not;
    }
    if CRC.checksum(&header[..22]) as u16 != u16::from_le_bytes([c0, c1]) {
        return Start::Not;
    }
    let Some(kind) = Kind::from_byte(kind) else {
        return Start::Not;
    };
    let Some((sealed, rest)) = bytes.split_at_checked(HEADER + len) else {
        return Start::Partial;
    };
    let Some(crc) = rest.first_chunk::<TRAILER>() else {
        return Start::Partial;
    };
    if CRC.checksum(sealed) != u32::from_le_bytes(*crc) {
        return Start::Damaged;
    }
    let header = Header {
        version: u16::from_le_bytes([v0, v1]),
        kind,
        session: u64::from_le_bytes(s),
        request: u32::from_le_bytes([r0, r1, r2, r3]),
    };
    Start::Whole(header, HEADER + len + TRAILER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Figures, LABEL_MAX, Outcome, PackageLabel, Reason, Record, State};
    use crate::reply::{HISTORY_PAGE, Reply};

    const WORST_REASON: Reason = Reason::Fault {
        label: u64::MAX,
        address: u64::MAX,
        pc: u64::MAX,
    };

    fn worst_record() -> Record {
        let label = PackageLabel {
            hash: [255; 8],
            label: core::iter::repeat_n('x', LABEL_MAX).collect(),
        };
        let reason = WORST_REASON;
        Record {
            id: u32::MAX,
            device: u8::MAX,
            kind: crate::record::Kind::Recovery,
            state: State::Done(Outcome::Offline(reason)),
            from: Some(label.clone()),
            to: Some(label.clone()),
            result: Some(label),
            cause: Some(reason),
            figures: Figures {
                began_ns: u64::MAX,
                stage_ns: u64::MAX,
                before_ns: u64::MAX,
                quiesce_ns: u64::MAX,
                cut_ns: u64::MAX,
                reset_ns: u64::MAX,
                attach_ns: u64::MAX,
                enable_ns: u64::MAX,
                total_ns: u64::MAX,
                blackout_ns: Some(u64::MAX),
                client_gap_ns: Some(u64::MAX),
                completions: u64::MAX,
                in_flight: u32::MAX,
                undrained: u32::MAX,
                resubmitted: u32::MAX,
                queued: u32::MAX,
            },
        }
    }

    #[test]
    fn longest_replies_fit_a_frame() {
        let mut buffer = [0; MAX_FRAME];
        let records = core::iter::repeat_n(worst_record(), HISTORY_PAGE).collect();
        let history = Reply::History { records, more: true };
        assert!(encode(&mut buffer, Kind::Reply, u64::MAX, u32::MAX, &history).is_some());
        let bytes = [0xff; crate::CHUNK_MAX];
        let trace = Reply::Trace {
            next: u64::MAX,
            lost: u64::MAX,
            bytes: &bytes,
        };
        assert!(encode(&mut buffer, Kind::Reply, u64::MAX, u32::MAX, &trace).is_some());
        let package = crate::reply::Package {
            slot: 255,
            sha256: [0; 32],
            len: u32::MAX,
            label: core::iter::repeat_n('x', LABEL_MAX).collect(),
            kept: true,
        };
        let packages = Reply::Packages(core::iter::repeat_n(package, crate::reply::MAX_PACKAGES).collect());
        assert!(encode(&mut buffer, Kind::Reply, u64::MAX, u32::MAX, &packages).is_some());
        let record = worst_record();
        let tried = crate::reply::Tried {
            package: record.from.clone(),
            times: u32::MAX,
            last_ns: u64::MAX,
            reason: WORST_REASON,
        };
        let device = crate::reply::Device {
            name: core::iter::repeat_n('x', crate::reply::NAME_MAX).collect(),
            class: u32::MAX,
            condition: crate::reply::Condition::Offline(WORST_REASON),
            generation: u32::MAX,
            package: record.from.clone(),
            previous: record.from.clone(),
            staged: record.from.clone(),
            awaits_commit: true,
            security_floor: u32::MAX,
            updates: u32::MAX,
            failures: u32::MAX,
            causes: [u32::MAX; crate::cause::Cause::COUNT],
            tried: core::iter::repeat_n(tried, crate::reply::MAX_TRIED).collect(),
        };
        let status = Reply::Status(crate::reply::Status {
            now_ns: u64::MAX,
            devices: core::iter::repeat_n(device, crate::reply::MAX_DEVICES).collect(),
            skipped_bytes: u64::MAX,
            damaged_frames: u64::MAX,
        });
        assert!(encode(&mut buffer, Kind::Reply, u64::MAX, u32::MAX, &status).is_some());
        let chunk = crate::Request::UploadChunk {
            slot: 255,
            offset: u32::MAX,
            bytes: &bytes,
        };
        assert!(encode(&mut buffer, Kind::Request, u64::MAX, u32::MAX, &chunk).is_some());
    }

    #[test]
    fn every_damaged_bit_is_noticed() {
        let mut buffer = [0; MAX_FRAME];
        let len =
            encode(&mut buffer, Kind::Request, 7, 9, &crate::Request::Job { id: 77 }).map_or(0, <[u8]>::len);
        for bit in 0..len * 8 {
            buffer[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(
                parse(&buffer[..len]),
                Start::Not | Start::Damaged | Start::Partial
            ));
            buffer[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(matches!(parse(&buffer[..len]), Start::Whole(_, n) if n == len));
    }
}
