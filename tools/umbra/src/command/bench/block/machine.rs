//! The machine that is measured.

use super::super::running::{PATIENCE, Programs, Running, WARM, WINDOW};
use super::super::split::{Function, Roles, Split};
use super::Load;
use crate::build::Config;
use crate::demo;
use crate::demo::machine::{self, Attached, Backend};
use crate::system::{self, Built};
use anyhow::Result;
use control_protocol::vitals::Flow;
use std::path::Path;

const ROLES: Roles = Roles {
    client: "disk-bench",
    shadow: "shadow-block",
    drivers: &["virtio-blk", "nvme"],
};

/// A system that can be measured.
pub struct System {
    built: Built,
    programs: Programs,
    attached: Attached,
}

impl System {
    /// Builds it.
    pub fn build(load: &Load<'_>, kernel: Option<&Path>, config: Config) -> Result<Self> {
        let (path, xml) = load.description()?;
        let built = system::build_described(&path, &xml, kernel, config)?;
        let programs = Programs::read(&built.programs)?;
        Ok(Self {
            built,
            programs,
            attached: load.disk.attached(),
        })
    }

    fn start(&self, backend: Backend) -> Result<Running> {
        let guest = machine::start_bare(&self.built.image, self.attached, backend, 3 * PATIENCE)?;
        Running::new(guest)
    }

    /// Requests per virtual second: the median over windows of requests.
    pub fn rate(&self, backend: Backend) -> Result<f64> {
        self.start(backend)?.rate()
    }

    /// Instructions per request, over so many requests; and the functions that cost most. With `record` the shadow
    /// records their flow meanwhile.
    pub fn count(&self, requests: u64, functions: usize, record: bool) -> Result<(Split, Vec<Function>)> {
        let mut running = self.start(Backend::Null)?;
        if record {
            let mut client = demo::connect(&machine::command(&running.guest))?;
            client.record(demo::DEVICE, Flow::On)?;
        }
        running.wait_for(WARM * WINDOW)?;
        running.command("stop")?;
        let before = running.requests()?;
        let log = running.log()?;
        running.command("cont")?;
        running.wait_for(before + requests)?;
        running.command("stop")?;
        running.human("log none")?;
        let after = running.requests()?;
        self.programs.split(&log, &ROLES, after - before, functions)
    }
}
