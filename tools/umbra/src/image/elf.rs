//! ELF files as far as images need them: entry, loadable segments, symbols. Checked once, here.

use super::ImageError;
use object::elf::{EM_AARCH64, ET_EXEC, FileHeader64, PT_INTERP, PT_LOAD};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{LittleEndian, Object, ObjectSymbol};
use std::collections::BTreeMap;
use std::path::Path;

/// A static AArch64 program.
#[derive(Clone, Debug)]
pub struct Elf {
    /// Virtual entry point.
    pub entry: u64,
    /// Loadable segments that occupy memory, by virtual address, not overlapping.
    pub segments: Vec<Segment>,
    symbols: BTreeMap<String, Symbol>,
}

/// A loadable segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Virtual address.
    pub virt: u64,
    /// Physical (load) address.
    pub phys: u64,
    /// Content; the rest up to `memory_bytes` is zero.
    pub content: Vec<u8>,
    /// Length in memory in bytes.
    pub memory_bytes: u64,
    /// May be written.
    pub writable: bool,
    /// May be executed.
    pub executable: bool,
}

/// A defined symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Virtual address.
    pub address: u64,
    /// Size in bytes as the symbol table says; 0 is "unknown".
    pub bytes: u64,
}

impl Segment {
    /// First virtual address behind it.
    pub fn end(&self) -> u64 {
        self.virt + self.memory_bytes
    }
}

impl Elf {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, ImageError> {
        let bytes = std::fs::read(path).map_err(|source| ImageError::Read {
            path: path.into(),
            source,
        })?;
        Self::parse(&bytes)
    }

    /// Checks the bytes of an ELF file. Afterwards no sum of a segment's numbers overflows.
    pub fn parse(bytes: &[u8]) -> Result<Self, ImageError> {
        let header = FileHeader64::<LittleEndian>::parse(bytes)?;
        let endian = header.endian()?;
        if header.e_machine(endian) != EM_AARCH64 {
            return Err(ImageError::NotForTarget("another processor"));
        }
        if header.e_type(endian) != ET_EXEC {
            return Err(ImageError::NotForTarget("not linked to fixed addresses"));
        }
        let mut segments = Vec::new();
        for program_header in header.program_headers(endian, bytes)? {
            match program_header.p_type(endian) {
                PT_INTERP => return Err(ImageError::NotForTarget("dynamically linked")),
                PT_LOAD if program_header.p_memsz(endian) > 0 => {
                    segments.push(segment(program_header, endian, bytes)?);
                }
                _ => {}
            }
        }
        segments.sort_by_key(|segment| segment.virt);
        if let Some(pair) = segments.windows(2).find(|pair| pair[0].end() > pair[1].virt) {
            return Err(ImageError::Overlap(pair[1].virt));
        }
        if segments.is_empty() {
            return Err(ImageError::Empty);
        }
        Ok(Self {
            entry: header.e_entry(endian),
            segments,
            symbols: symbols(bytes)?,
        })
    }

    /// A defined symbol by name.
    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).copied()
    }

    /// All defined, named symbols.
    pub fn symbols(&self) -> impl Iterator<Item = (&str, Symbol)> {
        self.symbols.iter().map(|(name, symbol)| (name.as_str(), *symbol))
    }

    /// Overwrites the start of a symbol's bytes with `value`, in memory that is zero at start too.
    pub fn patch(&mut self, name: &str, value: &[u8]) -> Result<(), ImageError> {
        let symbol = self
            .symbol(name)
            .ok_or_else(|| ImageError::NoSymbol(name.into()))?;
        self.patch_symbol(name, symbol, value)
    }

    /// As [`patch`](Self::patch), for a symbol that was looked up elsewhere.
    pub fn patch_symbol(&mut self, name: &str, symbol: Symbol, value: &[u8]) -> Result<(), ImageError> {
        let does_not_fit = || ImageError::SymbolSize {
            name: name.into(),
            bytes: value.len(),
        };
        let end = symbol
            .address
            .checked_add(value.len() as u64)
            .ok_or_else(does_not_fit)?;
        if symbol.bytes < value.len() as u64 {
            return Err(does_not_fit());
        }
        let holds = |segment: &&mut Segment| segment.virt <= symbol.address && end <= segment.end();
        let segment = self.segments.iter_mut().find(holds).ok_or_else(does_not_fit)?;
        let at = (symbol.address - segment.virt) as usize;
        let content = &mut segment.content;
        content.resize(content.len().max(at + value.len()), 0);
        content[at..at + value.len()].copy_from_slice(value);
        Ok(())
    }

    /// First virtual address of any segment.
    pub fn start(&self) -> u64 {
        self.segments.first().map_or(0, |segment| segment.virt)
    }

    /// First virtual address behind all segments.
    pub fn end(&self) -> u64 {
        self.segments.last().map_or(0, Segment::end)
    }
}

