//! Clients that share a volume made by another implementation of FAT, over disks that work and disks that do not.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::rc::Rc;

use fat_partition::ram::{Ram, VOLUME};
use file_service::{
    ENTRY_DIRECTORY, Entry, FileClient, FileRequest, FileResponse, HANDLES_MAX, Mode, Op, PATH_MAX, Status,
    TRANSFER_MAX,
};
use fs::session::Session;
use fs::volume::SESSIONS_MAX;
use fs::{Server, Volume};
use proptest::prelude::*;
use shared_ring::page::{HostPage, Page};
use shared_ring::requests::Peer;
use shared_ring::{Area, HostMemory, Link, TAIL};
use std::sync::atomic::Ordering::Relaxed;

const DATA: usize = 0x2_0000;

fn ram() -> Ram {
    Ram::formatted(|volume| {
        let root = volume.root_dir();
        root.create_file("HELLO.TXT")
            .unwrap()
            .write_all(b"hello")
            .unwrap();
        root.create_dir("SUB").unwrap();
        root.create_dir("SUB/DEEP").unwrap();
        let mut inner = root.create_file("SUB/DEEP/INNER.TXT").unwrap();
        inner.write_all(b"inner").unwrap();
        for index in 0..40 {
            root.create_file(&format!("SUB/F{index}.TXT")).unwrap();
        }
    })
}

/// Both ends' view of a data region.
fn areas() -> (Area, Area) {
    let memory = HostMemory::leaked(DATA / 8);
    (memory.area(), memory.area())
}

type TestServer = Server<Ram, HostPage, SESSIONS_MAX>;

/// A server, and its clients' ends.
struct World {
    ram: Ram,
    server: Rc<RefCell<Option<TestServer>>>,
    clients: Vec<(FileClient<HostPage>, Bell, HostPage)>,
}

/// The server works when a client waits.
#[derive(Clone)]
struct Bell(Rc<RefCell<Option<TestServer>>>);

impl Peer for Bell {
    fn notify(&mut self) {}
    fn wait(&mut self) {
        let mut server = self.0.borrow_mut();
        let server = server.as_mut().expect("a server that was not stopped");
        while server.round(|_| ()) {}
    }
}

fn world() -> World {
    let ram = ram();
    let server = Rc::new(RefCell::new(None));
    let (mut sessions, mut clients) = (Vec::new(), Vec::new());
    for _ in 0..SESSIONS_MAX {
        let (theirs, ours) = (HostPage::zeroed(), HostPage::zeroed());
        let (client_data, data) = areas();
        sessions.push(Some(Session::new(Link::over(ours.clone(), theirs.clone()), data)));
        let client = FileClient::new(Link::over(theirs.clone(), ours), client_data);
        clients.push((client, Bell(server.clone()), theirs));
    }
    let volume = Volume::open(ram.clone()).unwrap();
    let sessions = sessions.try_into().expect("all sessions");
    *server.borrow_mut() = Some(Server::new(volume, sessions));
    World { ram, server, clients }
}

impl World {
    fn open(&mut self, who: usize, path: &str, mode: Mode) -> Result<u16, Status> {
        let (client, bell, _) = &mut self.clients[who];
        client.open(bell, path, mode).unwrap()
    }

    fn stat(&mut self, who: usize, path: &str) -> Result<Entry, Status> {
        let (client, bell, _) = &mut self.clients[who];
        client.stat(bell, path).unwrap()
    }

    fn ask(
        &mut self,
        who: usize,
        op: Op,
        handle: u16,
        len: u32,
        position: u64,
        offset: u64,
    ) -> (Status, u64) {
        self.send(
            who,
            FileRequest {
                op: op as u8,
                handle,
                len,
                position,
                offset,
                ..FileRequest::default()
            },
        )
    }

    fn send(&mut self, who: usize, request: FileRequest) -> (Status, u64) {
        let (client, bell, _) = &mut self.clients[who];
        let outcome = client.transact(bell, &request).unwrap();
        (outcome.status, outcome.value)
    }

    fn close(&mut self, who: usize, handle: u16) -> Status {
        self.ask(who, Op::Close, handle, 0, 0, 0).0
    }

    /// Writes through the data region.
    fn write(&mut self, who: usize, handle: u16, position: u64, bytes: &[u8]) -> (Status, u64) {
        assert!(self.clients[who].0.data().write(0x1000, bytes));
        self.ask(who, Op::Write, handle, bytes.len() as u32, position, 0x1000)
    }

