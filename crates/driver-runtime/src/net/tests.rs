extern crate std;

use std::collections::{BTreeMap, VecDeque};
use std::vec::Vec;

use proptest::prelude::*;
use shared_ring::Link;
use shared_ring::page::HostPage;

use super::*;
use crate::engine::Engine;
use crate::resources::tests::good;

/// A driver with small queues that ends things when it is told to.
struct Fake {
    frames: VecDeque<u32>,
    buffers: VecDeque<u32>,
    sends: usize,
    comes: usize,
    link: u32,
    wanted: Option<Wanted>,
}

impl NetDriver for Fake {
    fn probe(_: &Resources) -> Result<Self, ProbeError> {
        Ok(Self {
            frames: VecDeque::new(),
            buffers: VecDeque::new(),
            sends: 0,
            comes: 0,
            link: LINK_UP,
            wanted: None,
        })
    }
    fn capabilities(&self) -> NetCapabilities {
        NetCapabilities {
            mac: [2, 0, 0, 0, 0, 1],
            mtu: 1500,
            flags: CAP_GROUPS,
            segment_max: 0,
            link: self.link,
            transmit_depth: 3,
            receive_depth: 4,
        }
    }
    fn transmit(&mut self, frame: &Frame) -> Begin {
        if self.frames.len() == 3 {
            return Begin::Busy;
        }
        self.frames.push_back(frame.id);
        Begin::Accepted
    }
    fn receive(&mut self, id: u32, _: Buffer) -> Begin {
        assert!(self.buffers.len() < 4, "more than the record says");
        self.buffers.push_back(id);
        Begin::Accepted
    }
    fn set_filter(&mut self, filter: Wanted) -> Status {
        self.wanted = Some(filter);
        Status::Ok
    }
    fn link(&self) -> u32 {
        self.link
    }
    fn poll(&mut self, mut done: impl FnMut(Ended, Completion)) {
        for _ in 0..core::mem::take(&mut self.sends) {
            if let Some(id) = self.frames.pop_front() {
                done(Ended::Frame, Completion::of(id, Status::Ok));
            }
        }
        for _ in 0..core::mem::take(&mut self.comes) {
            if let Some(id) = self.buffers.pop_front() {
                let (start, length) = (12, 60);
                done(
                    Ended::Buffer,
                    Completion {
                        start,
                        length,
                        ..Completion::of(id, Status::Ok)
                    },
                );
            }
        }
    }
    fn handle_interrupt(&mut self) {}
}

type Shadow = Link<NetRequest, NetResponse, HostPage>;
type Served<'a> = Engine<'a, Net<Fake>, HostPage>;

fn pair(resources: &Resources) -> (Shadow, Served<'_>) {
    let (ours, theirs) = (HostPage::zeroed(), HostPage::zeroed());
    let shadow = Link::over(theirs.clone(), ours.clone());
    (
        shadow,
        Engine::start(Link::over(ours, theirs), resources).unwrap(),
    )
}

fn resources() -> Resources {
    Resources::unchecked(good())
}

fn request(op: u8, id: u32) -> NetRequest {
    NetRequest {
        id,
        generation: 7,
        op,
        length: 1600,
        offset: 64,
        ..NetRequest::default()
    }
}

fn frame(id: u32) -> NetRequest {
    NetRequest {
        length: 60,
        ..request(1, id)
    }
}

fn answers(shadow: &mut Shadow) -> Vec<(u32, u8, u32)> {
    let mut found = Vec::new();
    while let Some(answer) = shadow.recv().unwrap() {
        assert_eq!(answer.generation, 7);
        found.push((answer.id, answer.status, answer.length));
    }
    let _ = shadow.publish();
    found
}

fn serve(engine: &mut Served<'_>) {
    for _ in 0..1000 {
        engine.turn(true).unwrap();
        if engine.rest().unwrap() {
            return;
        }
    }
    panic!("never rests");
}

#[test]
fn buffers_stay_until_a_frame_comes_and_frames_pass_them() {
    let resources = resources();
    let (mut shadow, mut engine) = pair(&resources);
    for id in 0..4 {
        shadow.send(&request(2, id)).unwrap();
    }
    shadow.send(&frame(10)).unwrap();
    let _ = shadow.publish();
    engine.driver.driver.sends = 1;
    serve(&mut engine);
    engine.driver.driver.sends = 1;
    serve(&mut engine);
    assert_eq!(answers(&mut shadow), [(10, 0, 0)]);
    engine.driver.driver.comes = 2;
    serve(&mut engine);
    assert_eq!(answers(&mut shadow), [(0, 0, 60), (1, 0, 60)]);
}

