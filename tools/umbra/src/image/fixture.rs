//! Small ELF files for tests.

use super::elf::Elf;
use object::elf::{EM_AARCH64, ET_EXEC, PF_R, PF_W, PF_X, PT_LOAD, SHT_STRTAB, SHT_SYMTAB};

/// A loadable segment.
pub struct Piece<'a> {
    address: u64,
    phys: u64,
    content: &'a [u8],
    memory_bytes: u64,
    flags: u32,
}

impl<'a> Piece<'a> {
    /// Code.
    pub fn code(address: u64, content: &'a [u8]) -> Self {
        Self {
            address,
            phys: address,
            content,
            memory_bytes: content.len() as u64,
            flags: PF_R | PF_X,
        }
    }

    /// Data, with zeroes behind it.
    pub fn data(address: u64, content: &'a [u8], memory_bytes: u64) -> Self {
        Self {
            address,
            phys: address,
            content,
            memory_bytes,
            flags: PF_R | PF_W,
        }
    }

    /// With another physical address.
    pub fn at(self, phys: u64) -> Self {
        Self { phys, ..self }
    }

    /// Its virtual address.
    pub fn address(&self) -> u64 {
        self.address
    }

    /// With other rights.
    pub fn flags(self, flags: u32) -> Self {
        Self { flags, ..self }
    }
}

/// The bytes of an ELF file with these segments and symbols (name, address, size).
pub fn elf_bytes(entry: u64, pieces: &[Piece<'_>], symbols: &[(&str, u64, u64)]) -> Vec<u8> {
    let mut names = vec![0];
    let mut table = vec![0; 24];
    for (name, address, bytes) in symbols {
        table.extend((names.len() as u32).to_le_bytes());
        table.extend([0x11, 0]); // global object
        table.extend(0xfff1u16.to_le_bytes()); // absolute
        table.extend([*address, *bytes].iter().flat_map(|word| word.to_le_bytes()));
        names.extend(name.bytes().chain([0]));
    }
    let mut at = 64 + 56 * pieces.len() as u64;
    let mut headers: Vec<u8> = Vec::new();
    let mut contents: Vec<u8> = Vec::new();
    for piece in pieces {
        headers.extend([PT_LOAD, piece.flags].iter().flat_map(|word| word.to_le_bytes()));
        let bytes = piece.content.len() as u64;
        let words = [at, piece.address, piece.phys, bytes, piece.memory_bytes, 1];
        headers.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        contents.extend(piece.content);
        at += bytes;
    }
    let section = |kind: u32, offset: u64, bytes: usize, link: u32, entry: u64| {
        let mut header = Vec::new();
        header.extend([0, kind].iter().flat_map(|word| word.to_le_bytes()));
        header.extend(
            [0, 0, offset, bytes as u64]
                .iter()
                .flat_map(|word: &u64| word.to_le_bytes()),
        );
        header.extend([link, 1].iter().flat_map(|word| word.to_le_bytes()));
        header.extend([1, entry].iter().flat_map(|word| word.to_le_bytes()));
        header
    };
    let names_at = at + table.len() as u64;
    let sections_at = names_at + names.len() as u64;
    let mut out = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    out.extend([ET_EXEC, EM_AARCH64].iter().flat_map(|half| half.to_le_bytes()));
    out.extend(1u32.to_le_bytes());
    out.extend(
        [entry, 64, sections_at]
            .iter()
            .flat_map(|word| word.to_le_bytes()),
    );
    out.extend(0u32.to_le_bytes());
    out.extend(
        [64, 56, pieces.len() as u16, 64, 3, 2]
            .iter()
            .flat_map(|half| half.to_le_bytes()),
    );
    out.extend(headers);
    out.extend(contents);
    out.extend(&table);
    out.extend(&names);
    out.extend([0; 64]);
    out.extend(section(SHT_SYMTAB, at, table.len(), 2, 24));
    out.extend(section(SHT_STRTAB, names_at, names.len(), 0, 0));
    out
}

/// The same, parsed.
pub fn elf(entry: u64, pieces: &[Piece<'_>], symbols: &[(&str, u64, u64)]) -> Elf {
    Elf::parse(&elf_bytes(entry, pieces, symbols)).unwrap()
}
