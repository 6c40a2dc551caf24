//! A program's instructions, and where they come from.

use crate::image::elf::Elf;
use anyhow::{Context, Result, anyhow};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

/// Whose code an instruction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// This workspace's.
    Own,
    /// The published driver crate's.
    DriverCrate,
}

/// A program that may run.
pub struct Program {
    /// Its name.
    pub name: String,
    elf: Elf,
    debug: addr2line::Loader,
    known: RefCell<HashMap<u64, Option<Origin>>>,
}

/// Where an instruction comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whose code it is.
    pub source: Source,
    /// The function, inlined or not.
    pub function: Rc<str>,
}

impl Origin {
    /// Code that says nothing of where it comes from, such as assembly.
    pub fn none() -> Self {
        Self {
            source: Source::Own,
            function: "(no debug information)".into(),
        }
    }
}

/// Published driver crates, and the crates of contracts that they are written against, by their folders in cargo's registry.
const DRIVER_CRATES: [&str; 4] = ["/virtio-drivers-", "/nvme-driver-", "/rdif-block-", "/dma-api-"];

impl Program {
    /// Reads the ELF file with its debug information.
    pub fn read(name: &str, path: &Path) -> Result<Self> {
        let debug = addr2line::Loader::new(path)
            .map_err(|error| anyhow!("{error}"))
            .with_context(|| format!("debug information of {}", path.display()))?;
        Ok(Self {
            name: name.to_owned(),
            elf: Elf::read(path)?,
            debug,
            known: RefCell::default(),
        })
    }

    /// Whether the program has these instructions at this address.
    pub fn has(&self, pc: u64, words: &[u32]) -> bool {
        let found = self
            .elf
            .segments
            .iter()
            .find(|segment| (segment.virt..segment.end()).contains(&pc));
        let Some(segment) = found else { return false };
        let content = segment.content.get((pc - segment.virt) as usize..).unwrap_or(&[]);
        let (own, _) = content.as_chunks::<4>();
        own.len() >= words.len()
            && words
                .iter()
                .zip(own)
                .all(|(word, own)| *word == u32::from_le_bytes(*own))
    }

    /// Where the instruction comes from: the innermost function, inlined or not, that is the workspace's or a driver
    /// crate's. What those call in the language's own crates is theirs. `None`: it has no such function.
    pub fn origin(&self, pc: u64) -> Option<Origin> {
        let mut known = self.known.borrow_mut();
        known.entry(pc).or_insert_with(|| self.look_up(pc)).clone()
    }

    fn look_up(&self, pc: u64) -> Option<Origin> {
        let mut frames = self.debug.find_frames(pc).ok()?;
        while let Ok(Some(frame)) = frames.next() {
            let file = frame.location.and_then(|location| location.file).unwrap_or("");
            let source = if DRIVER_CRATES.iter().any(|name| file.contains(name)) {
                Source::DriverCrate
            } else if !file.is_empty() && !file.contains("/registry/src/") && !file.contains("/library/") {
                Source::Own
            } else {
                continue;
            };
            let name = frame
                .function
                .as_ref()
                .and_then(|name| name.demangle().ok().map(|name| name.into_owned()));
            let function = name.unwrap_or_default().into();
            return Some(Origin { source, function });
        }
        None
    }
}
