//! Packages for people and scripts to read.

use crate::ctl::refusal;
use crate::ctl::text::hex;
use crate::keys::{self, Keys};
use device_class::abi;
use driver_package::image::{PAGE, Rights};
use driver_package::package::signature::{PublicKey, Trust};
use driver_package::package::{Configuration, DeviceMatch, Package, Transport};
use serde_json::{Value, json};
use std::fmt::Write;

/// The package as JSON: `{"name","version",…,"segments":[…]}`, or `{"error","number"}`.
pub fn to_json(bytes: &[u8]) -> Value {
    let package = match Package::parse(bytes) {
        Ok(package) => package,
        Err(error) => return json!({ "error": refusal::package_error(error), "number": error.number() }),
    };
    let manifest = package.manifest();
    let segments: Vec<_> = package
        .image()
        .segments()
        .map(|(segment, content)| {
            json!({
                "vaddr": segment.vaddr,
                "pages": segment.pages,
                "rights": rights(segment.rights),
                "content": content.len(),
            })
        })
        .collect();
    json!({
        "name": manifest.name,
        "version": manifest.version,
        "changelog": manifest.changelog,
        "hash": hex(package.hash()),
        "bytes": bytes.len(),
        "class": manifest.class(),
        "class_abi": hex(manifest.class_abi()),
        "class_abi_known": abi::hash_of(manifest.class()) == Some(*manifest.class_abi()),
        "transport": transport(manifest.transport),
        "devices": manifest.devices().map(device_json).collect::<Vec<_>>(),
        "configuration": configuration(manifest.configuration),
        "heap_bytes": u64::from(manifest.heap_pages()) * PAGE,
        "security_floor": manifest.security_floor(),
        "signature": signature_json(&package),
        "entry": package.image().layout().entry(),
        "image_hash": hex(package.image().hash()),
        "segments": segments,
    })
}

/// The package as a table, or what is wrong with it.
pub fn describe(bytes: &[u8]) -> Result<String, String> {
    let package = Package::parse(bytes).map_err(refusal::package_error)?;
    let manifest = package.manifest();
    let known = match abi::hash_of(manifest.class()) {
        Some(hash) if hash == *manifest.class_abi() => "this checkout's",
        _ => "not this checkout's",
    };
    let devices: Vec<_> = manifest.devices().map(device).collect();
    let rows = [
        ("name", manifest.name.to_owned()),
        ("version", manifest.version.to_owned()),
        ("changelog", manifest.changelog.to_owned()),
        ("hash", hex(package.hash())),
        ("bytes", bytes.len().to_string()),
        ("class", manifest.class().to_string()),
        ("class ABI", format!("{} ({known})", hex(manifest.class_abi()))),
        (
            "serves",
            format!("{} on {}", devices.join(", "), transport(manifest.transport)),
        ),
        ("kernel", configuration(manifest.configuration).to_owned()),
        ("heap", format!("{:#x}", u64::from(manifest.heap_pages()) * PAGE)),
        ("security floor", manifest.security_floor().to_string()),
        ("signature", signature(&package)),
        ("entry", format!("{:#x}", package.image().layout().entry())),
    ];
    let mut table = String::new();
    for (name, value) in rows {
        let _ = writeln!(table, "{name:<15} {value}");
    }
    for (segment, content) in package.image().segments() {
        let what = rights(segment.rights);
        let _ = writeln!(
            table,
            "{:<15} {:#x} {} pages {what}, {:#x} bytes of content",
            "segment",
            segment.vaddr,
            segment.pages,
            content.len(),
        );
    }
    Ok(table)
}

/// Who signed, and what images of this checkout make of it.
fn signature(package: &Package<'_>) -> String {
    let Some(block) = package.signature() else {
        return "none: no system takes it (`pack` signs)".to_owned();
    };
    let known = Keys::open().ok().and_then(|keys| keys.name_of(&block.key));
    let (name, trusted) = known.map_or(("an unknown key".to_owned(), false), |entry| {
        (entry.name, entry.trusted)
    });
    let verdict = match (genuine(package, &block.key), trusted) {
        (false, _) => "FALSE: the key did not sign this",
        (true, true) => "trusted by images built here",
        (true, false) => "not trusted by images built here",
    };
    format!("{} {name} ({verdict})", keys::short(&block.key))
}

fn signature_json(package: &Package<'_>) -> Value {
    package.signature().map_or(Value::Null, |block| {
        let known = Keys::open().ok().and_then(|keys| keys.name_of(&block.key));
        json!({
            "key": hex(&block.key),
            "genuine": genuine(package, &block.key),
            "trusted": known.is_some_and(|entry| entry.trusted),
        })
    })
}

/// Whether the key really signed it.
fn genuine(package: &Package<'_>, key: &PublicKey) -> bool {
    let trust = Trust {
        keys: &[*key],
        revoked: 0,
    };
    trust.check(package).is_ok()
}

/// A device, as the driver's `[package.metadata.umbra]` writes it.
pub fn device(known: DeviceMatch<'_>) -> String {
    match known {
        DeviceMatch::Virtio(id) => format!("virtio {id}"),
        DeviceMatch::Pci { vendor, device } => format!("pci {vendor:04x}:{device:04x}"),
        DeviceMatch::PciClass(code) => {
            format!(
                "pci class {:02x}:{:02x}:{:02x}",
                code >> 16,
                code >> 8 & 0xff,
                code & 0xff
            )
        }
        DeviceMatch::Compatible(name) => format!("compatible {name}"),
    }
}

fn device_json(known: DeviceMatch<'_>) -> Value {
    let (by, value) = match known {
        DeviceMatch::Virtio(id) => ("virtio_id", json!(id)),
        DeviceMatch::Pci { vendor, device } => ("pci_id", json!({ "vendor": vendor, "device": device })),
        DeviceMatch::PciClass(code) => ("pci_class", json!(code)),
        DeviceMatch::Compatible(name) => ("compatible", json!(name)),
    };
    json!({ by: value })
}

/// The transport of a number.
pub fn transport_of(number: u32) -> &'static str {
    Transport::from_number(number).map_or("an unknown transport", transport)
}

fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::VirtioMmio => "virtio-mmio",
        Transport::VirtioPci => "virtio-pci",
        Transport::Virtio => "virtio-mmio or virtio-pci",
        Transport::Pci => "pci",
    }
}

fn configuration(configuration: Configuration) -> &'static str {
    match configuration {
        Configuration::Release => "release",
        Configuration::Debug => "debug",
        Configuration::Benchmark => "benchmark",
    }
}

fn rights(rights: Rights) -> &'static str {
    match rights {
        Rights::Read => "r--",
        Rights::ReadWrite => "rw-",
        Rights::ReadExecute => "r-x",
    }
}
