//! Hashes made right, so that what changes bytes at random gets past them, and the rules of an image said in another way than
//! the parser says them.

use driver_package::image::{FlatImage, PAGE, Rights, Window};
use driver_package::sha256;

/// Where the hashed part of a package starts (`driver_package::package`).
const PACKAGE_HASHED_FROM: usize = 144;
/// Where the image of a package starts, and with it the end of the manifest.
pub const IMAGE_FROM: usize = driver_package::package::HEAD_LEN;

/// Puts the right image length and content hash into what may be a package.
pub fn mend_package(bytes: &mut [u8]) {
    if let Some(image_len) = bytes.len().checked_sub(IMAGE_FROM) {
        bytes[PACKAGE_HASHED_FROM..][..4].copy_from_slice(&(image_len as u32).to_le_bytes());
        let hash = sha256(&bytes[PACKAGE_HASHED_FROM..]);
        bytes[8..40].copy_from_slice(&hash);
    }
}

/// Puts the right length and hash into what may be an image.
pub fn mend_image(bytes: &mut [u8]) {
    if bytes.len() >= 44 {
        let len = bytes.len() as u32;
        bytes[40..44].copy_from_slice(&len.to_le_bytes());
        let hash = sha256(&bytes[40..]);
        bytes[8..40].copy_from_slice(&hash);
    }
}

/// Each segment in the window and apart from all others, none writable and executable, content no longer than its pages, the
/// entry in code.
pub fn check_image(image: &FlatImage<'_>, window: Window) {
    let entry = u128::from(image.layout().entry());
    let mut seen: Vec<(u128, u128)> = Vec::new();
    let mut enters_code = false;
    for (segment, content) in image.segments() {
        let from = u128::from(segment.vaddr);
        let end = from + u128::from(segment.pages) * u128::from(PAGE);
        assert!(end > from && from % u128::from(PAGE) == 0);
        assert!(u128::from(window.start) <= from && end <= u128::from(window.end));
        assert!(content.len() as u128 <= end - from);
        assert_ne!(segment.rights.bits() & 0b110, 0b110, "writable and executable");
        for &(other, other_end) in &seen {
            assert!(end <= other || other_end <= from, "two segments in one page");
        }
        seen.push((from, end));
        enters_code |= segment.rights == Rights::ReadExecute && (from..end).contains(&entry);
    }
    assert!(enters_code && entry % 4 == 0);
    assert!(image.layout().end() <= window.end);
}
