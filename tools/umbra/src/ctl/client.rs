//! A client of the command channel: blocking, one question at a time.
//!
//! A question that is not answered in time is asked again under the same number, so that it is answered, and not
//! executed twice. Before it go so many zero bytes that a frame which was cut off on the way is over.

use control_protocol::frame::{self, Frame, MAX_FRAME};
use control_protocol::record::{Record, State};
use control_protocol::reply::{Domain, Error, Hello, Package, Status, Stop, Upload};
use control_protocol::request::{Commit, Policy};
use control_protocol::{CHUNK_MAX, Decoder, PackageHash, Reply, Request, VERSION};
use sha2::{Digest, Sha256};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why there is no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no machine answers at {}: is one running? (`cargo umbra run` starts one; `--socket` names another)", path.display())]
    NotUp {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to the machine broke (it may have stopped): {0}")]
    Broken(#[source] io::Error),
    /// No answer in time.
    #[error("the machine did not answer within {} s; its console may tell why", .0.as_secs())]
    Silent(Duration),
    /// The other side speaks another version.
    #[error(
        "the machine speaks version {theirs} of the control protocol, this tool version {VERSION}: use the tool of the checkout that the image was built from"
    )]
    OtherVersion {
        /// What it speaks.
        theirs: u16,
    },
    /// Control refuses.
    #[error("{}", super::text::error(.0))]
    Refused(Error),
    /// An answer to something else.
    #[error("the machine's answer does not belong to the question (a fault of the control program)")]
    Nonsense,
}

type Result<T> = std::result::Result<T, ClientError>;

/// How long to wait for an answer before asking again the first time; then twice as long each time, up to [`AGAIN`].
const FIRST_AGAIN: Duration = Duration::from_millis(200);
/// Longest wait before asking again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long to wait for an answer in all, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to a machine's command channel.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    decoder: Decoder,
    session: u64,
    last_request: u32,
    patience: Duration,
}

/// Calls `$self.ask` and takes one kind of reply.
macro_rules! ask {
    ($self:ident, $request:expr, $pattern:pat => $value:expr) => {
        $self.ask(&$request, |reply| match reply {
            $pattern => Ok($value),
            Reply::Error(error) => Err(ClientError::Refused(error)),
            _ => Err(ClientError::Nonsense),
        })
    };
}

impl Client {
    /// Connects to the socket and greets.
    ///
    /// # Errors
    /// Nobody there, no answer, or another version.
    pub fn connect(socket: &Path) -> Result<Self> {
        Self::connect_within(socket, PATIENCE)
    }

