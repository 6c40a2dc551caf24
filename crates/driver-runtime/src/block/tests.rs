extern crate std;

use std::vec::Vec;

use device_class::report::{DriverReport, STATE_FAILED, STATE_READY};
use proptest::prelude::*;
use shared_ring::page::{HostPage, Page};
use shared_ring::{Link, Violation};
use zerocopy::IntoBytes;

use super::*;
use crate::engine::Engine;
use crate::resources::tests::good;

/// A driver with a small queue that completes when it is told to, last in first out.
#[derive(Debug)]
struct Fake {
    queue: Vec<Request>,
    depth: usize,
    finish: usize,
    interrupts: usize,
    /// Completes whatever there is whenever it is asked.
    instant: bool,
}

impl BlockDriver for Fake {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        if resources.irq_count() == 0 {
            return Err(ProbeError::Geometry);
        }
        Ok(Self {
            queue: Vec::new(),
            depth: 3,
            finish: 0,
            interrupts: 0,
            instant: false,
        })
    }
    fn capabilities(&self) -> BlockCapabilities {
        BlockCapabilities {
            capacity: 100,
            block_size: 512,
            flags: CAP_FLUSH,
            max_transfer: 8,
            queue_depth: 3,
        }
    }
    fn submit(&mut self, request: &Request) -> Submit {
        if request.op == Op::Flush {
            return Submit::Done(Status::Ok);
        }
        if self.queue.len() == self.depth {
            return Submit::Busy;
        }
        self.queue.push(*request);
        Submit::Accepted
    }
    fn poll(&mut self, mut done: impl FnMut(Completion)) {
        if self.instant {
            self.finish = self.queue.len();
        }
        while self.finish > 0 {
            self.finish -= 1;
            let Some(request) = self.queue.pop() else { continue };
            done(Completion {
                id: request.id,
                status: Status::Ok,
                count: request.count,
            });
        }
    }
    fn handle_interrupt(&mut self) {
        self.interrupts += 1;
    }
}

type Shadow = Link<BlockRequest, BlockResponse, HostPage>;

fn pair<'a>(resources: &'a Resources) -> (Shadow, Result<Engine<'a, Block<Fake>, HostPage>, ProbeError>) {
    let (ours, theirs) = (HostPage::zeroed(), HostPage::zeroed());
    let shadow = Link::over(theirs.clone(), ours.clone());
    (shadow, Engine::start(Link::over(ours, theirs), resources))
}

fn read(id: u32) -> BlockRequest {
    BlockRequest {
        id,
        generation: 7,
        op: 1,
        count: 1,
        ..BlockRequest::default()
    }
}

fn answers(shadow: &mut Shadow) -> Vec<(u32, u8)> {
    let mut found = Vec::new();
    while let Some(response) = shadow.recv().unwrap() {
        assert_eq!(response.generation, 7);
        found.push((response.id, response.status));
    }
    let _ = shadow.publish();
    found
}

fn resources() -> Resources {
    Resources::check(&good(), 1).unwrap()
}

#[test]
fn probing_is_reported_with_the_record() {
    let resources = resources();
    let (shadow, engine) = pair(&resources);
    let report: DriverReport = shadow.read_info().unwrap();
    assert_eq!(
        (report.state, report.generation, report.class, report.record_len),
        (STATE_READY, 7, 1, 24)
    );
    assert_eq!(&report.record[..24], engine.unwrap().record.as_bytes());
}

#[test]
fn a_failed_probe_is_reported_with_its_reason() {
    let mut page = good();
    page.irq_count = 0;
    let resources = Resources::unchecked(page);
    let (shadow, engine) = pair(&resources);
    assert_eq!(engine.err(), Some(ProbeError::Geometry));
    let report: DriverReport = shadow.read_info().unwrap();
    assert_eq!(
        (report.state, report.reason),
        (STATE_FAILED, ProbeError::Geometry as u32)
    );
}

#[test]
fn what_the_driver_has_no_room_for_stays_and_is_offered_again() {
    let resources = resources();
    let (mut shadow, engine) = pair(&resources);
    let mut engine = engine.unwrap();
    for id in 0..5 {
        shadow.send(&read(id)).unwrap();
    }
    let _ = shadow.publish();
    engine.turn(false).unwrap();
    assert_eq!(
        engine.rest(),
        Ok(true),
        "nothing to do before the device's interrupt"
    );
    assert_eq!(answers(&mut shadow), []);

    engine.driver.0.finish = 3;
    engine.turn(true).unwrap();
    assert_eq!(engine.driver.0.interrupts, 1);
    assert_eq!(answers(&mut shadow), [(2, 0), (1, 0), (0, 0)]);
    engine.driver.0.finish = 3;
    engine.turn(true).unwrap();
    assert_eq!(answers(&mut shadow), [(4, 0), (3, 0)]);
}

