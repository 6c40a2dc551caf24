//! The volume: paths, open files, and who shares them.

use core::ops::ControlFlow;

use embedded_sdmmc::{BlockIdx, DirEntry, Error, Mode as FatMode, RawDirectory, RawFile, RawVolume};
use embedded_sdmmc::{VolumeIdx, VolumeManager};
use fat_partition::{DeviceError, Disk, NoClock, Sectors};
use file_service::{DEPTH_MAX, ENTRY_DIRECTORY, ENTRY_READ_ONLY, Entry, HANDLES_MAX, Mode, PATH_MAX, Status};

/// Most sessions.
pub const SESSIONS_MAX: usize = 4;
/// Most files that are open at the same time: no session can take another's.
pub const FILES_MAX: usize = SESSIONS_MAX * HANDLES_MAX;

/// Directories that are open while a path is walked: one, and the one in it.
const WALK: usize = 2;

/// Most entries of a directory: FAT's limit, and an end for a directory that leads back to itself.
const DIRECTORY_MAX: u64 = 65_536;

/// Longest file of FAT, in bytes.
const FILE_MAX: u64 = u32::MAX as u64;

type FatError = Error<DeviceError>;

/// Number of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(usize);

/// Where the directory entry lies: what makes two paths lead to the same file.
type Place = (BlockIdx, u32);

#[derive(Clone, Copy, Debug)]
struct OpenFile {
    raw: RawFile,
    place: Place,
    /// Bytes by now; the directory entry has those of the last flush.
    size: u32,
    /// Handles.
    users: usize,
    writer: bool,
}

/// A FAT volume.
pub struct Volume<S: Sectors> {
    fat: VolumeManager<Disk<S>, NoClock, WALK, FILES_MAX, 1>,
    volume: RawVolume,
    files: [Option<OpenFile>; FILES_MAX],
}