    fn read(&mut self, who: usize, handle: u16, position: u64, len: u32) -> Result<Vec<u8>, Status> {
        let (status, read) = self.ask(who, Op::Read, handle, len, position, 0x1000);
        let mut bytes = vec![0; read as usize];
        assert!(self.clients[who].0.data().read(0x1000, &mut bytes));
        if status == Status::Ok {
            Ok(bytes)
        } else {
            Err(status)
        }
    }
}

#[test]
fn what_one_client_writes_the_other_reads() {
    let mut world = world();
    let content: Vec<u8> = (0..50_000u32).map(|at| ((at * 31) >> 3) as u8).collect();
    let file = world.open(0, "/sub/new.bin", Mode::Write).unwrap();
    assert_eq!(world.write(0, file, 0, &content), (Status::Ok, 50_000));
    assert_eq!(
        world.stat(1, "/SUB/NEW.BIN").unwrap().size,
        50_000,
        "before it is closed"
    );
    assert_eq!(world.write(0, file, 10, b"changed"), (Status::Ok, 7));
    assert_eq!(world.close(0, file), Status::Ok);
    let file = world.open(1, "/SUB/NEW.BIN", Mode::Read).unwrap();
    let mut expected = content;
    expected[10..17].copy_from_slice(b"changed");
    assert_eq!(world.read(1, file, 0, 60_000), Ok(expected.clone()));
    assert_eq!(world.read(1, file, 49_990, 100), Ok(expected[49_990..].to_vec()));
    assert_eq!(world.read(1, file, 50_000, 100), Ok(vec![]), "the end");
    assert_eq!(world.read(1, file, 50_001, 1), Err(Status::OutOfRange));
    assert_eq!(world.ram.content("SUB/NEW.BIN"), expected);
}

#[test]
fn file_has_many_readers_or_one_writer() {
    let mut world = world();
    let reader = world.open(0, "/HELLO.TXT", Mode::Read).unwrap();
    let other = world.open(1, "/hello.txt", Mode::Read).unwrap();
    assert_eq!(world.open(1, "/HELLO.TXT", Mode::Write), Err(Status::Busy));
    assert_eq!(world.open(1, "/HELLO.TXT", Mode::Truncate), Err(Status::Busy));
    assert_eq!(world.close(0, reader), Status::Ok);
    assert_eq!(
        world.read(1, other, 0, 9),
        Ok(b"hello".to_vec()),
        "one reader less is not the last"
    );
    assert_eq!(world.close(1, other), Status::Ok);
    let writer = world.open(0, "/HELLO.TXT", Mode::Truncate).unwrap();
    assert_eq!(world.open(1, "/HELLO.TXT", Mode::Read), Err(Status::Busy));
    assert_eq!(world.close(0, writer), Status::Ok);
    assert_eq!(world.ram.content("HELLO.TXT"), b"");
}

#[test]
fn reader_cannot_write_and_handles_are_private() {
    let mut world = world();
    let reader = world.open(0, "/HELLO.TXT", Mode::Read).unwrap();
    assert_eq!(world.write(0, reader, 0, b"x"), (Status::BadHandle, 0));
    assert_eq!(
        world.read(1, reader, 0, 1),
        Err(Status::BadHandle),
        "another's number"
    );
    assert_eq!(world.read(0, 999, 0, 1), Err(Status::BadHandle));
    assert_eq!(world.close(0, reader), Status::Ok);
    assert_eq!(world.close(0, reader), Status::BadHandle);
}

#[test]
fn paths_that_climb_or_are_malformed_are_refused() {
    let mut world = world();
    for path in [
        "",
        "HELLO.TXT",
        "//HELLO.TXT",
        "/./HELLO.TXT",
        "/SUB/../HELLO.TXT",
        "/..",
        "/SUB/",
        "/SUB//F1.TXT",
        "/TOOLONGNAME.TXT",
        "/a b",
        "/A/B/C/D/E/F/G/H/I",
        "/\u{20ac}",
    ] {
        assert_eq!(world.open(0, path, Mode::Read), Err(Status::BadPath), "{path:?}");
    }
    assert_eq!(
        world.open(0, &"/A".repeat(PATH_MAX), Mode::Read),
        Err(Status::BadPath)
    );
    assert_eq!(world.open(0, "/NONE.TXT", Mode::Read), Err(Status::NotFound));
    assert_eq!(world.open(0, "/NONE/X.TXT", Mode::Write), Err(Status::NotFound));
    assert_eq!(world.open(0, "/SUB", Mode::Read), Err(Status::WrongKind));
    assert_eq!(world.open(0, "/HELLO.TXT/X", Mode::Read), Err(Status::WrongKind));
    assert!(world.open(0, "/SUB/DEEP/INNER.TXT", Mode::Read).is_ok());
}

