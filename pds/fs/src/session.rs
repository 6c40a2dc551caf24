//! One client: what its requests mean, and what is wrong with them.

use fat_partition::Sectors;
use file_service::{Entry, FileRequest, FileResponse, HANDLES_MAX, Mode, Op, PATH_MAX, Status, TRANSFER_MAX};
use shared_ring::page::{Page, SharedPage};
use shared_ring::{Area, Link, SendError, Violation};
use zerocopy::IntoBytes;

use crate::volume::{FileId, Volume};

/// Bytes that are moved at once between the volume and a data region.
const PIECE: usize = 4096;

#[derive(Clone, Copy, Debug)]
struct Handle {
    file: FileId,
    writer: bool,
}

/// A client's session.
#[derive(Debug)]
pub struct Session<P = SharedPage> {
    link: Link<FileResponse, FileRequest, P>,
    data: Area,
    handles: [Option<Handle>; HANDLES_MAX],
}

impl<P: Page> Session<P> {
    /// Over the server's end of the link, with the data region that is shared with the client.
    pub fn new(link: Link<FileResponse, FileRequest, P>, data: Area) -> Self {
        Self {
            link,
            data,
            handles: [None; HANDLES_MAX],
        }
    }

    /// Answers one request, if there is one and room for its answer. False: nothing was done.
    ///
    /// # Errors
    /// The client broke the rules of the link.
    pub fn serve(&mut self, volume: &mut Volume<impl Sectors>) -> Result<bool, Violation> {
        self.link.awake();
        // A client that takes no answers waits for itself: its requests stay in the ring.
        if self.link.space()? == 0 {
            return Ok(false);
        }
        let Some(request) = self.link.recv()? else {
            return Ok(false);
        };
        let (value, outcome) = match self.execute(volume, &request) {
            Ok(value) => (value, Ok(())),
            Err(Partial { done, status }) => (done, Err(status)),
        };
        let response = FileResponse {
            id: request.id,
            status: outcome.map_or_else(|status| status, |()| Status::Ok) as u8,
            reserved: [0; 3],
            value,
        };
        match self.link.send(&response) {
            Ok(()) | Err(SendError::Full) => Ok(true),
            Err(SendError::Violation(violation)) => Err(violation),
        }
    }

    /// Makes answers known. True: the client sleeps and must be notified.
    pub fn publish(&mut self) -> bool {
        self.link.publish()
    }

    /// Asks for a notification. False: there is something to do.
    ///
    /// # Errors
    /// The client broke the rules of the link.
    pub fn sleep(&mut self) -> Result<bool, Violation> {
        let wish = match self.link.space()? {
            0 => shared_ring::Wish::Space,
            _ => shared_ring::Wish::Entries,
        };
        self.link.sleep_for(wish)
    }

    /// Closes what the client left open.
    pub fn end(&mut self, volume: &mut Volume<impl Sectors>) {
        for handle in self.handles.iter_mut().filter_map(Option::take) {
            // Nobody is left to hear that it failed.
            let _ = volume.close_file(handle.file);
        }
    }

    fn execute(&mut self, volume: &mut Volume<impl Sectors>, request: &FileRequest) -> Result<u64, Partial> {
        let op = Op::from_byte(request.op).ok_or(Status::Invalid)?;
        match op {
            Op::Open => self.open(volume, request).map_err(Partial::from),
            Op::Close => {
                let handle = self.handles.get_mut(usize::from(request.handle));
                let handle = handle.and_then(Option::take).ok_or(Status::BadHandle)?;
                volume.close_file(handle.file)?;
                Ok(0)
            }
            Op::Read => self.read(volume, request),
            Op::Write => self.write(volume, request),
            Op::Stat => {
                let entry = volume.stat(self.path(request, &mut [0; PATH_MAX])?)?;
                self.put(request.offset, entry.as_bytes())?;
                Ok(1)
            }
            Op::List => self.list(volume, request),
            Op::Sync => {
                volume.sync()?;
                Ok(0)
            }
        }
    }

