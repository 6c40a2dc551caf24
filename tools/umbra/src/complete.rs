//! Names that a shell completes: those that only a running machine, the keys' folder or the workspace knows.
//!
//! `cargo umbra completions SHELL` registers this tool itself with the shell, which then calls it for every press of the key, with
//! [`VARIABLE`] set (`clap_complete`'s engine; its version is pinned, since the feature is marked unstable). Whatever goes wrong here
//! means that there is nothing to offer: a press of a key must neither fail nor wait.

use crate::cli;
use crate::ctl::{Client, ClientError, place, text};
use crate::keys::{self, Keys};
use crate::pack;
use clap_complete::CompleteEnv;
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::{EnvCompleter, Shells};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Set by the shell's script: the name of the shell.
pub const VARIABLE: &str = "UMBRA_COMPLETE";
/// The word that is completed.
pub const WORD: &str = "umbra";
/// A machine that is busy for longer offers nothing.
const PATIENCE: Duration = Duration::from_millis(300);

/// Answers the shell and ends the process, if it was the shell that asked.
pub fn answer() {
    CompleteEnv::with_factory(cli::definition)
        .var(VARIABLE)
        .bin(WORD)
        .complete();
}

/// The shell of a name.
pub fn shell(name: &str) -> Option<&'static dyn EnvCompleter> {
    const SHELLS: Shells<'static> = Shells::builtins();
    SHELLS.0.iter().copied().find(|shell| shell.is(name))
}

/// Devices of the machine.
pub fn devices() -> ArgValueCandidates {
    ArgValueCandidates::new(|| of_machine(device_names))
}

/// Packages: files, and those in the machine's store.
pub fn packages() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let is_package = |path: &Path| path.extension() == Some(OsStr::new("umpk"));
        let mut all = begins(of_machine(labels), current);
        all.extend(PathCompleter::any().filter(is_package).complete(current));
        all
    })
}

/// Clients with a report.
pub fn reports() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        of_machine(|client| Ok(client.reports()?.into_iter().map(Into::into).collect()))
    })
}

/// Keys that have a name here.
pub fn key_names() -> ArgValueCandidates {
    ArgValueCandidates::new(named_keys)
}

/// Keys that the machine takes: by name, or by their beginning if they have none here.
pub fn machine_keys() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let known = Keys::open().and_then(|keys| keys.list()).unwrap_or_default();
        let name = |public| known.iter().find(|entry| entry.public == public);
        of_machine(|client| {
            let keys = client.keys()?.into_iter();
            Ok(keys
                .map(|one| match name(one.key) {
                    Some(entry) => candidate(&entry.name, &keys::short(&one.key)),
                    None => keys::short(&one.key).into(),
                })
                .collect())
        })
    })
}

/// Drivers of the workspace.
pub fn drivers() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let drivers = pack::drivers().unwrap_or_default();
        drivers
            .iter()
            .map(|driver| candidate(&driver.package, &driver.fields.label()))
            .collect()
    })
}

fn candidate(name: &str, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(name).help(Some(help.to_owned().into()))
}

/// Those that begin with what was typed.
fn begins(all: Vec<CompletionCandidate>, current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    all.into_iter()
        .filter(|one| one.get_value().to_string_lossy().starts_with(&*typed))
        .collect()
}

fn named_keys() -> Vec<CompletionCandidate> {
    let keys = Keys::open().and_then(|keys| keys.list()).unwrap_or_default();
    keys.iter()
        .map(|entry| candidate(&entry.name, &keys::short(&entry.public)))
        .collect()
}

/// Asks the machine that the words on the command line mean.
fn of_machine(
    ask: impl FnOnce(&mut Client) -> Result<Vec<CompletionCandidate>, ClientError>,
) -> Vec<CompletionCandidate> {
    let words: Vec<OsString> = std::env::args_os().collect();
    Client::connect_within(&socket(&words), PATIENCE)
        .and_then(|mut client| ask(&mut client))
        .unwrap_or_default()
}

/// The socket that was typed, or that of the machine started last.
fn socket(words: &[OsString]) -> PathBuf {
    let behind = words.iter().position(|word| word == "--socket").map(|at| at + 1);
    let behind = behind.and_then(|at| words.get(at)).map(PathBuf::from);
    let mut joined = words
        .iter()
        .filter_map(|word| word.to_str()?.strip_prefix("--socket="));
    behind
        .or_else(|| joined.next().map(PathBuf::from))
        .unwrap_or_else(place::current)
}

fn device_names(client: &mut Client) -> Result<Vec<CompletionCandidate>, ClientError> {
    let devices = client.status()?.devices;
    Ok(devices
        .iter()
        .map(|device| candidate(&device.name, &text::package(device.package.as_ref())))
        .collect())
}

fn labels(client: &mut Client) -> Result<Vec<CompletionCandidate>, ClientError> {
    let packages = client.packages()?;
    Ok(packages
        .iter()
        .filter(|package| !package.label.is_empty())
        .map(|package| candidate(&text::word(&package.label), &text::hash(&package.sha256)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::tests::machine::{Bad, DISK, listening};

    #[test]
    fn names_are_those_of_the_machine_that_was_typed() {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = listening(folder.path(), Bad::default());
        let mut client = Client::connect(&socket).expect("a machine");
        let names = device_names(&mut client).expect("names");
        assert_eq!(names.len(), 1);
        assert_eq!(names[0].get_value(), DISK);
        let words = |words: &[&str]| -> Vec<OsString> { words.iter().map(Into::into).collect() };
        assert_eq!(
            super::socket(&words(&["umbra", "--socket", "/x", "ctl"])),
            Path::new("/x")
        );
        assert_eq!(super::socket(&words(&["ctl", "--socket=/y"])), Path::new("/y"));
        assert_eq!(super::socket(&words(&["ctl", "--socket"])), place::current());
    }

    #[test]
    fn every_shell_of_the_completions_command_is_known() {
        use clap::ValueEnum;
        for one in clap_complete::Shell::value_variants() {
            assert!(shell(&one.to_string()).is_some(), "{one}");
        }
    }
}
