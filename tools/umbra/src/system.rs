//! A described system: from `system.xml` to a boot image.
//!
//! Programs and packages that the description names are packages of this workspace; they are built here.

use crate::build::{self, Config};
use crate::image::elf::Elf;
use crate::image::{boot_image, flat, user_image::UserImage};
use crate::keys::Keys;
use crate::pack;
use crate::workspace;
use anyhow::{Context, Result};
use sdf::{File, PD_WINDOW};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// The description that `run` boots, and most tests: one disk.
pub fn default_description() -> PathBuf {
    workspace::root().join("systems/disk-demo/system.xml")
}

/// The description that `demo` boots: two disks, one of them NVMe.
pub fn two_disks() -> PathBuf {
    workspace::root().join("systems/two-disks/system.xml")
}

/// The demo's system with its disk on virtio-mmio, which every release knows.
pub fn on_mmio() -> PathBuf {
    workspace::root().join("systems/disk-mmio/system.xml")
}

/// Builds everything that the description names, and makes a boot image of it, on our kernel or on another one.
pub fn boot_image(description: &Path, kernel: Option<&Path>, config: Config) -> Result<Vec<u8>> {
    let xml =
        std::fs::read_to_string(description).with_context(|| format!("reading {}", description.display()))?;
    Ok(build_described(description, &xml, kernel, config)?.image)
}

/// A system that was built.
#[derive(Debug)]
pub struct Built {
    /// Boot image.
    pub image: Vec<u8>,
    /// The programs in it, with their ELF files: the kernel, root, the protection domains and the drivers that they start with.
    pub programs: Vec<(String, PathBuf)>,
}

/// As [`boot_image`], of a description that may differ from what stands in the file, and with the programs' ELF files.
pub fn build_described(
    description: &Path,
    xml: &str,
    kernel: Option<&Path>,
    config: Config,
) -> Result<Built> {
    let mut programs = Vec::new();
    let user = user_image(description, xml, config, &mut programs)?;
    let kernel = match kernel {
        Some(path) => path.to_owned(),
        None => build::kernel(config)?,
    };
    let loader = Elf::read(&build::loader()?)?;
    let image = boot_image::build(&loader, &Elf::read(&kernel)?, &user)?;
    programs.push(("kernel".to_owned(), kernel));
    Ok(Built { image, programs })
}

/// Root with the compiled description and all programs behind it.
fn user_image(
    description: &Path,
    xml: &str,
    config: Config,
    programs: &mut Vec<(String, PathBuf)>,
) -> Result<UserImage> {
    let folder = description.parent().unwrap_or(Path::new("."));
    let drivers = RefCell::new(Vec::new());
    let files = |file: File<'_>| match file {
        File::Prefill(path) => std::fs::read(folder.join(path)).map_err(|error| error.to_string()),
        File::Package(label) => {
            package(label, config, &mut drivers.borrow_mut()).map_err(|error| format!("{error:#}"))
        }
    };
    let keys = Keys::open()?.trusted()?;
    let system = sdf::compile(&description.display().to_string(), xml, &keys, &files)?;
    programs.append(&mut drivers.take());
    let mut images = Vec::new();
    for program in &system.programs {
        let of = || format!("program of protection domain `{}`", program.name);
        let elf = build::program(&program.image, config).with_context(of)?;
        let image = Elf::read(&elf).and_then(|elf| flat::flatten(&elf, &program.patches, PD_WINDOW));
        images.push(image.with_context(of)?);
        programs.push((program.name.clone(), elf));
    }
    let payload = system.payload(&images)?;
    let root = build::program("root", config)?;
    let user = UserImage::compose(&Elf::read(&root)?, &payload)?;
    programs.push(("root".to_owned(), root));
    Ok(user)
}

fn package(label: &str, config: Config, programs: &mut Vec<(String, PathBuf)>) -> Result<Vec<u8>> {
    let driver = pack::find(label)?;
    let elf = build::program(&driver.package, config)?;
    let packed = pack::pack_elf(&driver, &elf, config)?;
    programs.push((label.to_owned(), elf));
    Ok(packed.bytes)
}
