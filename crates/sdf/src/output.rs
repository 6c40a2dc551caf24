//! The result: symbols to write into programs, and the payload behind root's image.

use driver_package::image::{FlatImage, ImageError, Rights, Window};
use system_spec::spec::record::{PdRecord, SegmentRecord};
use system_spec::spec::{EncodeError, MAX_RELOAD, Sources, USER_END, encode};

/// A symbol of a program and the bytes to write there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// The symbol.
    pub symbol: String,
    /// What to write at its start.
    pub bytes: Vec<u8>,
    /// The program must have the symbol.
    pub required: bool,
    /// The symbol must have exactly as many bytes (configuration blobs).
    pub exact: bool,
    /// The symbol must be a 64-bit word (setvar).
    pub word: bool,
}

impl Patch {
    pub(crate) fn new(symbol: &str, bytes: Vec<u8>) -> Self {
        Self {
            symbol: symbol.to_owned(),
            bytes,
            required: true,
            exact: false,
            word: false,
        }
    }
}

/// A PD's program.
#[derive(Clone, Debug)]
pub struct Program {
    /// PD name.
    pub name: String,
    /// Path of the ELF file, as described.
    pub image: String,
    /// Path of the ELF file in which symbols are looked up, if it is another one.
    pub image_for_symbols: Option<String>,
    /// Symbols to write.
    pub patches: Vec<Patch>,
}

/// A compiled description.
#[derive(Clone, Debug)]
pub struct System {
    /// Programs, one per PD, in the order of the PDs.
    pub programs: Vec<Program>,
    pub(crate) sources: Sources,
}

/// Why there is no payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not one image per program.
    #[error("there are {programs} programs, but {images} images")]
    Count {
        /// Programs.
        programs: usize,
        /// Images.
        images: usize,
    },
    /// An image breaks a rule of the flat format.
    #[error("the image of '{pd}' breaks a rule of the flat format: {error:?}")]
    Image {
        /// PD.
        pd: String,
        /// Rule.
        error: ImageError,
    },
    /// An image lies where the description maps something.
    #[error("the image of '{pd}' at {start:#x}..{end:#x} meets a mapping of its protection domain")]
    Overlap {
        /// PD.
        pd: String,
        /// First address of the segment.
        start: u64,
        /// First address behind it.
        end: u64,
    },
    /// A PD that is to be started anew has more to be written anew than root does in one go.
    #[error(
        "'{pd}' has {pages} pages of writable data; root starts nobody anew who has more than {max}\n  \
         Move what is large into a <memory_region>, which a restart leaves alone, or set umbra_restart=\"false\".",
        max = MAX_RELOAD
    )]
    Reload {
        /// PD.
        pd: String,
        /// Its pages of writable segments.
        pages: u64,
    },
    /// The payload would be refused by root.
    #[error("the compiled description is refused: {0:?}")]
    Encode(EncodeError),
}

/// Where static programs may be linked: everywhere but the first page (a null pointer must fault).
pub const PD_WINDOW: Window = Window {
    start: 0x1000,
    end: USER_END,
};

impl System {
    /// The bytes to put behind root's image, given the flat image of each program.
    pub fn payload(&self, images: &[Vec<u8>]) -> Result<Vec<u8>, PayloadError> {
        if images.len() != self.programs.len() {
            return Err(PayloadError::Count {
                programs: self.programs.len(),
                images: images.len(),
            });
        }
        let mut sources = self.sources.clone();
        for (index, (program, bytes)) in self.programs.iter().zip(images).enumerate() {
            let pd = || program.name.clone();
            let image = FlatImage::parse(bytes, PD_WINDOW)
                .map_err(|error| PayloadError::Image { pd: pd(), error })?;
            let segments = image.layout().segments().iter();
            let writable = segments.filter(|segment| segment.rights == Rights::ReadWrite);
            let pages = writable.map(|segment| u64::from(segment.pages)).sum();
            let record = &mut sources.pds[index];
            if record.flags & PdRecord::RESTART != 0 && pages > MAX_RELOAD {
                return Err(PayloadError::Reload { pd: pd(), pages });
            }
            record.entry = image.layout().entry();
            record.first_segment = sources.segments.len() as u32;
            for (segment, content) in image.segments() {
                let (start, end) = (segment.vaddr, segment.vaddr + segment.len());
                if self.meets_mapping(index, start, end) {
                    return Err(PayloadError::Overlap { pd: pd(), start, end });
                }
                let record = SegmentRecord {
                    vaddr: segment.vaddr,
                    pages: segment.pages,
                    rights: segment.rights.bits(),
                    offset: 0,
                    len: 0,
                };
                sources.segments.push((record, content.to_vec()));
            }
            let record = &mut sources.pds[index];
            record.segment_count = sources.segments.len() as u32 - record.first_segment;
        }
        encode(&sources).map_err(PayloadError::Encode)
    }

    fn meets_mapping(&self, pd: usize, start: u64, end: u64) -> bool {
        let record = &self.sources.pds[pd];
        let stack = record.stack_top - (u64::from(record.stack_pages) + 1) * 0x1000;
        let maps = self.sources.maps.iter().filter(|map| map.pd as usize == pd);
        let mut ranges = maps.map(|map| {
            let bits = self.sources.regions[map.region as usize].page_bits;
            (map.vaddr, map.vaddr + (u64::from(map.page_count) << bits))
        });
        end > stack || ranges.any(|(from, to)| start < to && from < end)
    }
}
