//! Browsers of the host's read files from the web server while the drivers of its network and of the disk below it are replaced
//! and killed: each answer is whole, and what the file server has.

use crate::running::Running;
use anyhow::{Context, Result, bail, ensure};
use control_protocol::record::{Outcome, State};
use control_protocol::request::Policy;
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;
use umbra::build::Config;
use umbra::ctl::Client;
use umbra::demo::{self, Patience};
use umbra::pack;

const NETWORK: &str = "net0";
const DISK: &str = "disk0";
/// The first of each device is what the system starts with.
const RELEASES: [(&str, &str); 4] = [
    (NETWORK, "virtio-net-0.13.0"),
    (DISK, "virtio-blk-0.13.0"),
    (NETWORK, "virtio-net-0.8.0"),
    (DISK, "virtio-blk-0.8.0"),
];
const BROWSERS: u64 = 4;
/// How long a browser waits for bytes: longer than a busy host needs for some virtual seconds.
const DEAF: Duration = Duration::from_secs(120);

/// The same while the server may not have an address yet.
const SHY: Duration = Duration::from_secs(5);

/// Runs the case.
pub fn run(config: Config, kernel: Option<&Path>) -> Result<()> {
    let (mut running, port) = Running::with_web("net-demo", config, kernel)?;
    running.operate(|client, patience| {
        demo::settled(client, NETWORK, patience.boot)?;
        demo::settled(client, DISK, patience.boot)
    })?;
    let files = demo::wait(Patience::default().boot, "the web server", || {
        let text = Connection::open(port, SHY).and_then(|mut connection| connection.get("MANIFEST.TXT"));
        Ok(text.ok().and_then(|text| manifest(&text)))
    })?;
    let (stop, read) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let browse = |first: u64| browse(port, &files, first, &stop, &read);
        let browsers: Vec<_> = (0..BROWSERS)
            .map(|first| scope.spawn(move || browse(first)))
            .collect();
        let played = running.operate(|client, patience| play(client, config, patience, &read));
        stop.store(true, Relaxed);
        for browser in browsers {
            match browser.join() {
                Ok(result) => result?,
                Err(_) => bail!("a browser panicked"),
            }
        }
        played
    })?;
    let status = String::from_utf8(Connection::open(port, DEAF)?.get("status.json")?)?;
    ensure!(status.contains("\"changes\":["), "{status}");
    running.operate(|client, patience| demo::stopped(client, patience.stop))?;
    running.shut_down()
}

fn play(client: &mut Client, config: Config, patience: &Patience, read: &AtomicU64) -> Result<()> {
    for (device, label) in RELEASES {
        let package = pack::pack(&pack::find(label)?, config)?.bytes;
        let package = client.upload(&package, |_, _| {})?;
        let job = client.update(device, package, Policy::Refuse)?;
        finished(client, job, patience).context(label)?;
        go_on(patience, read).context(label)?;
    }
    for device in [NETWORK, DISK] {
        let job = client.kill(device)?;
        finished(client, job, patience).with_context(|| format!("kill of {device}"))?;
        go_on(patience, read)?;
    }
    Ok(())
}

fn finished(client: &mut Client, job: u32, patience: &Patience) -> Result<()> {
    let record = demo::finished(client, job, patience.transaction)?;
    ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
    Ok(())
}

/// Waits until some files more were read.
fn go_on(patience: &Patience, read: &AtomicU64) -> Result<()> {
    let before = read.load(Relaxed);
    demo::wait(patience.transaction, "the browsers", || {
        Ok((read.load(Relaxed) >= before + 2 * BROWSERS).then_some(()))
    })
}

/// Names and hashes of the files, as the disk's own table has them.
fn manifest(text: &[u8]) -> Option<Vec<(String, String)>> {
    let text = std::str::from_utf8(text).ok()?;
    let file = |line: &str| {
        let mut words = line.split(' ');
        let (hash, len, name) = (words.next()?, words.next()?, words.next()?);
        (len != "0").then(|| (name.to_owned(), hash.to_owned()))
    };
    let files: Vec<_> = text.lines().skip(1).filter_map(file).collect();
    (!files.is_empty()).then_some(files)
}

fn browse(
    port: u16,
    files: &[(String, String)],
    first: u64,
    stop: &AtomicBool,
    read: &AtomicU64,
) -> Result<()> {
    let mut connection = Connection::open(port, DEAF)?;
    for (name, hash) in files.iter().cycle().skip(first as usize * 3) {
        if stop.load(Relaxed) {
            break;
        }
        let body = connection.get(name).with_context(|| name.clone())?;
        let found: String = Sha256::digest(&body)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        ensure!(found == *hash, "{name}: {} bytes, {found}", body.len());
        read.fetch_add(1, Relaxed);
    }
    Ok(())
}

/// A connection that is kept.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16, patience: Duration) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(patience))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The body of an answer, if the status is 200.
    fn get(&mut self, name: &str) -> Result<Vec<u8>> {
        write!(self.0.get_mut(), "GET /{name} HTTP/1.1\r\nHost: umbra\r\n\r\n")?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            ensure!(self.0.read_line(&mut head)? != 0, "the connection has ended");
        }
        ensure!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let len = head
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; len.context("no length")?.parse()?];
        self.0.read_exact(&mut body)?;
        Ok(body)
    }
}
