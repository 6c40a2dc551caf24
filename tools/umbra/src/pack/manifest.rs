//! The drivers of the workspace, and what their `Cargo.toml` says of them.

use crate::workspace;
use anyhow::{Context, Result, anyhow, bail};
use device_class::{ClassId, abi};
use driver_package::image::PAGE;
use driver_package::package::{Configuration, DeviceMatch, ManifestSource, Transport};
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
    /// Transport: `virtio-mmio`, `virtio-pci`, or `virtio` for either; `pci` for any other PCI function.
    pub transport: String,
    /// Devices that it serves, by virtio device id.
    #[serde(default)]
    pub device_ids: Vec<u32>,
    /// Functions that it serves, by PCI id: `vendor:device` in hexadecimal, such as `1af4:1042`.
    #[serde(default)]
    pub pci_ids: Vec<String>,
    /// Functions that it serves, by PCI class code: `base:sub:interface` in hexadecimal, such as `01:08:02`.
    #[serde(default)]
    pub pci_classes: Vec<String>,
    /// Devices that it serves, by a string of their `compatible` property.
    #[serde(default)]
    pub compatible: Vec<String>,
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

    /// The devices that it serves, by whatever it knows them.
    fn devices(&self) -> Result<Vec<DeviceMatch<'_>>> {
        let mut devices: Vec<_> = self.device_ids.iter().copied().map(DeviceMatch::Virtio).collect();
        for text in &self.pci_ids {
            let id = hexadecimal(text, [4, 4])
                .with_context(|| format!("`{text}` is no PCI id: say vendor:device, such as 1af4:1042"))?;
            let [vendor, device] = id.map(|number| number as u16);
            devices.push(DeviceMatch::Pci { vendor, device });
        }
        for text in &self.pci_classes {
            let [base, sub, interface] = hexadecimal(text, [2, 2, 2]).with_context(|| {
                format!("`{text}` is no PCI class code: say base:sub:interface, such as 01:08:02")
            })?;
            devices.push(DeviceMatch::PciClass(base << 16 | sub << 8 | interface));
        }
        devices.extend(self.compatible.iter().map(|name| DeviceMatch::Compatible(name)));
        Ok(devices)
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
            "pci" => Transport::Pci,
            other => {
                bail!("unknown transport `{other}`; known: virtio-mmio, virtio-pci, virtio (either), pci")
            }
        };
        if self.devices()?.is_empty() {
            bail!("it serves no device: name one in device_ids, pci_ids, pci_classes or compatible");
        }
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
            devices: self.devices()?,
            heap_pages: u32::try_from(self.heap_size / PAGE).context("heap_size is too large")?,
            security_floor: self.security_floor,
        })
    }
}

/// Numbers of so many hexadecimal digits each, between colons.
fn hexadecimal<const N: usize>(text: &str, digits: [usize; N]) -> Option<[u32; N]> {
    let words: Vec<&str> = text.split(':').collect();
    let mut numbers = [0; N];
    if words.len() != N {
        return None;
    }
    for ((number, word), digits) in numbers.iter_mut().zip(words).zip(digits) {
        if word.len() != digits || !word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        *number = u32::from_str_radix(word, 16).ok()?;
    }
    Some(numbers)
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
            pci_ids: Vec::new(),
            pci_classes: Vec::new(),
            compatible: Vec::new(),
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
            (source.class, source.heap_pages, &source.devices[..]),
            (1, 64, &[DeviceMatch::Virtio(2)][..])
        );
        assert_eq!(source.class_abi, abi::BLOCK);
        assert_eq!(fields.label(), "virtio-blk-0.8.0");
    }

    #[test]
    fn devices_are_named_in_four_ways() {
        let fields = Fields {
            pci_ids: vec!["1af4:1042".into()],
            pci_classes: vec!["01:08:02".into()],
            compatible: vec!["virtio,mmio".into()],
            ..fields()
        };
        let devices = fields.source(Configuration::Release).unwrap().devices;
        let expected = [
            DeviceMatch::Virtio(2),
            DeviceMatch::Pci {
                vendor: 0x1af4,
                device: 0x1042,
            },
            DeviceMatch::PciClass(0x01_0802),
            DeviceMatch::Compatible("virtio,mmio"),
        ];
        assert_eq!(devices, expected);
    }

    #[test]
    fn unknown_words_and_odd_heaps_are_refused() {
        let bad = [
            Fields {
                class: "blok".into(),
                ..fields()
            },
            Fields {
                transport: "usb".into(),
                ..fields()
            },
            Fields {
                pci_ids: vec!["1af4".into()],
                ..fields()
            },
            Fields {
                pci_ids: vec!["1af4:+042".into()],
                ..fields()
            },
            Fields {
                pci_classes: vec!["010802".into()],
                ..fields()
            },
            Fields {
                device_ids: Vec::new(),
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
