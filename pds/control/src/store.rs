//! The package store: slots of equal size, each with one package, an upload under way, or nothing.
//!
//! The hash of an upload is computed as the bytes come in, so that no request costs more than its own bytes. A package
//! is known by the SHA-256 of all its bytes; whether it is a good one, the stager finds out.

use control_protocol::record::{LABEL_MAX, PackageLabel};
use control_protocol::reply::{Error, MAX_PACKAGES, Upload};
use control_protocol::{PackageHash, PublicKey};
use heapless::{String, Vec};
use sha2::{Digest, Sha256};

use crate::ledger;
use crate::world::World;

#[derive(Clone, Debug)]
enum Content {
    Nothing,
    Arriving {
        len: u32,
        hash: PackageHash,
        received: u32,
        sum: Sha256,
    },
    Package {
        len: u32,
        hash: PackageHash,
        label: String<LABEL_MAX>,
    },
}

#[derive(Clone, Debug)]
struct Slot {
    content: Content,
    /// When it was used last, in uses of the store.
    used: u64,
}

/// What stands in which slot. The bytes are elsewhere ([`World::write_package`]).
#[derive(Clone, Debug)]
pub struct Store {
    slots: Vec<Slot, MAX_PACKAGES>,
    slot_size: u32,
    uses: u64,
}

/// A package in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Store slot.
    pub slot: u8,
    /// Bytes.
    pub len: u32,
    /// SHA-256.
    pub hash: &'a PackageHash,
    /// Name and version.
    pub label: &'a str,
}

impl Store {
    /// `count` slots of `slot_size` bytes (at most [`MAX_PACKAGES`]), the first of them filled with packages of the
    /// lengths given, which are hashed now.
    pub fn new(world: &mut impl World, count: usize, slot_size: u32, preloaded: &[u32]) -> Self {
        let empty = Slot {
            content: Content::Nothing,
            used: 0,
        };
        let mut store = Self {
            slots: Vec::new(),
            slot_size,
            uses: 0,
        };
        for index in 0..count.min(MAX_PACKAGES) {
            let mut slot = empty.clone();
            if let Some(len) = preloaded
                .get(index)
                .copied()
                .filter(|len| *len <= slot_size && *len > 0)
            {
                slot.content = preloaded_package(world, index, len);
            }
            // There is room by the bound of the loop.
            let _ = store.slots.push(slot);
        }
        store
    }

    /// Takes over the packages that a predecessor knew in slots behind the preloaded ones; their bytes are still there.
    pub fn restore(&mut self, world: &mut impl World) {
        for index in 0..self.slots.len() {
            let Some((len, hash)) = ledger::read_package(world, index) else {
                continue;
            };
            if len <= self.slot_size {
                let label = read_label(world, index);
                self.put(index as u8, Content::Package { len, hash, label });
            }
        }
    }

    /// Bytes of a slot.
    pub fn slot_size(&self) -> u32 {
        self.slot_size
    }

