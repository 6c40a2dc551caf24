//! The machine that is measured.

use super::super::running::{PATIENCE, Programs, Running, WARM, WINDOW};
use super::super::split::{Function, Roles, Split};
use super::{Disk, Way};
use crate::build::Config;
use crate::demo;
use crate::demo::machine::{self, Attached, Backend, Bus};
use crate::system::{self, Built};
use crate::workspace;
use anyhow::{Context, Result};
use control_protocol::vitals::Flow;
use std::path::Path;

const ROLES: Roles = Roles {
    client: "disk-bench",
    shadow: "shadow-block",
    drivers: &["virtio-blk", "nvme"],
};

/// The description's attribute that says how much is in flight.
const SIZE: &str = "_size=\"0x20000\"";

/// A system that can be measured.
pub struct System {
    built: Built,
    programs: Programs,
    attached: Attached,
}

impl System {
    /// Builds it.
    pub fn build(
        (way, disk): (Way, Disk),
        depth: u64,
        kernel: Option<&Path>,
        config: Config,
    ) -> Result<Self> {
        let (file, attribute) = match way {
            Way::Direct => ("direct.xml", "scratch"),
            Way::Shadow => ("session.xml", "data"),
        };
        let path = workspace::root().join("systems/disk-bench").join(file);
        let xml = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let of_depth = xml.replace(
            &format!(" {attribute}{SIZE}"),
            &format!(" {attribute}_size=\"{:#x}\"", depth * 4096),
        );
        let (of_disk, attached) = match disk {
            Disk::Mmio => (of_depth, Attached::disk(Bus::Mmio)),
            Disk::Pci => (on_pci(&of_depth, "disk-demo")?, Attached::disk(Bus::Pci)),
            Disk::Nvme => (on_pci(&of_depth, "disk-nvme")?, Attached::disk(Bus::Nvme)),
        };
        let built = system::build_described(&path, &of_disk, kernel, config)?;
        let programs = Programs::read(&built.programs)?;
        Ok(Self {
            built,
            programs,
            attached,
        })
    }

    fn start(&self, backend: Backend) -> Result<Running> {
        let guest = machine::start_bare_at(&self.built.image, self.attached, backend, 3 * PATIENCE)?;
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

/// A description with another one's disk, that of the system `of`, which is on PCI.
fn on_pci(xml: &str, of: &str) -> Result<String> {
    let path = workspace::root().join("systems").join(of).join("system.xml");
    let other = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let part = |xml: &str, from: &str, to: &str| {
        let start = xml.find(from)?;
        let inside = start + from.len();
        let end = inside + xml[inside..].find(to)? + to.len();
        Some(xml[start..end].to_owned())
    };
    let slot = |xml: &str| part(xml, "<device_slot", "</device_slot>").context("no device slot");
    let (ours, theirs) = (slot(xml)?, slot(&other)?);
    let host = part(&other, "<pci_host", "/>").context("no host bridge")?;
    let mut changed = ours.clone();
    for name in ["package=\"", "heap_size=\""] {
        let value = |xml: &str| part(xml, name, "\"").with_context(|| format!("no {name}"));
        changed = changed.replace(&value(&changed)?, &value(&theirs)?);
    }
    let device = part(&ours, "<mmio", "/>").context("no registers")?;
    let irq = part(&ours, "<irq", "/>").context("no interrupt")?;
    let function = part(&theirs, "<pci ", "</pci>").context("no function")?;
    changed = changed.replace(&device, &function).replace(&irq, "");
    Ok(xml.replace(&ours, &format!("{host}\n    {changed}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disk_is_a_system() {
        for of in ["disk-demo", "disk-nvme"] {
            for file in ["direct.xml", "session.xml"] {
                let path = workspace::root().join("systems/disk-bench").join(file);
                let xml = on_pci(&std::fs::read_to_string(path).unwrap(), of).unwrap();
                let slots = sdf::device_slots(file, &xml).unwrap();
                assert_ne!(slots[0].1.device.pci_id, 0, "{xml}");
                assert!(
                    !xml.contains("<irq irq=\"79\"") && xml.contains("<pci_host"),
                    "{xml}"
                );
            }
        }
    }
}
