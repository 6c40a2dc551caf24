//! Whatever a client asks the file server, and whatever it writes into its link and its data region meanwhile: each request is
//! answered once, in order and with a status that exists, as long as the client keeps the rules of the link; and another client has
//! its file as it wrote it.
//!
//! Input: steps of the client and of the server, a few bytes each.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

use fat_partition::ram::{Ram, VOLUME};
use fat_partition::{SECTOR, Sectors};
use file_service::{FileClient, FileRequest, FileResponse, Mode, Op, Status, TRANSFER_MAX};
use fs::session::Session;
use fs::{Server, Volume};
use shared_ring::page::{HostPage, Page};
use shared_ring::requests::Peer;
use shared_ring::{Area, HEAD, HostMemory, Link, TAIL};
use zerocopy::FromBytes;

/// Bytes of a data region.
const DATA: usize = 0x4000;
/// The file of the other client, and its bytes.
const OWN: &str = "/OWN.TXT";
const CONTENT: usize = 3000;
/// Rounds in which a server must have answered all that can be in a ring.
const ROUNDS: usize = 1000;

/// Paths that mean something, or nearly.
const PATHS: [&[u8]; 8] = [
    b"/HELLO.TXT",
    b"/OWN.TXT",
    b"/SUB",
    b"/SUB/INNER.TXT",
    b"/",
    b"/SUB/../OWN.TXT",
    b"/NEW.TXT",
    b"//\xff\0.",
];
/// Lengths, positions and offsets at which something changes.
const NUMBERS: [u64; 12] = [
    0,
    1,
    4,
    10,
    511,
    512,
    CONTENT as u64,
    DATA as u64 - 1,
    DATA as u64,
    TRANSFER_MAX as u64,
    u32::MAX as u64,
    u64::MAX,
];

thread_local! {
    /// What is on the volume when a run begins.
    static BASE: Rc<[u8]> = {
        let ram = Ram::formatted(|volume| {
            let root = volume.root_dir();
            let mut hello = root.create_file("HELLO.TXT").expect("a file");
            hello.write_all(b"hello").expect("a file");
            root.create_dir("SUB").expect("a directory");
            root.create_file("SUB/INNER.TXT").expect("a file");
        });
        let bytes = ram.bytes.borrow();
        bytes.as_slice().into()
    };
    static MEMORY: [HostMemory; 2] = [(); 2].map(|()| HostMemory::leaked(DATA / 8));
}

/// A volume of which only what was written is kept.
struct Overlay {
    base: Rc<[u8]>,
    written: HashMap<u64, [u8; SECTOR]>,
}

impl Sectors for Overlay {
    fn count(&self) -> u64 {
        (VOLUME / SECTOR) as u64
    }
    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), u8> {
        for (sector, data) in (first..).zip(data.chunks_mut(SECTOR)) {
            let base = &self.base[sector as usize * SECTOR..][..SECTOR];
            data.copy_from_slice(self.written.get(&sector).map_or(base, |bytes| bytes));
        }
        Ok(())
    }
    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), u8> {
        for (sector, data) in (first..).zip(data.as_chunks().0) {
            assert!(sector < self.count(), "a sector outside the volume");
            self.written.insert(sector, *data);
        }
        Ok(())
    }
    fn flush(&mut self) -> Result<(), u8> {
        Ok(())
    }
}

type TestServer = Server<Overlay, HostPage, 2>;

/// The server works while the other client waits.
struct Bell<'a>(&'a RefCell<TestServer>);

impl Peer for Bell<'_> {
    fn notify(&mut self) {}
    fn wait(&mut self) {
        self.0.borrow_mut().round(|_| ());
    }
}

/// See the module.
pub fn files(bytes: &[u8]) {
    let memory = MEMORY.with(|memory| *memory);
    for memory in memory {
        assert!(memory.area().write(0, &[0; DATA]));
    }
    let pages = [(); 2].map(|()| (HostPage::zeroed(), HostPage::zeroed()));
    let session = |index: usize| {
        let (theirs, ours) = pages[index].clone();
        Some(Session::new(Link::over(ours, theirs), memory[index].area()))
    };
    let volume = Overlay {
        base: BASE.with(Rc::clone),
        written: HashMap::new(),
    };
    let volume = Volume::open(volume).expect("a volume");
    let server = RefCell::new(Server::new(volume, [session(0), session(1)]));
    let (theirs, ours) = pages[1].clone();
    let mut other = Other {
        client: FileClient::new(Link::over(theirs, ours), memory[1].area()),
        server: &server,
        handle: 0,
    };
    other.begin();
    let (theirs, ours) = pages[0].clone();
    let mut test = Test {
        link: Link::over(theirs.clone(), ours),
        page: theirs,
        data: memory[0].area(),
        server: &server,
        asked: VecDeque::new(),
        next: 0,
        fair: true,
    };
    let mut bytes = bytes.iter().copied();
    while test.step(&mut bytes).is_some() {}
    test.finish();
    other.finish();
}

