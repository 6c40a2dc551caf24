//! A running machine.

use super::console::{Console, End, Tee};
use super::machine::{Machine, qmp_socket};
use super::{PROGRAM, Qmp};
use crate::bound;
use anyhow::{Context, Result};
use regex::bytes::Regex;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Seconds between asking QEMU to end and killing it: a wedged one ignores SIGTERM.
const KILL_AFTER_S: u64 = 5;

/// File in the machine's folder with what QEMU itself had to say.
const MESSAGES: &str = "qemu.log";

/// A machine with a boot image of its own, in a folder of its own. Stopped when dropped, and when the thread
/// that started it is gone.
#[derive(Debug)]
pub struct Guest {
    folder: TempDir,
    child: Child,
    console: Console,
    cursor: usize,
}

impl Guest {
    /// Starts a machine that lives at most `limit` (and some seconds).
    pub fn start(machine: &Machine, boot_image: &[u8], limit: Duration, tee: Tee) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("umbra-")
            .tempdir()
            .context("making a temporary folder")?;
        Self::start_in(folder, machine, boot_image, limit, tee)
    }

    /// As [`start`](Self::start), in a folder that may hold what the machine's arguments name.
    pub fn start_in(
        folder: TempDir,
        machine: &Machine,
        boot_image: &[u8],
        limit: Duration,
        tee: Tee,
    ) -> Result<Self> {
        let image = folder.path().join("boot.elf");
        std::fs::write(&image, boot_image).context("writing the boot image")?;
        let messages =
            File::create(folder.path().join(MESSAGES)).context("making a file for QEMU's messages")?;
        let seconds = limit.as_secs().saturating_add(1 + KILL_AFTER_S);
        let mut command = bound::command("timeout");
        if machine.detached {
            command.process_group(0);
        }
        let mut child = command
            // In the foreground group, so that an interrupt at the terminal reaches QEMU too.
            .args([
                "--foreground",
                "-k",
                &KILL_AFTER_S.to_string(),
                &seconds.to_string(),
            ])
            // Nor does it outlive a `timeout` that somebody kills.
            .args(bound::KILLED)
            .arg(PROGRAM)
            .args(machine.command_line(&image, folder.path()))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(messages)
            .spawn()
            .with_context(|| format!("starting {PROGRAM}"))?;
        let output = child.stdout.take().context("QEMU's output")?;
        let console = Console::reading(output, tee);
        Ok(Self {
            folder,
            child,
            console,
            cursor: 0,
        })
    }

    /// The machine's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The guest's console.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Waits for a console line that was not waited for before; see [`Console::wait_for`].
    pub fn wait_for(&mut self, pattern: Option<&Regex>, patience: Duration) -> End {
        self.console.wait_for(pattern, &mut self.cursor, patience)
    }

    /// What QEMU itself complained about, such as a device it does not know.
    pub fn messages(&self) -> String {
        std::fs::read_to_string(self.folder().join(MESSAGES)).unwrap_or_default()
    }

    /// Connects to QEMU's control channel; only one connection at a time is possible.
    pub fn qmp(&self) -> Result<Qmp> {
        Qmp::connect(&qmp_socket(self.folder()))
    }

    /// Ends the machine in order, through QMP: all that it wrote to its disks is in the files afterwards.
    pub fn quit(mut self) -> Result<()> {
        self.shut_down()
    }

    /// As [`quit`](Self::quit), but the machine's folder, and with it the disks, stays until this value is dropped.
    pub fn shut_down(&mut self) -> Result<()> {
        self.qmp()?.execute("quit", json!({}))?;
        self.child.wait().context("waiting for QEMU")?;
        Ok(())
    }

    /// Ends the machine at once.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // To `timeout`, which passes it on and kills QEMU if that does not help; killing `timeout` would orphan QEMU.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.end();
    }
}