    fn open(&mut self, volume: &mut Volume<impl Sectors>, request: &FileRequest) -> Result<u64, Status> {
        let mode = Mode::from_byte(request.flags).ok_or(Status::Invalid)?;
        let free = self.handles.iter().position(Option::is_none);
        let index = free.ok_or(Status::TooMany)?;
        let file = volume.open_file(self.path(request, &mut [0; PATH_MAX])?, mode)?;
        let writer = mode != Mode::Read;
        self.handles[index] = Some(Handle { file, writer });
        Ok(index as u64)
    }

    fn read(&self, volume: &mut Volume<impl Sectors>, request: &FileRequest) -> Result<u64, Partial> {
        let handle = self.handle(request)?;
        self.range(request)?;
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < u64::from(request.len) {
            let left = u64::from(request.len) - done;
            let now = &mut piece[..(left as usize).min(PIECE)];
            let position = request.position.saturating_add(done);
            let read = match volume.read(handle.file, position, now) {
                Ok(read) => read,
                // Behind the end, but only because the file ended inside this request.
                Err(Status::OutOfRange) if done > 0 => break,
                Err(status) => return Err(Partial { done, status }),
            };
            self.put(request.offset + done, &now[..read])?;
            done += read as u64;
            if read < now.len() {
                break;
            }
        }
        Ok(done)
    }

    fn write(&self, volume: &mut Volume<impl Sectors>, request: &FileRequest) -> Result<u64, Partial> {
        let handle = self.handle(request)?;
        if !handle.writer {
            return Err(Status::BadHandle.into());
        }
        self.range(request)?;
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < u64::from(request.len) {
            let left = u64::from(request.len) - done;
            let now = &mut piece[..(left as usize).min(PIECE)];
            self.get(request.offset + done, now)?;
            let (written, outcome) = volume.write(handle.file, request.position.saturating_add(done), now);
            done += written as u64;
            outcome.map_err(|status| Partial { done, status })?;
        }
        Ok(done)
    }

    fn list(&self, volume: &mut Volume<impl Sectors>, request: &FileRequest) -> Result<u64, Partial> {
        let most = request.room.min(TRANSFER_MAX) as usize / size_of::<Entry>();
        self.inside(request.offset, request.room)?;
        let mut path = [0; PATH_MAX];
        let path = self.path(request, &mut path)?;
        let mut count = 0;
        volume.list(path, request.position, |entry| {
            if count < most {
                let offset = request.offset + (count * size_of::<Entry>()) as u64;
                count += usize::from(self.put(offset, entry.as_bytes()).is_ok());
            }
            count < most
        })?;
        Ok(count as u64)
    }

    fn handle(&self, request: &FileRequest) -> Result<Handle, Status> {
        let handle = self.handles.get(usize::from(request.handle));
        handle.copied().flatten().ok_or(Status::BadHandle)
    }

    /// The path, copied: the client may change its bytes while we look at them.
    fn path<'b>(&self, request: &FileRequest, bytes: &'b mut [u8; PATH_MAX]) -> Result<&'b [u8], Status> {
        let path = bytes.get_mut(..request.len as usize).ok_or(Status::BadPath)?;
        self.get(request.offset, path)?;
        Ok(path)
    }

    /// The bytes of a transfer lie inside.
    fn range(&self, request: &FileRequest) -> Result<(), Status> {
        if request.len > TRANSFER_MAX {
            return Err(Status::Invalid);
        }
        self.inside(request.offset, request.len)
    }

    fn inside(&self, offset: u64, len: u32) -> Result<(), Status> {
        let end = offset.checked_add(len.into()).ok_or(Status::OutOfRange)?;
        if end > self.data.len() as u64 {
            return Err(Status::OutOfRange);
        }
        Ok(())
    }

    fn get(&self, offset: u64, target: &mut [u8]) -> Result<(), Status> {
        let offset = usize::try_from(offset).map_err(|_| Status::OutOfRange)?;
        self.data
            .read(offset, target)
            .then_some(())
            .ok_or(Status::OutOfRange)
    }

    fn put(&self, offset: u64, source: &[u8]) -> Result<(), Status> {
        let offset = usize::try_from(offset).map_err(|_| Status::OutOfRange)?;
        self.data
            .write(offset, source)
            .then_some(())
            .ok_or(Status::OutOfRange)
    }
}

/// A request that ended badly, maybe in the middle.
struct Partial {
    done: u64,
    status: Status,
}

impl From<Status> for Partial {
    fn from(status: Status) -> Self {
        Self { done: 0, status }
    }
}
