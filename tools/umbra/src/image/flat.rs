//! Flat images: what is left of a PD's or driver's ELF file on the target.
//!
//! The format, and the rules that a reader on the target enforces, are [`driver_package::image`]'s. Here an ELF file becomes
//! such an image: symbols are written, segments widened to whole pages, neighbours with equal rights joined.

use super::ImageError;
use super::elf::{Elf, Segment};
use driver_package::image::{PAGE, Rights, SegmentSource, Window, encode};
use sdf::Patch;

/// Writes `patches` into a program and lays it out flat; it must lie in `window`.
pub fn flatten(elf: &Elf, patches: &[Patch], window: Window) -> Result<Vec<u8>, ImageError> {
    flatten_with_symbols(elf, elf, patches, window)
}

/// As [`flatten`], with the symbols of another file (Microkit's `path_for_symbols`).
pub fn flatten_with_symbols(
    elf: &Elf,
    symbols: &Elf,
    patches: &[Patch],
    window: Window,
) -> Result<Vec<u8>, ImageError> {
    let mut elf = elf.clone();
    for patch in patches {
        apply(&mut elf, symbols, patch)?;
    }
    let mut runs: Vec<Run> = Vec::new();
    for segment in &elf.segments {
        add(&mut runs, segment)?;
    }
    let sources: Vec<SegmentSource<'_>> = runs.iter().map(Run::source).collect();
    encode(elf.entry, &sources, window).map_err(ImageError::Flat)
}

fn apply(elf: &mut Elf, symbols: &Elf, patch: &Patch) -> Result<(), ImageError> {
    let Some(symbol) = symbols.symbol(&patch.symbol) else {
        return if patch.required {
            Err(ImageError::NoSymbol(patch.symbol.clone()))
        } else {
            Ok(())
        };
    };
    let wanted = if patch.word { 8 } else { patch.bytes.len() };
    if (patch.exact || patch.word) && symbol.bytes != wanted as u64 {
        return Err(ImageError::SymbolNotExact {
            name: patch.symbol.clone(),
            found: symbol.bytes,
            wanted,
        });
    }
    elf.patch_symbol(&patch.symbol, symbol, &patch.bytes)
}

/// Whole pages with the same rights.
struct Run {
    virt: u64,
    pages: u64,
    rights: Rights,
    content: Vec<u8>,
}

impl Run {
    fn end(&self) -> u64 {
        self.virt + self.pages * PAGE
    }

    fn source(&self) -> SegmentSource<'_> {
        let used = self
            .content
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        // A number of pages that does not fit is more than any window has.
        let pages = u32::try_from(self.pages).unwrap_or(u32::MAX);
        SegmentSource {
            vaddr: self.virt,
            pages,
            rights: self.rights,
            content: &self.content[..used],
        }
    }
}