#[test]
fn what_ends_in_the_same_turn_makes_room_without_an_interrupt() {
    let resources = resources();
    let (mut shadow, engine) = pair(&resources);
    let mut engine = engine.unwrap();
    for id in 0..5 {
        shadow.send(&read(id)).unwrap();
    }
    let _ = shadow.publish();
    engine.driver.0.instant = true;
    engine.turn(false).unwrap();
    assert_eq!(answers(&mut shadow).len(), 3);
    assert_eq!(
        engine.rest(),
        Ok(false),
        "nothing will wake us for the request that was held"
    );
    engine.turn(false).unwrap();
    assert_eq!(answers(&mut shadow).len(), 2);
    assert_eq!(engine.rest(), Ok(true));
}

#[test]
fn no_request_is_taken_whose_answer_has_no_room() {
    let resources = resources();
    let (mut shadow, engine) = pair(&resources);
    let mut engine = engine.unwrap();
    for id in 0..74 {
        if id % 32 == 0 {
            while !engine.turn(false).and_then(|_| engine.rest()).unwrap() {}
        }
        shadow
            .send(&BlockRequest {
                op: 3,
                count: 0,
                ..read(id)
            })
            .unwrap();
        let _ = shadow.publish();
    }
    while !engine.turn(false).and_then(|_| engine.rest()).unwrap() {}
    assert_eq!(answers(&mut shadow).len(), 64);
    while !engine.turn(false).and_then(|_| engine.rest()).unwrap() {}
    assert_eq!(answers(&mut shadow).len(), 10);
}

#[test]
fn nonsense_is_answered_without_the_driver() {
    let resources = resources();
    let (mut shadow, engine) = pair(&resources);
    let mut engine = engine.unwrap();
    shadow
        .send(&BlockRequest {
            generation: 6,
            ..read(1)
        })
        .unwrap();
    shadow
        .send(&BlockRequest {
            block: 100,
            ..read(2)
        })
        .unwrap();
    shadow
        .send(&BlockRequest {
            op: 3,
            count: 0,
            ..read(3)
        })
        .unwrap();
    let _ = shadow.publish();
    engine.turn(false).unwrap();
    let expected = [
        (1, Status::Invalid as u8),
        (2, Status::OutOfRange as u8),
        (3, Status::Ok as u8),
    ];
    assert_eq!(answers(&mut shadow), expected);
    assert!(engine.is_idle());
}

#[test]
fn the_heartbeat_counts_turns() {
    let resources = resources();
    let (shadow, engine) = pair(&resources);
    let mut engine = engine.unwrap();
    for _ in 0..3 {
        engine.turn(false).unwrap();
    }
    assert_eq!(shadow.read_info::<DriverReport>().unwrap().heartbeat, 3);
}

#[test]
fn a_shadow_that_breaks_the_link_ends_the_driver() {
    let resources = resources();
    let (ours, theirs) = (HostPage::zeroed(), HostPage::zeroed());
    let mut engine: Engine<'_, Block<Fake>, _> =
        Engine::start(Link::over(ours, theirs.clone()), &resources).unwrap();
    theirs.store32(shared_ring::TAIL, 65, core::sync::atomic::Ordering::Relaxed);
    assert!(matches!(engine.turn(false), Err(Violation::Tail { .. })));
}

proptest! {
    /// Whatever the order of requests, completions and answers taken, each request is answered once, and an engine that
    /// waits without an interrupt to come has nothing left to do.
    #[test]
    fn every_request_is_answered_once(steps in proptest::collection::vec((0u8..3, 0usize..80), 1..120)) {
        let resources = resources();
        let (mut shadow, engine) = pair(&resources);
        let mut engine = engine.unwrap();
        let (mut sent, mut seen, mut busy) = (0, Vec::new(), 0);
        let settle = |engine: &mut Engine<'_, Block<Fake>, HostPage>| {
            for _ in 0..1000 {
                engine.turn(true).unwrap();
                if engine.rest().unwrap() {
                    return;
                }
            }
            panic!("never rests");
        };
        for (step, amount) in steps {
            match step {
                0 => for _ in 0..amount {
                    if shadow.send(&read(sent)).is_err() {
                        busy += 1;
                        break;
                    }
                    sent += 1;
                },
                1 => engine.driver.0.finish = amount,
                _ => seen.extend(answers(&mut shadow)),
            }
            let _ = shadow.publish();
            settle(&mut engine);
        }
        for _ in 0..200 {
            engine.driver.0.finish = 3;
            settle(&mut engine);
            seen.extend(answers(&mut shadow));
        }
        prop_assert!(busy <= sent);
        let mut ids: Vec<_> = seen.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        prop_assert_eq!(ids, (0..sent).collect::<Vec<_>>());
    }
}
