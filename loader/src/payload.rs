//! The payload: what the host tool puts behind the loader, and the header that describes it.
//!
//! All numbers are little-endian. The header is [`HEADER_BYTES`] long, the contents of the regions follow.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | magic | [`MAGIC`] |
//! | 8 | version: u32 | [`VERSION`] |
//! | 12 | CRC-32 (IEEE) of the header with this field 0 | |
//! | 16 | length of the payload, header included | bytes |
//! | 24, 32, 40, 48 | kernel: virtual start, physical start, length, virtual entry | |
//! | 56, 64, 72 | user image: virtual start, length, virtual entry | |
//! | 80 | number of regions | at most [`MAX_REGIONS`] |
//! | 88 | regions of 40 bytes | see [`Region`] |
//!
//! [`Header::decode`] is the only door: a decoded header keeps its promises (see its documentation), so that the
//! copying code needs no further checks of it.

use core::fmt;

/// First eight bytes of a payload.
pub const MAGIC: [u8; 8] = *b"umbraPL\0";
/// Version of this format.
pub const VERSION: u32 = 1;
/// Most regions a payload can have.
pub const MAX_REGIONS: usize = 24;
/// Length of the encoded header in bytes; the contents follow at once.
pub const HEADER_BYTES: usize = REGIONS_AT + MAX_REGIONS * REGION_BYTES;
/// Granule of the user image and of everything the kernel is told about.
pub const PAGE_BYTES: u64 = 4096;
/// The kernel window is mapped in blocks of this size: virtual and physical start agree modulo it.
pub const BLOCK_BYTES: u64 = 2 << 20;

const REGIONS_AT: usize = 88;
const REGION_BYTES: usize = 40;
const CRC_AT: usize = 12;

/// Which of the two programs a region belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The kernel; its physical place is fixed by how it was linked.
    Kernel,
    /// The root task ("user image"); the loader chooses its physical place.
    User,
}

/// A run of bytes to copy, and zeroes to add behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Program it belongs to.
    pub program: Program,
    /// Where it goes, in bytes from the start of the program.
    pub offset: u64,
    /// Where its content is, in bytes from the start of the payload.
    pub file_offset: u64,
    /// Length of the content in bytes.
    pub file_bytes: u64,
    /// Length in memory in bytes, the zeroes included.
    pub memory_bytes: u64,
}

/// A program's place before it is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelImage {
    /// First virtual address.
    pub virt: u64,
    /// First physical address.
    pub phys: u64,
    /// Length in bytes, zeroed parts included.
    pub bytes: u64,
    /// Virtual entry point.
    pub entry: u64,
}

/// The user image's place in its own address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserImage {
    /// First virtual address, page-aligned.
    pub virt: u64,
    /// Length in bytes, whole pages.
    pub bytes: u64,
    /// Virtual entry point.
    pub entry: u64,
}

/// The decoded header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Length of the payload in bytes, header included.
    pub payload_bytes: u64,
    /// The kernel.
    pub kernel: KernelImage,
    /// The root task.
    pub user: UserImage,
    regions: [Region; MAX_REGIONS],
    region_count: usize,
}

/// Why a payload is refused. All of these are the fault of whoever wrote the boot image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadError {
    /// Shorter than a header.
    Truncated,
    /// The first bytes are not [`MAGIC`]: there is no payload behind the loader.
    NoPayload,
    /// Written for another version of the loader.
    Version(u32),
    /// The header's checksum does not match.
    Checksum,
    /// More regions than the format allows.
    TooManyRegions(u64),
    /// A region is not inside its program, or its content not inside the payload.
    Region(usize),
    /// The kernel's addresses overflow, or virtual and physical start disagree modulo 2 MiB.
    Kernel,
    /// The user image is empty, not page-aligned, or overflows the address space.
    User,
    /// An entry point lies outside its program.
    Entry(Program),
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => f.write_str("the payload is shorter than its header"),
            Self::NoPayload => f.write_str("no payload behind the loader"),
            Self::Version(found) => write!(f, "payload version {found}, this loader reads {VERSION}"),
            Self::Checksum => f.write_str("the payload header is damaged (checksum)"),
            Self::TooManyRegions(count) => write!(f, "{count} regions, at most {MAX_REGIONS} are possible"),
            Self::Region(index) => write!(f, "region {index} reaches outside its program or the payload"),
            Self::Kernel => f.write_str("the kernel's virtual and physical addresses do not fit each other"),
            Self::User => f.write_str("the user image is empty, unaligned or beyond the address space"),
            Self::Entry(Program::Kernel) => f.write_str("the kernel's entry point is outside the kernel"),
            Self::Entry(Program::User) => {
                f.write_str("the user image's entry point is outside the user image")
            }
        }
    }
}

