//! Report regions of the checking clients, read from `docs/formats/client-report.md`.

use std::fmt;

/// Whose report it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `disk-check`
    DiskCheck,
    /// `file-check`
    FileCheck,
    /// `net-check`
    NetCheck,
}

/// Where the client is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Learns what is on the disk.
    Starting,
    /// Loads the disk.
    Running,
    /// Drains.
    Stopping,
    /// Will write nothing any more.
    Stopped,
    /// Could not work.
    Failed,
}

/// Why bytes are no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Too short for the header, or for the entries it promises.
    #[error("the report is too short ({0} bytes)")]
    Short(usize),
    /// The client has not begun its report.
    #[error("the client has not begun its report")]
    NotBegun,
    /// Another version, an unknown kind or state.
    #[error("the report's {0} is unknown")]
    Unknown(&'static str),
}

/// The header's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose.
    pub kind: Kind,
    /// State.
    pub state: State,
    /// Why it failed.
    pub reason: u32,
    /// Seed of the content.
    pub seed: u64,
    /// Entries.
    pub entries: u64,
    /// Requests completed.
    pub requests: u64,
    /// Bytes transferred.
    pub bytes: u64,
    /// Requests that failed.
    pub client_errors: u64,
    /// Reads of what nobody wrote.
    pub corrupt: u64,
    /// Reads of old content that came back.
    pub stale: u64,
    /// Reads that missed acknowledged content.
    pub lost: u64,
    /// Longest time between two completions, ticks.
    pub longest_gap: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
    /// Legal mixtures, or rounds over all files.
    pub mixed_or_passes: u64,
    /// Files rewritten.
    pub rewrites: u64,
    violation: [u64; 5],
}

impl Header {
    /// Bytes of the header.
    pub const LEN: usize = 4096;

    /// Reads a header; the bytes may be longer.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        let short = ReportError::Short(bytes.len());
        let word = |index: usize| {
            bytes
                .get(8 * index..8 * index + 8)
                .map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()))
        };
        let at = |index: usize| word(index).ok_or(short);
        if bytes.get(..8).ok_or(short)? != b"UMBRARPT" {
            return Err(ReportError::NotBegun);
        }
        if at(1)? & 0xffff_ffff != 1 {
            return Err(ReportError::Unknown("version"));
        }
        let kind = match at(1)? >> 32 {
            1 => Kind::DiskCheck,
            2 => Kind::FileCheck,
            3 => Kind::NetCheck,
            _ => return Err(ReportError::Unknown("kind")),
        };
        let state = match at(2)? & 0xffff_ffff {
            0 => State::Starting,
            1 => State::Running,
            2 => State::Stopping,
            3 => State::Stopped,
            4 => State::Failed,
            _ => return Err(ReportError::Unknown("state")),
        };
        Ok(Self {
            kind,
            state,
            reason: (at(2)? >> 32) as u32,
            seed: at(3)?,
            entries: at(4)?,
            requests: at(5)?,
            bytes: at(6)?,
            client_errors: at(7)?,
            corrupt: at(8)?,
            stale: at(9)?,
            lost: at(10)?,
            longest_gap: at(11)?,
            reads: at(12)?,
            writes: at(13)?,
            mixed_or_passes: at(15)?,
            rewrites: at(16)?,
            violation: [at(17)?, at(18)?, at(19)?, at(20)?, at(21)?],
        })
    }

    /// What the client saw first that must not be, in words.
    pub fn first_violation(&self) -> Option<impl fmt::Display> {
        let [kind, index, found, least, most] = self.violation;
        let name = match kind {
            0 => return None,
            1 => "corrupt content",
            2 => "stale content",
            3 => "a lost write",
            4 => return Some(format!("an error: request to {index} ended with status {found}")),
            _ => "a violation of an unknown kind",
        };
        Some(format!(
            "{name} in {index}: found {found}, legal {least} to {most}"
        ))
    }
}

/// A whole report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientReport {
    /// Its header.
    pub header: Header,
    entries: Vec<u8>,
}

impl ClientReport {
    /// Reads a report region; it may be cut behind the last entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        let header = Header::parse(bytes)?;
        let short = ReportError::Short(bytes.len());
        let entries = bytes.get(Header::LEN..Self::len(&header)).ok_or(short)?;
        Ok(Self {
            entries: entries.to_vec(),
            header,
        })
    }

    /// Bytes of the report that count: header and entries.
    pub fn len(header: &Header) -> usize {
        let entries = usize::try_from(header.entries).unwrap_or(usize::MAX);
        entries
            .saturating_mul(Self::entry_len(header.kind))
            .saturating_add(Header::LEN)
    }

    fn entry_len(kind: Kind) -> usize {
        match kind {
            Kind::DiskCheck => 16,
            Kind::FileCheck => 128,
            // It keeps none; a length all the same, since entries are counted by it.
            Kind::NetCheck => 8,
        }
    }

    /// The entries' bytes.
    pub(super) fn entries(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.chunks_exact(Self::entry_len(self.header.kind))
    }
}