fn add(runs: &mut Vec<Run>, segment: &Segment) -> Result<(), ImageError> {
    let rights = match (segment.writable, segment.executable) {
        (true, true) => return Err(ImageError::WritableCode(segment.virt)),
        (true, false) => Rights::ReadWrite,
        (false, true) => Rights::ReadExecute,
        (false, false) => Rights::Read,
    };
    let start = segment.virt / PAGE * PAGE;
    let end = segment
        .end()
        .checked_next_multiple_of(PAGE)
        .ok_or(ImageError::BadSegment(segment.virt))?;
    let joined = match runs.last_mut() {
        Some(last) if last.rights == rights && start <= last.end() => Some(last),
        Some(last) if start < last.end() => return Err(ImageError::SharedPage(start)),
        _ => None,
    };
    let run = match joined {
        Some(run) => run,
        None => {
            runs.push(Run {
                virt: start,
                pages: 0,
                rights,
                content: Vec::new(),
            });
            let last = runs.len() - 1;
            &mut runs[last]
        }
    };
    run.pages = (end - run.virt) / PAGE;
    if !segment.content.is_empty() {
        // `Elf` sorted the segments and found no overlap, so this only ever appends.
        run.content.resize((segment.virt - run.virt) as usize, 0);
        run.content.extend_from_slice(&segment.content);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixture::{self, Piece};
    use driver_package::image::{FlatImage, ImageError as Rule};
    use object::elf::{PF_R, PF_W, PF_X};

    const WINDOW: Window = Window {
        start: 0x20_0000,
        end: 0x100_0000,
    };

    fn program(pieces: &[Piece<'_>]) -> Elf {
        fixture::elf(
            0x20_0000,
            pieces,
            &[("word", 0x20_2008, 8), ("blob", 0x20_2010, 32)],
        )
    }

    fn good() -> Elf {
        program(&[
            Piece::code(0x20_0000, &[1; 0x1001]),
            Piece::data(0x20_2008, &[2; 0x30], 0x2000),
        ])
    }

    fn patch(symbol: &str, bytes: Vec<u8>, exact: bool, word: bool, required: bool) -> Patch {
        Patch {
            symbol: symbol.into(),
            bytes,
            required,
            exact,
            word,
        }
    }

    #[test]
    fn segments_become_whole_pages() {
        let bytes = flatten(&good(), &[], WINDOW).unwrap();
        let image = FlatImage::parse(&bytes, WINDOW).unwrap();
        let found: Vec<_> = image.segments().collect();
        assert_eq!(
            (found[0].0.vaddr, found[0].0.pages, found[0].0.rights),
            (0x20_0000, 2, Rights::ReadExecute)
        );
        assert_eq!(found[0].1, [1; 0x1001]);
        assert_eq!(
            (found[1].0.vaddr, found[1].0.pages, found[1].0.rights),
            (0x20_2000, 3, Rights::ReadWrite)
        );
        assert_eq!(found[1].1[..8], [0; 8], "the page starts before the segment");
        assert_eq!(found[1].1[8..], [2; 0x30]);
    }

    #[test]
    fn neighbours_with_equal_rights_are_joined() {
        let pieces = [
            Piece::code(0x20_0000, &[1; 8]),
            Piece::data(0x20_1000, &[3; 8], 0x1000),
            Piece::data(0x20_2000, &[4; 8], 0x1000),
        ];
        let bytes = flatten(&program(&pieces), &[], WINDOW).unwrap();
        let image = FlatImage::parse(&bytes, WINDOW).unwrap();
        let (segment, content) = image.segments().nth(1).unwrap();
        assert_eq!((image.layout().segments().len(), segment.pages), (2, 2));
        assert_eq!((content[0], content[8], content[0x1000]), (3, 0, 4));
    }

    #[test]
    fn patches_are_in_the_image() {
        let patches = [
            patch("word", 7u64.to_le_bytes().into(), false, true, true),
            patch("blob", vec![9; 32], true, false, true),
        ];
        let bytes = flatten(&good(), &patches, WINDOW).unwrap();
        let image = FlatImage::parse(&bytes, WINDOW).unwrap();
        let (_, content) = image.segments().nth(1).unwrap();
        assert_eq!((content[8], &content[0x10..0x30]), (7, &[9; 32][..]));
    }

    #[test]
    fn patch_that_does_not_fit_its_symbol_is_refused() {
        let refused = |patch: Patch| flatten(&good(), &[patch], WINDOW).unwrap_err();
        let short = refused(patch("blob", vec![9; 31], true, false, true));
        assert!(matches!(
            short,
            ImageError::SymbolNotExact {
                found: 32,
                wanted: 31,
                ..
            }
        ));
        let no_word = refused(patch("blob", vec![9; 8], false, true, true));
        assert!(matches!(
            no_word,
            ImageError::SymbolNotExact {
                found: 32,
                wanted: 8,
                ..
            }
        ));
        assert!(matches!(
            refused(patch("absent", vec![9], false, false, true)),
            ImageError::NoSymbol(_)
        ));
        let optional = patch("absent", vec![9], false, false, false);
        assert!(flatten(&good(), &[optional], WINDOW).is_ok());
    }

    #[test]
    fn impossible_programs_are_refused() {
        let writable_code = program(&[Piece::code(0x20_0000, &[1; 8]).flags(PF_R | PF_W | PF_X)]);
        assert!(matches!(
            flatten(&writable_code, &[], WINDOW),
            Err(ImageError::WritableCode(0x20_0000))
        ));
        let shared = program(&[
            Piece::code(0x20_0000, &[1; 8]),
            Piece::data(0x20_0ff0, &[2; 8], 8),
        ]);
        assert!(matches!(
            flatten(&shared, &[], WINDOW),
            Err(ImageError::SharedPage(0x20_0000))
        ));
        let outside = fixture::elf(0x1000, &[Piece::code(0x1000, &[1; 8])], &[]);
        assert!(matches!(
            flatten(&outside, &[], WINDOW),
            Err(ImageError::Flat(Rule::Window))
        ));
        let no_code = program(&[Piece::data(0x20_0000, &[1; 8], 8)]);
        assert!(matches!(
            flatten(&no_code, &[], WINDOW),
            Err(ImageError::Flat(Rule::Entry))
        ));
    }

    #[test]
    fn damaged_elf_never_panics() {
        let whole = fixture::elf_bytes(
            0x20_0000,
            &[Piece::code(0x20_0000, &[1; 8])],
            &[("word", 0x20_0000, 8)],
        );
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                if let Ok(elf) = Elf::parse(&bytes) {
                    let _ = flatten(&elf, &[], WINDOW);
                    let _ = crate::image::user_image::UserImage::from_elf(&elf);
                }
            }
        }
    }
}