impl core::error::Error for PayloadError {}

impl Header {
    /// Makes a header and checks it as [`decode`](Self::decode) does.
    pub fn new(
        payload_bytes: u64,
        kernel: KernelImage,
        user: UserImage,
        regions: &[Region],
    ) -> Result<Self, PayloadError> {
        if regions.len() > MAX_REGIONS {
            return Err(PayloadError::TooManyRegions(regions.len() as u64));
        }
        let mut table = [Region::EMPTY; MAX_REGIONS];
        for (slot, region) in table.iter_mut().zip(regions) {
            *slot = *region;
        }
        let header = Self {
            payload_bytes,
            kernel,
            user,
            regions: table,
            region_count: regions.len(),
        };
        header.check()?;
        Ok(header)
    }

    /// Reads the header at the start of `bytes` (at least [`HEADER_BYTES`]; the contents need not be there).
    ///
    /// On success: every region lies inside its program and its content inside the payload, behind the header;
    /// both entry points lie inside their programs; no sum of these numbers overflows; the user image is
    /// page-aligned and not empty; the kernel can be mapped in 2 MiB blocks.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(PayloadError::Truncated)?;
        if bytes[..8] != MAGIC {
            return Err(PayloadError::NoPayload);
        }
        let version = u32_at(bytes, 8);
        if version != VERSION {
            return Err(PayloadError::Version(version));
        }
        if u32_at(bytes, CRC_AT) != header_crc(bytes) {
            return Err(PayloadError::Checksum);
        }
        let count = u64_at(bytes, 80);
        let region_count = usize::try_from(count).ok().filter(|count| *count <= MAX_REGIONS);
        let region_count = region_count.ok_or(PayloadError::TooManyRegions(count))?;
        let mut regions = [Region::EMPTY; MAX_REGIONS];
        for (index, region) in regions.iter_mut().enumerate().take(region_count) {
            *region = Region::decode(bytes, REGIONS_AT + index * REGION_BYTES)
                .ok_or(PayloadError::Region(index))?;
        }
        let header = Self {
            payload_bytes: u64_at(bytes, 16),
            kernel: KernelImage {
                virt: u64_at(bytes, 24),
                phys: u64_at(bytes, 32),
                bytes: u64_at(bytes, 40),
                entry: u64_at(bytes, 48),
            },
            user: UserImage {
                virt: u64_at(bytes, 56),
                bytes: u64_at(bytes, 64),
                entry: u64_at(bytes, 72),
            },
            regions,
            region_count,
        };
        header.check()?;
        Ok(header)
    }

    /// The bytes that [`decode`](Self::decode) reads.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        let numbers = [
            self.payload_bytes,
            self.kernel.virt,
            self.kernel.phys,
            self.kernel.bytes,
            self.kernel.entry,
            self.user.virt,
            self.user.bytes,
            self.user.entry,
            self.region_count as u64,
        ];
        for (index, number) in numbers.iter().enumerate() {
            put_u64(&mut bytes, 16 + index * 8, *number);
        }
        for (index, region) in self.regions().iter().enumerate() {
            region.encode(&mut bytes, REGIONS_AT + index * REGION_BYTES);
        }
        let crc = header_crc(&bytes);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The regions, in the order in which they are copied.
    pub fn regions(&self) -> &[Region] {
        &self.regions[..self.region_count]
    }

    fn check(&self) -> Result<(), PayloadError> {
        let kernel = &self.kernel;
        let kernel_ends = (
            kernel.virt.checked_add(kernel.bytes),
            kernel.phys.checked_add(kernel.bytes),
        );
        if !matches!(kernel_ends, (Some(_), Some(_)))
            || !(kernel.virt ^ kernel.phys).is_multiple_of(BLOCK_BYTES)
        {
            return Err(PayloadError::Kernel);
        }
        let user = &self.user;
        let aligned = user.virt.is_multiple_of(PAGE_BYTES) && user.bytes.is_multiple_of(PAGE_BYTES);
        if user.bytes == 0 || !aligned || user.virt.checked_add(user.bytes).is_none() {
            return Err(PayloadError::User);
        }
        for (index, region) in self.regions().iter().enumerate() {
            let program_bytes = match region.program {
                Program::Kernel => kernel.bytes,
                Program::User => user.bytes,
            };
            let in_program = inside(region.offset, region.memory_bytes, 0, program_bytes);
            let in_payload = inside(
                region.file_offset,
                region.file_bytes,
                HEADER_BYTES as u64,
                self.payload_bytes,
            );
            if !in_program || !in_payload || region.file_bytes > region.memory_bytes {
                return Err(PayloadError::Region(index));
            }
        }
        if !inside(kernel.entry, 1, kernel.virt, kernel.virt + kernel.bytes) {
            return Err(PayloadError::Entry(Program::Kernel));
        }
        if !inside(user.entry, 1, user.virt, user.virt + user.bytes) {
            return Err(PayloadError::Entry(Program::User));
        }
        Ok(())
    }
}

