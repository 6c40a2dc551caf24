//! The client library. How it is used: [`Requests`].

use shared_ring::page::{Page, SharedPage};
use shared_ring::requests::{Peer, RequestError, Requests};
use shared_ring::{Area, Link};
use zerocopy::{FromBytes, IntoBytes};

use crate::{Entry, FileRequest, FileResponse, Mode, Op, PATH_MAX, Status};

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// As submitted.
    pub id: u32,
    /// How it ended.
    pub status: Status,
    /// What the op says.
    pub value: u64,
}

impl Outcome {
    fn of(response: FileResponse) -> Result<Self, RequestError> {
        Ok(Self {
            id: response.id,
            status: Status::from_byte(response.status).ok_or(RequestError::Nonsense)?,
            value: response.value,
        })
    }

    /// The value, if it ended well.
    ///
    /// # Errors
    /// The status, if it is not [`Status::Ok`].
    pub fn value(self) -> Result<u64, Status> {
        match self.status {
            Status::Ok => Ok(self.value),
            status => Err(status),
        }
    }
}

/// A client's end of a session.
#[derive(Debug)]
pub struct FileClient<P = SharedPage> {
    requests: Requests<FileRequest, FileResponse, P>,
    data: Area,
}

impl<P: Page> FileClient<P> {
    /// A client over its link, with the session's data region.
    pub fn new(link: Link<FileRequest, FileResponse, P>, data: Area) -> Self {
        Self {
            requests: Requests::new(link),
            data,
        }
    }

    /// The data region.
    pub fn data(&self) -> &Area {
        &self.data
    }

    /// Put a request into the ring; nothing happens before [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`RequestError::Full`], and nothing was submitted; or the server misbehaves.
    pub fn submit(&mut self, request: &FileRequest) -> Result<(), RequestError> {
        self.requests.submit(request)
    }

    /// Hand over what was submitted; notifies the server if it sleeps.
    pub fn commit(&mut self, peer: &mut impl Peer) {
        self.requests.commit(peer);
    }

    /// The next answer, if there is one.
    ///
    /// # Errors
    /// The server misbehaves.
    pub fn poll(&mut self) -> Result<Option<Outcome>, RequestError> {
        self.requests.poll()?.map(Outcome::of).transpose()
    }

    /// Ask for a notification. True: wait. False: an answer has come meanwhile. Commit before.
    ///
    /// # Errors
    /// The server misbehaves.
    pub fn sleep(&mut self) -> Result<bool, RequestError> {
        self.requests.sleep()
    }

    /// No notifications wanted any more.
    pub fn awake(&mut self) {
        self.requests.awake();
    }

    /// One request from beginning to end (nothing else may be in flight).
    ///
    /// # Errors
    /// The server misbehaves; how the request itself ended is in the result.
    pub fn transact(&mut self, peer: &mut impl Peer, request: &FileRequest) -> Result<Outcome, RequestError> {
        Outcome::of(self.requests.transact(peer, request)?)
    }

    /// Open a file; the path passes through the first [`PATH_MAX`] bytes of the data region. The handle.
    ///
    /// # Errors
    /// The server misbehaves; inside, the file cannot be opened.
    pub fn open(
        &mut self,
        peer: &mut impl Peer,
        path: &str,
        mode: Mode,
    ) -> Result<Result<u16, Status>, RequestError> {
        let flags = mode as u8;
        let request = FileRequest {
            flags,
            ..FileRequest::default()
        };
        let opened = self.with_path(peer, Op::Open, path, request)?;
        Ok(match opened {
            Ok(handle) => Ok(u16::try_from(handle).map_err(|_| RequestError::Nonsense)?),
            Err(status) => Err(status),
        })
    }

    /// What a path leads to; through the first [`PATH_MAX`] bytes of the data region.
    ///
    /// # Errors
    /// The server misbehaves; inside, there is no such thing.
    pub fn stat(&mut self, peer: &mut impl Peer, path: &str) -> Result<Result<Entry, Status>, RequestError> {
        match self.with_path(peer, Op::Stat, path, FileRequest::default())? {
            Ok(_) => self.entry(0).ok_or(RequestError::Nonsense).map(Ok),
            Err(status) => Ok(Err(status)),
        }
    }

    /// Directory entries from number `first`, as many as fit into `room` bytes of the data region; how many. They are read by
    /// [`entry`](Self::entry).
    ///
    /// # Errors
    /// The server misbehaves; inside, there is no such directory.
    pub fn list(
        &mut self,
        peer: &mut impl Peer,
        path: &str,
        first: u64,
        room: u32,
    ) -> Result<Result<u64, Status>, RequestError> {
        let request = FileRequest {
            position: first,
            room,
            ..FileRequest::default()
        };
        self.with_path(peer, Op::List, path, request)
    }

    /// The entry of that number of the last [`list`](Self::list); None: not inside the data region.
    pub fn entry(&self, index: usize) -> Option<Entry> {
        let mut bytes = [0; size_of::<Entry>()];
        let offset = index.checked_mul(bytes.len())?;
        self.data.read(offset, &mut bytes).then_some(())?;
        Entry::read_from_bytes(bytes.as_bytes()).ok()
    }

    fn with_path(
        &mut self,
        peer: &mut impl Peer,
        op: Op,
        path: &str,
        request: FileRequest,
    ) -> Result<Result<u64, Status>, RequestError> {
        if path.len() > PATH_MAX || !self.data.write(0, path.as_bytes()) {
            return Ok(Err(Status::BadPath));
        }
        let request = FileRequest {
            op: op as u8,
            len: path.len() as u32,
            ..request
        };
        Ok(self.transact(peer, &request)?.value())
    }
}
