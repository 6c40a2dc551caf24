//! What `cargo umbra new driver` makes builds, passes its test on the host, and packs.

use driver_package::package::Package;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use umbra::build::Config;
use umbra::new::{self, Class};
use umbra::{pack, setup, system, workspace};

const NAME: &str = "my-disk";

/// A workspace with this checkout's settings and crates, and no members but the driver.
fn workspace_around() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-driver");
    let _ = fs::remove_dir_all(folder.join(NAME));
    fs::create_dir_all(&folder).unwrap();
    let root = workspace::root();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (before, rest) = manifest.split_once("members = [").unwrap();
    let (_, after) = rest.split_once(']').unwrap();
    let after = after.replace("path = \"", &format!("path = \"{}/", root.display()));
    fs::write(
        folder.join("Cargo.toml"),
        format!("{before}members = [\"{NAME}\"]{after}"),
    )
    .unwrap();
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}

/// `results`: where the checkout builds the same crates, so that they need not be built again.
fn cargo(folder: &Path, results: &Path, arguments: &[&str]) {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).arg("--quiet").current_dir(folder);
    cargo.env("CARGO_TARGET_DIR", results);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR" {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().unwrap();
    assert!(
        output.status.success(),
        "cargo {}:\n{}{}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn new_driver_passes_its_test_and_packs_to_what_the_system_takes() {
    setup::rust_target().unwrap();
    let folder = workspace_around();
    new::driver(&folder, NAME, Class::Block).unwrap();
    cargo(&folder, &workspace::target(), &["test"]);
    let results = workspace::target().join("umbra").join(Config::Debug.name());
    let features = ["--features", "pd,debug-build"];
    let target = ["--release", "--target", setup::TARGET];
    cargo(
        &folder,
        &results,
        &[&["build", "--bin", NAME], &target[..], &features[..]].concat(),
    );
    let elf = results.join(setup::TARGET).join("release").join(NAME);
    let driver = pack::drivers_of(&folder).unwrap().remove(0);
    let packed = pack::pack_elf(&driver, &elf, Config::Debug).unwrap();
    assert_eq!(packed.label, "my-disk-0.1.0");
    assert!(Package::parse(&packed.bytes).is_ok());
    for verdict in pack::verdicts(&packed.bytes, &system::default_description()).unwrap() {
        assert_eq!(verdict.refusal, None, "{}", verdict.device);
    }
}
