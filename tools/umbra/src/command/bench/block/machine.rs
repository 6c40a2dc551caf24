//! The machine that is measured, and how it is looked at without disturbing it.

use super::table::{Function, Split};
use super::{Disk, Way};
use crate::build::Config;
use crate::demo;
use crate::demo::machine::{self, Attached, Backend, Bus};
use crate::profile::{Log, Profiler, Program};
use crate::qemu::{Guest, Qmp};
use crate::system::{self, Built};
use crate::workspace;
use anyhow::{Context, Result, bail, ensure};
use control_protocol::vitals::Flow;
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

/// Where `disk-bench` leaves its figures, by the systems' descriptions; their layout is that program's.
const FIGURES: u64 = 0x9000_0000;
const MAGIC: u64 = u64::from_le_bytes(*b"UMBRABEN");
const WINDOW: u64 = 1024;
const HEADER: usize = 4;
/// Words of the figures that are read: as many times are kept before the first is overwritten.
const WORDS: usize = 512;

/// Windows before anything is measured: boot is over, everything was done once.
const WARM: u64 = 4;
/// Windows over which a rate is measured.
const MEASURED: u64 = 40;
/// Ticks of the counter per second.
const HZ: f64 = 62.5e6;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// A load that has come nowhere after this long stands still.
const PATIENCE: Duration = Duration::from_secs(120);

/// The description's attribute that says how much is in flight.
const SIZE: &str = "_size=\"0x20000\"";

/// A system that can be measured.
pub struct System {
    built: Built,
    programs: Vec<Program>,
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
        let programs = built.programs.iter();
        let programs = programs
            .map(|(name, elf)| Program::read(name, elf))
            .collect::<Result<_>>()?;
        Ok(Self {
            built,
            programs,
            attached,
        })
    }

    fn start(&self, backend: Backend) -> Result<Running> {
        let guest = machine::start_bare_at(&self.built.image, self.attached, backend, 3 * PATIENCE)?;
        let qmp = guest.qmp()?;
        Ok(Running { guest, qmp })
    }

    /// Requests per virtual second: the median over windows of requests.
    pub fn rate(&self, backend: Backend) -> Result<f64> {
        let mut running = self.start(backend)?;
        running.wait_for((WARM + MEASURED) * WINDOW)?;
        let times = running.times()?;
        let mut spans: Vec<u64> = times[WARM as usize..]
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        spans.sort_unstable();
        let median = spans.get(spans.len() / 2).context("no times")?;
        Ok(WINDOW as f64 * HZ / *median as f64)
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
        let file = running.guest.folder().join("executed.log");
        running.human(&format!("logfile {}", file.display()))?;
        running.human("log in_asm,exec,nochain")?;
        running.command("cont")?;
        running.wait_for(before + requests)?;
        running.command("stop")?;
        running.human("log none")?;
        let after = running.requests()?;
        let (mut log, mut profiler) = (Log::default(), Profiler::new(&self.programs));
        let mut executed = |pc, words: &[u32]| profiler.executed(pc, words);
        let mut lines = BufReader::new(File::open(&file)?);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            log.line(&String::from_utf8_lossy(&line), &mut executed);
            line.clear();
        }
        log.end(&mut executed);
        let names: Vec<&str> = self
            .programs
            .iter()
            .map(|program| program.name.as_str())
            .collect();
        let tally = profiler.tally();
        let requests = after - before;
        let mut costly: Vec<Function> = tally
            .functions
            .iter()
            .map(|((program, name), count)| Function {
                program: names[*program].to_owned(),
                name: name.to_string(),
                instructions: *count as f64 / requests.max(1) as f64,
            })
            .collect();
        costly.sort_by(|a, b| b.instructions.total_cmp(&a.instructions));
        costly.truncate(functions);
        Ok((Split::of(&tally, &names, requests), costly))
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

/// A machine that runs.
struct Running {
    guest: Guest,
    qmp: Qmp,
}

impl Running {
    fn command(&mut self, command: &str) -> Result<()> {
        self.qmp.execute(command, json!({})).map(|_| ())
    }

    fn human(&mut self, command: &str) -> Result<String> {
        let answer = self
            .qmp
            .execute("human-monitor-command", json!({ "command-line": command }))?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    /// Words of the figures. The guest does nothing for it and does not notice.
    fn words(&mut self, count: usize) -> Result<Vec<u64>> {
        let text = self.human(&format!("xp /{count}gx {FIGURES:#x}"))?;
        let words = text.lines().flat_map(|line| line.split_whitespace().skip(1));
        let words = words.map(|word| {
            u64::from_str_radix(word.trim_start_matches("0x"), 16)
                .with_context(|| format!("`{word}` from QEMU's monitor"))
        });
        words.collect()
    }

    /// Requests answered; 0 before the load begins.
    fn requests(&mut self) -> Result<u64> {
        match self.words(HEADER)?[..] {
            [MAGIC, _, failed, _] if failed > 0 => bail!("{failed} requests failed"),
            [MAGIC, requests, ..] => Ok(requests),
            _ => Ok(0),
        }
    }

    fn wait_for(&mut self, requests: u64) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.requests()? < requests {
            ensure!(
                Instant::now() < deadline,
                "{} of {requests} requests after {} s\n{}{}",
                self.requests()?,
                PATIENCE.as_secs(),
                self.guest.messages(),
                self.guest.console().text()
            );
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Times at which windows of requests were full, oldest first, as many as are known from the first one on.
    fn times(&mut self) -> Result<Vec<u64>> {
        self.command("stop")?;
        let words = self.words(WORDS)?;
        let count = words.get(3).copied().unwrap_or(0) as usize;
        Ok(words.into_iter().skip(HEADER).take(count).collect())
    }
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
