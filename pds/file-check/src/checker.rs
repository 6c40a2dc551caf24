//! The work: file after file, read and compared, some of them rewritten.

use core::convert::Infallible;

use client_report::{Counter, Report, State, Violation, ViolationKind};
use embedded_sdmmc::{Error, Mode, RawDirectory, RawFile, RawVolume, VolumeIdx, VolumeManager};
use fat_partition::{DeviceError, Disk, NoClock, Sectors};
use sha2::{Digest, Sha256};

use crate::content::Content;
use crate::disk::Counted;
use crate::manifest;
use crate::table::{Table, Version};

const MANIFEST: &str = "MANIFEST.TXT";
/// Longest manifest: the greatest number of files, and some air.
const MANIFEST_MAX: usize = 4096;
/// Bytes moved at once between a file and memory.
const PIECE: usize = 4096;

/// Why the client cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// No session, no volume, or no manifest on it.
    NoVolume = 1,
    /// The manifest is malformed.
    Manifest = 2,
    /// The link of the session broke.
    Link = 3,
    /// No room for the table, or no file to check.
    NoRoom = 4,
}

type FsError = Error<DeviceError>;

/// The client's core.
pub struct Checker<'a, S: Sectors, C: Fn() -> u64> {
    report: Report<'a>,
    volumes: VolumeManager<Disk<Counted<'a, S, C>>, NoClock, 2, 2, 1>,
    volume: RawVolume,
    root: RawDirectory,
    table: Table<'a>,
    seed: u64,
    turn: usize,
    /// Client errors already accounted for.
    errors: u64,
}

impl<'a, S: Sectors, C: Fn() -> u64> Checker<'a, S, C> {
    /// Open the volume and read the manifest; `clock` is the counter, in ticks.
    ///
    /// # Errors
    /// Why it cannot work; the report says so too.
    pub fn open(sectors: S, clock: C, report: Report<'a>) -> Result<Self, Reason> {
        Self::try_open(Counted::new(sectors, clock, report), report)
            .inspect_err(|reason| report.set_state(State::Failed, *reason as u32))
    }

    fn try_open(sectors: Counted<'a, S, C>, report: Report<'a>) -> Result<Self, Reason> {
        let volumes = VolumeManager::new_with_limits(Disk::new(sectors), NoClock, 1);
        let volume = volumes
            .open_raw_volume(VolumeIdx(0))
            .map_err(|_| Reason::NoVolume)?;
        let root = volumes.open_root_dir(volume).map_err(|_| Reason::NoVolume)?;
        let mut text = [0; MANIFEST_MAX];
        let file = volumes
            .open_file_in_dir(root, MANIFEST, Mode::ReadOnly)
            .map_err(|_| Reason::NoVolume)?;
        let read = volumes.read(file, &mut text);
        let closed = volumes.close_file(file);
        let len = read
            .and_then(|len| closed.map(|()| len))
            .map_err(|_| Reason::NoVolume)?;
        let mut table = Table::new(report);
        let text = text.get(..len).unwrap_or(&[]);
        let seed = manifest::parse(text, |line| table.take(line)).map_err(|error| match error {
            manifest::ManifestError::TooMany => Reason::NoRoom,
            _ => Reason::Manifest,
        })?;
        if table.len() == 0 {
            return Err(Reason::NoRoom);
        }
        report.set(Counter::Seed, seed);
        report.set(Counter::LongestGap, 0);
        report.set_state(State::Running, 0);
        Ok(Self {
            report,
            volumes,
            volume,
            root,
            table,
            seed,
            turn: 0,
            errors: report.get(Counter::ClientErrors),
        })
    }

    /// The next file: compare it, and at every other turn rewrite it.
    pub fn step(&mut self) {
        let index = self.turn;
        self.turn += 1;
        if self.turn >= self.table.len() {
            self.turn = 0;
            self.report.add(Counter::MixedOrPasses, 1);
        }
        let Some(file) = self.table.get(index).copied() else {
            return;
        };
        // What a failed rewrite left is neither version; it is written again.
        if file.next.is_none() {
            let found = self.hash_file(index);
            self.compare(index, found, file.current, file.previous);
        }
        let odd = (self.report.get(Counter::MixedOrPasses) + index as u64) % 2 == 1;
        if file.rewrite && (odd || file.next.is_some()) {
            self.rewrite(index, file.original, file.current.number.wrapping_add(1));
        }
    }

    fn compare(
        &mut self,
        index: usize,
        found: Result<Version, FsError>,
        must: Version,
        previous: Option<Version>,
    ) -> bool {
        let found = match found {
            Ok(found) => found,
            Err(_) => {
                self.failed(index);
                return false;
            }
        };
        let same = |version: Version| version.size == found.size && version.hash == found.hash;
        let good = same(must);
        self.table.checked(index, good);
        if !good {
            let kind = if previous.is_some_and(same) {
                ViolationKind::Stale
            } else {
                ViolationKind::Corrupt
            };
            self.violation(kind, index, found.size.into(), must.size.into());
        }
        good
    }

