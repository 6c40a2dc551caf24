use alloc::vec::Vec;
use proptest::prelude::*;

use super::*;

const CODE: &[u8] = &[0x1f, 0x20, 0x03, 0xd5, 1, 2, 3];

fn sources() -> [SegmentSource<'static>; 3] {
    let at = WINDOW_VADDR;
    [
        SegmentSource {
            vaddr: at,
            pages: 1,
            rights: Rights::Read,
            content: &[7; 20],
        },
        SegmentSource {
            vaddr: at + PAGE,
            pages: 2,
            rights: Rights::ReadExecute,
            content: CODE,
        },
        SegmentSource {
            vaddr: at + 5 * PAGE,
            pages: 3,
            rights: Rights::ReadWrite,
            content: &[],
        },
    ]
}

fn good() -> Vec<u8> {
    encode(WINDOW_VADDR + PAGE, &sources(), DRIVER_WINDOW).unwrap()
}

/// The good image with its entry and records changed by `change`, hashed again.
fn changed(change: impl FnOnce(&mut Header, &mut [SegmentRecord; 3])) -> Vec<u8> {
    let mut bytes = good();
    let mut header = Header::read_from_prefix(&bytes).unwrap().0;
    let mut records = <[SegmentRecord; 3]>::read_from_prefix(&bytes[56..]).unwrap().0;
    change(&mut header, &mut records);
    bytes[56..56 + 72].copy_from_slice(records.as_bytes());
    bytes[..56].copy_from_slice(header.as_bytes());
    header.hash = crate::sha256(&bytes[HASHED_FROM..]);
    bytes[..56].copy_from_slice(header.as_bytes());
    bytes
}

fn refusal(change: impl FnOnce(&mut Header, &mut [SegmentRecord; 3])) -> Option<ImageError> {
    FlatImage::parse(&changed(change), DRIVER_WINDOW).err()
}

#[test]
fn what_was_encoded_is_found_again() {
    let bytes = good();
    let image = FlatImage::parse(&bytes, DRIVER_WINDOW).unwrap();
    assert_eq!(image.layout().entry(), WINDOW_VADDR + PAGE);
    assert_eq!(image.layout().end(), WINDOW_VADDR + 8 * PAGE);
    let found: Vec<_> = image.segments().collect();
    assert_eq!(found.len(), 3);
    for ((segment, content), source) in found.iter().zip(sources()) {
        assert_eq!(
            (segment.vaddr, segment.pages, segment.rights),
            (source.vaddr, source.pages, source.rights)
        );
        assert_eq!(*content, source.content);
    }
}

#[test]
fn every_rule_has_its_refusal() {
    assert_eq!(refusal(|_, _| ()), None);
    assert_eq!(refusal(|h, _| h.magic = 1), Some(ImageError::Magic));
    assert_eq!(refusal(|h, _| h.version = 2), Some(ImageError::Version));
    assert_eq!(refusal(|h, _| h.len += 1), Some(ImageError::Length));
    assert_eq!(
        refusal(|h, _| h.segment_count = 0),
        Some(ImageError::SegmentCount)
    );
    assert_eq!(
        refusal(|h, _| h.segment_count = 9),
        Some(ImageError::SegmentCount)
    );
    assert_eq!(refusal(|h, _| h.segment_count = 8), Some(ImageError::Truncated));
    assert_eq!(refusal(|_, r| r[2].rights = 0b111), Some(ImageError::Rights));
    assert_eq!(refusal(|_, r| r[2].rights = 0b010), Some(ImageError::Rights));
    assert_eq!(refusal(|_, r| r[2].rights = 0), Some(ImageError::Rights));
    assert_eq!(refusal(|_, r| r[0].vaddr += 8), Some(ImageError::Misaligned));
    assert_eq!(refusal(|_, r| r[2].pages = 0), Some(ImageError::SegmentSize));
    assert_eq!(refusal(|_, r| r[0].pages = 0), Some(ImageError::SegmentSize));
    assert_eq!(refusal(|_, r| r[0].vaddr -= PAGE), Some(ImageError::Window));
    assert_eq!(refusal(|_, r| r[2].pages = 512), Some(ImageError::Window));
    assert_eq!(
        refusal(|_, r| r[2].vaddr = u64::MAX - 4095),
        Some(ImageError::Window)
    );
    assert_eq!(refusal(|_, r| r[0].pages = 2), Some(ImageError::Overlap));
    assert_eq!(refusal(|_, r| r.swap(0, 2)), Some(ImageError::Overlap));
    assert_eq!(refusal(|_, r| r[0].file_offset = 0), Some(ImageError::Content));
    assert_eq!(refusal(|_, r| r[1].file_bytes = 400), Some(ImageError::Content));
    assert_eq!(
        refusal(|_, r| r[1].file_offset = u32::MAX),
        Some(ImageError::Content)
    );
    assert_eq!(
        refusal(|_, r| r[0].file_bytes = 4097),
        Some(ImageError::SegmentSize)
    );
    assert_eq!(refusal(|h, _| h.entry = WINDOW_VADDR), Some(ImageError::Entry));
    assert_eq!(refusal(|h, _| h.entry += 2), Some(ImageError::Entry));
    assert_eq!(refusal(|h, _| h.entry += 2 * PAGE), Some(ImageError::Entry));
    assert_eq!(refusal(|h, _| h.entry = u64::MAX - 3), Some(ImageError::Entry));
}

#[test]
fn every_truncation_and_extension_is_refused() {
    let mut bytes = good();
    for len in 0..bytes.len() {
        assert!(FlatImage::parse(&bytes[..len], DRIVER_WINDOW).is_err(), "{len}");
    }
    bytes.push(0);
    assert_eq!(
        FlatImage::parse(&bytes, DRIVER_WINDOW).err(),
        Some(ImageError::Length)
    );
}

#[test]
fn every_single_bit_flip_is_refused() {
    let mut bytes = good();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(FlatImage::parse(&bytes, DRIVER_WINDOW).is_err(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_pass(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(FlatImage::parse(&bytes, DRIVER_WINDOW).is_err());
    }

    /// Whatever the records say, a parsed image keeps the rules, checked here in another way: page by page.
    #[test]
    fn a_hashed_image_passes_only_with_disjoint_pages_in_the_window(
        entry in any::<u64>(),
        records in proptest::collection::vec((0u64..520, 0u32..4, 0u32..8, 0u32..300, 0u32..5000), 3),
        near in any::<bool>(),
    ) {
        let bytes = changed(|header, kept| {
            header.entry = if near { WINDOW_VADDR + entry % WINDOW_MAX } else { entry };
            for (record, (page, pages, rights, file_offset, file_bytes)) in kept.iter_mut().zip(&records) {
                *record = SegmentRecord {
                    vaddr: WINDOW_VADDR - PAGE + page * PAGE,
                    pages: *pages,
                    rights: *rights,
                    file_offset: *file_offset,
                    file_bytes: *file_bytes,
                };
            }
        });
        if let Ok(image) = FlatImage::parse(&bytes, DRIVER_WINDOW) {
            let mut owners = [0; 512];
            for (segment, content) in image.segments() {
                prop_assert!(content.len() as u64 <= segment.len());
                for page in 0..u64::from(segment.pages) {
                    owners[((segment.vaddr - WINDOW_VADDR) / PAGE + page) as usize] += 1;
                }
            }
            prop_assert!(owners.iter().all(|n| *n <= 1));
        }
    }
}
