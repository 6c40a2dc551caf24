//! Rules about text as such.

use crate::none;
use crate::source;

/// Files longer than this (tests apart) are named in the output; it is no failure.
const LONG_LINES: usize = 400;
/// Files longer than this are refused.
const TOO_LONG_LINES: usize = 800;

/// Text that must not stand in the project, in two halves, so that this file passes.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("/ho", "me/", "a path of one machine"),
    ("/ro", "ot/", "a path of one machine"),
    ("/wo", "rk/", "a path of one machine"),
    ("index.crates", ".io", "a registry host"),
    ("static.crates", ".io", "a registry host"),
    ("deb.deb", "ian.org", "a registry host"),
    ("archive.ubu", "ntu.com", "a registry host"),
    ("py", "pi.org", "a registry host"),
    ("arti", "factory", "a registry host"),
];

#[test]
fn no_path_or_host_of_one_machine() {
    let mut complaints = Vec::new();
    for file in source::files(&["rs", "toml", "md", "ld", "S", "xml", "sh", "json", "yml", "run"]) {
        for (number, line) in file.text.lines().enumerate() {
            let found = FORBIDDEN
                .iter()
                .find(|(first, second, _)| line.contains(&format!("{first}{second}")));
            if let Some((_, _, what)) = found {
                complaints.push(format!("{}:{}: {what}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    none(&complaints);
}

#[test]
fn files_are_not_too_long() {
    let mut complaints = Vec::new();
    for file in source::product(source::files(&["rs"])) {
        let lines = file.text.trim_end().lines().count();
        if lines > TOO_LONG_LINES {
            complaints.push(format!(
                "{}: {lines} lines before tests, at most {TOO_LONG_LINES}",
                file.path
            ));
        } else if lines > LONG_LINES {
            println!("warning: {}: {lines} lines before tests", file.path);
        }
    }
    none(&complaints);
}
