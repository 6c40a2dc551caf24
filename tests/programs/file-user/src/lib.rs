//! What a client of the file server writes, so that the host can tell whether it is there.
#![no_std]

/// Bytes of a file.
pub const FILE_LEN: usize = 32 * 1024;
/// Bytes that are moved with one request.
pub const PIECE: usize = 8 * 1024;
/// Bytes of the account: `rounds`, `errors` and `busy`, each a little-endian word.
pub const ACCOUNT_LEN: usize = 24;

/// A piece of the file of client `number` in its round `round`. The file starts with the number of the round.
pub fn fill(number: u64, round: u64, position: usize, piece: &mut [u8]) {
    let seed = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number;
    for (at, chunk) in piece.chunks_mut(8).enumerate() {
        let word = match position + 8 * at {
            0 => round,
            offset => (seed ^ offset as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9),
        };
        let bytes = word.to_le_bytes();
        chunk.copy_from_slice(&bytes[..chunk.len()]);
    }
}
