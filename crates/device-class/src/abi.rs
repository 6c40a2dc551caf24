//! The class ABI hash: what a driver and a shadow must have in common, as one number in a driver's manifest.
//!
//! The canonical text (`abi/block.txt`, `abi/net.txt`) is generated from the types: layouts, numbers, and a semantics version for what
//! layouts do not show. It is kept in the repository so that a change shows in review. A test fails when text, types
//! and hash differ; `UMBRA_BLESS=1 cargo test -p device-class abi` writes the text anew and says what the hash must be.

use crate::ClassId;

/// SHA-256 of `abi/block.txt`.
pub const BLOCK: [u8; 32] = hex(b"ec8dc0ab8ba1895c5b2c551c1cdb90936f1218a2b1fc5df5d96651d98cc2dded");

/// SHA-256 of `abi/net.txt`.
pub const NET: [u8; 32] = hex(b"2d03a3a20b487c01221c0297df6fce25209f80bd02f67ffb416e3d02177489c5");

/// Version of the block class's meaning. It changes when layouts stay and their sense does not.
pub const BLOCK_SEMANTICS: u32 = 1;
/// The same for the network class.
pub const NET_SEMANTICS: u32 = 1;

/// The ABI hash of the class with this number.
pub fn hash_of(class: u32) -> Option<[u8; 32]> {
    const BLOCK_ID: u32 = ClassId::Block as u32;
    const NET_ID: u32 = ClassId::Net as u32;
    match class {
        BLOCK_ID => Some(BLOCK),
        NET_ID => Some(NET),
        _ => None,
    }
}

/// Bytes of a hexadecimal number; a wrong digit does not compile.
const fn hex(digits: &[u8; 64]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < 64 {
        let digit = match digits[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("not a hexadecimal digit"),
        };
        bytes[at / 2] = bytes[at / 2] << 4 | digit;
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests;
