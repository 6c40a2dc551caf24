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

#[test]
fn shells_learn_every_command() {
    let output = umbra().output().expect("started");
    let script = String::from_utf8_lossy(&output.stdout);
    for word in [
        "ctl",
        "rollback",
        "--manual-commit",
        "top",
        "trace",
        "completions",
    ] {
        assert!(script.contains(word), "{word}");
    }
}
