//! The device, the driver that has it, and the client. The device does what it was told at any later time and in any
//! order, until it is reset: also when the driver that told it is gone.

use device_class::ClassId;
use device_class::block::{BlockCapabilities, BlockRequest, BlockResponse, Status};
use device_class::report::{DriverReport, RECORD_MAX, STATE_FAILED, STATE_READY};
use shadow::slot::Mode;
use shared_ring::Link;
use supervision::Side;
use supervision::root::EventKind;
use zerocopy::IntoBytes;

use crate::disk::{RECORD, SCRIPT_MAX, Wanted, place_of};
use crate::memory::{Memory, PageRef};
use crate::state::{State, Violation};

/// What the device was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Told {
    request: BlockRequest,
    /// What a write writes: the device read it when it was told.
    content: u8,
    by: Programmer,
}

/// A generation, and where its memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Programmer {
    generation: u32,
    place: usize,
}

/// The device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Device {
    /// What block 0 contains, in the cache …
    pub block: u8,
    /// … and on stable storage: as of some flush, or later.
    stable: u8,
    /// Whose queues it uses.
    programmer: Option<Programmer>,
    /// What it has not done yet.
    pub told: Vec<Told>,
}

impl Device {
    /// It was told so before its last reset.
    pub fn may_write_to(&self, place: usize) -> bool {
        self.programmer.is_some_and(|one| one.place == place)
            || self.told.iter().any(|told| told.by.place == place)
    }

    /// As after power-on.
    pub fn reset(&mut self) {
        self.programmer = None;
        self.told.clear();
    }
}

/// A driver that has the device.
#[derive(Clone, Debug, Hash)]
pub struct Driver {
    by: Programmer,
    link: Link<BlockResponse, BlockRequest, PageRef>,
    /// It has probed and reported.
    reported: bool,
    /// It does nothing any more, and nobody was told.
    pub hung: bool,
    /// It faulted or was killed.
    pub stopped: bool,
    /// What the device has done for it, not yet answered.
    done: Vec<BlockRequest>,
    /// Its last answer.
    last: Option<BlockResponse>,
}

impl Driver {
    /// As root starts it.
    pub fn new(generation: u32, place: usize, side: Side) -> Self {
        Self {
            by: Programmer { generation, place },
            link: Link::over(PageRef::of_driver(side), PageRef::of_shadow(side)),
            reported: false,
            hung: false,
            stopped: false,
            done: Vec::new(),
            last: None,
        }
    }

    /// Its generation.
    pub fn generation(&self) -> u32 {
        self.by.generation
    }

    /// It runs.
    pub fn acts(&self) -> bool {
        !self.hung && !self.stopped
    }

    /// It has to probe.
    pub fn wants_to_probe(&self) -> bool {
        self.acts() && !self.reported
    }

    /// It can take requests.
    pub fn has_requests(&self, memory: &Memory) -> bool {
        let mut link = self.link.clone();
        self.acts() && self.reported && memory.clone().with(|| matches!(link.recv(), Ok(Some(_))))
    }

    /// It can answer.
    pub fn wants_to_answer(&self) -> bool {
        self.acts() && self.reported && !self.done.is_empty()
    }
}

/// From one tag to the next of the same entry: the shadow's table has 64.
const TAG_STEP: u32 = shadow::tracker::CAPACITY as u32;

/// What a driver does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Misdeed {
    /// It faults.
    Fault,
    /// It does nothing any more.
    Hang,
    /// It reports that it cannot probe.
    NoProbe,
    /// It reports fewer capabilities than the first driver had.
    Lacking,
    /// It answers what nobody asked.
    Invent,
    /// It gives its last answer again.
    Repeat,
    /// It reports, and answers what it has, in the name of the generation that may come on its side after the next.
    Forge,
}

impl Misdeed {
    /// All.
    pub const ALL: [Self; 7] = [
        Self::Fault,
        Self::Hang,
        Self::NoProbe,
        Self::Lacking,
        Self::Invent,
        Self::Repeat,
        Self::Forge,
    ];
}

fn report(generation: u32, state: u32, record: &BlockCapabilities) -> DriverReport {
    let mut bytes = [0; RECORD_MAX];
    bytes[..size_of::<BlockCapabilities>()].copy_from_slice(record.as_bytes());
    DriverReport {
        state,
        generation,
        class: ClassId::Block as u32,
        reason: 0,
        heartbeat: 0,
        record_len: size_of::<BlockCapabilities>() as u32,
        record: bytes,
    }
}