    /// The same with another patience than 30 s.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_within(socket: &Path, patience: Duration) -> Result<Self> {
        let stream = UnixStream::connect(socket).map_err(|source| ClientError::NotUp {
            path: socket.to_owned(),
            source,
        })?;
        let mut client = Self::over(stream);
        client.set_patience(patience);
        client.hello()?;
        Ok(client)
    }

    /// Over a connection that exists.
    pub fn over(stream: UnixStream) -> Self {
        // Not a secret: it only keeps two tools apart. A hasher's keys are the randomness that the standard library has.
        let mut seed = RandomState::new().build_hasher();
        seed.write_u32(std::process::id());
        let session = seed.finish();
        Self {
            stream,
            decoder: Decoder::new(),
            session,
            last_request: 0,
            patience: PATIENCE,
        }
    }

    /// How long to wait for an answer in all. A machine that counts instructions on a busy host is slow.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Asks, waits, and hands the reply to `read`.
    ///
    /// # Errors
    /// As [`ClientError`] says, and those of `read`.
    pub fn ask<R>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> Result<R>) -> Result<R> {
        self.last_request = self.last_request.wrapping_add(1);
        let (session, number) = (self.session, self.last_request);
        let mut buffer = [0; MAX_FRAME];
        let question = frame::encode(&mut buffer, frame::Kind::Request, session, number, request)
            .ok_or(ClientError::Nonsense)?;
        let began = Instant::now();
        self.send(question, began)?;
        let mut pause = FIRST_AGAIN;
        let mut again = began + pause;
        let mut input = [0; 4096];
        loop {
            while let Some(frame) = self.decoder.next_frame() {
                if (frame.session, frame.request) == (session, number)
                    && let Some(reply) = reply(&frame)
                {
                    return read(reply?);
                }
            }
            let now = Instant::now();
            if now.duration_since(began) >= self.patience {
                return Err(ClientError::Silent(self.patience));
            }
            if now >= again {
                self.send(&[0; MAX_FRAME], began)?;
                self.send(question, began)?;
                pause = (2 * pause).min(AGAIN);
                again = now + pause;
            }
            self.read_some(&mut input, again.saturating_duration_since(now))?;
        }
    }

    /// Reads what comes within `wait` into the decoder.
    fn read_some(&mut self, input: &mut [u8], wait: Duration) -> Result<()> {
        // A timeout of zero would mean none.
        let wait = wait.max(Duration::from_millis(1));
        self.stream
            .set_read_timeout(Some(wait))
            .map_err(ClientError::Broken)?;
        let len = match self.stream.read(input) {
            Ok(0) => return Err(ClientError::Broken(ErrorKind::UnexpectedEof.into())),
            Ok(len) => len,
            Err(error) if is_timeout(&error) => return Ok(()),
            Err(error) => return Err(ClientError::Broken(error)),
        };
        let mut bytes = &input[..len];
        while !bytes.is_empty() {
            let taken = self.decoder.feed(bytes);
            if taken == 0 {
                // Full of frames that nobody waits for: older answers.
                while self.decoder.next_frame().is_some() {}
            }
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Writes all bytes; a machine that takes none for too long is silent.
    fn send(&mut self, mut bytes: &[u8], began: Instant) -> Result<()> {
        self.stream
            .set_write_timeout(Some(AGAIN))
            .map_err(ClientError::Broken)?;
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(len) => bytes = &bytes[len..],
                Err(error) if is_timeout(&error) && began.elapsed() < self.patience => {}
                Err(error) if is_timeout(&error) => return Err(ClientError::Silent(self.patience)),
                Err(error) => return Err(ClientError::Broken(error)),
            }
        }
        Ok(())
    }

    /// Who is there.
    ///
    /// # Errors
    /// As [`ClientError`] says; so do those below.
    pub fn hello(&mut self) -> Result<Hello> {
        ask!(self, Request::Hello, Reply::Hello(hello) => hello)
    }

    /// State of the devices.
    pub fn status(&mut self) -> Result<Status> {
        ask!(self, Request::Status, Reply::Status(status) => status)
    }

    /// The system's own PDs that faulted.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn domains(&mut self) -> Result<Vec<Domain>> {
        ask!(self, Request::Domains, Reply::Domains(domains) => domains.into_iter().collect())
    }

    /// Packages in the store.
    pub fn packages(&mut self) -> Result<Vec<Package>> {
        ask!(self, Request::Packages, Reply::Packages(packages) => packages.into_iter().collect())
    }

    /// Puts a package into the store, unless it is there. `progress` is told how many bytes have arrived, of how many.
    pub fn upload(&mut self, package: &[u8], mut progress: impl FnMut(usize, usize)) -> Result<PackageHash> {
        let sha256: PackageHash = Sha256::digest(package).into();
        let len = u32::try_from(package.len())
            .map_err(|_| ClientError::Refused(Error::TooLarge { max: u32::MAX }))?;
        let mut state = self.upload_step(&Request::UploadBegin { len, sha256 })?;
        let slot = state.slot;
        while !state.complete {
            let received = state.received as usize;
            progress(received, package.len());
            let rest = package.get(received..).ok_or(ClientError::Nonsense)?;
            let bytes = &rest[..rest.len().min(CHUNK_MAX)];
            let request = match bytes {
                [] => Request::UploadEnd { slot },
                _ => Request::UploadChunk {
                    slot,
                    offset: state.received,
                    bytes,
                },
            };
            let next = self.upload_step(&request)?;
            if next.received == state.received && !next.complete {
                return Err(ClientError::Nonsense);
            }
            state = next;
        }
        progress(package.len(), package.len());
        Ok(sha256)
    }

    fn upload_step(&mut self, request: &Request<'_>) -> Result<Upload> {
        ask!(self, *request, Reply::Upload(upload) => upload)
    }

    /// Begins an update; the job's number.
    pub fn update(&mut self, device: &str, package: PackageHash, policy: Policy) -> Result<u32> {
        self.update_until(device, package, policy, Commit::Timed)
    }

    /// Begins an update that is on probation until `commit` says so; the job's number.
    pub fn update_until(
        &mut self,
        device: &str,
        package: PackageHash,
        policy: Policy,
        commit: Commit,
    ) -> Result<u32> {
        ask!(self, Request::Update { device, package, policy, commit }, Reply::Accepted { job } => job)
    }

    /// Begins to build a driver that is then held; the job's number.
    pub fn stage(&mut self, device: &str, package: PackageHash) -> Result<u32> {
        ask!(self, Request::Stage { device, package }, Reply::Accepted { job } => job)
    }

    /// Begins to rehearse an update; the job's number.
    pub fn check(&mut self, device: &str, package: PackageHash) -> Result<u32> {
        ask!(self, Request::Check { device, package }, Reply::Accepted { job } => job)
    }

    /// Makes the update on probation final; the number of the record.
    pub fn commit(&mut self, device: &str) -> Result<u32> {
        ask!(self, Request::Commit { device }, Reply::Accepted { job } => job)
    }

    /// Gives up what is staged, or begins to undo the update on probation; the number of the record.
    pub fn discard(&mut self, device: &str) -> Result<u32> {
        ask!(self, Request::Discard { device }, Reply::Accepted { job } => job)
    }

    /// Begins to go back to the package before; the job's number.
    pub fn rollback(&mut self, device: &str) -> Result<u32> {
        ask!(self, Request::Rollback { device }, Reply::Accepted { job } => job)
    }

    /// Kills the driver; the number of the job that restarts it.
    pub fn kill(&mut self, device: &str) -> Result<u32> {
        ask!(self, Request::Kill { device }, Reply::Accepted { job } => job)
    }

    /// How far a job is.
    pub fn job(&mut self, id: u32) -> Result<Record> {
        ask!(self, Request::Job { id }, Reply::Job(record) => record)
    }

    /// Waits until a job is over; `look` sees every state on the way.
    pub fn follow(&mut self, id: u32, mut look: impl FnMut(&Record)) -> Result<Record> {
        let mut pause = Duration::from_millis(1);
        loop {
            let record = self.job(id)?;
            look(&record);
            if matches!(record.state, State::Done(_)) {
                return Ok(record);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// All records of a device that are kept, oldest first.
    pub fn history(&mut self, device: &str) -> Result<Vec<Record>> {
        let mut all: Vec<Record> = Vec::new();
        loop {
            let after = all.last().map_or(0, |record| record.id);
            let request = Request::History { device, after };
            let (page, more) = ask!(self, request, Reply::History { records, more } => (records, more))?;
            if page.iter().any(|record| record.id <= after) || (more && page.is_empty()) {
                return Err(ClientError::Nonsense);
            }
            all.extend(page);
            if !more {
                return Ok(all);
            }
        }
    }

    /// Names of the PDs that write a trace.
    pub fn traces(&mut self) -> Result<Vec<String>> {
        ask!(self, Request::Traces, Reply::Names(names) => names.iter().map(|name| name.as_str().to_owned()).collect())
    }

    /// Trace records of one PD from `cursor` on: bytes, the next cursor, how many were lost.
    pub fn trace(&mut self, source: u8, cursor: u64) -> Result<(Vec<u8>, u64, u64)> {
        let request = Request::TraceRead { source, cursor };
        ask!(self, request, Reply::Trace { next, lost, bytes } => (bytes.to_vec(), next, lost))
    }

    /// Names of the PDs that write a report.
    pub fn reports(&mut self) -> Result<Vec<String>> {
        ask!(self, Request::Reports, Reply::Names(names) => names.iter().map(|name| name.as_str().to_owned()).collect())
    }

    /// Bytes of a PD's report region; fewer than asked for only at its end.
    pub fn report(&mut self, name: &str, offset: usize, len: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while all.len() < len {
            let part = (len - all.len()).min(CHUNK_MAX);
            let offset =
                u32::try_from(offset + all.len()).map_err(|_| ClientError::Refused(Error::OutOfRange))?;
            // At most `CHUNK_MAX`.
            let request = Request::ReportRead {
                name,
                offset,
                len: part as u16,
            };
            let bytes = ask!(self, request, Reply::Report { bytes, .. } => bytes.to_vec())?;
            all.extend_from_slice(&bytes);
            if bytes.len() < part {
                break;
            }
        }
        Ok(all)
    }

    /// Begins the orderly stop, or asks how far it is.
    pub fn stop(&mut self) -> Result<Stop> {
        ask!(self, Request::Stop, Reply::Stop(stop) => stop)
    }
}

/// What a frame that belongs to the question says; `None`: no answer after all (an echo).
fn reply<'a>(frame: &Frame<'a>) -> Option<Result<Reply<'a>>> {
    match frame.kind {
        frame::Kind::Request => None,
        frame::Kind::OtherVersion => Some(Err(ClientError::OtherVersion {
            theirs: frame.version,
        })),
        frame::Kind::Reply => Some(frame.message().ok_or(ClientError::Nonsense)),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
