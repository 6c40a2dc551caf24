//! A machine that runs a described system, with an operator's client at its command channel.

use crate::tear::tear;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, CLIENTS, Clock, Patience, machine, net};
use umbra::disk::{self, Layout, Verdict};
use umbra::qemu::{Guest, Tee};
use umbra::{system, workspace};

/// Longest that a machine may live, on the host's clock, unless a test says otherwise.
const LIMIT: Duration = Duration::from_secs(400);

/// Such a machine; it ends with this value.
pub struct Running {
    guest: Guest,
    client: Client,
    patience: Patience,
}

impl Running {
    /// Starts the demo's system.
    pub fn demo(config: Config, kernel: Option<&Path>) -> Result<Self> {
        Self::start(&system::default_description(), config, kernel, LIMIT)
    }

    /// Starts a system of `tests/systems`.
    pub fn test_system(name: &str, config: Config, kernel: Option<&Path>) -> Result<Self> {
        Self::test_system_within(name, config, kernel, LIMIT)
    }

    /// The same, to live at most so long.
    pub fn test_system_within(
        name: &str,
        config: Config,
        kernel: Option<&Path>,
        limit: Duration,
    ) -> Result<Self> {
        let folder = workspace::root().join("tests/systems").join(name);
        Self::start(&folder.join("system.xml"), config, kernel, limit)
    }

    /// Starts a system of `systems`.
    pub fn product_system(name: &str, config: Config, kernel: Option<&Path>) -> Result<Self> {
        let folder = workspace::root().join("systems").join(name);
        Self::start(&folder.join("system.xml"), config, kernel, LIMIT)
    }

    /// Starts a system of `systems` whose web server and echo server are reached through the host's ports that are returned.
    pub fn with_services(name: &str, config: Config, kernel: Option<&Path>) -> Result<(Self, u16, u16)> {
        let description = workspace::root().join("systems").join(name).join("system.xml");
        let (web, echo) = (net::free_port()?, net::free_port()?);
        let attached = machine::Attached {
            web: Some(web),
            echo: Some(echo),
            ..machine::Attached::of(&description)?
        };
        // Clients outside the machine live by the host's clock, and so does it.
        let running = Self::start_at(&description, attached, Clock::Real, config, kernel, LIMIT)?;
        Ok((running, web, echo))
    }

    /// Starts the demo's system with other texts in place of some in its description.
    pub fn altered(
        name: &str,
        changes: &[(&str, &str)],
        config: Config,
        kernel: Option<&Path>,
    ) -> Result<Self> {
        let mut text = fs::read_to_string(system::default_description())?;
        for (from, to) in changes {
            ensure!(
                text.matches(from).count() == 1,
                "{from} in the demo's description"
            );
            text = text.replace(from, to);
        }
        let folder = workspace::target().join("umbra/altered").join(name);
        fs::create_dir_all(&folder)?;
        let description = folder.join("system.xml");
        fs::write(&description, text)?;
        Self::start(&description, config, kernel, LIMIT)
    }

    fn start(description: &Path, config: Config, kernel: Option<&Path>, limit: Duration) -> Result<Self> {
        let attached = machine::Attached::of(description)?;
        Self::start_at(description, attached, Clock::Icount, config, kernel, limit)
    }

    fn start_at(
        description: &Path,
        attached: machine::Attached,
        clock: Clock,
        config: Config,
        kernel: Option<&Path>,
        limit: Duration,
    ) -> Result<Self> {
        let image = system::boot_image(description, kernel, config)?;
        let guest = machine::start(&machine::Setup {
            image: &image,
            layout: Layout::default(),
            attached,
            clock,
            limit,
            tee: Tee::Quiet,
            detached: false,
        })?;
        Ok(Self {
            client: demo::connect(&machine::command(&guest))?,
            guest,
            patience: Patience::default(),
        })
    }

    /// Does something as the operator. An error comes with what the console shows.
    pub fn operate<R>(&mut self, act: impl FnOnce(&mut Client, &Patience) -> Result<R>) -> Result<R> {
        act(&mut self.client, &self.patience).with_context(|| self.guest.console().text())
    }

    /// What is in memory, by physical address, while the machine runs on.
    pub fn memory(&self, paddr: u64, len: usize) -> Result<Vec<u8>> {
        let file = self.guest.folder().join("memory");
        let arguments = serde_json::json!({ "val": paddr, "size": len, "filename": file });
        self.guest.qmp()?.execute("pmemsave", arguments)?;
        Ok(fs::read(file)?)
    }

    /// Puts in a disk that was taken out; `guarded`: it does not go past the SMMU.
    pub fn plug(&self, guarded: bool) -> Result<()> {
        machine::plug(&self.guest, guarded)
    }

    /// Asks for the disk.
    pub fn unplug(&self) -> Result<()> {
        machine::unplug(&self.guest)
    }

    /// Takes the disk away without asking.
    pub fn tear(&self) -> Result<()> {
        tear(&self.guest)
    }

    /// The command channel's socket, which nobody holds now.
    pub fn socket(&mut self) -> PathBuf {
        self.client.release();
        machine::command(&self.guest)
    }

    /// Another operator.
    pub fn another(&mut self) -> Result<Client> {
        demo::connect(&self.socket())
    }

    /// Ends a machine without clients.
    pub fn shut_down(mut self) -> Result<()> {
        self.guest.shut_down()
    }

    /// Stops the clients in order, ends the machine, and returns what is on the disk.
    pub fn disk(mut self) -> Result<Vec<u8>> {
        demo::stopped(&mut self.client, self.patience.stop)?;
        let disk = machine::disk(&self.guest);
        self.guest.shut_down()?;
        Ok(fs::read(disk)?)
    }

    /// Stops the clients in order, ends the machine, and compares the disk with what they wrote down.
    pub fn check(mut self) -> Result<Verdict> {
        demo::stopped(&mut self.client, self.patience.stop)?;
        let [blocks, files] = CLIENTS;
        let blocks = demo::whole_report(&mut self.client, blocks)?;
        let files = demo::whole_report(&mut self.client, files)?;
        let disk = machine::disk(&self.guest);
        self.guest.shut_down()?;
        disk::check(&disk, &blocks, &files)
    }
}
