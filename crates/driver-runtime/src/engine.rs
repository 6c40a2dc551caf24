//! Between the link and a driver: takes requests in batches, gives completions as they come.
//!
//! The engine never drops a request: it takes one from the ring only when its response has room, and leaves it there when the
//! driver has none for it. What a class adds is behind [`Class`]. It makes no system calls; the runtime does what a [`turn`](Engine::turn) says.

use core::mem::offset_of;

use device_class::ClassId;
use device_class::report::{DriverReport, RECORD_MAX, STATE_FAILED, STATE_READY};
use driver_package::resources::DataRegion;
use shared_ring::page::{Page, SharedPage};
use shared_ring::{Link, Violation, Wish};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::ProbeError;
use crate::resources::Resources;

/// A device class as the engine sees it: a driver of the class, and what crosses the link.
pub trait Class: Sized {
    /// Its number in reports.
    const ID: ClassId;
    /// Shadow → driver.
    type Asked: FromBytes;
    /// Driver → shadow.
    type Answer: IntoBytes + Immutable;
    /// Capability record, at most [`RECORD_MAX`] bytes.
    type Record: Copy + IntoBytes + Immutable;
    /// A request that makes sense for the device.
    type Request;
    /// The end of a request.
    type Completion;

    /// Bring up the device that `resources` describe.
    ///
    /// # Errors
    /// The driver's.
    fn probe(resources: &Resources) -> Result<Self, ProbeError>;
    /// What the device and the driver can do. Does not change.
    fn record(&self) -> Self::Record;
    /// The request, if it makes sense for a device with this record.
    ///
    /// # Errors
    /// How it ends at once.
    fn validate(
        asked: &Self::Asked,
        generation: u32,
        record: &Self::Record,
        regions: &[DataRegion],
    ) -> Result<Self::Request, Self::Completion>;
    /// Hand a request to the driver.
    fn offer(&mut self, request: &Self::Request) -> Offer<Self::Completion>;
    /// Give each request that has ended to `done`, without waiting.
    fn poll(&mut self, done: impl FnMut(Self::Completion));
    /// The device's interrupt came.
    fn handle_interrupt(&mut self);
    /// A completion as it crosses the link.
    fn answer(completion: Self::Completion, generation: u32) -> Self::Answer;
}

/// What became of a request that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer<C> {
    /// It is under way; [`Class::poll`] will tell its end.
    Accepted,
    /// It has ended: nothing more will be heard of it.
    Done(C),
    /// No room, and nothing was done.
    Busy,
}

/// Most requests that are taken before completions are looked for.
const BATCH: u32 = 32;

/// Serves one driver on one link.
pub struct Engine<'a, C: Class, P = SharedPage> {
    pub(crate) driver: C,
    pub(crate) record: C::Record,
    regions: &'a [DataRegion],
    answers: Answers<C, P>,
    /// The driver had no room for the request that is next in the ring.
    busy: bool,
    /// The last turn stopped for want of room for responses.
    starved: bool,
    /// Places became free after the driver had none: offer it the next request before waiting.
    offer_again: bool,
    heartbeat: u32,
}

/// The link, and how many responses we owe on it.
struct Answers<C: Class, P> {
    link: Link<C::Answer, C::Asked, P>,
    generation: u32,
    /// Requests taken from the link and not answered.
    owed: u32,
}

impl<'a, C: Class, P: Page> Engine<'a, C, P> {
    /// Probes the device and states the outcome in the link. The shadow is to be notified in either case.
    ///
    /// # Errors
    /// The driver's, which was reported.
    pub fn start(
        mut link: Link<C::Answer, C::Asked, P>,
        resources: &'a Resources,
    ) -> Result<Self, ProbeError> {
        let probed = C::probe(resources);
        let record = probed.as_ref().map(C::record).map_err(|error| *error);
        link.write_info(&report::<C>(resources.generation(), &record));
        Ok(Self {
            driver: probed?,
            record: record?,
            regions: resources.data(),
            answers: Answers {
                link,
                generation: resources.generation(),
                owed: 0,
            },
            busy: false,
            starved: false,
            offer_again: false,
            heartbeat: 0,
        })
    }

