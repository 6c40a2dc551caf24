//! The clients: connections that are kept, by `ureq`, and fresh ones, by `curl`. Each body is compared by its hash.

use super::figures::{Ending, Phase, Sample};
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::io::{self, Read};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::Scope;
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, TcpConnector};

/// How long a request may take in all.
const PATIENCE: Duration = Duration::from_secs(120);
/// Whom nobody serves does not ask again at once.
const PAUSE: Duration = Duration::from_millis(50);
/// How long one may take while the server may not have an address yet.
const SHY: Duration = Duration::from_secs(5);
/// Status with which curl says that a connection was refused, ended or reset: 7, 52, 55, 56.
const CURL_BROKEN: [i32; 4] = [7, 52, 55, 56];

/// A file of the server's.
#[derive(Clone, Debug)]
pub struct File {
    name: String,
    sha256: String,
}

/// A connector that counts.
#[derive(Debug)]
struct Counting {
    opened: Arc<AtomicU64>,
    tcp: TcpConnector,
}

impl Connector<()> for Counting {
    type Out = <TcpConnector as Connector<()>>::Out;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        self.opened.fetch_add(1, Relaxed);
        self.tcp.connect(details, chained)
    }
}

fn agent(opened: &Arc<AtomicU64>, patience: Duration) -> Agent {
    let config = Agent::config_builder().timeout_global(Some(patience)).build();
    let connector = Counting {
        opened: opened.clone(),
        tcp: TcpConnector::default(),
    };
    Agent::with_parts(config, connector, DefaultResolver::default())
}

fn address(port: u16, name: &str) -> String {
    format!("http://127.0.0.1:{port}/{name}")
}

/// Names and hashes of the server's files, as the disk's own table has them.
pub fn manifest(port: u16) -> Result<Vec<File>> {
    let agent = agent(&Arc::default(), SHY);
    let text = agent
        .get(address(port, "MANIFEST.TXT"))
        .call()?
        .body_mut()
        .read_to_string()?;
    let file = |line: &str| {
        let mut words = line.split(' ');
        let (sha256, len, name) = (words.next()?, words.next()?, words.next()?);
        (len != "0").then(|| File {
            name: name.to_owned(),
            sha256: sha256.to_owned(),
        })
    };
    let files: Vec<_> = text.lines().skip(1).filter_map(file).collect();
    ensure!(!files.is_empty(), "the server has no files");
    Ok(files)
}

/// Clients that read all files again and again.
pub struct Load {
    samples: Receiver<Sample>,
    stop: Arc<AtomicBool>,
    opened: Arc<AtomicU64>,
    connections: u64,
}

impl Load {
    /// So many kept connections, and one client that opens a connection for each request.
    pub fn start<'scope, 'env>(
        scope: &'scope Scope<'scope, 'env>,
        port: u16,
        files: &'env [File],
        connections: usize,
    ) -> Self {
        let (sender, samples) = mpsc::channel();
        let (stop, opened) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        // One kept connection after the other is opened, and is answered before the next: QEMU lets the host queue two for it (`listen` with
        // a backlog of 1), and takes them when it comes to it. This host would have a third wait for its own timers, up to minutes.
        let door = Arc::<Mutex<()>>::default();
        for first in 0..=connections {
            let (sender, stop, opened, door) = (sender.clone(), stop.clone(), opened.clone(), door.clone());
            let mine = files.iter().cycle().skip(first % files.len());
            scope.spawn(move || {
                if first == connections {
                    read_all(mine, &sender, &stop, |file| fresh(port, file));
                } else {
                    let (agent, is_open) = (agent(&opened, PATIENCE), Cell::new(false));
                    read_all(mine, &sender, &stop, |file| {
                        let _turn = (!is_open.replace(true)).then(|| door.lock());
                        kept(&agent, port, file)
                    });
                }
            });
        }
        Self {
            samples,
            stop,
            opened,
            connections: connections as u64,
        }
    }

    /// Collects what ends in this time.
    pub fn watch(&self, phase: &mut Phase, time: Duration) {
        let begun = Instant::now();
        while let Ok(sample) = self.samples.recv_timeout(time.saturating_sub(begun.elapsed())) {
            phase.add(&sample);
        }
        phase.seconds = begun.elapsed().as_secs_f64();
    }

