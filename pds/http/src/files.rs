//! Files of the file server's, each opened once for all connections that want it.
//!
//! Nothing here waits: requests go out, answers are collected, and connections look again. A file is closed as soon as nobody wants
//! it, because a file that is open cannot be written by others.

use file_service::{FileClient, FileRequest, HANDLES_MAX, Mode, Op, Outcome, PATH_MAX, Status};
use shared_ring::page::Page;
use shared_ring::requests::{Peer, RequestError};

use crate::route::Path;

/// Bytes that one read asks for.
pub const CHUNK: usize = 4096;
/// Bytes of the data region for the path of each file, and for what is said of it.
const PLACE: usize = 256;
const _: () = assert!(PATH_MAX <= PLACE && PLACE.is_multiple_of(8));

/// Bytes of data region that this many connections need.
pub const fn data_len(connections: usize) -> usize {
    HANDLES_MAX * PLACE + connections * CHUNK
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Asked for.
    Opening,
    /// Open, with so many bytes.
    Open(u32),
    /// It is not to be had.
    Failed(Status),
}

/// A file that somebody wants, or wanted until a moment ago.
#[derive(Debug, Default)]
struct File {
    path: Path,
    /// Connections that want it.
    users: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    /// Nobody's place.
    #[default]
    Free,
    Opening,
    Measuring(u16),
    Open(u16, u32),
    Closing,
    Failed(Status),
}

/// A connection's read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    /// Nothing is asked for.
    #[default]
    Idle,
    /// So many bytes are asked for.
    Asked(u32),
    /// So many bytes have come.
    Here(u32),
    /// It failed. [`Status::BadHandle`]: the server was started anew; the file is being opened again.
    Failed(Status),
}

/// The session with the file server.
#[derive(Debug)]
pub struct Files<P> {
    client: FileClient<P>,
    files: [File; HANDLES_MAX],
    reads: alloc::boxed::Box<[Read]>,
    broken: bool,
}

/// What an answer is to; the number of a file or of a connection in the lower half of an id.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Asked {
    Open = 1,
    Stat = 2,
    Close = 3,
    Read = 4,
}

impl<P: Page> Files<P> {
    /// For so many connections. `None`: the session's data region is too short.
    pub fn new(client: FileClient<P>, connections: usize) -> Option<Self> {
        (client.data().len() >= data_len(connections)).then(|| Self {
            client,
            files: Default::default(),
            reads: alloc::vec![Read::Idle; connections].into_boxed_slice(),
            broken: false,
        })
    }

    /// The server broke the rules, and there are no files any more.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// A place for a file that is wanted. `None`: there is none at this moment.
    pub fn want(&mut self, path: &Path) -> Option<usize> {
        let wanted = |file: &File| file.users > 0 && file.path == *path;
        if let Some(index) = self.files.iter().position(wanted) {
            self.files[index].users += 1;
            return Some(index);
        }
        let index = self.files.iter().position(|file| file.step == Step::Free)?;
        self.files[index] = File {
            path: path.clone(),
            users: 1,
            step: Step::Opening,
        };
        self.open(index);
        Some(index)
    }

    /// How far it is.
    pub fn progress(&self, index: usize) -> Progress {
        match self.files.get(index).map(|file| file.step) {
            Some(Step::Opening | Step::Measuring(_) | Step::Closing) => Progress::Opening,
            Some(Step::Open(_, size)) => Progress::Open(size),
            Some(Step::Failed(status)) => Progress::Failed(status),
            Some(Step::Free) | None => Progress::Failed(Status::NotFound),
        }
    }

    /// Its path.
    pub fn path(&self, index: usize) -> &str {
        self.files.get(index).map_or("", |file| &file.path)
    }

    /// One connection wants it no more.
    pub fn release(&mut self, index: usize) {
        let Some(file) = self.files.get_mut(index) else {
            return;
        };
        file.users = file.users.saturating_sub(1);
        self.settle(index);
    }

    /// The read of a connection.
    pub fn read_state(&self, connection: usize) -> Read {
        self.reads.get(connection).copied().unwrap_or_default()
    }

    /// Ask for bytes of an open file from `position` on, at most [`CHUNK`].
    pub fn read(&mut self, index: usize, connection: usize, position: u32, wanted: u32) {
        let Some(Step::Open(handle, size)) = self.files.get(index).map(|file| file.step) else {
            return;
        };
        let len = wanted.min(CHUNK as u32).min(size.saturating_sub(position));
        let request = FileRequest {
            id: (Asked::Read as u32) << 16 | connection as u32,
            op: Op::Read as u8,
            handle,
            len,
            position: position.into(),
            offset: chunk_at(connection) as u64,
            ..FileRequest::default()
        };
        if let Some(read) = self.reads.get_mut(connection).filter(|read| **read == Read::Idle) {
            *read = Read::Asked(len);
            self.submit(&request);
        }
    }

    /// Copy bytes that have come, from byte `from` of them on. False: there are not so many.
    #[must_use]
    pub fn copy(&self, connection: usize, from: usize, target: &mut [u8]) -> bool {
        let here = match self.read_state(connection) {
            Read::Here(len) => len as usize,
            _ => 0,
        };
        let end = from.checked_add(target.len());
        end.is_some_and(|end| end <= here) && self.client.data().read(chunk_at(connection) + from, target)
    }

    /// What has come is used up.
    pub fn used(&mut self, connection: usize) {
        if let Some(read) = self
            .reads
            .get_mut(connection)
            .filter(|read| !matches!(read, Read::Asked(_)))
        {
            *read = Read::Idle;
        }
    }

