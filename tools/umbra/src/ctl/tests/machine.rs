//! A machine for tests: the real core of control in a fake world, at the other end of a socket.

use super::super::Client;
use control::clock::Limits;
use control::fake::{FakeWorld, HZ, Report};
use control::{Control, Setup, SlotSetup};
use control_protocol::reply::Name;
use control_protocol::slot::Identity;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

const SLOT_SIZE: usize = 8192;
const BOOT: &[u8] = b"G boot";
/// Its device.
pub const DISK: &str = "disk0";

/// What the machine's end of the socket does badly.
#[derive(Clone, Default)]
pub struct Bad {
    /// Answers still to be swallowed.
    pub swallow: Arc<AtomicU32>,
    /// Drivers put in, whatever was said about it.
    pub updates: Arc<AtomicU32>,
    /// The connection is cut when so many more bytes have come in or gone out; 0: never.
    pub cut_after: Arc<AtomicUsize>,
}

impl Bad {
    /// How many of `len` bytes get through; `true`: then the connection is cut.
    fn passes(&self, len: usize) -> (usize, bool) {
        match self.cut_after.load(Relaxed) {
            0 => (len, false),
            left if left <= len => {
                self.cut_after.store(0, Relaxed);
                (left, true)
            }
            left => {
                self.cut_after.store(left - len, Relaxed);
                (len, false)
            }
        }
    }
}

fn name(name: &str) -> Name {
    Name::try_from(name).expect("short")
}

/// A machine on the other end of one connection.
pub fn machine(bad: Bad) -> Client {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    thread::spawn(move || Machine::new().serve(theirs, &bad));
    let mut client = Client::over(ours);
    client.set_patience(Duration::from_secs(20));
    client
}

/// A machine that listens at a socket and talks to one at a time, as QEMU does.
pub fn listening(folder: &Path, bad: Bad) -> PathBuf {
    let socket = folder.join("command.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    thread::spawn(move || {
        let mut machine = Machine::new();
        for stream in listener.incoming() {
            machine.serve(stream.expect("a connection"), &bad);
        }
    });
    socket
}

/// Control and its world.
pub struct Machine {
    world: FakeWorld,
    control: Control,
}

impl Machine {
    /// That has just begun to boot.
    pub fn new() -> Self {
        let lens = [BOOT.len() as u32];
        let mut world = FakeWorld::new(1, 4, SLOT_SIZE, &[BOOT]);
        let setup = Setup {
            counter_hz: HZ,
            configuration: 1,
            limits: Limits::default(),
            slots: [SlotSetup {
                name: name(DISK),
                class: 1,
                slot: 0,
                package: 0,
                security_floor: 0,
                class_abi: Some(device_class::abi::BLOCK),
                device: Identity {
                    transport: 2,
                    virtio_id: 2,
                    pci: Some((0x1af4, 0x1042)),
                    ..Identity::default()
                },
            }]
            .into_iter()
            .collect(),
            keys: &[],
            store_slots: 4,
            store_slot_size: SLOT_SIZE as u32,
            preloaded: &lens,
            reports: [name("client")].into_iter().collect(),
            traces: [name("control")].into_iter().collect(),
            saved: None,
        };
        let control = Control::new(&mut world, setup);
        Self { world, control }
    }

    /// Drivers that replaced one another.
    pub fn updates(&self) -> u32 {
        self.control.machine(0).map_or(0, |machine| machine.counts().0)
    }

    /// One thing happens in the world, or some time passes.
    pub fn step(&mut self) {
        let (world, control) = (&mut self.world, &mut self.control);
        if !world.asked_to_stop.is_empty() {
            control.stopped(0);
        }
        match world.reports.pop_front() {
            Some(Report::Shadow(event)) => control.shadow_event(world, &event),
            Some(Report::Stager(outcome)) => control.stager_outcome(world, &outcome),
            Some(Report::Root(event)) => control.root_event(world, &event),
            None => {
                world.now += 1000;
                control.tick(world);
            }
        }
    }

    /// Bytes come in; what goes out.
    pub fn exchange(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            bytes = &bytes[self.control.feed(bytes)..];
            while self.control.serve(&mut self.world) {
                out.push(self.control.output().to_vec());
                self.control.sent(usize::MAX);
            }
        }
        out
    }

    /// Talks to one tool until the connection ends.
    pub fn serve(&mut self, mut stream: UnixStream, bad: &Bad) {
        let wait = Some(Duration::from_millis(1));
        stream.set_read_timeout(wait).expect("a socket");
        let mut input = [0; 1024];
        loop {
            self.step();
            bad.updates.store(self.updates(), Relaxed);
            let len = match stream.read(&mut input) {
                Ok(0) => return,
                Ok(len) => len,
                Err(_) => continue,
            };
            let (len, cut) = bad.passes(len);
            for answer in self.exchange(&input[..len]) {
                if bad.swallow.load(Relaxed) > 0 {
                    bad.swallow.fetch_sub(1, Relaxed);
                    continue;
                }
                let (len, cut) = bad.passes(answer.len());
                if stream.write_all(&answer[..len]).is_err() || cut {
                    return;
                }
            }
            if cut {
                return;
            }
        }
    }
}
