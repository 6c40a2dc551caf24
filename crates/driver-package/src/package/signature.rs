//! Who signed a package, and whether a system takes packages of that key.
//!
//! A signature is ed25519 (RFC 8032) over [`CONTEXT`] and the package's content hash. The key that made it stands beside it,
//! so that a refusal can say which key is not trusted.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{Package, PackageError};
use crate::HASH_LEN;

#[cfg(feature = "alloc")]
pub use ed25519_compact::{KeyPair, Seed};

/// Signature scheme: none.
pub const SCHEME_NONE: u32 = 0;
/// Signature scheme: ed25519.
pub const SCHEME_ED25519: u32 = 1;
/// What is signed begins with this, so that no signature that a key made for something else is taken for one of a package.
pub const CONTEXT: &[u8; 16] = b"umbra package v1";

/// Where the signature stands in a package.
pub const RANGE: core::ops::Range<usize> = 40..40 + size_of::<SignatureBlock>();

/// A public key.
pub type PublicKey = [u8; 32];

/// The signature over the content hash, as it lies in the file.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SignatureBlock {
    /// [`SCHEME_NONE`], with zeroes in all that follows, or [`SCHEME_ED25519`].
    pub scheme: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// The key that signed.
    pub key: PublicKey,
    /// The signature.
    pub signature: [u8; 64],
}

impl SignatureBlock {
    /// No signature.
    pub const NONE: Self = Self {
        scheme: SCHEME_NONE,
        reserved: 0,
        key: [0; 32],
        signature: [0; 64],
    };

    /// Checks the form; the signature itself is checked by [`Trust::check`].
    pub(super) fn check(&self) -> Result<(), PackageError> {
        let well_formed = match self.scheme {
            SCHEME_NONE => self.as_bytes().iter().all(|byte| *byte == 0),
            SCHEME_ED25519 => self.reserved == 0,
            _ => false,
        };
        well_formed.then_some(()).ok_or(PackageError::Signature)
    }
}

/// Whose packages a system takes.
#[derive(Clone, Copy, Debug)]
pub struct Trust<'a> {
    /// Keys that the system was built to trust; at most 32 of them count.
    pub keys: &'a [PublicKey],
    /// Those that were revoked since, a bit for each.
    pub revoked: u32,
}

/// Why a package is not trusted. The number is part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Distrust {
    /// It is not signed.
    Unsigned = 1,
    /// By a key that the system was not built to trust.
    UnknownKey = 2,
    /// By a key that was revoked.
    RevokedKey = 3,
    /// What claims to be the key's signature is not.
    BadSignature = 4,
}

impl Distrust {
    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        [
            Self::Unsigned,
            Self::UnknownKey,
            Self::RevokedKey,
            Self::BadSignature,
        ]
        .into_iter()
        .find(|known| *known as u32 == number)
    }
}

impl Trust<'_> {
    /// Checks that one of the keys signed the package.
    pub fn check(&self, package: &Package<'_>) -> Result<(), Distrust> {
        self.admit(package)?.verify()
    }

    /// Checks all but the signature itself, which is left to be verified.
    pub fn admit(&self, package: &Package<'_>) -> Result<Proof, Distrust> {
        let block = package.signature().ok_or(Distrust::Unsigned)?;
        let bit = (0..u32::BITS)
            .zip(self.keys)
            .find_map(|(bit, key)| (*key == block.key).then_some(bit))
            .ok_or(Distrust::UnknownKey)?;
        if self.revoked & 1 << bit != 0 {
            return Err(Distrust::RevokedKey);
        }
        Ok(Proof {
            key: block.key,
            signature: block.signature,
            hash: *package.hash(),
        })
    }
}

/// All that a signature's being right depends on: who has verified it once need not do it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    key: PublicKey,
    signature: [u8; 64],
    hash: [u8; HASH_LEN],
}

impl Proof {
    /// Verifies the signature. This is by far the longest of all checks of a package.
    pub fn verify(&self) -> Result<(), Distrust> {
        ed25519_compact::PublicKey::new(self.key)
            .verify(
                message(&self.hash),
                &ed25519_compact::Signature::new(self.signature),
            )
            .map_err(|_| Distrust::BadSignature)
    }
}

/// What is signed for a package with this content hash.
pub(super) fn message(hash: &[u8; HASH_LEN]) -> [u8; CONTEXT.len() + HASH_LEN] {
    let mut message = [0; CONTEXT.len() + HASH_LEN];
    let (context, content) = message.split_at_mut(CONTEXT.len());
    context.copy_from_slice(CONTEXT);
    content.copy_from_slice(hash);
    message
}
