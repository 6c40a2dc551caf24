//! Children that end with this process, however it ends: nobody is left to end them after a `kill -9`.
//!
//! The kernel sends them SIGTERM at the death of the thread that started them (`PR_SET_PDEATHSIG`, prctl(2)), which is asked
//! for by `setpriv` of util-linux. Refused: asking between `fork` and `exec`, since `pre_exec` is unsafe; a process that watches,
//! since it could be killed too.

use std::ffi::OsStr;
use std::process::Command;

/// The program that asks, and its arguments.
const ASK: [&str; 3] = ["setpriv", "--pdeathsig", "TERM"];

/// Words before a program that is to be killed when whoever runs the command is gone.
pub const KILLED: [&str; 3] = ["setpriv", "--pdeathsig", "KILL"];

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::ExitStatusExt;
    use std::process::Stdio;

    #[test]
    fn child_ends_with_who_started_it() {
        let starter = std::thread::spawn(|| {
            let mut child = command("sh")
                .args(["-c", "echo up; exec sleep 60"])
                .stdout(Stdio::piped())
                .spawn()
                .expect("started");
            let mut line = String::new();
            let output = child.stdout.take().expect("its output");
            BufReader::new(output).read_line(&mut line).expect("a line");
            assert_eq!(line, "up\n");
            child
        });
        let status = starter.join().expect("a child").wait().expect("ended");
        assert_eq!(status.signal(), Some(15), "{status}");
    }

    #[test]
    fn words_are_those_that_were_meant() {
        let mut bound = command("cargo");
        bound.arg("test");
        assert_eq!(words(&bound).collect::<Vec<_>>(), ["cargo", "test"]);
        let mut free = Command::new("cargo");
        free.arg("fmt");
        assert_eq!(words(&free).collect::<Vec<_>>(), ["cargo", "fmt"]);
    }
}
