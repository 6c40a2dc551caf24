//! A file server that keeps count, and lies when it is told to.

use std::collections::HashMap;

use file_service::{Entry, FileRequest, FileResponse, HANDLES_MAX, Op, Status};
use shared_ring::page::HostPage;
use shared_ring::{Area, Link};
use zerocopy::IntoBytes;

/// A file.
pub struct File(Vec<u8>);

impl File {
    pub fn of(len: usize) -> Self {
        Self((0..len).map(|at| (at * 31 + at / 253) as u8).collect())
    }
}

pub struct FileServer {
    link: Link<FileResponse, FileRequest, HostPage>,
    data: Area,
    pub files: HashMap<String, File>,
    handles: [Option<String>; HANDLES_MAX],
    pub opened: usize,
    pub most: usize,
    pub lie: Option<u32>,
}

impl FileServer {
    pub fn new(link: Link<FileResponse, FileRequest, HostPage>, data: Area, files: &[(&str, usize)]) -> Self {
        Self {
            link,
            data,
            files: files
                .iter()
                .map(|(path, len)| ((*path).to_owned(), File::of(*len)))
                .collect(),
            handles: Default::default(),
            opened: 0,
            most: 0,
            lie: None,
        }
    }

    pub fn open(&self) -> usize {
        self.handles.iter().flatten().count()
    }

    /// Handles are gone, requests are not.
    pub fn restart(&mut self) {
        self.handles = Default::default();
    }

    /// Answers a few of the requests.
    pub fn serve(&mut self) -> bool {
        let mut any = false;
        for _ in 0..4 {
            let Some(request) = self.link.recv().unwrap() else {
                break;
            };
            let answer = match self.carry_out(&request) {
                Ok(value) => FileResponse {
                    id: request.id,
                    value,
                    ..FileResponse::default()
                },
                Err(status) => FileResponse {
                    id: request.id,
                    status: status as u8,
                    ..FileResponse::default()
                },
            };
            let answer = match self.lie {
                None => answer,
                Some(0) => FileResponse {
                    status: 200,
                    ..answer
                },
                Some(1) => FileResponse {
                    id: u32::MAX,
                    ..answer
                },
                Some(2) => FileResponse {
                    value: u64::MAX,
                    ..answer
                },
                Some(_) => FileResponse {
                    status: Status::IoError as u8,
                    ..answer
                },
            };
            self.link.send(&answer).unwrap();
            any = true;
        }
        let _ = self.link.publish();
        any
    }

    fn carry_out(&mut self, request: &FileRequest) -> Result<u64, Status> {
        match Op::from_byte(request.op) {
            Some(Op::Open) => {
                self.opened += 1;
                let path = self.path(request);
                self.files.get(&path).ok_or(Status::NotFound)?;
                let free = self
                    .handles
                    .iter()
                    .position(Option::is_none)
                    .ok_or(Status::TooMany)?;
                self.handles[free] = Some(path);
                self.most = self.most.max(self.open());
                Ok(free as u64)
            }
            Some(Op::Stat) => {
                let path = self.path(request);
                let size = self.files.get(&path).ok_or(Status::NotFound)?.0.len() as u32;
                let entry = Entry {
                    size,
                    ..Entry::default()
                };
                assert!(self.data.write(request.offset as usize, entry.as_bytes()));
                Ok(1)
            }
            Some(Op::Close) => self.file(request.handle).map(|_| ()).map(|()| {
                self.handles[usize::from(request.handle)] = None;
                0
            }),
            Some(Op::Read) => {
                let (from, len) = (request.position as usize, request.len as usize);
                let file = self.file(request.handle)?;
                let bytes = file.0.get(from..).ok_or(Status::OutOfRange)?;
                let bytes = &bytes[..bytes.len().min(len)];
                assert!(
                    self.data.write(request.offset as usize, bytes),
                    "not in the data region"
                );
                Ok(bytes.len() as u64)
            }
            other => panic!("{other:?} is not asked for"),
        }
    }

    fn path(&self, request: &FileRequest) -> String {
        let mut path = vec![0; request.len as usize];
        assert!(self.data.read(request.offset as usize, &mut path));
        String::from_utf8(path).unwrap()
    }

    fn file(&self, handle: u16) -> Result<&File, Status> {
        let path = self.handles.get(usize::from(handle)).and_then(Option::as_ref);
        self.files
            .get(path.ok_or(Status::BadHandle)?)
            .ok_or(Status::BadHandle)
    }
}
