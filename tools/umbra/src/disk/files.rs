//! The volume with files, from `docs/formats/file-check.md`.

use super::report::ClientReport;
use super::{Fault, Verdict};
use anyhow::{Context, Result};
use fatfs::{FileSystem, FormatVolumeOptions, FsOptions, format_volume};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::{Cursor, Read, Write};

/// Texts that are in every checkout, so that some of the files are what people really have.
const TEXTS: [(&str, &[u8]); 3] = [
    ("APACHE.TXT", include_bytes!("../../../../LICENSE-APACHE")),
    ("MIT.TXT", include_bytes!("../../../../LICENSE-MIT")),
    ("MAP.TXT", include_bytes!("../../../../ARCHITECTURE.md")),
];

/// Made-up files: around the sizes where file systems go wrong (sector, cluster), and large ones. (name, bytes, may be rewritten)
const MADE_UP: [(&str, usize, bool); 10] = [
    ("EMPTY.BIN", 0, false),
    ("ONE.BIN", 1, true),
    ("S511.BIN", 511, true),
    ("S512.BIN", 512, true),
    ("S513.BIN", 513, true),
    ("PAGE.BIN", 4096, true),
    ("MIDDLE.BIN", 20_000, true),
    ("BIG.BIN", 65_537, true),
    ("BIGGER.BIN", 200_000, true),
    ("KEEP.BIN", 300_000, false),
];

/// A volume of `len` bytes with the files and their manifest.
pub fn make(len: usize, seed: u64) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(vec![0; len]);
    format_volume(
        &mut bytes,
        FormatVolumeOptions::new().volume_label(*b"UMBRA      "),
    )?;
    let volume = FileSystem::new(&mut bytes, FsOptions::new())?;
    let mut manifest = format!("seed {seed}\n");
    let mut put = |name: &str, content: &[u8], kind: &str| -> Result<()> {
        volume.root_dir().create_file(name)?.write_all(content)?;
        writeln!(
            manifest,
            "{} {} {name} {kind}",
            hex(&Sha256::digest(content)),
            content.len()
        )?;
        Ok(())
    };
    for (name, content) in TEXTS {
        put(name, content, "keep")?;
    }
    for (number, (name, len, rewrite)) in (0..).zip(MADE_UP) {
        put(
            name,
            &noise(seed, number, len),
            if rewrite { "rewrite" } else { "keep" },
        )?;
    }
    volume
        .root_dir()
        .create_file("MANIFEST.TXT")?
        .write_all(manifest.as_bytes())?;
    volume.unmount()?;
    Ok(bytes.into_inner())
}

/// Bytes that do not compress: a hash chain.
fn noise(seed: u64, number: u64, len: usize) -> Vec<u8> {
    let mut state = Sha256::digest([seed.to_le_bytes(), number.to_le_bytes()].concat());
    let mut bytes = Vec::with_capacity(len + 32);
    while bytes.len() < len {
        bytes.extend_from_slice(&state);
        state = Sha256::digest(state);
    }
    bytes.truncate(len);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// An entry of the client's table.
struct Entry {
    name: String,
    size: u32,
    hash: Vec<u8>,
    being_written: bool,
}

impl Entry {
    fn parse(bytes: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default());
        Self {
            name: String::from_utf8_lossy(&bytes[..16])
                .trim_end_matches('\0')
                .to_owned(),
            size: number(16),
            hash: bytes[24..56].to_vec(),
            being_written: number(60) != 0,
        }
    }
}

/// A file of a volume.
pub fn read(partition: &[u8], name: &str) -> Result<Vec<u8>> {
    let volume = FileSystem::new(Cursor::new(partition.to_vec()), FsOptions::new())?;
    let mut content = Vec::new();
    let mut file = volume
        .root_dir()
        .open_file(name)
        .with_context(|| format!("opening {name}"))?;
    file.read_to_end(&mut content)?;
    Ok(content)
}

/// Compares the volume with the table.
pub fn check(partition: &[u8], report: &ClientReport, verdict: &mut Verdict) -> Result<()> {
    let volume = match FileSystem::new(Cursor::new(partition.to_vec()), FsOptions::new()) {
        Ok(volume) => volume,
        Err(error) => {
            verdict.find(Fault::Corrupt, || {
                format!("the FAT volume cannot be read: {error}")
            });
            return Ok(());
        }
    };
    // The host's own list, so that a client that forgets a file is found out.
    let must = TEXTS.len() + MADE_UP.len();
    let mut files = 0;
    for entry in report.entries().map(Entry::parse) {
        files += 1;
        if entry.being_written {
            verdict.find(Fault::Undecided, || format!("{} was being rewritten", entry.name));
            continue;
        }
        let mut content = Vec::new();
        let read = volume
            .root_dir()
            .open_file(&entry.name)
            .and_then(|mut file| file.read_to_end(&mut content));
        verdict.files += 1;
        if let Err(error) = read {
            verdict.find(Fault::Lost, || format!("file {}: {error}", entry.name));
        } else if content.len() != entry.size as usize || Sha256::digest(&content)[..] != entry.hash {
            verdict.find(Fault::Corrupt, || {
                format!(
                    "file {} holds {} bytes, not the {} with the SHA-256 reported",
                    entry.name,
                    content.len(),
                    entry.size
                )
            });
        }
    }
    if files != must {
        verdict.find(Fault::Undecided, || {
            format!("the client reports {files} files of {must}")
        });
    }
    Ok(())
}
