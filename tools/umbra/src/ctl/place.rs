//! Where the command socket of "the machine that runs" is found.
//!
//! `cargo umbra run` links `umbra-<user>/current` in the user's runtime folder to the machine's folder; whoever names no
//! socket means that one.

use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

/// Name of the command channel's socket in a machine's folder.
pub const SOCKET: &str = "command.sock";

/// The user's folder for machines that run.
fn folder() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|path| Path::new(path).is_dir()) {
        Some(runtime) => Path::new(&runtime).join("umbra"),
        None => std::env::temp_dir().join(format!("umbra-{}", rustix::process::getuid().as_raw())),
    }
}

/// The command socket of the current machine.
pub fn current() -> PathBuf {
    folder().join("current").join(SOCKET)
}

/// Makes `machine`, a folder with a socket [`SOCKET`], the current one for as long as the value lives.
///
/// # Errors
/// The link cannot be made.
pub fn make_current(machine: &Path) -> io::Result<Current> {
    make_current_in(folder(), machine)
}

fn make_current_in(folder: PathBuf, machine: &Path) -> io::Result<Current> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)?;
    let link = folder.join("current");
    // Under a name of our own first, then renamed: there is never a moment without a link.
    let new = folder.join(format!("current-{}", std::process::id()));
    let _ = std::fs::remove_file(&new);
    symlink(machine, &new)?;
    std::fs::rename(&new, &link)?;
    Ok(Current {
        link,
        machine: machine.to_owned(),
    })
}

/// The link to the current machine; removed when dropped, unless another machine took its place.
#[derive(Debug)]
pub struct Current {
    link: PathBuf,
    machine: PathBuf,
}

impl Drop for Current {
    fn drop(&mut self) {
        if std::fs::read_link(&self.link).is_ok_and(|target| target == self.machine) {
            let _ = std::fs::remove_file(&self.link);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_machine_is_current_and_only_it_takes_the_link_away() {
        let folder = tempfile::tempdir().expect("folder");
        let link = folder.path().join("x/current");
        let first = make_current_in(folder.path().join("x"), Path::new("/one")).expect("linked");
        let second = make_current_in(folder.path().join("x"), Path::new("/two")).expect("linked");
        drop(first);
        assert_eq!(std::fs::read_link(&link).expect("a link"), Path::new("/two"));
        drop(second);
        assert!(!link.is_symlink());
    }
}
