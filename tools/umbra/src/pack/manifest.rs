//! The drivers of the workspace, and what their `Cargo.toml` says of them.

use crate::workspace;
use anyhow::{Context, Result, anyhow, bail};
use device_class::{ClassId, abi};
use driver_package::image::PAGE;
use driver_package::package::{Configuration, ManifestSource, Transport};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A driver's crate.
#[derive(Clone, Debug)]
pub struct Driver {
    /// Cargo's name of it.
    pub package: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Its `[package.metadata.umbra]`.
    pub fields: Fields,
}

/// `[package.metadata.umbra]` of a driver.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// Name that the operator uses.
    pub name: String,
    /// Version of the driver inside.
    pub version: String,
    /// Class, such as `block`.
    pub class: String,
    /// Transport: `virtio-mmio`, `virtio-pci`, or `virtio` for either.
    pub transport: String,
    /// Devices that it serves, as the transport numbers them.
    pub device_ids: Vec<u32>,
    /// Bytes of heap, whole pages.
    pub heap_size: u64,
    /// See `driver_package::package::Manifest::security_floor`.
    #[serde(default)]
    pub security_floor: u32,
    /// What is new, in one line.
    #[serde(default)]
    pub changelog: String,
}

impl Fields {
    /// Name and version.
    pub fn label(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// What the manifest will say, for a driver built for `configuration` with this tool's contracts.
    pub fn source(&self, configuration: Configuration) -> Result<ManifestSource<'_>> {
        let class = match self.class.as_str() {
            "block" => ClassId::Block as u32,
            "net" => ClassId::Net as u32,
            other => bail!("unknown class `{other}`; known: block, net"),
        };
        let transport = match self.transport.as_str() {
            "virtio-mmio" => Transport::VirtioMmio,
            "virtio-pci" => Transport::VirtioPci,
            "virtio" => Transport::Virtio,
            other => bail!("unknown transport `{other}`; known: virtio-mmio, virtio-pci, virtio (either)"),
        };
        if !self.heap_size.is_multiple_of(PAGE) {
            bail!(
                "heap_size {:#x} is not a multiple of the page size {PAGE:#x}",
                self.heap_size
            );
        }
        Ok(ManifestSource {
            name: &self.name,
            version: &self.version,
            changelog: &self.changelog,
            class,
            class_abi: abi::hash_of(class).context("the class has no ABI text")?,
            transport,
            configuration,
            device_ids: &self.device_ids,
            heap_pages: u32::try_from(self.heap_size / PAGE).context("heap_size is too large")?,
            security_floor: self.security_floor,
        })
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    metadata: Option<serde_json::Value>,
}

/// All drivers of the workspace, by folder.
pub fn drivers() -> Result<Vec<Driver>> {
    drivers_of(&workspace::root())
}

/// All drivers of the workspace in `root`, by folder.
pub fn drivers_of(root: &Path) -> Result<Vec<Driver>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("starting cargo")?;
    if !output.status.success() {
        bail!("cargo metadata failed");
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let mut drivers = Vec::new();
    for package in metadata.packages {
        let Some(fields) = package
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.get("umbra"))
        else {
            continue;
        };
        let fields = serde_json::from_value(fields.clone())
            .with_context(|| format!("[package.metadata.umbra] of {}", package.manifest_path.display()))?;
        let folder = package
            .manifest_path
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        drivers.push(Driver {
            package: package.name,
            folder,
            fields,
        });
    }
    drivers.sort_by(|a, b| a.folder.cmp(&b.folder));
    Ok(drivers)
}

/// The driver that somebody calls by crate name, label or folder.
pub fn find(called: &str) -> Result<Driver> {
    let folder = Path::new(called).canonicalize().ok();
    let all = drivers()?;
    let is_it = |driver: &&Driver| {
        driver.package == called || driver.fields.label() == called || Some(&driver.folder) == folder.as_ref()
    };
    all.iter().find(is_it).cloned().ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|driver| driver.package.as_str()).collect();
        anyhow!("no driver `{called}`; known: {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields {
            name: "virtio-blk".into(),
            version: "0.8.0".into(),
            class: "block".into(),
            transport: "virtio-mmio".into(),
            device_ids: vec![2],
            heap_size: 0x40000,
            security_floor: 0,
            changelog: String::new(),
        }
    }

    #[test]
    fn the_manifest_says_what_the_fields_say() {
        let fields = fields();
        let source = fields.source(Configuration::Release).unwrap();
        assert_eq!(
            (source.class, source.heap_pages, source.device_ids),
            (1, 64, &[2][..])
        );
        assert_eq!(source.class_abi, abi::BLOCK);
        assert_eq!(fields.label(), "virtio-blk-0.8.0");
    }

    #[test]
    fn unknown_words_and_odd_heaps_are_refused() {
        let bad = [
            Fields {
                class: "blok".into(),
                ..fields()
            },
            Fields {
                transport: "pci".into(),
                ..fields()
            },
            Fields {
                heap_size: 0x40001,
                ..fields()
            },
            Fields {
                heap_size: 1 << 60,
                ..fields()
            },
        ];
        for fields in bad {
            assert!(fields.source(Configuration::Debug).is_err(), "{fields:?}");
        }
    }

    #[test]
    fn the_released_drivers_are_found_by_each_of_their_names() {
        for called in ["virtio-blk-0-8", "virtio-blk-0.8.0"] {
            assert_eq!(find(called).unwrap().fields.version, "0.8.0");
        }
        assert!(find("virtio-blk-0-99").is_err());
    }
}