    /// The packages, by slot.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| match &slot.content {
                Content::Package { len, hash, label } => Some(Entry {
                    slot: index as u8,
                    len: *len,
                    hash,
                    label,
                }),
                _ => None,
            })
    }

    /// The slot of the package with this hash; counts as a use.
    pub fn find(&mut self, hash: &PackageHash) -> Option<u8> {
        let slot = self.entries().find(|entry| entry.hash == hash)?.slot;
        self.touch(slot);
        Some(slot)
    }

    /// Bytes of the package in a slot.
    pub fn package_len(&self, slot: u8) -> Option<u32> {
        self.entries()
            .find(|entry| entry.slot == slot)
            .map(|entry| entry.len)
    }

    /// What an operator sees of the package in a slot.
    pub fn label(&self, slot: u8) -> Option<PackageLabel> {
        let entry = self.entries().find(|entry| entry.slot == slot)?;
        let mut hash = [0; 8];
        hash.copy_from_slice(&entry.hash[..8]);
        Some(PackageLabel {
            hash,
            label: String::try_from(entry.label).unwrap_or_default(),
        })
    }

    /// Security floor and signer of the package in a slot, as it states them: right if it was verified.
    pub fn limits(&self, world: &mut impl World, slot: u8) -> (u32, Option<PublicKey>) {
        let mut head = [0; driver_package::package::HEAD_LEN];
        world.read_package(usize::from(slot), 0, &mut head);
        driver_package::package::stated_limits(&head).unwrap_or_default()
    }

    /// Makes room for a package, unless it is there. `kept` says which slots must not be given up.
    ///
    /// # Errors
    /// `TooLarge`, `StoreFull`.
    pub fn begin(
        &mut self,
        len: u32,
        hash: &PackageHash,
        kept: impl Fn(u8) -> bool,
    ) -> Result<Upload, Error> {
        if len == 0 || len > self.slot_size {
            return Err(Error::TooLarge { max: self.slot_size });
        }
        if let Some(slot) = self.find(hash) {
            return Ok(Upload {
                slot,
                received: len,
                complete: true,
            });
        }
        if let Some((slot, received)) = self.arriving(len, hash) {
            self.touch(slot);
            return Ok(Upload {
                slot,
                received,
                complete: false,
            });
        }
        let slot = self.free_slot(kept).ok_or(Error::StoreFull)?;
        self.put(
            slot,
            Content::Arriving {
                len,
                hash: *hash,
                received: 0,
                sum: Sha256::new(),
            },
        );
        self.touch(slot);
        Ok(Upload {
            slot,
            received: 0,
            complete: false,
        })
    }

    /// Takes the next bytes of an upload. Bytes that were received before are not written again.
    ///
    /// # Errors
    /// `NoUpload`, `ChunkPosition`.
    pub fn chunk(
        &mut self,
        world: &mut impl World,
        slot: u8,
        offset: u32,
        bytes: &[u8],
    ) -> Result<Upload, Error> {
        self.touch(slot);
        let entry = self.slots.get_mut(usize::from(slot)).ok_or(Error::NoUpload)?;
        let Content::Arriving {
            len, received, sum, ..
        } = &mut entry.content
        else {
            return Err(Error::NoUpload);
        };
        let position = Error::ChunkPosition { received: *received };
        let known = received.checked_sub(offset).ok_or(position)? as usize;
        let end = usize::try_from(offset)
            .ok()
            .and_then(|offset| offset.checked_add(bytes.len()))
            .ok_or(position)?;
        if end > *len as usize {
            return Err(position);
        }
        if let Some(new) = bytes.get(known..) {
            if *received == 0 {
                ledger::write_package(world, usize::from(slot), None);
            }
            world.write_package(usize::from(slot), *received as usize, new);
            sum.update(new);
            // In range: `end` is at most `len`, and not below `received` when there are new bytes.
            *received += new.len() as u32;
        }
        Ok(Upload {
            slot,
            received: *received,
            complete: false,
        })
    }

    /// Ends an upload. `label` is asked for the name once the hash was found right.
    ///
    /// # Errors
    /// `NoUpload`, `ChunkPosition` (bytes are missing), `WrongHash`.
    pub fn end(&mut self, world: &mut impl World, slot: u8) -> Result<Upload, Error> {
        let entry = self.slots.get_mut(usize::from(slot)).ok_or(Error::NoUpload)?;
        let content = match &entry.content {
            // The answer to the first `UploadEnd` got lost.
            Content::Package { len, .. } => {
                return Ok(Upload {
                    slot,
                    received: *len,
                    complete: true,
                });
            }
            Content::Nothing => return Err(Error::NoUpload),
            Content::Arriving { len, received, .. } if received < len => {
                return Err(Error::ChunkPosition { received: *received });
            }
            Content::Arriving { len, hash, sum, .. } => {
                let sum: PackageHash = sum.clone().finalize().into();
                (sum == *hash).then_some((*len, *hash))
            }
        };
        let Some((len, hash)) = content else {
            entry.content = Content::Nothing;
            return Err(Error::WrongHash);
        };
        entry.content = Content::Package {
            len,
            hash,
            label: read_label(world, usize::from(slot)),
        };
        ledger::write_package(world, usize::from(slot), Some((len, &hash)));
        self.touch(slot);
        Ok(Upload {
            slot,
            received: len,
            complete: true,
        })
    }

    fn arriving(&self, wanted_len: u32, wanted: &PackageHash) -> Option<(u8, u32)> {
        self.slots
            .iter()
            .enumerate()
            .find_map(|(index, slot)| match &slot.content {
                Content::Arriving {
                    len, hash, received, ..
                } if hash == wanted && *len == wanted_len => Some((index as u8, *received)),
                _ => None,
            })
    }

    /// An empty slot, or the one that was used least recently of those that may be given up.
    fn free_slot(&self, kept: impl Fn(u8) -> bool) -> Option<u8> {
        let slots = || {
            self.slots
                .iter()
                .enumerate()
                .map(|(index, slot)| (index as u8, slot))
        };
        let empty = slots().find(|(_, slot)| matches!(slot.content, Content::Nothing));
        empty
            .or_else(|| {
                slots()
                    .filter(|(index, _)| !kept(*index))
                    .min_by_key(|(_, slot)| slot.used)
            })
            .map(|(i, _)| i)
    }

    fn put(&mut self, slot: u8, content: Content) {
        if let Some(entry) = self.slots.get_mut(usize::from(slot)) {
            entry.content = content;
        }
    }

    fn touch(&mut self, slot: u8) {
        self.uses += 1;
        if let Some(entry) = self.slots.get_mut(usize::from(slot)) {
            entry.used = self.uses;
        }
    }
}

fn preloaded_package(world: &mut impl World, slot: usize, len: u32) -> Content {
    let mut sum = Sha256::new();
    let mut buffer = [0; 512];
    let mut offset = 0;
    while offset < len as usize {
        let part = buffer.len().min(len as usize - offset);
        world.read_package(slot, offset, &mut buffer[..part]);
        sum.update(&buffer[..part]);
        offset += part;
    }
    Content::Package {
        len,
        hash: sum.finalize().into(),
        label: read_label(world, slot),
    }
}

/// Name and version as the manifest says, unverified: for the operator's eyes only.
fn read_label(world: &mut impl World, slot: usize) -> String<LABEL_MAX> {
    let mut head = [0; driver_package::package::HEAD_LEN];
    world.read_package(slot, 0, &mut head);
    let mut label = String::new();
    if let Some((name, version)) = driver_package::package::describe(&head) {
        for text in [name, " ", version] {
            for letter in text.chars().filter(|letter| !letter.is_control()) {
                if label.push(letter).is_err() {
                    return label;
                }
            }
        }
    }
    label
}
