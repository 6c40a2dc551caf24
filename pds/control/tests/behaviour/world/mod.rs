//! Control in the fake world, with an operator.

use control::fake::{FakeWorld, HZ, Mode, Report};
use control::{Control, Setup, SlotSetup};
use control_protocol::frame::{self, Kind};
use control_protocol::record::{Outcome, State};
use control_protocol::reply::{Condition, Error, Name};
use control_protocol::request::{Commit, Policy};
use control_protocol::slot::Identity;
use control_protocol::{Decoder, MAX_FRAME, PackageHash, PublicKey, Record, Reply, Request};
use core::mem::offset_of;
use driver_package::package::signature::{self, SignatureBlock};
use driver_package::package::{self, ManifestRecord};
use heapless::Vec as HeaplessVec;
use sha2::{Digest, Sha256};
use zerocopy::IntoBytes;

pub const SLOT_SIZE: usize = 2048;
pub const DISK: &str = "disk0";

/// Packages: two good ones (the second lies in the store too), and one of each bad kind.
pub const GOOD: &[u8] = b"G one";
pub const BETTER: &[u8] = b"G two";

/// The keys that the system trusts.
pub const KEYS: [PublicKey; 2] = [[0xaa; 32], [0xbb; 32]];

/// As [`GOOD`] is one, with a floor and signed by one of [`KEYS`] as far as anybody reads it here.
pub fn limited(behaviour: u8, floor: u32, key: usize) -> Vec<u8> {
    let mut bytes = vec![0; package::HEAD_LEN];
    bytes[0] = behaviour;
    bytes[1] = floor as u8;
    let block = SignatureBlock {
        scheme: signature::SCHEME_ED25519,
        key: KEYS[key],
        ..SignatureBlock::NONE
    };
    bytes[signature::RANGE].copy_from_slice(block.as_bytes());
    let at = signature::RANGE.end + offset_of!(ManifestRecord, security_floor);
    bytes[at..at + 4].copy_from_slice(&floor.to_le_bytes());
    bytes
}

pub struct System {
    pub world: FakeWorld,
    pub control: Control,
    pub last_request: u32,
    devices: u32,
    lens: Vec<u32>,
}

impl System {
    /// A system with one device, whose boot package is the first of these, not yet booted.
    pub fn new(packages: &[&[u8]]) -> Self {
        Self::with_devices(1, packages)
    }

    pub fn with_devices(devices: u32, packages: &[&[u8]]) -> Self {
        let mut world = FakeWorld::new(devices, 8, SLOT_SIZE, packages);
        world.keys = KEYS.to_vec();
        let lens: Vec<u32> = packages.iter().map(|package| package.len() as u32).collect();
        let control = Control::new(&mut world, setup(devices, &lens, None));
        Self {
            world,
            control,
            last_request: 0,
            devices,
            lens,
        }
    }

    /// Control dies and is started anew, with what it had saved. The bytes of the store are still there.
    pub fn restart_control(&mut self) {
        // It may die again while it starts.
        loop {
            self.world.control_is_dead = false;
            let saved = self.world.saved;
            self.control = Control::new(&mut self.world, setup(self.devices, &self.lens, Some(saved)));
            if !self.world.control_is_dead {
                self.world.root_tells_again();
                return;
            }
        }
    }

    /// Delivers report `index` of those on their way.
    pub fn deliver(&mut self, index: usize) {
        let Some(report) = self.world.reports.remove(index) else {
            return;
        };
        match report {
            Report::Shadow(event) => self.control.shadow_event(&mut self.world, &event),
            Report::Stager(outcome) => self.control.stager_outcome(&mut self.world, &outcome),
            Report::Root(event) => self.control.root_event(&mut self.world, &event),
        }
        if self.world.control_is_dead {
            self.restart_control();
        }
    }

    pub fn tick(&mut self) {
        self.control.tick(&mut self.world);
        if self.world.control_is_dead {
            self.restart_control();
        }
    }

    /// Lets everything happen that can, without passing the end of a probation.
    pub fn run(&mut self) {
        self.run_until(|system| system.idle());
    }

    /// Lets everything happen that can, until nothing will any more.
    pub fn settle(&mut self) {
        self.run_until(|system| system.control.deadline().is_none());
    }

