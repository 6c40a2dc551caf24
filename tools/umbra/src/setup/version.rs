//! Version numbers as programs print them.

use regex::Regex;
use std::fmt;

/// Major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

impl Version {
    /// The first `version N.M` in a program's output.
    pub fn find(text: &str) -> Option<Self> {
        let pattern = Regex::new(r"version (\d+)\.(\d+)").ok()?;
        let found = pattern.captures(text)?;
        Some(Self {
            major: found[1].parse().ok()?,
            minor: found[2].parse().ok()?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qemus_output_is_understood() {
        let output = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2~bpo12+1)\nCopyright (c) 2003";
        assert_eq!(Version::find(output), Some(Version { major: 10, minor: 0 }));
        assert_eq!(Version::find("nothing"), None);
    }

    #[test]
    fn versions_compare_by_number_not_by_text() {
        assert!(Version { major: 10, minor: 0 } > Version { major: 8, minor: 2 });
        assert!(Version { major: 7, minor: 2 } < Version { major: 8, minor: 2 });
    }
}
