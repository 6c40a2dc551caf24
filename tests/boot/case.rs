//! A case, and how it runs.

use anyhow::{Result, bail};
use regex::bytes::Regex;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use umbra::build::{self, Config};
use umbra::image::{boot_image, elf::Elf, user_image::UserImage};
use umbra::qemu::{End, Guest, Machine, Tee};

/// Makes a boot image from the kernel to use.
pub type Image = fn(&Kernel<'_>) -> Result<Vec<u8>>;

/// What to boot, on what, and what must be seen.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name: the property, not the mechanism.
    pub name: String,
    /// Configuration of kernel and program.
    pub config: Config,
    /// The machine.
    pub machine: Machine,
    /// The boot image.
    pub image: Image,
    /// Which kernels it says something of.
    pub needs: Needs,
    /// A line that must come. It must not be one that also comes in case of failure.
    pub sentinel: &'static str,
    /// A line at which there is no point in waiting for the sentinel.
    pub failure: &'static str,
    /// How long to wait.
    pub patience: Duration,
}

/// Which kernels a case says something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// None: a case of the loader alone.
    OnlyLoader,
    /// Any kernel of the contract.
    AnyKernel,
    /// Ours: it is about what the contract leaves open.
    OurKernel,
}

/// The kernel a case runs on.
pub struct Kernel<'a> {
    /// Its ELF file if it is not ours.
    pub other: Option<&'a Path>,
    /// Its configuration.
    pub config: Config,
}

impl Kernel<'_> {
    /// The kernel's ELF file.
    pub fn elf(&self) -> Result<Elf> {
        Ok(match self.other {
            Some(path) => Elf::read(path)?,
            None => built("kernel", self.config)?,
        })
    }
}

impl Case {
    /// Whether the case can run on a kernel that is not ours and has this configuration.
    pub fn on_other_kernels(&self, config: Config) -> bool {
        self.needs == Needs::AnyKernel && self.config == config
    }

    /// Boots, and waits for the sentinel.
    pub fn run(&self, other: Option<&Path>) -> Result<()> {
        let image = (self.image)(&Kernel {
            other,
            config: self.config,
        })?;
        let mut guest = Guest::start(&self.machine, &image, self.patience, Tee::Quiet)?;
        let either = Regex::new(&format!("{}|{}", self.sentinel, self.failure))?;
        let end = guest.wait_for(Some(&either), self.patience);
        let text = match &end {
            End::Matched(line) | End::LoaderFailed(line) => line.as_str(),
            End::Stopped | End::TimedOut => "",
        };
        if !text.is_empty() && Regex::new(self.sentinel)?.is_match(text.as_bytes()) {
            return Ok(());
        }
        let (console, messages) = (guest.console().text(), guest.messages());
        guest.stop();
        bail!(
            "{end:?}, no line `{}`\n--- console\n{console}\n--- QEMU\n{messages}",
            self.sentinel
        )
    }
}

/// A boot image from a root task on the case's kernel.
pub fn boot(kernel: &Kernel<'_>, root_task: &'static str) -> Result<Vec<u8>> {
    boot_with(kernel, root_task, |_| ())
}

/// The same, with a change to the user image.
pub fn boot_with(
    kernel: &Kernel<'_>,
    root_task: &'static str,
    change: impl FnOnce(&mut UserImage),
) -> Result<Vec<u8>> {
    boot_by(kernel, "loader", root_task, change)
}

/// The same by a loader that was built for tests.
pub fn boot_by(
    kernel: &Kernel<'_>,
    loader: &'static str,
    root_task: &'static str,
    change: impl FnOnce(&mut UserImage),
) -> Result<Vec<u8>> {
    let mut user = UserImage::from_elf(&built(root_task, kernel.config)?)?;
    change(&mut user);
    Ok(boot_image::build(
        &built(loader, kernel.config)?,
        &kernel.elf()?,
        &user,
    )?)
}

/// A program of the workspace. Each is built once per test run, and one at a time: cargo would make them wait anyway.
pub fn built(package: &'static str, config: Config) -> Result<Elf> {
    static BUILT: Mutex<BTreeMap<(&str, &str), PathBuf>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let path = match built.entry((package, config.name())) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(new) => new.insert(build::program(package, config)?),
    };
    Ok(Elf::read(path)?)
}