fn answer(request: &BlockRequest) -> BlockResponse {
    BlockResponse {
        id: request.id,
        generation: request.generation,
        count: request.count,
        ..BlockResponse::default()
    }
}

impl State {
    /// The driver takes over the device, and says so.
    pub fn driver_probes(&mut self, state: u32, record: &BlockCapabilities) {
        let Some(driver) = &mut self.driver else { return };
        driver.reported = true;
        let by = driver.by;
        self.memory
            .with(|| driver.link.write_info(&report(by.generation, state, record)));
        match self.device.programmer {
            Some(other) if other != by => self.violate(Violation::TwoOwners),
            _ => self.device.programmer = Some(by),
        }
        self.shadow_wakes();
    }

    /// The driver takes its requests and tells them to the device.
    pub fn driver_takes(&mut self) {
        let Some(driver) = &mut self.driver else { return };
        let (by, mut taken) = (driver.by, Vec::new());
        self.memory.with(|| {
            while let Ok(Some(request)) = driver.link.recv() {
                taken.push(request);
            }
            let _ = driver.link.publish();
        });
        for request in taken {
            self.check_order(&request);
            let script = self.client.script;
            let content = match place_of(&request, script).map(|place| script[place]) {
                Some(Wanted::Write(content)) => content,
                _ => 0,
            };
            self.device.told.push(Told { request, content, by });
        }
    }

    /// A request that was answered is not begun again, and none before what it overlaps with is answered.
    fn check_order(&mut self, request: &BlockRequest) {
        let (script, answers) = (self.client.script, self.client.answers);
        let Some(place) = place_of(request, script) else {
            return;
        };
        if answers[place].is_some() {
            self.violate(Violation::StaleReplay);
        }
        let overlaps = |earlier: &usize| script[*earlier].overlaps(script[place]);
        if (0..place)
            .filter(overlaps)
            .any(|earlier| answers[earlier].is_none())
        {
            self.violate(Violation::Disorder);
        }
    }

    /// The device does one of the things it was told, by DMA: whoever is there by then.
    pub fn device_acts(&mut self, which: usize) {
        let told = self.device.told.remove(which);
        if let Some(place) = place_of(&told.request, self.client.script) {
            // Into a disk that may have newer data, or a buffer that the client uses again. What was answered `Offline`
            // may still be carried out by a device that cannot be reset; nobody can prevent that.
            if self.client.answers[place] == Some(Status::Ok as u8) {
                self.violate(Violation::StaleReplay);
            }
            match self.client.script[place] {
                Wanted::Write(_) => self.device.block = told.content,
                Wanted::Read => self.client.data[place] = self.device.block,
                Wanted::Flush => self.device.stable = self.device.block,
            }
        }
        // The completion goes into the generation's memory.
        let home = self.root.generations.at(told.by.place);
        if home.is_none_or(|one| one.number != told.by.generation) {
            self.violate(Violation::MemoryReused);
        }
        match &mut self.driver {
            Some(driver) if driver.by == told.by => driver.done.push(told.request),
            _ => {}
        }
        self.check_contents();
    }

    /// The driver answers what the device has done.
    pub fn driver_answers(&mut self) {
        let Some(driver) = &mut self.driver else { return };
        let done = std::mem::take(&mut driver.done);
        driver.last = done.last().map(answer);
        self.memory.with(|| {
            for request in &done {
                let _ = driver.link.send(&answer(request));
            }
            let _ = driver.link.publish();
        });
        self.shadow_wakes();
    }

    /// The driver does something wrong.
    pub fn driver_errs(&mut self, misdeed: Misdeed) {
        match misdeed {
            Misdeed::Fault => drop(self.stop(EventKind::Fault)),
            Misdeed::NoProbe => self.driver_probes(STATE_FAILED, &RECORD),
            Misdeed::Lacking => self.driver_probes(STATE_READY, &BlockCapabilities { flags: 0, ..RECORD }),
            Misdeed::Hang => self.driver.iter_mut().for_each(|driver| driver.hung = true),
            Misdeed::Invent => self.driver_writes(|driver| {
                let invented = BlockResponse {
                    id: 77,
                    generation: driver.by.generation,
                    ..BlockResponse::default()
                };
                let _ = driver.link.send(&invented);
            }),
            Misdeed::Repeat => self.driver_writes(|driver| {
                let last = driver.last.unwrap_or_default();
                let _ = driver.link.send(&last);
            }),
            Misdeed::Forge => {
                let told = self.device.told.last().map(|told| answer(&told.request));
                self.driver_writes(|driver| {
                    let generation = driver.by.generation + 2;
                    driver.link.write_info(&report(generation, STATE_READY, &RECORD));
                    let known = told.unwrap_or_default();
                    // The name that the request will have when it is handed over the next time.
                    let id = known.id + TAG_STEP;
                    let _ = driver.link.send(&BlockResponse {
                        id,
                        generation,
                        ..known
                    });
                });
            }
        }
    }

