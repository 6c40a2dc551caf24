//! Makes seeds of real packages: `cargo run --example seed -- PACKAGE...`.
//!
//! Headers, manifest and segments are the package's; each segment's content is cut to a few bytes, because the fuzzer learns
//! nothing from code.
#![forbid(unsafe_code)]

use std::{env, error::Error, fs, path::Path};

use driver_package::image::{self, DRIVER_WINDOW, SegmentSource};
use driver_package::package::{self, DeviceMatch, Package, signature};
use oracles::mend::{IMAGE_FROM, mend_package};

/// Bytes that are kept of each segment's content.
const KEPT: usize = 16;

/// A device of each kind.
const KNOWN: [DeviceMatch<'_>; 4] = [
    DeviceMatch::Virtio(2),
    DeviceMatch::Pci {
        vendor: 0x1af4,
        device: 0x1042,
    },
    DeviceMatch::PciClass(0x01_0000),
    DeviceMatch::Compatible("virtio,mmio"),
];

fn main() -> Result<(), Box<dyn Error>> {
    for path in env::args().skip(1) {
        let bytes = fs::read(&path)?;
        let package = Package::parse(&bytes).map_err(|error| format!("{path}: {error:?}"))?;
        let image = cut(&package)?;
        let mut small = bytes[..IMAGE_FROM].to_vec();
        small.extend_from_slice(&image);
        mend_package(&mut small);
        let name = Path::new(&path).file_stem().unwrap_or_default();
        fs::write(Path::new("seeds/package").join(name), &small)?;
        // The same without a signature, and an image with a root that behaves.
        small[signature::RANGE].fill(0);
        let unsigned = format!("{}-unsigned", name.display());
        fs::write(Path::new("seeds/package").join(unsigned), &small)?;
        // The same, and it knows its devices in every way.
        let mut source = package.manifest().source();
        source.devices = KNOWN.into();
        let marked = package::encode(&source, &image).map_err(|error| format!("{path}: {error:?}"))?;
        let name_marked = format!("{}-marked", name.display());
        fs::write(Path::new("seeds/package").join(name_marked), &marked)?;
        fs::write(
            Path::new("seeds/image").join(name),
            [&[0; 8], image.as_slice()].concat(),
        )?;
    }
    Ok(())
}

fn cut(package: &Package<'_>) -> Result<Vec<u8>, String> {
    let segments: Vec<_> = package
        .image()
        .segments()
        .map(|(segment, content)| SegmentSource {
            vaddr: segment.vaddr,
            pages: segment.pages,
            rights: segment.rights,
            content: &content[..content.len().min(KEPT)],
        })
        .collect();
    image::encode(package.image().layout().entry(), &segments, DRIVER_WINDOW)
        .map_err(|error| format!("{error:?}"))
}
