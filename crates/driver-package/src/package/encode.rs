//! Writing packages, on the host.

use alloc::vec::Vec;

use zerocopy::{FromBytes, IntoBytes, little_endian as le};

use super::device::{DeviceMatch, DeviceMatchRecord};
use super::manifest::{CHANGELOG_MAX, NAME_MAX, VERSION_MAX};
use super::signature::{self, KeyPair, SCHEME_ED25519, SignatureBlock};
use super::{
    Configuration, HASHED_FROM, Header, IMAGE_FROM, MAGIC, MAX_DEVICES, ManifestRecord, Package,
    PackageError, Transport, VERSION,
};
use crate::HASH_LEN;

/// What goes into a manifest; see [`Manifest`](super::Manifest) for the meaning.
#[derive(Clone, Debug)]
pub struct ManifestSource<'a> {
    /// Name, at most 64 bytes.
    pub name: &'a str,
    /// Version, at most 32 bytes.
    pub version: &'a str,
    /// What is new, in one line of at most 608 bytes.
    pub changelog: &'a str,
    /// Class number.
    pub class: u32,
    /// Hash of the class's canonical ABI text.
    pub class_abi: [u8; HASH_LEN],
    /// How the device is reached.
    pub transport: Transport,
    /// Which kernels it runs on.
    pub configuration: Configuration,
    /// One to eight devices.
    pub devices: Vec<DeviceMatch<'a>>,
    /// Pages of heap.
    pub heap_pages: u32,
    /// Security floor.
    pub security_floor: u32,
}

/// Writes an unsigned package around `image` (a whole flat image), and checks it as a reader would.
pub fn encode(source: &ManifestSource<'_>, image: &[u8]) -> Result<Vec<u8>, PackageError> {
    let mut devices = [DeviceMatchRecord::UNUSED; MAX_DEVICES];
    for (at, one) in source.devices.iter().enumerate() {
        *devices.get_mut(at).ok_or(PackageError::Devices)? = DeviceMatchRecord::of(*one)?;
    }
    let record = ManifestRecord {
        image_len: le::U32::new(u32::try_from(image.len()).map_err(|_| PackageError::Length)?),
        class: le::U32::new(source.class),
        class_abi: source.class_abi,
        transport: le::U32::new(source.transport as u32),
        device_count: le::U32::new(source.devices.len() as u32),
        devices,
        heap_pages: le::U32::new(source.heap_pages),
        security_floor: le::U32::new(source.security_floor),
        configuration: le::U32::new(source.configuration as u32),
        reserved: [0; 20],
        name: padded::<NAME_MAX>(source.name)?,
        version: padded::<VERSION_MAX>(source.version)?,
        changelog: padded::<CHANGELOG_MAX>(source.changelog)?,
    };
    let mut header = Header {
        magic: MAGIC,
        version: VERSION,
        hash: [0; HASH_LEN],
        signature: SignatureBlock::NONE,
    };
    let mut bytes = Vec::with_capacity(IMAGE_FROM + image.len());
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(record.as_bytes());
    bytes.extend_from_slice(image);
    header.hash = crate::sha256(&bytes[HASHED_FROM..]);
    bytes[..HASHED_FROM].copy_from_slice(header.as_bytes());
    Package::parse(&bytes)?;
    Ok(bytes)
}

/// Signs a package, in place of whoever signed it before.
pub fn sign(package: &mut [u8], key: &KeyPair) -> Result<(), PackageError> {
    let hash = *Package::parse(package)?.hash();
    let (header, _) = Header::mut_from_prefix(package).map_err(|_| PackageError::Truncated)?;
    header.signature = SignatureBlock {
        scheme: SCHEME_ED25519,
        reserved: 0,
        key: *key.pk,
        signature: *key.sk.sign(signature::message(&hash), None),
    };
    Ok(())
}

fn padded<const N: usize>(text: &str) -> Result<[u8; N], PackageError> {
    let mut field = [0; N];
    field
        .get_mut(..text.len())
        .ok_or(PackageError::Text)?
        .copy_from_slice(text.as_bytes());
    Ok(field)
}