impl<S: Sectors> Volume<S> {
    /// Opens the volume.
    ///
    /// # Errors
    /// [`Status::IoError`]: the disk failed, or there is no FAT volume on it.
    pub fn open(sectors: S) -> Result<Self, Status> {
        let fat = VolumeManager::new_with_limits(Disk::new(sectors), NoClock, 1);
        let volume = fat.open_raw_volume(VolumeIdx(0)).map_err(|_| Status::IoError)?;
        Ok(Self {
            fat,
            volume,
            files: [None; FILES_MAX],
        })
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As [`file_service::Op::Open`] says.
    pub fn open_file(&mut self, path: &[u8], mode: Mode) -> Result<FileId, Status> {
        let (components, name) = split(path)?;
        let opened = self.in_directory(components, |volume, directory| {
            volume.open_in(directory, name, mode)
        });
        self.settle(opened)
    }

    /// One handle less.
    ///
    /// # Errors
    /// [`Status::IoError`]: what was written may not all have reached the disk. The handle is closed all the same.
    pub fn close_file(&mut self, id: FileId) -> Result<(), Status> {
        let place = self.files.get_mut(id.0).ok_or(Status::BadHandle)?;
        let file = place.as_mut().ok_or(Status::BadHandle)?;
        file.users = file.users.saturating_sub(1);
        if file.users > 0 {
            return Ok(());
        }
        let raw = file.raw;
        *place = None;
        let closed = self.fat.close_file(raw).map_err(status);
        self.settle(closed)
    }

    /// Reads at `position`; fewer bytes than asked for: the file ends there.
    ///
    /// # Errors
    /// [`Status::OutOfRange`], [`Status::IoError`].
    pub fn read(&mut self, id: FileId, position: u64, data: &mut [u8]) -> Result<usize, Status> {
        let raw = self.seek(id, position)?;
        let read = self.fat.read(raw, data).map_err(status);
        self.settle(read)
    }

    /// Writes at `position`, which is not behind the file's end. How many bytes, and how it ended.
    pub fn write(&mut self, id: FileId, position: u64, data: &[u8]) -> (usize, Result<(), Status>) {
        let room = usize::try_from(FILE_MAX.saturating_sub(position)).unwrap_or(usize::MAX);
        let now = data.get(..room).unwrap_or(data);
        let raw = match self.seek(id, position) {
            Ok(raw) => raw,
            Err(status) => return (0, Err(status)),
        };
        let outcome = self.fat.write(raw, now).map_err(status);
        let reached = self.fat.file_offset(raw).unwrap_or(0);
        let written = u64::from(reached).saturating_sub(position) as usize;
        if let Some(Some(file)) = self.files.get_mut(id.0) {
            file.size = file.size.max(reached);
        }
        let outcome = self.settle(outcome);
        if outcome.is_ok() && now.len() < data.len() {
            return (written, Err(Status::NoSpace));
        }
        (written, outcome)
    }

    /// What a path leads to.
    ///
    /// # Errors
    /// [`Status::NotFound`], [`Status::BadPath`], [`Status::WrongKind`], [`Status::IoError`].
    pub fn stat(&mut self, path: &[u8]) -> Result<Entry, Status> {
        if path == b"/" {
            return Ok(Entry {
                flags: ENTRY_DIRECTORY,
                ..Entry::default()
            });
        }
        let (components, name) = split(path)?;
        let found = self.in_directory(components, |volume, directory| {
            volume.fat.find_directory_entry(directory, name).map_err(status)
        });
        let found = self.settle(found)?;
        Ok(self.entry(&found))
    }

    /// Calls `take` with the entries of a directory from number `first`, until it says no.
    ///
    /// # Errors
    /// As `stat`.
    pub fn list(
        &mut self,
        path: &[u8],
        first: u64,
        mut take: impl FnMut(&Entry) -> bool,
    ) -> Result<(), Status> {
        let components = below_root(path)?;
        let listed = self.in_directory(components, |volume, directory| {
            let mut number = 0;
            let listed = volume.fat.iterate_dir(directory, |found| {
                let above = found.name.base_name().starts_with(b".");
                if above || found.attributes.is_volume() {
                    return ControlFlow::Continue(());
                }
                number += 1;
                if number <= first || take(&volume.entry(found)) && number < DIRECTORY_MAX {
                    ControlFlow::Continue(())
                } else {
                    ControlFlow::Break(())
                }
            });
            listed.map_err(status)
        });
        self.settle(listed)
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// [`Status::IoError`].
    pub fn sync(&mut self) -> Result<(), Status> {
        let mut outcome = Ok(());
        for file in self.files.iter().flatten().filter(|file| file.writer) {
            outcome = outcome.and(self.fat.flush_file(file.raw).map_err(status));
        }
        let flushed = self.fat.device(|disk| disk.flush()).map_err(|_| Status::IoError);
        self.settle(outcome.and(flushed))
    }

    fn open_in(&mut self, directory: RawDirectory, name: &str, mode: Mode) -> Result<FileId, Status> {
        // Asked first: the library takes a failure of the disk for "there is none", and would make a second one.
        let found = match self.fat.find_directory_entry(directory, name) {
            Ok(found) => Some(found),
            Err(Error::NotFound) if mode != Mode::Read => None,
            Err(error) => return Err(status(error)),
        };
        let place = found.as_ref().map(place);
        let open = |file: &OpenFile| Some(file.place) == place;
        if let Some(index) = self.files.iter().position(|file| file.as_ref().is_some_and(open)) {
            return self.share(index, mode);
        }
        let index = self
            .files
            .iter()
            .position(Option::is_none)
            .ok_or(Status::TooMany)?;
        let fat_mode = match (mode, &found) {
            (Mode::Read, _) => FatMode::ReadOnly,
            (Mode::Write, Some(_)) => FatMode::ReadWriteAppend,
            (Mode::Truncate, Some(_)) => FatMode::ReadWriteTruncate,
            (_, None) => FatMode::ReadWriteCreate,
        };
        let raw = self
            .fat
            .open_file_in_dir(directory, name, fat_mode)
            .map_err(status)?;
        let known = match place {
            Some(place) => Ok(place),
            None => self
                .fat
                .find_directory_entry(directory, name)
                .map(|made| self::place(&made)),
        };
        let known = known.and_then(|place| Ok((place, self.fat.file_length(raw)?)));
        let (place, size) = known.map_err(|error| {
            // Nothing was written to it, so closing it has nothing to do.
            let _ = self.fat.close_file(raw);
            status(error)
        })?;
        self.files[index] = Some(OpenFile {
            raw,
            place,
            size,
            users: 1,
            writer: mode != Mode::Read,
        });
        Ok(FileId(index))
    }

    /// One more reader of a file that is open.
    fn share(&mut self, index: usize, mode: Mode) -> Result<FileId, Status> {
        match &mut self.files[index] {
            Some(file) if mode == Mode::Read && !file.writer => {
                file.users += 1;
                Ok(FileId(index))
            }
            _ => Err(Status::Busy),
        }
    }

    /// The file, its position set.
    fn seek(&self, id: FileId, position: u64) -> Result<RawFile, Status> {
        let file = self.files.get(id.0).ok_or(Status::BadHandle)?;
        let raw = file.as_ref().ok_or(Status::BadHandle)?.raw;
        let position = u32::try_from(position).map_err(|_| Status::OutOfRange)?;
        self.fat
            .file_seek_from_start(raw, position)
            .map_err(|_| Status::OutOfRange)?;
        Ok(raw)
    }

    /// Walks to a directory and does something there.
    fn in_directory<T>(
        &mut self,
        path: &[u8],
        work: impl FnOnce(&mut Self, RawDirectory) -> Result<T, Status>,
    ) -> Result<T, Status> {
        let mut directory = self.fat.open_root_dir(self.volume).map_err(status)?;
        let whole = Some(path).filter(|path| !path.is_empty());
        for component in whole.iter().flat_map(|path| path.split(|byte| *byte == b'/')) {
            let below =
                component_name(component).and_then(|name| self.fat.open_dir(directory, name).map_err(status));
            let _ = self.fat.close_dir(directory);
            directory = below?;
        }
        let outcome = work(self, directory);
        let _ = self.fat.close_dir(directory);
        outcome
    }

    /// An entry as clients see it: of an open file the size it has by now.
    fn entry(&self, found: &DirEntry) -> Entry {
        let mut entry = Entry {
            flags: if found.attributes.is_directory() {
                ENTRY_DIRECTORY
            } else {
                0
            },
            modified: u32::from_le_bytes(found.mtime.serialize_to_fat()),
            ..Entry::default()
        };
        if found.attributes.is_read_only() {
            entry.flags |= ENTRY_READ_ONLY;
        }
        let (base, extension) = (found.name.base_name(), found.name.extension());
        let dot: &[u8] = if extension.is_empty() { b"" } else { b"." };
        let name = base.iter().chain(dot).chain(extension);
        for (target, byte) in entry.name.iter_mut().zip(name) {
            *target = *byte;
        }
        if entry.flags & ENTRY_DIRECTORY == 0 {
            let mut open = self.files.iter().flatten();
            let open = open.find(|file| file.place == place(found));
            entry.size = open.map_or(found.size, |file| file.size);
        }
        entry
    }

    /// The library keeps one sector, which may be one that could not be written: asking for the device makes it forget.
    fn settle<T>(&self, outcome: Result<T, Status>) -> Result<T, Status> {
        if matches!(outcome, Err(Status::IoError)) {
            self.fat.device(|_| ());
        }
        outcome
    }
}

fn place(entry: &DirEntry) -> Place {
    (entry.entry_block, entry.entry_offset)
}

/// The path without its root; empty: the root itself.
fn below_root(path: &[u8]) -> Result<&[u8], Status> {
    let rest = path.strip_prefix(b"/").ok_or(Status::BadPath)?;
    let depth = rest.split(|byte| *byte == b'/').count();
    if path.len() > PATH_MAX || depth > DEPTH_MAX {
        return Err(Status::BadPath);
    }
    Ok(rest)
}

/// Directory and name.
fn split(path: &[u8]) -> Result<(&[u8], &str), Status> {
    let rest = below_root(path)?;
    let (directory, name) = match rest.iter().rposition(|byte| *byte == b'/') {
        // An empty directory in front of a slash is a component without a name, not the root.
        Some(0) => return Err(Status::BadPath),
        Some(slash) => (&rest[..slash], &rest[slash + 1..]),
        None => (&[][..], rest),
    };
    Ok((directory, component_name(name)?))
}

/// A component that names something below: the library reads an empty one and `.` as "here", and `..` as "above".
fn component_name(component: &[u8]) -> Result<&str, Status> {
    match component {
        b"" | b"." | b".." => Err(Status::BadPath),
        _ => core::str::from_utf8(component).map_err(|_| Status::BadPath),
    }
}

fn status(error: FatError) -> Status {
    match error {
        Error::NotFound => Status::NotFound,
        Error::FilenameError(_) => Status::BadPath,
        Error::OpenedDirAsFile | Error::OpenedFileAsDir => Status::WrongKind,
        Error::TooManyOpenFiles => Status::TooMany,
        Error::ReadOnly => Status::ReadOnly,
        Error::DiskFull | Error::NotEnoughSpace => Status::NoSpace,
        _ => Status::IoError,
    }
}
