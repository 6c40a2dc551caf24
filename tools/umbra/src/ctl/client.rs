//! A client of the command channel: what can be asked, each question a function.

use control_protocol::record::{Record, State};
use control_protocol::reply::{Domain, Error, Hello, Package, Status, Stop, TrustedKey, Upload};
use control_protocol::request::{Commit, Policy};
use control_protocol::slot::Slots;
use control_protocol::vitals::{Flow, Vitals};
use control_protocol::{CHUNK_MAX, PackageHash, PublicKey, Reply, Request};
use sha2::{Digest, Sha256};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::connection::{ClientError, Connection, Result};
use super::order::OrderId;

/// How long to wait for an answer in all, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(30);
/// A pause in which others may have their turn.
const LONG_PAUSE: Duration = Duration::from_millis(30);

/// Times that an upload is begun anew, when control forgot the one before.
const UPLOADS: usize = 4;

/// The operator's end of a command channel.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
}

/// Calls `$self.connection.ask` and takes one kind of reply.
macro_rules! ask {
    ($self:ident, $request:expr, $pattern:pat => $value:expr) => {
        $self.connection.ask(&$request, |reply| match reply {
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
        let connection = Connection::to(socket, patience)?;
        let mut client = Self { connection };
        client.hello()?;
        Ok(client)
    }

    /// Over a stream that exists; it cannot be made anew when it breaks.
    pub fn over(stream: UnixStream) -> Self {
        Self {
            connection: Connection::over(stream, PATIENCE),
        }
    }

    /// How long to wait for an answer in all. A machine that counts instructions on a busy host is slow.
    pub fn set_patience(&mut self, patience: Duration) {
        self.connection.set_patience(patience);
    }

    /// Lets other tools have their turn until the next question.
    pub fn release(&mut self) {
        self.connection.release();
    }

    /// Waits, and lets other tools have their turn meanwhile.
    pub fn pause(&mut self, pause: Duration) {
        if pause >= LONG_PAUSE {
            self.connection.release();
        }
        std::thread::sleep(pause);
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
    /// As [`ClientError`] says.
    pub fn domains(&mut self) -> Result<Vec<Domain>> {
        ask!(self, Request::Domains, Reply::Domains(domains) => domains.into_iter().collect())
    }

    /// Packages in the store.
    pub fn packages(&mut self) -> Result<Vec<Package>> {
        ask!(self, Request::Packages, Reply::Packages(packages) => packages.into_iter().collect())
    }

    /// Keys that the machine was built to trust.
    pub fn keys(&mut self) -> Result<Vec<TrustedKey>> {
        ask!(self, Request::Keys, Reply::Keys(keys) => keys.into_iter().collect())
    }

    /// What packages for the devices must match.
    pub fn slots(&mut self) -> Result<Slots> {
        ask!(self, Request::Slots, Reply::Slots(slots) => slots)
    }

    /// Has it take no more packages of a key; the keys after that.
    pub fn revoke(&mut self, key: PublicKey) -> Result<Vec<TrustedKey>> {
        ask!(self, Request::Revoke { key }, Reply::Keys(keys) => keys.into_iter().collect())
    }

    /// Puts a package into the store, unless it is there. `progress` is told how many bytes have arrived, of how many.
    pub fn upload(&mut self, package: &[u8], mut progress: impl FnMut(usize, usize)) -> Result<PackageHash> {
        let sha256: PackageHash = Sha256::digest(package).into();
        for _ in 1..UPLOADS {
            match self.upload_once(package, sha256, &mut progress) {
                // Control was started anew meanwhile, and remembers whole packages only.
                Err(ClientError::Refused(Error::NoUpload)) => {}
                result => return result,
            }
        }
        self.upload_once(package, sha256, &mut progress)
    }

    fn upload_once(
        &mut self,
        package: &[u8],
        sha256: PackageHash,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<PackageHash> {
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
        self.update_until(device, package, policy, Commit::Timed, None)
    }

    /// Begins an update that is on probation until `commit` says so, and whose old driver may finish what it has for `drain_us`
    /// microseconds (`None`: as control thinks best); the job's number.
    pub fn update_until(
        &mut self,
        device: &str,
        package: PackageHash,
        policy: Policy,
        commit: Commit,
        drain_us: Option<u32>,
    ) -> Result<u32> {
        ask!(self, Request::Update { device, package, policy, commit, drain_us }, Reply::Accepted { job } => job)
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

    /// What became of an order whose answer got lost; any client may ask.
    pub fn ordered(&mut self, order: OrderId) -> Result<Record> {
        let OrderId { session, request } = order;
        ask!(self, Request::Ordered { session, request }, Reply::Job(record) => record)
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
            self.pause(pause);
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

    /// What the devices do and have done.
    pub fn vitals(&mut self) -> Result<Vitals> {
        ask!(self, Request::Vitals, Reply::Vitals(vitals) => vitals)
    }

    /// Switches the recording of a device's flow of requests.
    pub fn record(&mut self, device: &str, flow: Flow) -> Result<Flow> {
        ask!(self, Request::Record { device, flow }, Reply::Recording(flow) => flow)
    }
}