    /// Replace the content; on failure what was to be written stays stated.
    fn rewrite(&mut self, index: usize, original: u32, number: u32) {
        let size = Content::size(self.seed, index, number, original);
        let mut hasher = Sha256::new();
        let Ok(()) = self.pieces(index, number, size, |piece| {
            hasher.update(piece);
            Ok::<(), Infallible>(())
        });
        let next = Version {
            size,
            number,
            hash: hasher.finalize().into(),
        };
        let Some(previous) = self.table.get(index).map(|file| file.current) else {
            return;
        };
        self.table.begin(index, next);
        let written = self.write_file(index, next).and_then(|()| {
            self.volumes
                .device(|disk| disk.flush())
                .map_err(Error::DeviceError)
        });
        if written.is_err() {
            self.failed(index);
            return;
        }
        self.report.add(Counter::Rewrites, 1);
        let found = self.hash_file(index);
        let readable = found.is_ok();
        self.compare(index, found, next, Some(previous));
        // Also if the comparison failed: it is counted, and the verdict is the host's.
        if readable {
            self.table.complete(index);
        }
    }

    /// The bytes of a version, piece by piece.
    fn pieces<E>(
        &self,
        index: usize,
        number: u32,
        size: u32,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut content = Content::new(self.seed, index, number);
        let mut piece = [0; PIECE];
        let mut left = size as usize;
        while left > 0 {
            let now = left.min(PIECE);
            content.fill(&mut piece[..now]);
            take(&piece[..now])?;
            left -= now;
        }
        Ok(())
    }

    fn write_file(&self, index: usize, next: Version) -> Result<(), FsError> {
        let file = self.open_file(index, Mode::ReadWriteTruncate)?;
        let written = self.pieces(index, next.number, next.size, |piece| {
            self.volumes.write(file, piece)
        });
        // Closing writes the directory entry; the handle is given back whatever happens.
        let closed = self.volumes.close_file(file);
        written.and(closed)
    }

    fn hash_file(&self, index: usize) -> Result<Version, FsError> {
        let file = self.open_file(index, Mode::ReadOnly)?;
        let hashed = self.hash_open_file(file);
        let closed = self.volumes.close_file(file);
        hashed.and_then(|version| closed.map(|()| version))
    }

    fn hash_open_file(&self, file: RawFile) -> Result<Version, FsError> {
        let size = self.volumes.file_length(file)?;
        let mut hasher = Sha256::new();
        let mut piece = [0; PIECE];
        let mut left = size;
        while left > 0 {
            let len = self.volumes.read(file, &mut piece)?.min(PIECE);
            if len == 0 {
                break;
            }
            hasher.update(&piece[..len]);
            left = left.saturating_sub(len as u32);
        }
        Ok(Version {
            size,
            number: 0,
            hash: hasher.finalize().into(),
        })
    }

    fn open_file(&self, index: usize, mode: Mode) -> Result<RawFile, FsError> {
        let file = self.table.get(index).ok_or(Error::NotFound)?;
        let end = file
            .name
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(file.name.len());
        let name = core::str::from_utf8(&file.name[..end]).map_err(|_| Error::NotFound)?;
        self.volumes.open_file_in_dir(self.root, name, mode)
    }

    /// An operation failed. If a request did, that is counted where it happened, whatever the library made of it; an error
    /// of the file system itself is counted here.
    fn failed(&mut self, index: usize) {
        if self.report.get(Counter::ClientErrors) == self.errors {
            self.violation(ViolationKind::ClientError, index, u64::MAX, 0);
        }
        self.errors = self.report.get(Counter::ClientErrors);
        // The library's one-sector cache may hold what could not be written: asking for the device empties it.
        self.volumes.device(|_| ());
    }

    fn violation(&self, kind: ViolationKind, index: usize, found: u64, must: u64) {
        self.report.violation(Violation {
            kind,
            index: index as u64,
            found,
            least: must,
            most: must,
        });
    }

    /// Close the volume, flush, and state that this client has stopped.
    pub fn stop(mut self) {
        self.report.set_state(State::Stopping, 0);
        let closed = self
            .volumes
            .close_dir(self.root)
            .and_then(|()| self.volumes.close_volume(self.volume))
            .and_then(|()| {
                self.volumes
                    .device(|disk| disk.flush())
                    .map_err(Error::DeviceError)
            });
        if closed.is_err() {
            self.failed(usize::MAX);
        }
        self.report.set_state(State::Stopped, 0);
    }
}