    fn run_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..10_000 {
            if !self.world.reports.is_empty() {
                self.deliver(0);
            } else if done(self) {
                return;
            } else if let Some(deadline) = self.control.deadline() {
                self.world.now = self.world.now.max(deadline);
                self.tick();
            } else {
                return;
            }
        }
        panic!("it does not come to an end:\n{}", self.story());
    }

    /// The end of the trace, for people.
    pub fn story(&self) -> String {
        let lines = self.world.trace.iter().rev().take(80).rev();
        let lines: Vec<String> = lines
            .map(|event| {
                trace::Line {
                    event: *event,
                    hz: HZ,
                }
                .to_string()
            })
            .collect();
        format!("{}\n{:?}", lines.join("\n"), self.world.devices)
    }

    pub fn idle(&self) -> bool {
        (0..self.devices as usize).all(|index| {
            self.control
                .machine(index)
                .is_none_or(|machine| machine.step() == control::transaction::Step::Idle)
        })
    }

    pub fn ask<R>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> R) -> R {
        self.last_request += 1;
        self.ask_as(self.last_request, request, read)
    }

    /// Asks under a request number, again if control dies over it.
    pub fn ask_as<R>(&mut self, number: u32, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> R) -> R {
        let mut answer = loop {
            if let Some(answer) = self.exchange(number, request) {
                break answer;
            }
        };
        let frame = answer.next_frame().expect("an answer");
        assert_eq!((frame.session, frame.request), (42, number));
        read(frame.message().expect("a reply"))
    }

    /// Asks once, through the bytes of the channel. `None`: control died over it.
    fn exchange(&mut self, number: u32, request: &Request<'_>) -> Option<Decoder> {
        let mut buffer = [0; MAX_FRAME];
        let mut bytes = frame::encode(&mut buffer, Kind::Request, 42, number, request).expect("fits");
        let mut decoder = Decoder::new();
        while !bytes.is_empty() {
            bytes = &bytes[self.control.feed(bytes)..];
            self.control.serve(&mut self.world);
        }
        if self.world.control_is_dead {
            self.restart_control();
            return None;
        }
        while !self.control.output().is_empty() {
            let taken = decoder.feed(self.control.output());
            self.control.sent(taken);
        }
        Some(decoder)
    }

    pub fn upload(&mut self, package: &[u8]) -> Result<PackageHash, Error> {
        let sha256: PackageHash = Sha256::digest(package).into();
        let read = |reply: Reply<'_>| match reply {
            Reply::Upload(upload) => Ok(upload),
            Reply::Error(error) => Err(error),
            other => panic!("{other:?}"),
        };
        let begun = self.ask(
            &Request::UploadBegin {
                len: package.len() as u32,
                sha256,
            },
            read,
        )?;
        if !begun.complete {
            let chunk = Request::UploadChunk {
                slot: begun.slot,
                offset: 0,
                bytes: package,
            };
            self.ask(&chunk, read)?;
            self.ask(&Request::UploadEnd { slot: begun.slot }, read)?;
        }
        Ok(sha256)
    }

    pub fn order(&mut self, request: &Request<'_>) -> Result<u32, Error> {
        self.ask(request, |reply| match reply {
            Reply::Accepted { job } => Ok(job),
            Reply::Error(error) => Err(error),
            other => panic!("{other:?}"),
        })
    }

    /// Uploads a package and orders what `request` makes of it.
    pub fn order_with(
        &mut self,
        package: &[u8],
        request: fn(PackageHash) -> Request<'static>,
    ) -> Result<u32, Error> {
        let package = self.upload(package)?;
        self.order(&request(package))
    }

    /// Uploads and updates without waiting.
    pub fn begin_update(&mut self, package: &[u8], policy: Policy) -> Result<u32, Error> {
        let package = self.upload(package)?;
        self.order(&Request::Update {
            device: DISK,
            package,
            policy,
            commit: Commit::Timed,
            drain_us: None,
        })
    }

    /// Uploads, updates and waits for the outcome, not for the end of the probation.
    pub fn update(&mut self, package: &[u8], policy: Policy) -> Outcome {
        let job = self.begin_update(package, policy).expect("accepted");
        self.run();
        self.outcome(job)
    }

    pub fn job(&mut self, id: u32) -> Option<Record> {
        self.ask(&Request::Job { id }, |reply| match reply {
            Reply::Job(record) => Some(record),
            _ => None,
        })
    }

    pub fn outcome(&mut self, id: u32) -> Outcome {
        match self.job(id).expect("known").state {
            State::Done(outcome) => outcome,
            state => panic!("not done: {state:?}"),
        }
    }

    pub fn condition(&self) -> Condition {
        self.control.machine(0).expect("device 0").condition()
    }

    /// The content of the package that serves device 0.
    pub fn serving(&self) -> Option<&[u8]> {
        let holder = self.control.machine(0)?.holder()?;
        let bytes = &self.world.store[usize::from(holder.package)];
        let len = bytes.iter().position(|byte| *byte == 0)?;
        Some(&bytes[..len])
    }

    /// Exactly one live driver that serves, or honest offline; and nothing that is not needed is kept.
    pub fn check_settled(&self) {
        for (index, slot) in (0..self.devices).enumerate() {
            let machine = self.control.machine(index).expect("device");
            let running = self.world.running(slot);
            let mode = self.world.devices[&slot].mode;
            match machine.condition() {
                Condition::Working | Condition::Probation => {
                    let holder = machine.holder().expect("working without a driver").generation;
                    assert_eq!(running, Some(holder), "working, but root runs another driver");
                    assert_eq!(
                        mode,
                        Mode::Passive(holder),
                        "working, but the shadow does not forward:\n{}",
                        self.story()
                    );
                    let others = [machine.held().is_some(), machine.probation().is_some()];
                    let needed = 1 + others.into_iter().filter(|other| *other).count();
                    let kept = self.world.alive(slot) > needed;
                    assert!(
                        !kept || self.world.discard_refused,
                        "memory is kept:\n{}",
                        self.story()
                    );
                }
                Condition::Offline(_) => {
                    assert!(
                        running.is_none() || self.world.cut_refused,
                        "offline, and a driver runs"
                    );
                    let forwards = matches!(mode, Mode::Passive(_));
                    assert!(
                        !forwards || self.world.shadow_deaf,
                        "offline, and the shadow forwards"
                    );
                    let kept = self.world.alive(slot) > self.world.quarantined(slot);
                    assert!(
                        !kept || self.world.discard_refused || self.world.cut_refused,
                        "memory is kept:\n{}",
                        self.story()
                    );
                }
                other => panic!("not settled: {other:?}"),
            }
        }
    }
}

