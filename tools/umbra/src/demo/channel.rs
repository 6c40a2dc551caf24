//! The command channel over a socket: one question at a time, asked again if no answer comes.

use super::operator::Operator;
use anyhow::{Context, Result, anyhow, bail, ensure};
use control_protocol::frame::{Kind, MAX_FRAME, encode};
use control_protocol::record::Record;
use control_protocol::reply::{Status, Stop, Upload};
use control_protocol::request::Policy;
use control_protocol::{CHUNK_MAX, Decoder, PackageHash, Reply, Request};
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long an answer may take before the question is asked again. The guest may just be starting.
const ANSWER: Duration = Duration::from_millis(1000);
/// How often a question is asked.
const TRIES: usize = 20;

/// A connection.
pub struct Channel {
    stream: UnixStream,
    decoder: Box<Decoder>,
    session: u64,
    request: u32,
}

impl Channel {
    /// Connects to a machine's socket, which may take a moment to be there.
    pub fn connect(socket: &Path) -> Result<Self> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= deadline => {
                    return Err(error).with_context(|| format!("connecting to {}", socket.display()));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let session = now.map_or(1, |time| time.as_nanos() as u64) ^ u64::from(std::process::id()) << 40;
        Ok(Self {
            stream,
            decoder: Box::new(Decoder::new()),
            session,
            request: 0,
        })
    }

    /// Asks, and gives the answer to `take`.
    fn ask<T>(&mut self, request: &Request<'_>, take: impl Fn(Reply<'_>) -> Option<T>) -> Result<T> {
        self.request += 1;
        let mut buffer = [0; MAX_FRAME];
        let frame = encode(&mut buffer, Kind::Request, self.session, self.request, request)
            .context("the request is too long")?
            .to_vec();
        for attempt in 0..TRIES {
            if attempt > 0 {
                // Ends the wait of a decoder that holds half a frame.
                self.stream.write_all(&[0; MAX_FRAME])?;
            }
            self.stream
                .write_all(&frame)
                .context("writing to the command channel")?;
            if let Some(answer) = self.answer(&take)? {
                return answer;
            }
        }
        bail!("no answer on the command channel to {request:?}")
    }

    /// Waits for the answer to the current request; `None`: it did not come in time.
    fn answer<T>(&mut self, take: &impl Fn(Reply<'_>) -> Option<T>) -> Result<Option<Result<T>>> {
        let deadline = Instant::now() + ANSWER;
        loop {
            while let Some(frame) = self.decoder.next_frame() {
                if frame.session != self.session || frame.request != self.request {
                    continue;
                }
                let reply: Reply<'_> = match frame.kind {
                    Kind::Reply => frame.message().context("an answer that makes no sense")?,
                    Kind::OtherVersion => bail!("the guest speaks version {} of the protocol", frame.version),
                    Kind::Request => continue,
                };
                return Ok(Some(match reply {
                    Reply::Error(error) => Err(anyhow!("refused: {error:?}")),
                    reply => take(reply).context("an answer to another question"),
                }));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut bytes = [0; 4096];
            match self.stream.read(&mut bytes) {
                Ok(0) => bail!("the machine has closed the command channel"),
                Ok(len) => self.feed(&bytes[..len]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("reading the command channel"),
            }
        }
    }

    /// Between two frames the decoder takes everything: the guest answers one question at a time.
    fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.decoder.feed(bytes);
            bytes = &bytes[taken..];
            if taken == 0 {
                return;
            }
        }
    }

    fn upload_step(&mut self, request: &Request<'_>) -> Result<Upload> {
        self.ask(request, |reply| {
            if let Reply::Upload(upload) = reply {
                Some(upload)
            } else {
                None
            }
        })
    }

    fn job_of(&mut self, request: &Request<'_>) -> Result<u32> {
        self.ask(request, |reply| {
            if let Reply::Accepted { job } = reply {
                Some(job)
            } else {
                None
            }
        })
    }
}

impl Operator for Channel {
    fn status(&mut self) -> Result<Status> {
        self.ask(&Request::Status, |reply| {
            if let Reply::Status(status) = reply {
                Some(status)
            } else {
                None
            }
        })
    }

    fn upload(&mut self, package: &[u8]) -> Result<PackageHash> {
        let sha256: PackageHash = Sha256::digest(package).into();
        let len = u32::try_from(package.len()).context("the package is too large")?;
        let mut upload = self.upload_step(&Request::UploadBegin { len, sha256 })?;
        while !upload.complete && (upload.received as usize) < package.len() {
            let from = upload.received as usize;
            let bytes = &package[from..package.len().min(from + CHUNK_MAX)];
            let slot = upload.slot;
            upload = self.upload_step(&Request::UploadChunk {
                slot,
                offset: upload.received,
                bytes,
            })?;
            ensure!(upload.received as usize > from, "the upload does not get on");
        }
        if !upload.complete {
            upload = self.upload_step(&Request::UploadEnd { slot: upload.slot })?;
        }
        ensure!(upload.complete, "the package did not arrive whole");
        Ok(sha256)
    }

    fn update(&mut self, device: &str, package: PackageHash) -> Result<u32> {
        self.job_of(&Request::Update {
            device,
            package,
            policy: Policy::Refuse,
        })
    }

    fn kill(&mut self, device: &str) -> Result<u32> {
        self.job_of(&Request::Kill { device })
    }

    fn job(&mut self, job: u32) -> Result<Record> {
        self.ask(&Request::Job { id: job }, |reply| {
            if let Reply::Job(record) = reply {
                Some(record)
            } else {
                None
            }
        })
    }

    fn report(&mut self, client: &str, offset: usize, len: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let part = (len - bytes.len()).min(CHUNK_MAX);
            let request = Request::ReportRead {
                name: client,
                offset: u32::try_from(offset + bytes.len())?,
                len: part as u16,
            };
            let more = self.ask(&request, |reply| match reply {
                Reply::Report { bytes, .. } => Some(bytes.to_vec()),
                _ => None,
            })?;
            if more.is_empty() {
                break;
            }
            bytes.extend(more);
        }
        Ok(bytes)
    }

    fn stop(&mut self) -> Result<Stop> {
        self.ask(&Request::Stop, |reply| {
            if let Reply::Stop(stop) = reply {
                Some(stop)
            } else {
                None
            }
        })
    }
}