/// A client with a file of its own.
struct Other<'a> {
    client: FileClient<HostPage>,
    server: &'a RefCell<TestServer>,
    handle: u16,
}

impl Other<'_> {
    fn content() -> Vec<u8> {
        (0..CONTENT).map(|at| (at * 7) as u8).collect()
    }

    /// Writes or reads the whole file.
    fn transfer(&mut self, op: Op) {
        let request = FileRequest {
            op: op as u8,
            handle: self.handle,
            len: CONTENT as u32,
            ..FileRequest::default()
        };
        let outcome = self.client.transact(&mut Bell(self.server), &request);
        let outcome = outcome.expect("a server that keeps the rules");
        assert_eq!((outcome.status, outcome.value), (Status::Ok, CONTENT as u64));
    }

    fn begin(&mut self) {
        let opened = self
            .client
            .open(&mut Bell(self.server), OWN, Mode::Truncate)
            .expect("a server that keeps the rules");
        self.handle = opened.expect("a new file");
        assert!(self.client.data().write(0, &Self::content()));
        self.transfer(Op::Write);
        assert!(self.client.data().write(0, &[0; CONTENT]));
    }

    fn finish(&mut self) {
        self.transfer(Op::Read);
        let mut read = vec![0; CONTENT];
        assert!(self.client.data().read(0, &mut read));
        assert_eq!(read, Self::content(), "another client's file was changed");
    }
}

struct Test<'a> {
    link: Link<FileRequest, FileResponse, HostPage>,
    page: HostPage,
    data: Area,
    server: &'a RefCell<TestServer>,
    /// Requests that were not answered yet.
    asked: VecDeque<u32>,
    next: u32,
    /// It has kept the rules of the link so far.
    fair: bool,
}

impl Test<'_> {
    fn step(&mut self, input: &mut impl Iterator<Item = u8>) -> Option<()> {
        match input.next()? % 16 {
            0..=5 => {
                let request = shaped(input)?;
                self.ask(request);
            }
            6 => {
                let mut bytes = [0; size_of::<FileRequest>()];
                for byte in &mut bytes {
                    *byte = input.next()?;
                }
                self.ask(FileRequest::read_from_bytes(&bytes).ok()?);
            }
            7..=9 => {
                let path = PATHS[usize::from(input.next()?) % PATHS.len()];
                let place = number(input)?;
                let _ = self.data.write(place as usize, path);
            }
            10 => {
                let place = usize::from(input.next()?);
                let _ = self.data.write(place, &[input.next()?]);
            }
            11..=13 => {
                self.server.borrow_mut().round(|_| ());
            }
            14 => self.take(),
            _ => {
                let index = if input.next()? % 2 == 0 { TAIL } else { HEAD };
                let by = u32::from(input.next()?);
                let old = self.page.load32(index, Relaxed);
                self.page.store32(index, old.wrapping_add(by), Relaxed);
                self.fair &= by == 0;
            }
        }
        Some(())
    }

    fn ask(&mut self, request: FileRequest) {
        let request = FileRequest {
            id: self.next,
            ..request
        };
        if self.fair && self.link.send(&request).is_ok() {
            let _ = self.link.publish();
            self.asked.push_back(self.next);
            self.next += 1;
        }
    }

    fn take(&mut self) {
        if !self.fair {
            return;
        }
        while let Some(response) = self.link.recv().expect("a server that keeps the rules") {
            assert_eq!(Some(response.id), self.asked.pop_front());
            assert!(Status::from_byte(response.status).is_some(), "{response:?}");
            assert_eq!(response.reserved, [0; 3]);
        }
        let _ = self.link.publish();
    }

    fn finish(&mut self) {
        for _ in 0..ROUNDS {
            self.take();
            if !self.server.borrow_mut().round(|_| ()) {
                break;
            }
        }
        self.take();
        assert!(
            !self.fair || self.asked.is_empty(),
            "not answered: {:?}",
            self.asked
        );
    }
}

/// A request that means something, or nearly.
fn shaped(input: &mut impl Iterator<Item = u8>) -> Option<FileRequest> {
    Some(FileRequest {
        id: 0,
        op: input.next()? % 9,
        flags: input.next()? % 4,
        handle: (input.next()? % 10).into(),
        len: number(input)? as u32,
        room: number(input)? as u32,
        position: number(input)?,
        offset: number(input)?,
    })
}

fn number(input: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let byte = usize::from(input.next()?);
    Some(NUMBERS[byte % NUMBERS.len()])
}