#[test]
fn one_buffer_more_than_the_record_says_holds_nothing_up() {
    let resources = resources();
    let (mut shadow, mut engine) = pair(&resources);
    for id in 0..5 {
        shadow.send(&request(2, id)).unwrap();
    }
    let _ = shadow.publish();
    serve(&mut engine);
    assert_eq!(answers(&mut shadow), [(4, Status::Invalid as u8, 0)]);
}

#[test]
fn link_is_told_when_it_changes_and_at_once_if_it_has() {
    let resources = resources();
    let (mut shadow, mut engine) = pair(&resources);
    let watch = |id, length| NetRequest {
        length,
        offset: 0,
        ..request(4, id)
    };
    shadow.send(&watch(1, LINK_UP)).unwrap();
    let _ = shadow.publish();
    serve(&mut engine);
    assert_eq!(answers(&mut shadow), []);
    engine.driver.driver.link = LINK_DOWN;
    serve(&mut engine);
    assert_eq!(answers(&mut shadow), [(1, 0, LINK_DOWN)]);
    shadow.send(&watch(2, LINK_UP)).unwrap();
    shadow.send(&watch(3, LINK_DOWN)).unwrap();
    shadow.send(&watch(4, LINK_DOWN)).unwrap();
    let _ = shadow.publish();
    serve(&mut engine);
    assert_eq!(
        answers(&mut shadow),
        [(2, 0, LINK_DOWN), (4, Status::Invalid as u8, 0)]
    );
    engine.driver.driver.link = LINK_UNKNOWN;
    shadow.send(&watch(5, LINK_UP)).unwrap();
    let _ = shadow.publish();
    serve(&mut engine);
    assert_eq!(
        answers(&mut shadow),
        [(3, 0, LINK_UNKNOWN), (5, Status::Unsupported as u8, 0)]
    );
}

#[test]
fn filter_reaches_the_driver() {
    let resources = resources();
    let (mut shadow, mut engine) = pair(&resources);
    shadow
        .send(&NetRequest {
            flags: 3,
            length: 0,
            offset: 1 << 40,
            ..request(3, 1)
        })
        .unwrap();
    let _ = shadow.publish();
    serve(&mut engine);
    assert_eq!(answers(&mut shadow), [(1, 0, 0)]);
    assert_eq!(
        engine.driver.driver.wanted,
        Some(Wanted {
            flags: 3,
            groups: 1 << 40
        })
    );
}

proptest! {
    /// Whatever is asked for, sense or nonsense, and whenever things end: each request is answered exactly once.
    #[test]
    fn every_request_is_answered_once(
        steps in proptest::collection::vec((0u8..8, 0u8..6, any::<u8>(), prop_oneof![Just(60u32), Just(1600), any::<u32>()],
                                            prop_oneof![0u64..0x5000, any::<u64>()], 0u16..4), 1..150),
    ) {
        let resources = resources();
        let (mut shadow, mut engine) = pair(&resources);
        let (mut sent, mut seen) = (0, BTreeMap::new());
        let mut take = |shadow: &mut Shadow| for (id, ..) in answers(shadow) {
            *seen.entry(id).or_insert(0) += 1;
        };
        for (step, op, flags, length, offset, region) in steps {
            match step {
                0..=3 => {
                    let flags = if step == 0 { flags } else { 0 };
                    let asked = NetRequest { flags, length, offset, region, ..request(op, sent) };
                    if shadow.send(&asked).is_ok() {
                        sent += 1;
                    }
                }
                4 => engine.driver.driver.sends = usize::from(flags % 4),
                5 => engine.driver.driver.comes = usize::from(flags % 4),
                6 => engine.driver.driver.link = LINK_DOWN + u32::from(flags % 2),
                _ => take(&mut shadow),
            }
            let _ = shadow.publish();
            serve(&mut engine);
        }
        for round in 0..200u32 {
            let fake = &mut engine.driver.driver;
            (fake.sends, fake.comes, fake.link) = (3, 4, LINK_DOWN + round % 2);
            serve(&mut engine);
            take(&mut shadow);
        }
        prop_assert!(engine.is_idle());
        prop_assert_eq!(seen, (0..sent).map(|id| (id, 1)).collect::<BTreeMap<_, _>>());
    }
}
