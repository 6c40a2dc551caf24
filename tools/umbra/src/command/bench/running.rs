//! A machine that is measured, and how it is looked at without disturbing it.

use super::split::{Function, Roles, Split};
use crate::demo::machine::HOLD;
use crate::profile::{Log, Profiler, Program};
use crate::qemu::{Guest, Qmp};
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where loads leave their figures, by the systems' descriptions; their layout is that of `crates/bench-load`.
const FIGURES: u64 = 0x9000_0000;
const MAGIC: u64 = u64::from_le_bytes(*b"UMBRABEN");
pub const WINDOW: u64 = 1024;
const HEADER: usize = 4;
/// Words of the figures that are read: as many times are kept before the first is overwritten.
const WORDS: usize = 512;

/// Windows before anything is measured: boot is over, everything was done once.
pub const WARM: u64 = 4;
/// Windows over which a rate is measured.
const MEASURED: u64 = 40;
/// Ticks of the counter per second.
const HZ: f64 = 62.5e6;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// A load that has come nowhere after this long stands still.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A machine that runs.
pub struct Running {
    /// The machine.
    pub guest: Guest,
    /// Its monitor.
    qmp: Qmp,
}

impl Running {
    /// Of a machine that was started.
    pub fn new(guest: Guest) -> Result<Self> {
        let qmp = guest.qmp()?;
        Ok(Self { guest, qmp })
    }

    /// A command of QEMU's that has no arguments: `stop`, `cont`.
    pub fn command(&mut self, command: &str) -> Result<()> {
        self.qmp.execute(command, json!({})).map(|_| ())
    }

    /// A command for QEMU's human monitor; what it prints.
    pub fn human(&mut self, command: &str) -> Result<String> {
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
    pub fn requests(&mut self) -> Result<u64> {
        match self.words(HEADER)?[..] {
            [MAGIC, _, failed, _] if failed > 0 => bail!("{failed} requests failed"),
            [MAGIC, requests, ..] => Ok(requests),
            _ => Ok(0),
        }
    }

    /// Waits until the load has begun.
    pub fn wait_for_load(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.words(HEADER)?.first() != Some(&MAGIC) {
            ensure!(
                Instant::now() < deadline,
                "no load after {} s\n{}{}",
                PATIENCE.as_secs(),
                self.guest.messages(),
                self.guest.console().text()
            );
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Hold back what comes over the wire, or let all of it through and what follows.
    pub fn hold(&mut self, on: bool) -> Result<()> {
        let value = if on { "on" } else { "off" };
        let path = format!("/objects/{HOLD}");
        let arguments = json!({ "path": path, "property": "status", "value": value });
        self.qmp.execute("qom-set", arguments).map(|_| ())
    }

    /// Waits until so many requests were answered.
    pub fn wait_for(&mut self, requests: u64) -> Result<()> {
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

    /// Requests per virtual second: the median over windows of requests. The machine stands still then.
    pub fn rate(&mut self) -> Result<f64> {
        self.wait_for((WARM + MEASURED) * WINDOW)?;
        let times = self.times()?;
        let mut spans: Vec<u64> = times[WARM as usize..]
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect();
        spans.sort_unstable();
        let median = spans.get(spans.len() / 2).context("no times")?;
        Ok(WINDOW as f64 * HZ / *median as f64)
    }

    /// Logs what is executed from now on, while the machine stands still; where.
    pub fn log(&mut self) -> Result<PathBuf> {
        let file = self.guest.folder().join("executed.log");
        self.human(&format!("logfile {}", file.display()))?;
        self.human("log in_asm,exec,nochain")?;
        Ok(file)
    }

    /// Times at which windows of requests were full, oldest first, as many as are known from the first one on.
    fn times(&mut self) -> Result<Vec<u64>> {
        self.command("stop")?;
        let words = self.words(WORDS)?;
        let count = words.get(3).copied().unwrap_or(0) as usize;
        Ok(words.into_iter().skip(HEADER).take(count).collect())
    }
}

/// Programs of a system, as far as it takes to tell whose an instruction is.
pub struct Programs(Vec<Program>);

impl Programs {
    /// Of their names and ELF files.
    pub fn read(files: &[(String, PathBuf)]) -> Result<Self> {
        let programs = files.iter().map(|(name, elf)| Program::read(name, elf));
        Ok(Self(programs.collect::<Result<_>>()?))
    }

    /// What a log says: instructions per request, and so many of the functions that cost most.
    pub fn split(
        &self,
        log: &Path,
        roles: &Roles,
        requests: u64,
        functions: usize,
    ) -> Result<(Split, Vec<Function>)> {
        let (mut parsed, mut profiler) = (Log::default(), Profiler::new(&self.0));
        let mut executed = |pc, words: &[u32]| profiler.executed(pc, words);
        let mut lines = BufReader::new(File::open(log)?);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line)? > 0 {
            parsed.line(&String::from_utf8_lossy(&line), &mut executed);
            line.clear();
        }
        parsed.end(&mut executed);
        let names: Vec<&str> = self.0.iter().map(|program| program.name.as_str()).collect();
        let tally = profiler.tally();
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
        Ok((Split::of(&tally, &names, roles, requests), costly))
    }
}
