//! What each file must contain, kept in private memory and stated in the report region.

use client_report::{Counter, Report};

use crate::manifest::{FILES_MAX, Line};

const ENTRY: usize = 128;

/// Content of a file: how much, which version, which hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Bytes.
    pub size: u32,
    /// Rewrites so far.
    pub number: u32,
    /// SHA-256.
    pub hash: [u8; 32],
}

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Zero-padded.
    pub name: [u8; 16],
    /// It may be rewritten.
    pub rewrite: bool,
    /// Bytes when the host made it.
    pub original: u32,
    /// What it must contain.
    pub current: Version,
    /// What it contained before.
    pub previous: Option<Version>,
    /// What is being written; stays when the writing failed.
    pub next: Option<Version>,
    checks: u64,
    bad: u64,
}

/// All files.
#[derive(Debug)]
pub struct Table<'a> {
    report: Report<'a>,
    files: [Option<File>; FILES_MAX],
    len: usize,
}

impl<'a> Table<'a> {
    /// Without files.
    pub fn new(report: Report<'a>) -> Self {
        Self {
            report,
            files: [None; FILES_MAX],
            len: 0,
        }
    }

    /// Take a line of the manifest. False: no room.
    pub fn take(&mut self, line: Line) -> bool {
        if self.len >= self.report.room(ENTRY) {
            return false;
        }
        let Some(place) = self.files.get_mut(self.len) else {
            return false;
        };
        *place = Some(File {
            name: line.name,
            rewrite: line.rewrite,
            original: line.size,
            current: Version {
                size: line.size,
                number: 0,
                hash: line.hash,
            },
            previous: None,
            next: None,
            checks: 0,
            bad: 0,
        });
        self.len += 1;
        self.state(self.len - 1);
        self.report.set(Counter::Entries, self.len as u64);
        true
    }

    /// Files.
    pub fn len(&self) -> usize {
        self.len
    }

    /// A file.
    pub fn get(&self, index: usize) -> Option<&File> {
        self.files.get(index)?.as_ref()
    }

    /// `next` is what is going to be written.
    pub fn begin(&mut self, index: usize, next: Version) {
        self.change(index, |file| file.next = Some(next));
    }

    /// It was written and read back.
    pub fn complete(&mut self, index: usize) {
        self.change(index, |file| {
            if let Some(next) = file.next.take() {
                file.previous = Some(file.current);
                file.current = next;
            }
        });
    }

    /// The file was read and compared.
    pub fn checked(&mut self, index: usize, good: bool) {
        self.change(index, |file| {
            file.checks += 1;
            file.bad += u64::from(!good);
        });
    }

    fn change(&mut self, index: usize, change: impl FnOnce(&mut File)) {
        if let Some(Some(file)) = self.files.get_mut(index) {
            change(file);
            self.state(index);
        }
    }

    /// State the file in the report.
    fn state(&self, index: usize) {
        let Some(file) = self.get(index) else { return };
        let mut entry = [0u8; ENTRY];
        entry[..16].copy_from_slice(&file.name);
        for (offset, version) in [(16, Some(file.current)), (56, file.next)] {
            let version = version.unwrap_or_default();
            entry[offset..offset + 4].copy_from_slice(&version.size.to_le_bytes());
            entry[offset + 4..offset + 8].copy_from_slice(&version.number.to_le_bytes());
            entry[offset + 8..offset + 40].copy_from_slice(&version.hash);
        }
        entry[96..104].copy_from_slice(&file.checks.to_le_bytes());
        entry[104..112].copy_from_slice(&file.bad.to_le_bytes());
        for (word, bytes) in entry.as_chunks::<8>().0.iter().enumerate() {
            self.report
                .store_entry(index, ENTRY, word, u64::from_le_bytes(*bytes));
        }
    }
}
