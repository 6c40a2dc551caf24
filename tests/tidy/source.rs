//! Source files, and their code without comments, strings and tests.

use crate::packages;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub struct File {
    /// Relative to the workspace.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// All text files with one of these extensions (or names), build results apart.
pub fn files(extensions: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![packages::workspace().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let wanted = extensions
                .iter()
                .any(|extension| name.rsplit('.').next() == Some(extension));
            if path.is_dir() {
                if name != "target" && name != "build" && name != ".git" {
                    folders.push(path);
                }
            } else if wanted && let Ok(text) = std::fs::read_to_string(&path) {
                found.push(File {
                    path: relative(&path),
                    text,
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(packages::workspace())
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

/// Code that runs in the product: every other byte (comments, strings, tests) is a space; lines stay where they are.
pub fn product_code(text: &str) -> String {
    let mut code = without_text(text).into_bytes();
    while let Some(start) = find(&code, b"#[cfg(test)]").or_else(|| find(&code, b"#[test]")) {
        let end = item_end(&code, start);
        blank(&mut code[start..end]);
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Those files that do not hold tests only, with their product code.
///
/// Tests are what lies in a folder `tests` or `fuzz`, in a `tests.rs`, and what a `#[cfg(test)] mod x;` declares.
pub fn product(all: Vec<File>) -> Vec<File> {
    let declared: Vec<PathBuf> = all.iter().flat_map(test_modules).collect();
    let is_test = |path: &str| {
        let named = path
            .split('/')
            .any(|part| matches!(part, "tests" | "fuzz" | "tests.rs"));
        named
            || declared
                .iter()
                .any(|module| Path::new(path).with_extension("").starts_with(module))
    };
    let product = all.into_iter().filter(|file| !is_test(&file.path));
    product
        .map(|file| File {
            text: product_code(&file.text),
            ..file
        })
        .collect()
}

/// Paths (without extension) of the modules that a file declares for tests only.
fn test_modules(file: &File) -> Vec<PathBuf> {
    let path = Path::new(&file.path);
    let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("lib" | "main" | "mod") => path.parent().map_or_else(PathBuf::new, Path::to_path_buf),
        _ => path.with_extension(""),
    };
    let code = without_text(&file.text);
    let names = code.split("#[cfg(test)]").skip(1).filter_map(|rest| {
        let rest = rest.trim_start();
        let rest = rest
            .strip_prefix("pub")
            .map_or(rest, |rest| rest.trim_start_matches("(crate)").trim_start());
        rest.strip_prefix("mod ")?
            .split_once(';')
            .map(|(name, _)| folder.join(name.trim()))
    });
    names.collect()
}

/// Comments, strings and character literals replaced by spaces.
fn without_text(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let end = text_end(bytes, at);
        if end > at {
            blank(&mut out[at..end]);
            at = end;
        } else {
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment, string or character literal that starts here ends; `at` itself if none does.
fn text_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let until = |pattern: &[u8], from: usize| {
        find(rest.get(from..).unwrap_or_default(), pattern).map_or(bytes.len(), |found| at + from + found)
    };
    let previous_is_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest.starts_with(b"//") {
        return until(b"\n", 2);
    }
    if rest.starts_with(b"/*") {
        return (until(b"*/", 2) + 2).min(bytes.len());
    }
    if rest[0] == b'r' && !previous_is_word {
        let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
        if rest.get(1 + hashes) == Some(&b'"') {
            let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
            return (until(&close, 2 + hashes) + close.len()).min(bytes.len());
        }
    }
    if rest[0] == b'"' {
        return at + quoted(rest, b'"');
    }
    let escaped = rest.get(1) == Some(&b'\\');
    if rest[0] == b'\'' && (escaped || rest.get(2) == Some(&b'\'')) {
        return at + quoted(rest, b'\'');
    }
    at
}

/// Length of a literal with escapes, both quotes included.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// End of the item that an attribute at `start` belongs to: its `;` or its closing brace.
fn item_end(code: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    let mut brackets = 0usize;
    for (offset, byte) in code[start..].iter().enumerate() {
        match byte {
            b'[' | b'(' => brackets += 1,
            b']' | b')' => brackets = brackets.saturating_sub(1),
            b'{' => depth += 1,
            b'}' if depth <= 1 => return start + offset + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 && brackets == 0 => return start + offset + 1,
            _ => {}
        }
    }
    code.len()
}

fn blank(bytes: &mut [u8]) {
    bytes
        .iter_mut()
        .filter(|byte| **byte != b'\n')
        .for_each(|byte| *byte = b' ');
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

#[test]
fn only_code_of_the_product_is_left() {
    let text = r##"
        // a.unwrap()
        fn f<'a>(x: &'a str) -> char { g("a.unwrap() \" ", r#"b.unwrap() " "#, '"', '\''); x.kept() }
        /* c.unwrap() */
        #[cfg(test)]
        mod tests { fn t() { let _ = [1; 2]; d.unwrap(); } }
        #[test]
        fn t(_: [u8; 2]) { e.unwrap(); }
        fn g() { kept_too() }
    "##;
    let code = product_code(text);
    assert!(!code.contains("unwrap"), "{code}");
    assert!(code.contains("x.kept()") && code.contains("kept_too()"), "{code}");
    assert_eq!(code.lines().count(), text.lines().count());
}

#[test]
fn test_modules_in_files_of_their_own_are_known() {
    let file = |path: &str, text: &str| File {
        path: path.into(),
        text: text.into(),
    };
    let all = vec![
        file("a/src/lib.rs", "#[cfg(test)]\nmod fake;\nmod real;"),
        file("a/src/x.rs", "#[cfg(test)] pub(crate) mod model;"),
        file("a/src/fake.rs", ""),
        file("a/src/fake/deep.rs", ""),
        file("a/src/x/model.rs", ""),
        file("a/tests/t.rs", ""),
        file("a/src/y/tests.rs", ""),
        file("a/src/real.rs", ""),
        file("a/src/model.rs", ""),
    ];
    let left: Vec<String> = product(all).into_iter().map(|file| file.path).collect();
    assert_eq!(
        left,
        ["a/src/lib.rs", "a/src/x.rs", "a/src/real.rs", "a/src/model.rs"]
    );
}