    /// Take what was answered. True: something was.
    pub fn collect(&mut self) -> bool {
        let mut any = false;
        while !self.broken {
            match self.client.poll() {
                Ok(Some(outcome)) => self.answered(outcome),
                Ok(None) => break,
                Err(_) => self.fail(),
            }
            any = true;
        }
        any
    }

    /// Hand over what was asked for.
    pub fn commit(&mut self, peer: &mut impl Peer) {
        self.client.commit(peer);
    }

    /// Ask for a notification. True: wait. False: an answer has come meanwhile.
    pub fn sleep(&mut self) -> bool {
        self.broken || self.client.sleep().unwrap_or(true)
    }

    /// No notifications wanted any more.
    pub fn awake(&mut self) {
        self.client.awake();
    }

    fn answered(&mut self, outcome: Outcome) {
        let index = (outcome.id & 0xffff) as usize;
        let known = match outcome.id >> 16 {
            asked if asked == Asked::Open as u32 => self.opened(index, outcome),
            asked if asked == Asked::Stat as u32 => self.measured(index, outcome),
            asked if asked == Asked::Close as u32 => self.closed(index),
            asked if asked == Asked::Read as u32 => self.has_read(index, outcome),
            _ => None,
        };
        if known.is_none() {
            self.fail();
        }
    }

    fn opened(&mut self, index: usize, outcome: Outcome) -> Option<()> {
        let file = self
            .files
            .get_mut(index)
            .filter(|file| file.step == Step::Opening)?;
        match outcome.value() {
            Ok(handle) => {
                let handle = u16::try_from(handle).ok()?;
                file.step = Step::Measuring(handle);
                let len = file.path.len() as u32;
                let (op, id) = (Op::Stat as u8, (Asked::Stat as u32) << 16 | index as u32);
                let offset = (index * PLACE) as u64;
                self.submit(&FileRequest {
                    id,
                    op,
                    len,
                    offset,
                    ..FileRequest::default()
                });
            }
            Err(status) => {
                file.step = Step::Failed(status);
                self.settle(index);
            }
        }
        Some(())
    }

    fn measured(&mut self, index: usize, outcome: Outcome) -> Option<()> {
        let Step::Measuring(handle) = self.files.get(index)?.step else {
            return None;
        };
        let size = match outcome.value() {
            Ok(_) => {
                let mut entry = file_service::Entry::default();
                let bytes = zerocopy::IntoBytes::as_mut_bytes(&mut entry);
                self.client
                    .data()
                    .read(index * PLACE, bytes)
                    .then_some(entry.size)?
            }
            // The file is open: its size is that of a file that is not there any more.
            Err(_) => 0,
        };
        self.files[index].step = match outcome.status {
            Status::Ok => Step::Open(handle, size),
            status => {
                self.close(index, handle);
                Step::Failed(status)
            }
        };
        self.settle(index);
        Some(())
    }

    fn closed(&mut self, index: usize) -> Option<()> {
        let file = self.files.get_mut(index)?;
        if file.step == Step::Closing {
            file.step = Step::Free;
        }
        Some(())
    }

    fn has_read(&mut self, connection: usize, outcome: Outcome) -> Option<()> {
        let read = self.reads.get_mut(connection)?;
        let Read::Asked(len) = *read else { return None };
        *read = match outcome.value() {
            Ok(got) if got <= u64::from(len) => Read::Here(got as u32),
            Ok(_) => return None,
            Err(status) => Read::Failed(status),
        };
        Some(())
    }

    /// The server was started anew and knows the handle no more: open the file again, once for all.
    pub fn reopen(&mut self, index: usize) {
        if let Some(file) = self
            .files
            .get_mut(index)
            .filter(|file| matches!(file.step, Step::Open(..)))
        {
            file.step = Step::Opening;
            self.open(index);
        }
    }

    fn open(&mut self, index: usize) {
        let path = self.files[index].path.as_bytes();
        let request = FileRequest {
            id: (Asked::Open as u32) << 16 | index as u32,
            op: Op::Open as u8,
            flags: Mode::Read as u8,
            len: path.len() as u32,
            offset: (index * PLACE) as u64,
            ..FileRequest::default()
        };
        if self.broken || !self.client.data().write(index * PLACE, path) {
            return self.fail();
        }
        self.submit(&request);
    }

    fn close(&mut self, index: usize, handle: u16) {
        self.submit(&FileRequest {
            id: (Asked::Close as u32) << 16 | index as u32,
            op: Op::Close as u8,
            handle,
            ..FileRequest::default()
        });
    }

    /// Gives up what nobody wants.
    fn settle(&mut self, index: usize) {
        let Some(file) = self.files.get_mut(index).filter(|file| file.users == 0) else {
            return;
        };
        match file.step {
            Step::Open(handle, _) => {
                file.step = Step::Closing;
                self.close(index, handle);
            }
            Step::Failed(_) => file.step = Step::Free,
            // The answer that is to come settles it.
            Step::Opening | Step::Measuring(_) | Step::Closing | Step::Free => {}
        }
    }

    fn submit(&mut self, request: &FileRequest) {
        // There are fewer files and connections than the ring has places, and each asks one thing at a time.
        if let Err(RequestError::Full | RequestError::Link(_) | RequestError::Nonsense) =
            self.client.submit(request)
        {
            self.fail();
        }
    }

    fn fail(&mut self) {
        self.broken = true;
        for file in &mut self.files {
            file.step = Step::Failed(Status::IoError);
        }
        self.reads.fill(Read::Failed(Status::IoError));
    }
}

fn chunk_at(connection: usize) -> usize {
    HANDLES_MAX * PLACE + connection * CHUNK
}