    /// Collects until so many answers have come.
    pub fn wait_for(&self, phase: &mut Phase, answers: usize, patience: Duration) -> Result<()> {
        for sample in self.samples.try_iter() {
            phase.add(&sample);
        }
        for _ in 0..answers {
            let sample = self.samples.recv_timeout(patience);
            phase.add(&sample.context("no client gets an answer any more")?);
        }
        Ok(())
    }

    /// No request is begun any more.
    pub fn stop(&self) {
        self.stop.store(true, Relaxed);
    }

    /// Becomes true then.
    pub fn stopped(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }

    /// Collects what is still to come.
    pub fn rest(&self, phase: &mut Phase) {
        for sample in self.samples.iter() {
            phase.add(&sample);
        }
    }

    /// Connections that had to be made anew.
    pub fn reconnects(&self) -> u64 {
        self.opened.load(Relaxed).saturating_sub(self.connections)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

fn read_all<'a>(
    files: impl Iterator<Item = &'a File>,
    samples: &Sender<Sample>,
    stop: &AtomicBool,
    read: impl Fn(&File) -> Sample,
) {
    for file in files {
        if stop.load(Relaxed) {
            return;
        }
        let sample = read(file);
        let failed = sample.ending != Ending::Whole;
        if samples.send(sample).is_err() {
            return;
        }
        if failed {
            std::thread::sleep(PAUSE);
        }
    }
}

/// One request on a connection that is kept.
fn kept(agent: &Agent, port: u16, file: &File) -> Sample {
    let begun = Instant::now();
    let mut watch = Watch {
        last: begun,
        silence: Duration::ZERO,
    };
    let read = read_kept(agent, port, file, &mut watch);
    watch.heard();
    Sample {
        took: begun.elapsed(),
        silence: Some(watch.silence),
        ending: read.unwrap_or_else(|error| ending_of(&error)),
    }
}

/// The longest time in which nothing came.
struct Watch {
    last: Instant,
    silence: Duration,
}

impl Watch {
    fn heard(&mut self) {
        self.silence = self.silence.max(self.last.elapsed());
        self.last = Instant::now();
    }
}

fn read_kept(agent: &Agent, port: u16, file: &File, watch: &mut Watch) -> Result<Ending, ureq::Error> {
    let answer = agent.get(address(port, &file.name)).call()?;
    watch.heard();
    let mut body = answer.into_body().into_reader();
    let (mut hash, mut piece) = (Sha256::new(), [0; 16384]);
    loop {
        match body.read(&mut piece).map_err(ureq::Error::from)? {
            0 => break,
            len => hash.update(&piece[..len]),
        }
        watch.heard();
    }
    Ok(compared(hash, file))
}

/// One request on a connection of its own.
fn fresh(port: u16, file: &File) -> Sample {
    let begun = Instant::now();
    let patience = PATIENCE.as_secs().to_string();
    let curl = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--fail",
            "--noproxy",
            "*",
            "--max-time",
            &patience,
        ])
        .arg(address(port, &file.name))
        .output();
    let ending = match curl {
        Err(error) => Ending::Failed(format!("curl: {error}")),
        Ok(output) if output.status.success() => compared(Sha256::new_with_prefix(&output.stdout), file),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            match output.status.code() {
                Some(code) if CURL_BROKEN.contains(&code) => Ending::Broken(said),
                _ => Ending::Failed(said),
            }
        }
    };
    Sample {
        took: begun.elapsed(),
        silence: None,
        ending,
    }
}

fn compared(hash: Sha256, file: &File) -> Ending {
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if found == file.sha256 {
        Ending::Whole
    } else {
        Ending::Corrupt(format!("{}: {found}", file.name))
    }
}

fn ending_of(error: &ureq::Error) -> Ending {
    let broken = match error {
        ureq::Error::Io(error) => error.kind() != io::ErrorKind::TimedOut,
        ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => true,
        _ => false,
    };
    let said = error.to_string();
    if broken {
        Ending::Broken(said)
    } else {
        Ending::Failed(said)
    }
}

/// Says what is missing before anything is built.
pub fn curl_is_there() -> Result<()> {
    match Command::new("curl").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => bail!("curl is missing; run: sudo apt-get install curl"),
    }
}
