//! Between the link and a driver: takes requests in batches, gives completions as they come.
//!
//! The engine never drops a request: it takes one from the ring only when its response has room, and keeps the one
//! that the driver has no room for. It makes no system calls; the runtime does what a [`turn`](Engine::turn) says.

use core::mem::offset_of;

use device_class::ClassId;
use device_class::block::{BlockRequest, BlockResponse};
use device_class::report::{DriverReport, RECORD_MAX, STATE_FAILED, STATE_READY};
use driver_package::resources::DataRegion;
use shared_ring::page::{Page, SharedPage};
use shared_ring::{Link, SendError, Violation, Wish};
use zerocopy::IntoBytes;

use super::validate::validate;
use super::{BlockCapabilities, BlockDriver, Completion, Request, Status, Submit};
use crate::ProbeError;
use crate::resources::Resources;

/// Most requests that are taken before completions are looked for.
const BATCH: u32 = 32;

/// Serves one driver on one link.
#[derive(Debug)]
pub struct Engine<'a, D, P = SharedPage> {
    driver: D,
    capabilities: BlockCapabilities,
    regions: &'a [DataRegion],
    answers: Answers<P>,
    /// A request that the driver had no room for.
    held: Option<Request>,
    /// The last turn stopped for want of room for responses.
    starved: bool,
    /// Places became free after the driver had none: offer it the held request before waiting.
    offer_again: bool,
    heartbeat: u32,
}

/// The link, and how many responses we owe on it.
#[derive(Debug)]
struct Answers<P> {
    link: Link<BlockResponse, BlockRequest, P>,
    generation: u32,
    /// Requests taken from the link and not answered.
    owed: u32,
    broken: Option<Violation>,
}

impl<'a, D: BlockDriver, P: Page> Engine<'a, D, P> {
    /// Probes the device and states the outcome in the link. The shadow is to be notified in either case.
    ///
    /// # Errors
    /// The driver's, which was reported.
    pub fn start(
        mut link: Link<BlockResponse, BlockRequest, P>,
        resources: &'a Resources,
    ) -> Result<Self, ProbeError> {
        let probed = D::probe(resources);
        let capabilities = probed
            .as_ref()
            .map(BlockDriver::capabilities)
            .map_err(|error| *error);
        link.write_info(&report(resources.generation(), &capabilities));
        Ok(Self {
            driver: probed?,
            capabilities: capabilities?,
            regions: resources.data(),
            answers: Answers {
                link,
                generation: resources.generation(),
                owed: 0,
                broken: None,
            },
            held: None,
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
        self.collect()?;
        let moved = self.feed()?;
        let ended = if moved > 0 { self.collect()? } else { 0 };
        self.offer_again = ended > 0 && self.held.is_some();
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
        if self.held.is_some() {
            // Only the device can help, and its interrupt comes whatever the flag says.
            return Ok(true);
        }
        self.answers.link.sleep()
    }

    /// No request is under way: the device has nothing to say.
    pub fn is_idle(&self) -> bool {
        self.answers.owed == 0
    }

    fn collect(&mut self) -> Result<u32, Violation> {
        let mut ended = 0;
        self.driver.poll(|completion| {
            ended += 1;
            self.answers.answer(completion);
        });
        self.answers.broken.map_or(Ok(ended), Err)
    }

    /// Hands requests to the driver; how many found an end or a place.
    fn feed(&mut self) -> Result<u32, Violation> {
        let mut moved = 0;
        self.starved = false;
        if let Some(request) = self.held {
            if !self.offer(&request) {
                return Ok(0);
            }
            self.held = None;
            moved = 1;
        }
        while moved < BATCH {
            if !self.answers.has_room()? {
                self.starved = true;
                break;
            }
            let Some(raw) = self.answers.link.recv()? else {
                break;
            };
            self.answers.owed += 1;
            match validate(&raw, self.answers.generation, &self.capabilities, self.regions) {
                Ok(request) if self.offer(&request) => {}
                Ok(request) => {
                    self.held = Some(request);
                    break;
                }
                Err(status) => self.answers.answer(Completion {
                    id: raw.id,
                    status,
                    count: 0,
                }),
            }
            moved += 1;
        }
        self.answers.broken.map_or(Ok(moved), Err)
    }

    /// Offers a request to the driver. False: it has no room.
    #[inline(always)] // Once per request; the other caller is rare.
    fn offer(&mut self, request: &Request) -> bool {
        match self.driver.submit(request) {
            Submit::Accepted => true,
            Submit::Done(status) => {
                let count = if status == Status::Ok { request.count } else { 0 };
                self.answers.answer(Completion {
                    id: request.id,
                    status,
                    count,
                });
                true
            }
            Submit::Busy => false,
        }
    }
}

impl<P: Page> Answers<P> {
    /// Whether one more request can be taken so that its response will find room.
    fn has_room(&mut self) -> Result<bool, Violation> {
        self.link.has_space(self.owed.saturating_add(1))
    }

    fn answer(&mut self, completion: Completion) {
        let response = BlockResponse {
            id: completion.id,
            generation: self.generation,
            status: completion.status as u8,
            reserved: [0; 3],
            count: completion.count,
        };
        self.owed = self.owed.saturating_sub(1);
        // `has_room` kept room for every answer that is owed: only a driver that answers too often meets `Full`.
        if let Err(SendError::Violation(violation)) = self.link.send(&response) {
            self.broken = Some(violation);
        }
    }
}

/// What a driver says of itself after probing.
fn report(generation: u32, probed: &Result<BlockCapabilities, ProbeError>) -> DriverReport {
    let mut report = DriverReport {
        state: STATE_FAILED,
        generation,
        class: ClassId::Block as u32,
        reason: 0,
        heartbeat: 0,
        record_len: 0,
        record: [0; RECORD_MAX],
    };
    match probed {
        Ok(capabilities) => {
            let record = capabilities.as_bytes();
            report.state = STATE_READY;
            report.record_len = record.len() as u32;
            report.record[..record.len()].copy_from_slice(record);
        }
        Err(error) => report.reason = *error as u32,
    }
    report
}

#[cfg(test)]
mod tests;
