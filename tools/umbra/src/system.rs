//! A described system: from `system.xml` to a boot image.
//!
//! Programs and packages that the description names are packages of this workspace; they are built here.

use crate::build::{self, Config};
use crate::image::elf::Elf;
use crate::image::{boot_image, flat, user_image::UserImage};
use crate::pack;
use crate::workspace;
use anyhow::{Context, Result};
use sdf::{File, PD_WINDOW};
use std::path::{Path, PathBuf};

/// The description that `demo` and `run` boot.
pub fn default_description() -> PathBuf {
    workspace::root().join("systems/disk-demo/system.xml")
}

/// Builds everything that the description names, and makes a boot image of it, on our kernel or on another one.
pub fn boot_image(description: &Path, kernel: Option<&Path>, config: Config) -> Result<Vec<u8>> {
    let user = user_image(description, config)?;
    let kernel = match kernel {
        Some(path) => path.to_owned(),
        None => build::kernel(config)?,
    };
    let loader = Elf::read(&build::loader()?)?;
    Ok(boot_image::build(&loader, &Elf::read(&kernel)?, &user)?)
}

/// Root with the compiled description and all programs behind it.
fn user_image(description: &Path, config: Config) -> Result<UserImage> {
    let xml =
        std::fs::read_to_string(description).with_context(|| format!("reading {}", description.display()))?;
    let folder = description.parent().unwrap_or(Path::new("."));
    let files = |file: File<'_>| match file {
        File::Prefill(path) => std::fs::read(folder.join(path)).map_err(|error| error.to_string()),
        File::Package(label) => package(label, config).map_err(|error| format!("{error:#}")),
    };
    let system = sdf::compile(&description.display().to_string(), &xml, &files)?;
    let mut images = Vec::new();
    for program in &system.programs {
        let image = build::program(&program.image, config)
            .and_then(|elf| Ok(flat::flatten(&Elf::read(&elf)?, &program.patches, PD_WINDOW)?))
            .with_context(|| format!("program of protection domain `{}`", program.name))?;
        images.push(image);
    }
    let payload = system.payload(&images)?;
    let root = Elf::read(&build::program("root", config)?)?;
    Ok(UserImage::compose(&root, &payload)?)
}

fn package(label: &str, config: Config) -> Result<Vec<u8>> {
    Ok(pack::pack(&pack::find(label)?, config)?.bytes)
}