fn segment(
    header: &impl ProgramHeader<Endian = LittleEndian, Word = u64>,
    endian: LittleEndian,
    file: &[u8],
) -> Result<Segment, ImageError> {
    let virt = header.p_vaddr(endian);
    let bad = || ImageError::BadSegment(virt);
    let memory_bytes = header.p_memsz(endian);
    let phys = header.p_paddr(endian);
    let content = header.data(endian, file).map_err(|()| bad())?.to_vec();
    let ends = virt.checked_add(memory_bytes).zip(phys.checked_add(memory_bytes));
    if ends.is_none() || content.len() as u64 > memory_bytes {
        return Err(bad());
    }
    let flags = header.p_flags(endian);
    Ok(Segment {
        virt,
        phys,
        content,
        memory_bytes,
        writable: flags & object::elf::PF_W != 0,
        executable: flags & object::elf::PF_X != 0,
    })
}

fn symbols(bytes: &[u8]) -> Result<BTreeMap<String, Symbol>, ImageError> {
    let file = object::File::parse(bytes)?;
    let defined = file.symbols().filter(|symbol| !symbol.is_undefined());
    Ok(defined
        .filter_map(|symbol| {
            let value = Symbol {
                address: symbol.address(),
                bytes: symbol.size(),
            };
            symbol.name().ok().map(|name| (name.to_owned(), value))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixture::{self, Piece};

    fn parse(bytes: &[u8]) -> Result<Elf, ImageError> {
        Elf::parse(bytes)
    }

    #[test]
    fn overlapping_segments_are_refused() {
        let pieces = [Piece::code(0x1000, &[1; 0x11]), Piece::data(0x1010, &[2], 1)];
        assert!(matches!(
            parse(&fixture::elf_bytes(0x1000, &pieces, &[])),
            Err(ImageError::Overlap(0x1010))
        ));
    }

    #[test]
    fn other_files_are_refused() {
        assert!(matches!(parse(b"#!/bin/sh\n"), Err(ImageError::Parse(_))));
        let mut foreign = fixture::elf_bytes(0x1000, &[Piece::code(0x1000, &[1])], &[]);
        foreign[18] = 62;
        assert!(matches!(
            parse(&foreign),
            Err(ImageError::NotForTarget("another processor"))
        ));
        let mut movable = fixture::elf_bytes(0x1000, &[Piece::code(0x1000, &[1])], &[]);
        movable[16] = 3;
        assert!(matches!(
            parse(&movable),
            Err(ImageError::NotForTarget("not linked to fixed addresses"))
        ));
        assert!(matches!(
            parse(&fixture::elf_bytes(0, &[], &[])),
            Err(ImageError::Empty)
        ));
    }

    #[test]
    fn segment_beyond_the_address_space_is_refused() {
        let piece = Piece::data(u64::MAX - 0xf, &[1], 0x20);
        assert!(matches!(
            parse(&fixture::elf_bytes(0, &[piece], &[])),
            Err(ImageError::BadSegment(_))
        ));
    }
}