impl Region {
    const EMPTY: Self = Self {
        program: Program::Kernel,
        offset: 0,
        file_offset: 0,
        file_bytes: 0,
        memory_bytes: 0,
    };

    fn decode(bytes: &[u8; HEADER_BYTES], at: usize) -> Option<Self> {
        let program = match u64_at(bytes, at) {
            0 => Program::Kernel,
            1 => Program::User,
            _ => return None,
        };
        Some(Self {
            program,
            offset: u64_at(bytes, at + 8),
            file_offset: u64_at(bytes, at + 16),
            file_bytes: u64_at(bytes, at + 24),
            memory_bytes: u64_at(bytes, at + 32),
        })
    }

    fn encode(&self, bytes: &mut [u8; HEADER_BYTES], at: usize) {
        let program = match self.program {
            Program::Kernel => 0,
            Program::User => 1,
        };
        let numbers = [
            program,
            self.offset,
            self.file_offset,
            self.file_bytes,
            self.memory_bytes,
        ];
        for (index, number) in numbers.iter().enumerate() {
            put_u64(bytes, at + index * 8, *number);
        }
    }
}

/// Whether `[start, start + bytes)` lies in `[low, high)`; an overflow does not.
fn inside(start: u64, bytes: u64, low: u64, high: u64) -> bool {
    start >= low && start.checked_add(bytes).is_some_and(|end| end <= high)
}

fn u32_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

fn put_u64(bytes: &mut [u8; HEADER_BYTES], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
}

