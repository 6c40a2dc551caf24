//! Every rule of the description has a fixture that breaks it, and nothing else.
//!
//! `fixtures/<rule>[.<case>].xml` breaks `<rule>`; where, stands in a comment on its last line: `<!-- line:column element -->`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use sdf::File;

fn fixtures() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut all: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect();
    all.sort();
    all
}

fn files(file: File<'_>) -> Result<Vec<u8>, String> {
    match file {
        File::Prefill("absent") | File::Package("absent") => Err("not found".to_owned()),
        File::Prefill("empty") => Ok(Vec::new()),
        File::Prefill("8192-bytes") | File::Package("8192-bytes") => Ok(vec![1; 8192]),
        File::Prefill(_) | File::Package(_) => Ok(vec![1]),
    }
}

/// `DuplicateName { … }` becomes `duplicate-name`.
fn kebab(debug: &str) -> String {
    let name = debug.chars().take_while(char::is_ascii_alphanumeric);
    let mut kebab = String::new();
    for c in name {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

#[test]
fn every_fixture_breaks_its_rule_where_it_says() {
    let mut wrong = Vec::new();
    for (name, xml) in fixtures() {
        let rule = name.split('.').next().unwrap();
        let place = xml
            .trim_end()
            .rsplit_once("<!-- ")
            .and_then(|(_, rest)| rest.strip_suffix(" -->"));
        let error = match sdf::compile(&name, &xml, &[], &files) {
            Err(error) => error,
            Ok(_) => {
                wrong.push(format!("{name}: compiles"));
                continue;
            }
        };
        let found = format!("{}:{} {}", error.at.line, error.at.column, error.at.element);
        if kebab(&format!("{:?}", error.rule)) != rule || place != Some(&found) {
            wrong.push(format!("{name}: at {found}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_fixture() {
    let source = include_str!("../src/error.rs");
    let body = source
        .split("pub enum Rule {")
        .nth(1)
        .unwrap()
        .split("\n}")
        .next()
        .unwrap();
    let variants = body
        .lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "));
    let rules: BTreeSet<String> = variants
        .map(str::trim)
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(kebab)
        .collect();
    assert!(rules.len() > 30, "the enum was not found: {rules:?}");
    let tested: BTreeSet<String> = fixtures()
        .iter()
        .map(|(name, _)| name.split('.').next().unwrap().to_owned())
        .collect();
    assert_eq!(rules, tested);
}

#[test]
fn an_error_names_file_line_element_and_remedy() {
    let xml = "<system>\n    <protection_domain name=\"a\" prio=\"3\"/>\n</system>";
    let text = sdf::compile("demo/system.xml", xml, &[], &files)
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("demo/system.xml:2:5: <protection_domain>: no attribute 'prio'"),
        "{text}"
    );
    assert!(
        text.lines()
            .nth(1)
            .is_some_and(|remedy| remedy.contains("spelling")),
        "{text}"
    );
}

const DEMO: &str = include_str!("../../../systems/disk-demo/system.xml");

/// The description with the value of attribute `at` replaced.
fn with_value(at: usize, value: &str) -> String {
    let mut parts: Vec<&str> = DEMO.split('"').collect();
    let values = parts.len() / 2;
    parts[2 * (at % values) + 1] = value;
    parts.join("\"")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever a value is: a system that root accepts, or an error.
    #[test]
    fn no_value_panics(at in any::<usize>(), number in any::<u64>(), shift in 0u32..64, hex in any::<bool>()) {
        let number = number >> shift;
        let value = if hex { format!("{number:#x}") } else { number.to_string() };
        let _ = sdf::compile("demo", &with_value(at, &value), &[], &files);
    }

    #[test]
    fn no_damage_panics(at in any::<prop::sample::Index>(), byte in 0u8..128) {
        let mut bytes = DEMO.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = sdf::compile("demo", &String::from_utf8_lossy(&bytes), &[], &files);
    }
}