    fn driver_writes(&mut self, act: impl FnOnce(&mut Driver)) {
        let Some(driver) = &mut self.driver else { return };
        self.memory.with(|| {
            act(driver);
            let _ = driver.link.publish();
        });
        self.shadow_wakes();
    }
}

/// The client.
#[derive(Clone, Debug, Hash)]
pub struct Client {
    link: Link<BlockRequest, BlockResponse, PageRef>,
    /// What it will ask, in this order.
    pub script: &'static [Wanted],
    /// How much of it was sent.
    pub sent: usize,
    /// How requests ended, by place in the script.
    pub answers: [Option<u8>; SCRIPT_MAX],
    /// What reads got.
    pub data: [u8; SCRIPT_MAX],
    /// What block 0 may contain by what was answered: a bit for each.
    contents: u16,
    /// The same when the flush was sent, and what of the script came after that.
    flushed: u16,
}

impl Client {
    /// A client that has asked nothing.
    pub fn new(script: &'static [Wanted]) -> Self {
        assert!(script.len() <= SCRIPT_MAX);
        Self {
            link: Link::over(PageRef::CLIENT, PageRef::SESSION),
            script,
            sent: 0,
            answers: [None; SCRIPT_MAX],
            data: [0; SCRIPT_MAX],
            contents: 1,
            flushed: 0,
        }
    }

    /// What block 0 may contain by what was answered, and by what was not, of so many requests of the script.
    fn allowed(&self, requests: usize) -> u16 {
        let pending = (0..requests).filter(|place| self.answers[*place].is_none());
        pending.fold(self.contents, |allowed, place| match self.script[place] {
            Wanted::Write(content) => allowed | 1 << content,
            Wanted::Read | Wanted::Flush => allowed,
        })
    }

    /// Everything that was sent was answered.
    pub fn is_answered(&self) -> bool {
        self.answers[..self.sent].iter().all(Option::is_some)
    }
}

impl State {
    /// The client sends its next request.
    pub fn client_sends(&mut self) {
        let place = self.client.sent;
        let wanted = self.client.script[place];
        let request = wanted.request(place);
        self.client.sent += 1;
        if wanted == Wanted::Flush {
            // Neither what was not answered yet nor what is sent later must be on stable storage, but it may.
            self.client.flushed = self.client.allowed(self.client.script.len());
        }
        let link = &mut self.client.link;
        self.memory.with(|| {
            let _ = link.send(&request);
            let _ = link.publish();
        });
        self.shadow_wakes();
    }

    /// The client takes its answers.
    pub fn client_takes(&mut self) {
        let link = &mut self.client.link;
        let mut answers = Vec::new();
        self.memory.with(|| {
            while let Ok(Some(answer)) = link.recv() {
                answers.push(answer);
            }
            let _ = link.publish();
        });
        answers.iter().for_each(|answer| self.answered(answer));
        self.check_contents();
    }

    fn answered(&mut self, answer: &BlockResponse) {
        let (place, ok) = (answer.id as usize, answer.status == Status::Ok as u8);
        // A driver that lacks the flush was taken under `degrade`: that it lacks it is said.
        let lacking = answer.status == Status::CapabilityLost as u8
            && self.client.script.get(place) == Some(&Wanted::Flush);
        if !ok && !lacking && !matches!(self.shadow.mode(), Mode::Offline { .. }) {
            self.violate(Violation::ClientError);
        }
        let client = &mut self.client;
        if place >= client.sent || client.answers[place].replace(answer.status).is_some() {
            return self.violate(Violation::AnsweredTwice);
        }
        match client.script[place] {
            Wanted::Write(content) if ok => client.contents = 1 << content,
            // It may have been carried out.
            Wanted::Write(content) => client.contents |= 1 << content,
            Wanted::Read if ok && client.contents >> client.data[place] & 1 == 0 => {
                self.violate(Violation::LostWrite)
            }
            Wanted::Flush if ok && client.flushed >> self.device.stable & 1 == 0 => {
                self.violate(Violation::LostWrite)
            }
            Wanted::Read | Wanted::Flush => {}
        }
    }

    /// What is on the disk was acknowledged last, or may still be.
    fn check_contents(&mut self) {
        if self.client.allowed(self.client.sent) >> self.device.block & 1 == 0 {
            self.violate(Violation::LostWrite);
        }
    }
}