    /// One pass: interrupt, completions, requests, completions. True: notify the shadow.
    ///
    /// # Errors
    /// The shadow broke the rules of the link; there is nothing to go on with.
    pub fn turn(&mut self, interrupted: bool) -> Result<bool, Violation> {
        self.answers.link.awake();
        self.heartbeat = self.heartbeat.wrapping_add(1);
        self.answers
            .link
            .write_info_word(offset_of!(DriverReport, heartbeat), self.heartbeat);
        if interrupted {
            self.driver.handle_interrupt();
        }
        self.collect();
        let moved = self.feed()?;
        let ended = if moved > 0 { self.collect() } else { 0 };
        self.offer_again = ended > 0 && self.busy;
        Ok(self.answers.link.publish())
    }

    /// What to do after a turn. True: wait for a notification. False: there is more to do. What the device ends from here on
    /// it tells by an interrupt, what the shadow sends by a notification, since both are looked at once more after asking.
    ///
    /// # Errors
    /// As [`turn`](Self::turn).
    pub fn rest(&mut self) -> Result<bool, Violation> {
        if self.offer_again {
            return Ok(false);
        }
        if self.starved {
            return self.answers.link.sleep_for(Wish::Space);
        }
        if self.busy {
            // Only the device can help, and its interrupt comes whatever the flag says.
            return Ok(true);
        }
        self.answers.link.sleep()
    }

    /// No request is under way: the device has nothing to say.
    pub fn is_idle(&self) -> bool {
        self.answers.owed == 0
    }

    /// Answers what the driver has done; how many requests.
    fn collect(&mut self) -> u32 {
        let Answers {
            link,
            generation,
            owed,
        } = &mut self.answers;
        let (generation, mut outbox) = (*generation, link.outbox());
        let mut ended = 0u32;
        self.driver.poll(|completion| {
            ended += 1;
            // There is room for every answer that is owed (`Answers::room`): only a driver that answers too often meets a full ring.
            let _ = outbox.send(&C::answer(completion, generation));
        });
        *owed = owed.saturating_sub(ended);
        ended
    }

    /// Hands requests to the driver; how many found an end or a place.
    fn feed(&mut self) -> Result<u32, Violation> {
        let room = self.answers.room()?;
        let Answers {
            link,
            generation,
            owed,
        } = &mut self.answers;
        let (inbox, mut outbox) = link.boxes()?;
        let generation = *generation;
        let most = room.min(BATCH);
        let mut inbox = inbox.at_most(most);
        let (first, mut answered) = (inbox.head(), 0);
        self.busy = false;
        while let Some(asked) = inbox.peek() {
            let ended = match C::validate(&asked, generation, &self.record, self.regions) {
                Ok(request) => match self.driver.offer(&request) {
                    Offer::Accepted => None,
                    Offer::Done(completion) => Some(completion),
                    // It stays in the ring, and is read anew when there may be room.
                    Offer::Busy => {
                        self.busy = true;
                        break;
                    }
                },
                Err(completion) => Some(completion),
            };
            if let Some(completion) = ended {
                let _ = outbox.send(&C::answer(completion, generation));
                answered += 1;
            }
            inbox.take();
        }
        let taken = inbox.head().wrapping_sub(first);
        self.starved = taken == room && room < BATCH;
        *owed = (*owed + taken).saturating_sub(answered);
        Ok(taken)
    }
}

impl<C: Class, P: Page> Answers<C, P> {
    /// Requests that can be taken so that their responses will find room; one taken is one less, whether it is answered or owed.
    fn room(&mut self) -> Result<u32, Violation> {
        Ok(self.link.space()?.saturating_sub(self.owed))
    }
}

/// What a driver says of itself after probing.
fn report<C: Class>(generation: u32, probed: &Result<C::Record, ProbeError>) -> DriverReport {
    const { assert!(size_of::<C::Record>() <= RECORD_MAX) };
    let mut report = DriverReport {
        state: STATE_FAILED,
        generation,
        class: C::ID as u32,
        reason: 0,
        heartbeat: 0,
        record_len: 0,
        record: [0; RECORD_MAX],
    };
    match probed {
        Ok(record) => {
            let record = record.as_bytes();
            report.state = STATE_READY;
            report.record_len = record.len() as u32;
            report.record[..record.len()].copy_from_slice(record);
        }
        Err(error) => report.reason = *error as u32,
    }
    report
}
