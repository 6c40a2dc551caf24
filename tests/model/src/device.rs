//! The device, and the driver that has it. The device does what it was told at any later time and in any order, until it
//! is reset: also when the driver that told it is gone.

use device_class::ClassId;
use device_class::block::{BlockCapabilities, BlockRequest, BlockResponse};
use device_class::report::{DriverReport, RECORD_MAX, STATE_FAILED, STATE_READY};
use shared_ring::Link;
use supervision::Side;
use supervision::root::EventKind;
use zerocopy::IntoBytes;

use crate::disk::{CONTENTS, HOMES, RECORD, origin};
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    /// What the sessions' blocks contain, in the cache …
    pub blocks: [u8; HOMES],
    /// … and on stable storage: as of some flush, or later.
    pub stable: [u8; HOMES],
    /// Whose queues it uses.
    programmer: Option<Programmer>,
    /// What it has not done yet.
    pub told: Vec<Told>,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            blocks: CONTENTS,
            stable: CONTENTS,
            programmer: None,
            told: Vec::new(),
        }
    }
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
    /// The shadow's to it.
    channel: u64,
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
            channel: side as u64,
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
        let (by, channel) = (driver.by, driver.channel);
        self.memory
            .with(|| driver.link.write_info(&report(by.generation, state, record)));
        match self.device.programmer {
            Some(other) if other != by => self.violate(Violation::TwoOwners),
            _ => self.device.programmer = Some(by),
        }
        // Who reports notifies, whether the shadow sleeps or not.
        self.shadow_wakes(channel);
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
            let content = match origin(&request) {
                Some(origin) => self.begun(origin),
                None => 0,
            };
            self.device.told.push(Told { request, content, by });
        }
    }

    /// The device does one of the things it was told, by DMA: whoever is there by then.
    pub fn device_acts(&mut self, which: usize) {
        let told = self.device.told.remove(which);
        if let Some(origin) = origin(&told.request) {
            self.carried_out(origin, told.request.block, told.content);
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
        self.driver_writes(|driver| {
            for request in &done {
                let _ = driver.link.send(&answer(request));
            }
        });
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
        let wakes = self.memory.with(|| {
            act(driver);
            driver.link.publish()
        });
        if wakes {
            let channel = driver.channel;
            self.shadow_wakes(channel);
        }
    }
}