/// Build and hold.
pub fn stage(package: PackageHash) -> Request<'static> {
    let device = DISK;
    Request::Stage { device, package }
}

/// Rehearse.
pub fn check(package: PackageHash) -> Request<'static> {
    let device = DISK;
    Request::Check { device, package }
}

/// Update, final when the operator says so.
pub fn manually(package: PackageHash) -> Request<'static> {
    Request::Update {
        device: DISK,
        package,
        policy: Policy::Refuse,
        commit: Commit::Manual,
        drain_us: None,
    }
}

pub const COMMIT: Request<'static> = Request::Commit { device: DISK };
pub const DISCARD: Request<'static> = Request::Discard { device: DISK };

fn setup(devices: u32, lens: &[u32], saved: Option<control::state::Saved>) -> Setup<'_> {
    let mut slots = HeaplessVec::new();
    for slot in 0..devices {
        let name = Name::try_from(format!("disk{slot}").as_str()).expect("short");
        slots
            .push(SlotSetup {
                name,
                class: 1,
                slot,
                package: 0,
                security_floor: 0,
                class_abi: None,
                device: Identity::default(),
            })
            .expect("fits");
    }
    Setup {
        counter_hz: HZ,
        configuration: 1,
        limits: control::clock::Limits::default(),
        slots,
        keys: &KEYS,
        store_slots: 8,
        store_slot_size: SLOT_SIZE as u32,
        preloaded: lens,
        reports: [Name::try_from("client").expect("short")].into_iter().collect(),
        traces: [Name::try_from("control").expect("short")].into_iter().collect(),
        saved,
    }
}
