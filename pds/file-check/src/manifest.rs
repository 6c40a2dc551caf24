//! `MANIFEST.TXT`: what the host put on the volume. The bytes are input like any other: checked, never trusted.

/// Most files.
pub const FILES_MAX: usize = 32;
/// Longest name, 8.3.
pub const NAME_MAX: usize = 12;

/// What is wrong with a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// No `seed` in the first line.
    Seed,
    /// A line that is no file.
    Line,
    /// More files than there is room for.
    TooMany,
}

/// A line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Zero-padded.
    pub name: [u8; 16],
    /// Bytes.
    pub size: u32,
    /// SHA-256.
    pub hash: [u8; 32],
    /// The content may be replaced.
    pub rewrite: bool,
}

/// Read the manifest: gives the seed, and each line to `take`, which says whether there was room.
///
/// # Errors
/// See [`ManifestError`].
pub fn parse(text: &[u8], mut take: impl FnMut(Line) -> bool) -> Result<u64, ManifestError> {
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let seed = lines
        .next()
        .and_then(|line| number(line.strip_prefix(b"seed ")?))
        .ok_or(ManifestError::Seed)?;
    for text in lines {
        let line = line(text).ok_or(ManifestError::Line)?;
        if !take(line) {
            return Err(ManifestError::TooMany);
        }
    }
    Ok(seed)
}

fn line(text: &[u8]) -> Option<Line> {
    let mut words = text.split(|byte| *byte == b' ');
    let hash = hash(words.next()?)?;
    let size = u32::try_from(number(words.next()?)?).ok()?;
    let text = words.next()?;
    let mut name = [0; 16];
    if text.is_empty() || text.len() > NAME_MAX || !text.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    name[..text.len()].copy_from_slice(text);
    let rewrite = match words.next()? {
        b"keep" => false,
        b"rewrite" => true,
        _ => return None,
    };
    words.next().is_none().then_some(Line {
        name,
        size,
        hash,
        rewrite,
    })
}

fn number(text: &[u8]) -> Option<u64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

fn hash(text: &[u8]) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_chunks::<2>();
    let mut hash = [0; 32];
    if pairs.len() != hash.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::string::String;

    fn count(text: &str) -> Result<(u64, usize), ManifestError> {
        let mut count = 0;
        let seed = parse(text.as_bytes(), |_| {
            count += 1;
            count <= 2
        })?;
        Ok((seed, count))
    }

    #[test]
    fn lines_are_read_and_bad_ones_are_refused() {
        let hash = "0f".repeat(32);
        let good = format!("{hash} 17 A.TXT keep\n");
        assert_eq!(count(&format!("seed 5\n{good}{good}")), Ok((5, 2)));
        assert_eq!(
            count(&format!("seed 5\n{good}{good}{good}")),
            Err(ManifestError::TooMany)
        );
        assert_eq!(count(&good), Err(ManifestError::Seed));
        assert_eq!(count(""), Err(ManifestError::Seed));
        for bad in ["x", "17", "4294967296", "-1"] {
            let text = format!("seed 5\n{hash} {bad} A.TXT keep\n");
            assert_eq!(count(&text).is_ok(), bad == "17", "{bad}");
        }
        for bad in [
            format!("{} 17 A.TXT keep", &hash[2..]),
            format!("{} 17 A.TXT keep", hash.replace('f', "g")),
            format!("{hash} 17 A.TXT"),
            format!("{hash} 17 A.TXT keep x"),
            format!("{hash} 17 {} keep", "N".repeat(13)),
            format!("{hash} 17  keep"),
        ] {
            assert_eq!(
                count(&format!("seed 5\n{bad}\n")),
                Err(ManifestError::Line),
                "{bad}"
            );
        }
    }

    #[test]
    fn any_bytes_are_an_answer() {
        let text: String = ('\0'..'\u{7f}').collect();
        assert!(parse(text.as_bytes(), |_| true).is_err());
    }
}
