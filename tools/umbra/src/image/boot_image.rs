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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixture::{self, Piece};

    const KERNEL: u64 = 0xffff_ff80_4000_0000;

    fn loader() -> Elf {
        let pieces = [Piece::code(0x6000_0000, &[7; 0x10])];
        fixture::elf(0x6000_0000, &pieces, &[(PAYLOAD_START, 0x6000_1000, 0)])
    }

    fn kernel(pieces: &[Piece<'_>]) -> Elf {
        fixture::elf(pieces[0].address(), pieces, &[])
    }

    fn good_kernel() -> Elf {
        kernel(&[
            Piece::code(KERNEL, &[1; 0x30]).at(0x4000_0000),
            Piece::data(KERNEL + 0x2000, &[2], 0x500).at(0x4000_2000),
        ])
    }

    fn user() -> UserImage {
        let bytes = [[3; 0x800], [0; 0x800]].concat();
        UserImage {
            virt: 0x40_0000,
            entry: 0x40_0000,
            bytes,
        }
    }

    #[test]
    fn payload_is_what_the_loader_reads() {
        let payload = payload(&good_kernel(), &user()).unwrap();
        let header = Header::decode(&payload).unwrap();
        assert_eq!(header.payload_bytes, payload.len() as u64);
        assert_eq!(
            (header.kernel.virt, header.kernel.phys, header.kernel.bytes),
            (KERNEL, 0x4000_0000, 0x2500)
        );
        assert_eq!((header.user.virt, header.user.bytes), (0x40_0000, 0x1000));
        let content = |index: usize| {
            let region = &header.regions()[index];
            &payload[region.file_offset as usize..][..region.file_bytes as usize]
        };
        assert_eq!((content(0), content(1)), (&[1; 0x30][..], &[2][..]));
        assert_eq!(content(2), [3; 0x800], "zeroes at the end are not carried");
        assert_eq!(header.regions()[1].offset, 0x2000);
    }

    #[test]
    fn boot_image_is_an_elf_file_with_loader_and_payload() {
        let image = Elf::parse(&build(&loader(), &good_kernel(), &user()).unwrap()).unwrap();
        assert_eq!(image.entry, 0x6000_0000);
        assert_eq!(image.segments[0].content, [7; 0x10]);
        assert_eq!(image.segments[1].phys, 0x6000_1000);
        assert_eq!(
            image.segments[1].content,
            payload(&good_kernel(), &user()).unwrap()
        );
    }

    #[test]
    fn kernel_at_several_distances_is_refused() {
        let torn = kernel(&[
            Piece::code(KERNEL, &[1; 4]).at(0x4000_0000),
            Piece::data(KERNEL + 0x2000, &[2], 1).at(0x5000_0000),
        ]);
        assert!(matches!(
            build(&loader(), &torn, &user()),
            Err(ImageError::KernelOffset)
        ));
    }

    #[test]
    fn what_the_loader_would_refuse_is_refused_here() {
        let odd = kernel(&[Piece::code(KERNEL, &[1; 4]).at(0x4000_1000)]);
        let refused = build(&loader(), &odd, &user()).unwrap_err();
        assert!(matches!(
            refused,
            ImageError::Payload(loader::payload::PayloadError::Kernel)
        ));
        let elsewhere = UserImage {
            entry: 0x50_0000,
            ..user()
        };
        assert!(matches!(
            build(&loader(), &good_kernel(), &elsewhere),
            Err(ImageError::Payload(_))
        ));
        let other = fixture::elf(0x6000_0000, &[Piece::code(0x6000_0000, &[7; 4])], &[]);
        assert!(matches!(
            build(&other, &good_kernel(), &user()),
            Err(ImageError::NoSymbol(_))
        ));
    }
}
