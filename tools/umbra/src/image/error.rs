//! What can be wrong with files that become images.

use loader::payload::PayloadError;
use std::path::PathBuf;

/// Why an image cannot be made. Each is the fault of a file given to the tool.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The file cannot be read.
    #[error("reading {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is no ELF file that can be parsed.
    #[error("not a usable ELF file")]
    Parse(#[from] object::read::Error),
    /// The ELF file is not a static AArch64 program.
    #[error("not a static 64-bit little-endian AArch64 program: {0}")]
    NotForTarget(&'static str),
    /// No loadable segment.
    #[error("no loadable segment")]
    Empty,
    /// Addresses of a segment overflow or content lies outside the file.
    #[error("segment at {0:#x} has impossible addresses")]
    BadSegment(u64),
    /// Two segments overlap.
    #[error("segments overlap at {0:#x}")]
    Overlap(u64),
    /// The kernel's segments have different distances between virtual and physical addresses.
    #[error("the kernel's virtual and physical addresses are not at one constant distance")]
    KernelOffset,
    /// Kernel and user image do not make a payload the loader takes.
    #[error("kernel and root task do not make a payload")]
    Payload(#[from] PayloadError),
    /// The segments of a root task span too much.
    #[error("the root task spans {0:#x} bytes, at most {1:#x} are possible")]
    TooLarge(u64, u64),
    /// A symbol to patch is missing.
    #[error("no symbol `{0}`")]
    NoSymbol(String),
    /// A symbol to patch is too small for its value, or not inside a segment.
    #[error("symbol `{name}` cannot hold {bytes} bytes")]
    SymbolSize {
        /// The symbol.
        name: String,
        /// Length of the value in bytes.
        bytes: usize,
    },
    /// A symbol to patch has not the size that its type has on the other side.
    #[error(
        "symbol `{name}` has {found} bytes, its value {wanted}: the program was built for another version"
    )]
    SymbolNotExact {
        /// The symbol.
        name: String,
        /// Its size in bytes.
        found: u64,
        /// Length of the value in bytes.
        wanted: usize,
    },
    /// A segment may be both written and executed.
    #[error("segment at {0:#x} is both writable and executable")]
    WritableCode(u64),
    /// A page would need the rights of two segments.
    #[error("segments with different rights share the page at {0:#x}")]
    SharedPage(u64),
    /// A program breaks a rule of the flat format.
    #[error("not possible as a flat image: {0:?}")]
    Flat(driver_package::image::ImageError),
}
