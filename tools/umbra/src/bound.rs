//! Children that end with this process, however it ends: nobody is left to end them after a `kill -9`.
//!
//! The kernel sends them SIGTERM at the death of the thread that started them (`PR_SET_PDEATHSIG`, prctl(2)), which is asked
//! for by `setpriv` of util-linux. Refused: asking between `fork` and `exec`, since `pre_exec` is unsafe; a process that watches,
//! since it could be killed too.

use std::ffi::OsStr;
use std::process::Command;

/// The program that asks, and its arguments.
const ASK: [&str; 3] = ["setpriv", "--pdeathsig", "TERM"];

/// A command that runs `program`. Its process id is the program's.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let [setpriv, arguments @ ..] = ASK;
    let mut command = Command::new(setpriv);
    command.args(arguments).arg(program);
    command
}

/// Arguments of `cargo test` that bind the tests to cargo in turn.
pub fn cargo_arguments() -> [String; 2] {
    let words: Vec<String> = ASK.iter().map(|word| format!("'{word}'")).collect();
    [
        "--config".into(),
        format!("target.'cfg(unix)'.runner=[{}]", words.join(",")),
    ]
}

/// The words of a command without what binds it.
pub fn words(command: &Command) -> impl Iterator<Item = &OsStr> {
    let bound = command.get_program() == OsStr::new(ASK[0]);
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .skip(if bound { ASK.len() } else { 0 })
}
