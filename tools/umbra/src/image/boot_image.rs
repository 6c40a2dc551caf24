//! The boot image: loader and payload in one ELF file that QEMU's `-kernel` takes.
//!
//! An ELF file, and not a flat one, because QEMU then leaves the device tree at the start of RAM and starts at the
//! highest exception level the machine has; both are what the loader counts on.

use super::ImageError;
use super::elf::Elf;
use super::user_image::UserImage;
use loader::payload::{HEADER_BYTES, Header, KernelImage, Program, Region, UserImage as UserPlace};

/// The loader's symbol behind which the payload goes.
const PAYLOAD_START: &str = "__payload_start";

/// Makes the boot image.
pub fn build(loader: &Elf, kernel: &Elf, user: &UserImage) -> Result<Vec<u8>, ImageError> {
    let start = loader
        .symbol(PAYLOAD_START)
        .ok_or_else(|| ImageError::NoSymbol(PAYLOAD_START.into()))?;
    let payload = payload(kernel, user)?;
    let mut segments: Vec<OutputSegment<'_>> = loader
        .segments
        .iter()
        .map(|segment| OutputSegment {
            address: segment.phys,
            content: &segment.content,
            memory_bytes: segment.memory_bytes,
        })
        .collect();
    segments.push(OutputSegment {
        address: start.address,
        content: &payload,
        memory_bytes: payload.len() as u64,
    });
    Ok(write_elf(loader.entry, &segments))
}

/// The payload: header, then the content of kernel and user image.
pub fn payload(kernel: &Elf, user: &UserImage) -> Result<Vec<u8>, ImageError> {
    let place = kernel_place(kernel)?;
    let mut contents = Contents {
        bytes: vec![0; HEADER_BYTES],
        regions: Vec::new(),
    };
    for segment in &kernel.segments {
        contents.add(Program::Kernel, segment.virt - place.virt, &segment.content);
    }
    contents.add(Program::User, 0, without_trailing_zeroes(&user.bytes));
    let user = UserPlace {
        virt: user.virt,
        bytes: user.bytes.len() as u64,
        entry: user.entry,
    };
    let Contents { mut bytes, regions } = contents;
    let header = Header::new(bytes.len() as u64, place, user, &regions)?;
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    Ok(bytes)
}

struct Contents {
    bytes: Vec<u8>,
    regions: Vec<Region>,
}

impl Contents {
    fn add(&mut self, program: Program, offset: u64, content: &[u8]) {
        // Aligned, so that the loader copies word by word.
        self.bytes.resize(self.bytes.len().next_multiple_of(16), 0);
        let bytes = content.len() as u64;
        let file_offset = self.bytes.len() as u64;
        self.regions.push(Region {
            program,
            offset,
            file_offset,
            file_bytes: bytes,
            memory_bytes: bytes,
        });
        self.bytes.extend_from_slice(content);
    }
}

fn kernel_place(kernel: &Elf) -> Result<KernelImage, ImageError> {
    let first = kernel.segments.first().ok_or(ImageError::Empty)?;
    let distance = first.virt.wrapping_sub(first.phys);
    if kernel
        .segments
        .iter()
        .any(|segment| segment.virt.wrapping_sub(segment.phys) != distance)
    {
        return Err(ImageError::KernelOffset);
    }
    Ok(KernelImage {
        virt: first.virt,
        phys: first.phys,
        bytes: kernel.end() - first.virt,
        entry: kernel.entry,
    })
}

fn without_trailing_zeroes(bytes: &[u8]) -> &[u8] {
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    &bytes[..used]
}

struct OutputSegment<'a> {
    address: u64,
    content: &'a [u8],
    memory_bytes: u64,
}

/// Writes a minimal ELF file: header, program headers, contents.
fn write_elf(entry: u64, segments: &[OutputSegment<'_>]) -> Vec<u8> {
    const HEADER: u64 = 64;
    const PROGRAM_HEADER: u64 = 56;
    let mut out = Vec::new();
    out.extend([0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend(object::elf::ET_EXEC.to_le_bytes());
    out.extend(object::elf::EM_AARCH64.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend([entry, HEADER, 0].iter().flat_map(|word| word.to_le_bytes()));
    out.extend(0u32.to_le_bytes());
    let sizes = [
        HEADER as u16,
        PROGRAM_HEADER as u16,
        segments.len() as u16,
        64,
        0,
        0,
    ];
    out.extend(sizes.iter().flat_map(|half| half.to_le_bytes()));
    let mut at = HEADER + PROGRAM_HEADER * segments.len() as u64;
    for segment in segments {
        out.extend(object::elf::PT_LOAD.to_le_bytes());
        let flags = object::elf::PF_R | object::elf::PF_W | object::elf::PF_X;
        out.extend(flags.to_le_bytes());
        at = at.next_multiple_of(16);
        let bytes = segment.content.len() as u64;
        let words = [
            at,
            segment.address,
            segment.address,
            bytes,
            segment.memory_bytes,
            1,
        ];
        out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        at += bytes;
    }
    for segment in segments {
        out.resize(out.len().next_multiple_of(16), 0);
        out.extend(segment.content);
    }
    out
}
