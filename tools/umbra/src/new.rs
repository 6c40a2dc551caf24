//! A new driver: a crate from a template that builds, packs and runs on a fake device at once.

use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};

/// Where each file of the template goes.
const BLOCK: [(&str, &str); 5] = [
    ("Cargo.toml", include_str!("new/block/Cargo.toml.in")),
    ("build.rs", include_str!("new/block/build.rs.in")),
    ("src/lib.rs", include_str!("new/block/lib.rs.in")),
    ("src/main.rs", include_str!("new/block/main.rs.in")),
    ("tests/fake_disk.rs", include_str!("new/block/fake_disk.rs.in")),
];

/// A class for which there is a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Class {
    /// Disks
    Block,
}

impl Class {
    /// Its folder under `drivers/`.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Block => "block",
        }
    }

    fn template(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Block => &BLOCK,
        }
    }
}

/// Writes the crate of a driver called `name` into the folder `room`; its folder.
///
/// # Errors
/// No name for a crate, or there is such a folder already.
pub fn driver(room: &Path, name: &str, class: Class) -> Result<PathBuf> {
    let letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    ensure!(
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.len() <= 32
            && name.chars().all(letter),
        "`{name}` is no name for a driver: small letters, digits and -, a letter first, at most 32"
    );
    let folder = room.join(name);
    ensure!(!folder.exists(), "{} is there already", folder.display());
    for (path, text) in class.template() {
        let path = folder.join(path);
        let text = text
            .replace("@NAME@", name)
            .replace("@CRATE@", &name.replace('-', "_"));
        let parent = path.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_none_and_folders_that_exist_are_refused() {
        let room = tempfile::tempdir().unwrap();
        for name in ["", "Disk", "../disk", "1disk", "a_b", &"x".repeat(33)] {
            assert!(driver(room.path(), name, Class::Block).is_err(), "{name}");
        }
        assert!(driver(room.path(), "my-disk", Class::Block).is_ok());
        assert!(driver(room.path(), "my-disk", Class::Block).is_err());
    }

    #[test]
    fn nothing_of_the_template_is_left_unfilled() {
        let room = tempfile::tempdir().unwrap();
        let folder = driver(room.path(), "my-disk", Class::Block).unwrap();
        for (path, _) in BLOCK {
            let text = std::fs::read_to_string(folder.join(path)).unwrap();
            assert!(!text.contains('@'), "{path}");
        }
    }
}
