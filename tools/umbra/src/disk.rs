//! Disk images: made before the machine starts, checked after it has ended.
//!
//! The checker decides from the image and from what the clients reported (`docs/formats/`). It shares no code with the programs
//! on the target: both were written from the documents.

mod files;
mod raw;
mod report;
mod table;

pub use report::{ClientReport, Header, Kind, ReportError, State};

use anyhow::{Context, Result};
use std::path::Path;

/// Partition of `disk-check`.
pub const RAW: &str = "umbra-raw";
/// Partition of `file-check`.
pub const FAT: &str = "umbra-fat";

/// A disk image to make.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// MiB of the partition of blocks.
    pub raw_mib: u32,
    /// MiB of the partition with files.
    pub fat_mib: u32,
    /// Seed of all content.
    pub seed: u64,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            raw_mib: 16,
            fat_mib: 32,
            seed: 1,
        }
    }
}

/// Makes the image: a partition table, formatted blocks, a volume with files.
pub fn make(path: &Path, layout: &Layout) -> Result<()> {
    std::fs::write(path, image(layout)?).with_context(|| format!("writing {}", path.display()))
}

/// The image's bytes.
pub fn image(layout: &Layout) -> Result<Vec<u8>> {
    let mut image = table::make(&[(RAW, layout.raw_mib), (FAT, layout.fat_mib)])?;
    let blocks = table::find(&image, RAW)?;
    raw::format(&mut image[blocks], layout.seed);
    let volume = table::find(&image, FAT)?;
    let content = files::make(volume.len(), layout.seed).context("making the FAT volume")?;
    image[volume].copy_from_slice(&content);
    Ok(image)
}

/// What the disk and the reports say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Requests of all clients.
    pub requests: u64,
    /// Bytes that they read and wrote.
    pub bytes: u64,
    /// Requests that did not succeed.
    pub client_errors: u64,
    /// Acknowledged content that is not there: seen by a client, or on the disk in the end.
    pub lost: u64,
    /// Content that nobody wrote.
    pub corrupt: u64,
    /// Older content that came back.
    pub stale: u64,
    /// What could not be decided, because a client did not stop in order or did not say what it did.
    pub undecided: u64,
    /// Blocks and files that were looked at.
    pub blocks: u64,
    /// Files that were looked at.
    pub files: u64,
    /// The first faults, in words.
    pub findings: Vec<String>,
}

/// Most faults described in words.
const FINDINGS_MAX: usize = 12;

impl Verdict {
    /// Everything acknowledged is there, nothing else is, and no client met an error.
    pub fn holds(&self) -> bool {
        [
            self.client_errors,
            self.lost,
            self.corrupt,
            self.stale,
            self.undecided,
        ] == [0; 5]
            && self.requests > 0
            && self.blocks > 0
            && self.files > 0
    }

    fn find(&mut self, fault: Fault, what: impl FnOnce() -> String) {
        match fault {
            Fault::Lost => self.lost += 1,
            Fault::Stale => self.stale += 1,
            Fault::Corrupt => self.corrupt += 1,
            Fault::Undecided => self.undecided += 1,
        }
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(format!("{fault:?}: {}", what()));
        }
    }

    /// What the client itself counted.
    fn add_client(&mut self, report: &ClientReport) {
        let header = &report.header;
        self.requests += header.requests;
        self.bytes += header.bytes;
        self.client_errors += header.client_errors;
        self.lost += header.lost;
        self.stale += header.stale;
        self.corrupt += header.corrupt;
        if let Some(violation) = header.first_violation() {
            self.findings
                .push(format!("{:?} client saw {violation}", header.kind));
        }
        if header.state != State::Stopped {
            self.find(Fault::Undecided, || {
                format!(
                    "the {:?} client is not stopped but {:?} ({})",
                    header.kind, header.state, header.reason
                )
            });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Lost,
    Stale,
    Corrupt,
    Undecided,
}

/// Checks an image file of a machine that has ended.
pub fn check(path: &Path, disk_check: &ClientReport, file_check: &ClientReport) -> Result<Verdict> {
    let image = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    check_image(&image, disk_check, file_check)
}

/// A file of the FAT volume of an image.
pub fn file(image: &[u8], name: &str) -> Result<Vec<u8>> {
    files::read(&image[table::find(image, FAT)?], name)
}

/// As [`check`], of bytes.
pub fn check_image(image: &[u8], disk_check: &ClientReport, file_check: &ClientReport) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    for (report, kind) in [(disk_check, Kind::DiskCheck), (file_check, Kind::FileCheck)] {
        anyhow::ensure!(
            report.header.kind == kind,
            "the report is of {:?}, not of {kind:?}",
            report.header.kind
        );
        verdict.add_client(report);
    }
    raw::check(&image[table::find(image, RAW)?], disk_check, &mut verdict);
    files::check(&image[table::find(image, FAT)?], file_check, &mut verdict)?;
    Ok(verdict)
}

#[cfg(test)]
mod tests;
