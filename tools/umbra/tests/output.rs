//! The tool's standard output, seen from outside.

use std::process::{Command, Stdio};

fn umbra() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_umbra"));
    command.args(["completions", "bash"]).stderr(Stdio::piped());
    command
}

#[test]
fn output_that_nobody_reads_is_no_panic() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = umbra().stdout(writer).output().expect("started");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.is_empty(),
        "{}: {errors}",
        output.status
    );
}

/// What bash is offered for the last of these words, by the machine whose socket is named.
fn offered(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_umbra"))
        .arg("--")
        .arg("umbra")
        .args(words)
        .env("UMBRA_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .output()
        .expect("started");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn shells_complete_commands_options_and_values() {
    let script = String::from_utf8_lossy(&umbra().output().expect("started").stdout).into_owned();
    assert!(
        script.contains("complete ") && script.contains("UMBRA_COMPLETE"),
        "{script}"
    );
    for (words, expected) in [
        (&["ct"][..], "ctl"),
        (&["ctl", "roll"], "rollback"),
        (&["ctl", "update", "--man"], "--manual-commit"),
        (&["ctl", "update", "--policy", "deg"], "degrade"),
        (&["pack", "virtio-blk-0-1"], "virtio-blk-0-13"),
    ] {
        assert!(offered(words).contains(expected), "{words:?}: {}", offered(words));
    }
}

#[test]
fn machine_that_is_down_offers_nothing() {
    let nobody = ["ctl", "--socket", "/nowhere/command.sock"];
    for order in ["kill", "report", "revoke"] {
        let words = [&nobody[..], &[order, ""]].concat();
        assert!(!offered(&words).contains("disk"), "{order}");
    }
}