/// CRC-32 (IEEE 802.3) of the header, its own field taken as zero. Bit by bit: it runs once, over a kilobyte.
fn header_crc(bytes: &[u8; HEADER_BYTES]) -> u32 {
    let own_field = CRC_AT..CRC_AT + 4;
    let mut crc = !0u32;
    for (index, byte) in bytes.iter().enumerate() {
        crc ^= if own_field.contains(&index) {
            0
        } else {
            u32::from(*byte)
        };
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KERNEL: KernelImage = KernelImage {
        virt: 0xffff_ff80_4000_0000,
        phys: 0x4000_0000,
        bytes: 0x25_a000,
        entry: 0xffff_ff80_4000_0000,
    };
    const USER: UserImage = UserImage {
        virt: 0x20_0000,
        bytes: 0x5000,
        entry: 0x20_1004,
    };

    fn region(program: Program, offset: u64, file_bytes: u64, memory_bytes: u64) -> Region {
        Region {
            program,
            offset,
            file_offset: HEADER_BYTES as u64,
            file_bytes,
            memory_bytes,
        }
    }

    fn good() -> Header {
        let regions = [
            region(Program::Kernel, 0, 0x100, 0x25_a000),
            region(Program::User, 0x1000, 0x80, 0x80),
        ];
        Header::new(HEADER_BYTES as u64 + 0x100, KERNEL, USER, &regions).unwrap()
    }

    /// Changes an encoded header and repairs its checksum: what a faulty, not a damaged, image looks like.
    fn tampered(at: usize, value: u64) -> Result<Header, PayloadError> {
        let mut bytes = good().encode();
        put_u64(&mut bytes, at, value);
        let crc = header_crc(&bytes);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        Header::decode(&bytes)
    }

    #[test]
    fn header_survives_encoding() {
        assert_eq!(Header::decode(&good().encode()), Ok(good()));
    }

    #[test]
    fn checksum_is_the_usual_crc32() {
        let mut bytes = [0; HEADER_BYTES];
        assert_eq!(header_crc(&bytes), 0x78d5_abed, "crc32 of 1048 zeroes");
        bytes[CRC_AT] = 1;
        assert_eq!(header_crc(&bytes), 0x78d5_abed, "own field is not counted");
    }

    #[test]
    fn missing_payload_is_told_from_damaged_one() {
        assert_eq!(Header::decode(&[0; HEADER_BYTES]), Err(PayloadError::NoPayload));
        assert_eq!(Header::decode(&MAGIC), Err(PayloadError::Truncated));
        let mut bytes = good().encode();
        bytes[24] ^= 1;
        assert_eq!(Header::decode(&bytes), Err(PayloadError::Checksum));
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = good().encode();
        bytes[8] = 9;
        assert_eq!(Header::decode(&bytes), Err(PayloadError::Version(9)));
    }

    #[test]
    fn region_outside_program_or_payload_is_refused() {
        assert_eq!(
            tampered(REGIONS_AT + 32, 0x25_a001),
            Err(PayloadError::Region(0)),
            "memory length"
        );
        assert_eq!(
            tampered(REGIONS_AT + 24, 0x101),
            Err(PayloadError::Region(0)),
            "content length"
        );
        assert_eq!(
            tampered(REGIONS_AT + 16, 0),
            Err(PayloadError::Region(0)),
            "content in the header"
        );
        assert_eq!(
            tampered(REGIONS_AT + 8, u64::MAX),
            Err(PayloadError::Region(0)),
            "overflow"
        );
        assert_eq!(
            tampered(REGIONS_AT, 2),
            Err(PayloadError::Region(0)),
            "unknown program"
        );
        assert_eq!(
            tampered(REGIONS_AT + 40 + 32, 0x10),
            Err(PayloadError::Region(1)),
            "content over memory"
        );
    }

    #[test]
    fn faulty_programs_are_refused() {
        assert_eq!(
            tampered(24, 0xffff_ff80_4010_0000),
            Err(PayloadError::Kernel),
            "not congruent"
        );
        assert_eq!(tampered(40, u64::MAX), Err(PayloadError::Kernel), "overflow");
        assert_eq!(
            tampered(48, 0x4000_0000),
            Err(PayloadError::Entry(Program::Kernel))
        );
        assert_eq!(tampered(56, 0x20_0001), Err(PayloadError::User), "unaligned");
        assert_eq!(tampered(64, 0), Err(PayloadError::User), "empty");
        assert_eq!(tampered(72, 0x20_5000), Err(PayloadError::Entry(Program::User)));
        assert_eq!(tampered(80, 25), Err(PayloadError::TooManyRegions(25)));
    }

    proptest! {
        #[test]
        fn any_single_damage_is_noticed(at in 0..HEADER_BYTES, flip in 1..=255u8) {
            let mut bytes = good().encode();
            bytes[at] ^= flip;
            prop_assert!(Header::decode(&bytes).is_err());
        }

        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1200), magic: bool) {
            let mut bytes = bytes;
            if magic && bytes.len() >= 12 {
                bytes[..8].copy_from_slice(&MAGIC);
                bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
            }
            let _ = Header::decode(&bytes);
        }
    }
}
