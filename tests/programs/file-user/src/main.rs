//! Writes its file again and again, reads it and a file that others read too, and keeps account of it in a third.
//!
//! Which client it is, it finds out by opening the account `/ACCn.BIN` to write: the file server lets one do that.

#![no_std]
#![no_main]

use core::ptr::NonNull;

use file_service::{FileClient, FileRequest, Mode, Op, Status};
use file_user::{ACCOUNT_LEN, FILE_LEN, PIECE, fill};
use sel4_microkit::ipc;
use sel4_microkit::{Channel, NullHandler, protection_domain, var};
use shared_ring::requests::Peer;
use shared_ring::{Area, Link};
use system_spec::config::FileSessionConfig;

/// Clients of the system.
const CLIENTS: u8 = 2;
/// Where data passes; paths pass below.
const OFFSET: u64 = 0x1000;

struct Server(Channel);

impl Peer for Server {
    fn notify(&mut self) {
        self.0.notify();
    }
    fn wait(&mut self) {
        ipc::recv();
    }
}

struct User {
    files: FileClient,
    server: Server,
    number: u8,
    account: u16,
    rounds: u64,
    errors: u64,
    busy: u64,
}

impl User {
    fn ask(&mut self, op: Op, handle: u16, position: usize, len: usize) -> Result<u64, Status> {
        let request = FileRequest {
            op: op as u8,
            handle,
            len: len as u32,
            position: position as u64,
            offset: OFFSET,
            ..FileRequest::default()
        };
        let outcome = self.files.transact(&mut self.server, &request);
        outcome.expect("a server that keeps the rules").value()
    }

    fn open(&mut self, path: &str, mode: Mode) -> Result<u16, Status> {
        let opened = self.files.open(&mut self.server, path, mode);
        opened.expect("a server that keeps the rules")
    }

    fn put(&self, bytes: &[u8]) {
        assert!(
            self.files.data().write(OFFSET as usize, bytes),
            "a region that is large enough"
        );
    }

    fn get(&self, bytes: &mut [u8]) {
        assert!(
            self.files.data().read(OFFSET as usize, bytes),
            "a region that is large enough"
        );
    }

    fn claim(&mut self) -> Result<(), Status> {
        for number in 0..CLIENTS {
            match self.open(path(&mut [0; 16], "/ACC", number), Mode::Truncate) {
                Ok(handle) => {
                    (self.number, self.account) = (number, handle);
                    return Ok(());
                }
                Err(Status::Busy) => self.busy += 1,
                Err(status) => return Err(status),
            }
        }
        Err(Status::TooMany)
    }

    fn round(&mut self) -> Result<(), Status> {
        let mut bytes = [0; 16];
        let path = path(&mut bytes, "/USER", self.number);
        let (number, round) = (self.number.into(), self.rounds + 1);
        let mut piece = [0; PIECE];
        let file = self.open(path, Mode::Truncate)?;
        for position in (0..FILE_LEN).step_by(PIECE) {
            fill(number, round, position, &mut piece);
            self.put(&piece);
            self.ask(Op::Write, file, position, PIECE)?;
        }
        self.ask(Op::Close, file, 0, 0)?;
        let file = self.open(path, Mode::Read)?;
        let mut found = [0; PIECE];
        for position in (0..FILE_LEN).step_by(PIECE) {
            fill(number, round, position, &mut piece);
            self.ask(Op::Read, file, position, PIECE)?;
            self.get(&mut found);
            self.errors += u64::from(found != piece);
        }
        self.ask(Op::Close, file, 0, 0)?;
        let shared = self.open("/MIT.TXT", Mode::Read)?;
        let len = self.ask(Op::Read, shared, 0, PIECE)? as usize;
        self.get(&mut found);
        let license = include_bytes!("../../../../LICENSE-MIT");
        self.errors += u64::from(found.get(..len) != Some(&license[..]));
        self.ask(Op::Close, shared, 0, 0)?;
        self.rounds = round;
        Ok(())
    }

    fn state(&mut self) -> Result<(), Status> {
        let mut account = [0; ACCOUNT_LEN];
        for (bytes, word) in account.chunks_mut(8).zip([self.rounds, self.errors, self.busy]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        self.put(&account);
        self.ask(Op::Write, self.account, 0, ACCOUNT_LEN)?;
        self.ask(Op::Sync, 0, 0, 0)?;
        Ok(())
    }
}

/// `prefix`, the number and `.BIN`.
fn path<'b>(bytes: &'b mut [u8; 16], prefix: &str, number: u8) -> &'b str {
    let name = prefix.bytes().chain([b'0' + number]).chain(*b".BIN");
    let mut len = 0;
    for (target, byte) in bytes.iter_mut().zip(name) {
        *target = byte;
        len += 1;
    }
    core::str::from_utf8(&bytes[..len]).expect("letters and digits")
}

#[protection_domain]
fn init() -> NullHandler {
    const NOTHING: FileSessionConfig = zerocopy::transmute!([0u8; size_of::<FileSessionConfig>()]);
    let config: &FileSessionConfig = var!(umbra_files: FileSessionConfig = NOTHING);
    let data = NonNull::new(config.data.vaddr as *mut u8).expect("a data region in the description");
    // SAFETY: the description's compiler mapped the region there, readable and writable, for this purpose only.
    let data = unsafe { Area::new(data, config.data.len as usize) };
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    let link = unsafe { Link::new(config.link.own as *mut u8, config.link.peer as *const u8) };
    let mut user = User {
        files: FileClient::new(link, data),
        server: Server(Channel::new(config.link.channel as usize)),
        number: 0,
        account: 0,
        rounds: 0,
        errors: 0,
        busy: 0,
    };
    user.claim().expect("an account");
    // The server stops answering when the system stops in order.
    loop {
        if user.round().and_then(|()| user.state()).is_err() {
            user.errors += 1;
        }
    }
}