#[test]
fn directory_is_listed_in_pieces() {
    let mut world = world();
    let (client, bell, _) = &mut world.clients[0];
    let mut names = Vec::new();
    loop {
        let room = 7 * size_of::<Entry>() as u32;
        let count = client
            .list(bell, "/SUB", names.len() as u64, room)
            .unwrap()
            .unwrap();
        assert!(count <= 7);
        names.extend((0..count as usize).map(|at| client.entry(at).unwrap().name().to_owned()));
        if count == 0 {
            break;
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 41);
    assert!(names.contains(&"DEEP".to_owned()) && names.contains(&"F39.TXT".to_owned()));
    let root = client.list(bell, "/", 0, 4096).unwrap();
    assert_eq!(root, Ok(2));
    assert_eq!(
        client.list(bell, "/HELLO.TXT", 0, 4096).unwrap(),
        Err(Status::WrongKind)
    );
    assert_eq!(world.stat(0, "/").unwrap().flags, ENTRY_DIRECTORY);
}

#[test]
fn limits_are_answers() {
    let mut world = world();
    for _ in 0..HANDLES_MAX {
        world.open(0, "/HELLO.TXT", Mode::Read).unwrap();
    }
    assert_eq!(world.open(0, "/HELLO.TXT", Mode::Read), Err(Status::TooMany));
    for other in 1..SESSIONS_MAX {
        for file in 0..HANDLES_MAX {
            let path = format!("/SUB/F{}.TXT", other * HANDLES_MAX + file);
            let opened = world.open(other, &path, Mode::Read);
            assert!(opened.is_ok(), "the others' handles are their own");
        }
    }
    let read = |len, offset| (Op::Read, 0u16, len, 0u64, offset);
    for ((op, handle, len, position, offset), expected) in [
        (read(1, DATA as u64), Status::OutOfRange),
        (read(2, DATA as u64 - 1), Status::OutOfRange),
        (read(1, u64::MAX), Status::OutOfRange),
        (read(TRANSFER_MAX + 1, 0), Status::Invalid),
        ((Op::Read, 0, 1, u64::MAX, 0), Status::OutOfRange),
    ] {
        assert_eq!(world.ask(0, op, handle, len, position, offset).0, expected);
    }
    let unknown = FileRequest {
        op: 99,
        ..FileRequest::default()
    };
    assert_eq!(world.send(0, unknown).0, Status::Invalid);
}

#[test]
fn full_disk_says_how_much_was_written() {
    let mut world = world();
    let file = world.open(0, "/BIG.BIN", Mode::Write).unwrap();
    let piece = vec![7u8; TRANSFER_MAX as usize];
    let mut position = 0;
    let last = loop {
        let (status, written) = world.write(0, file, position, &piece);
        position += written;
        if status != Status::Ok {
            break status;
        }
    };
    assert_eq!(last, Status::NoSpace);
    assert!(position > 15 << 20 && position < VOLUME as u64);
    assert_eq!(world.ask(0, Op::Sync, 0, 0, 0, 0).0, Status::Ok);
    assert_eq!(world.close(0, file), Status::Ok);
    assert_eq!(world.stat(1, "/BIG.BIN").unwrap().size as u64, position);
    let small = world.open(1, "/HELLO.TXT", Mode::Read).unwrap();
    assert_eq!(world.read(1, small, 0, 9), Ok(b"hello".to_vec()));
}

#[test]
fn sync_reaches_the_disk() {
    let mut world = world();
    let file = world.open(0, "/LOG.TXT", Mode::Write).unwrap();
    world.write(0, file, 0, b"line\n");
    assert_eq!(world.ask(0, Op::Sync, 0, 0, 0, 0).0, Status::Ok);
    assert_eq!(world.ram.flushes(), 1);
    assert_eq!(world.ram.content("LOG.TXT"), b"line\n", "while it is open");
}

#[test]
fn failing_disk_is_an_answer_and_makes_no_second_file() {
    let mut world = world();
    world.ram.fail(0..u64::MAX);
    assert_eq!(world.open(0, "/HELLO.TXT", Mode::Write), Err(Status::IoError));
    assert_eq!(world.open(0, "/NEW.TXT", Mode::Truncate), Err(Status::IoError));
    world.ram.fail(0..0);
    let file = world.open(0, "/HELLO.TXT", Mode::Write).unwrap();
    world.ram.fail(0..u64::MAX);
    assert_eq!(world.write(0, file, 0, b"never"), (Status::IoError, 0));
    world.ram.fail(0..0);
    assert_eq!(world.write(0, file, 0, b"again"), (Status::Ok, 5));
    assert_eq!(world.close(0, file), Status::Ok);
    assert_eq!(world.ram.content("HELLO.TXT"), b"again");
    let (client, bell, _) = &mut world.clients[0];
    assert_eq!(client.list(bell, "/", 0, 4096).unwrap(), Ok(2));
}

#[test]
fn client_that_breaks_the_link_loses_its_session_and_its_files() {
    let mut world = world();
    world.open(0, "/HELLO.TXT", Mode::Write).unwrap();
    world.clients[0].2.store32(TAIL, 5000, Relaxed);
    assert!(world.open(1, "/HELLO.TXT", Mode::Write).is_ok());
}

#[test]
fn client_that_takes_no_answers_stops_nobody() {
    let mut world = world();
    let (client, _, _) = &mut world.clients[0];
    let stat = FileRequest {
        op: Op::Sync as u8,
        ..FileRequest::default()
    };
    for _ in 0..64 {
        client.submit(&stat).unwrap();
    }
    client.commit(&mut Bell(world.server.clone()));
    assert!(world.stat(1, "/HELLO.TXT").is_ok());
    let mut flood = world.clients.remove(0).0;
    // The answers fill the ring; what is asked beyond stays in the ring too.
    let mut bell = Bell(world.server.clone());
    bell.wait();
    while flood.submit(&stat).is_ok() {}
    flood.commit(&mut bell);
    bell.wait();
    let mut server = world.server.borrow_mut();
    assert!(server.as_mut().unwrap().sleep(), "it waits for space");
}

#[test]
fn stop_closes_and_flushes() {
    let mut world = world();
    let file = world.open(0, "/LAST.TXT", Mode::Write).unwrap();
    world.write(0, file, 0, b"words");
    let server = world.server.borrow_mut().take().unwrap();
    assert_eq!(server.stop(), Ok(()));
    assert_eq!(world.ram.content("LAST.TXT"), b"words");
    assert_eq!(world.ram.flushes(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every request is answered once, whatever it says, and the volume stays one.
    #[test]
    fn any_request_is_answered(
        requests in prop::collection::vec(
            (0u8..10, 0u8..4, 0u16..10, 0u32..200_000, 0u64..300_000, 0u64..0x3_0000, any::<[u8; 16]>()), 1..60),
    ) {
        let mut world = world();
        for (op, flags, handle, len, position, offset, path) in requests {
            let who = usize::from(handle & 1);
            let names: [&[u8]; 4] = [b"/HELLO.TXT", b"/SUB/X.BIN", b"/SUB", &path];
            let name = names[usize::from(flags)];
            prop_assert!(world.clients[who].0.data().write(0, name));
            let by_path = matches!(Op::from_byte(op), Some(Op::Open | Op::Stat | Op::List));
            let request = FileRequest {
                id: len,
                op,
                flags,
                handle,
                len: if by_path { name.len() as u32 } else { len },
                room: len,
                position,
                offset: if by_path { 0 } else { offset },
            };
            world.send(who, request);
        }
        let server = world.server.borrow_mut().take().unwrap();
        prop_assert_eq!(server.stop(), Ok(()));
        let volume = world.ram.reread();
        for entry in volume.root_dir().iter() {
            let entry = entry.unwrap();
            if entry.is_file() {
                let mut content = Vec::new();
                prop_assert_eq!(entry.to_file().read_to_end(&mut content).unwrap() as u64, entry.len());
            }
        }
    }
}

/// The layouts that cross the link.
const _: () = assert!(size_of::<FileRequest>() <= 46 && size_of::<FileResponse>() <= 46);
