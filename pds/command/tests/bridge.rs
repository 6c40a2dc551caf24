//! Bytes arrive in order, all of them, once, whoever is slow.

use std::collections::VecDeque;

use command::{BATCH, Bridge, Console};
use proptest::collection::vec;
use proptest::prelude::*;
use shared_ring::Link;
use shared_ring::page::HostPage;
use supervision::command::Bytes;

#[derive(Default)]
struct FakeConsole {
    from_host: VecDeque<u8>,
    to_host: Vec<u8>,
}

impl Console for FakeConsole {
    fn receive(&mut self) -> Option<u8> {
        self.from_host.pop_front()
    }
    fn send(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty() && bytes.len() <= BATCH);
        self.to_host.extend_from_slice(bytes);
    }
}

#[derive(Clone, Debug)]
enum Event {
    HostSends(Vec<u8>),
    ControlSends(Vec<u8>),
    ControlTakes(usize),
    Wake,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        vec(any::<u8>(), 0..3000).prop_map(Event::HostSends),
        vec(any::<u8>(), 0..39).prop_map(Event::ControlSends),
        (0..100usize).prop_map(Event::ControlTakes),
        Just(Event::Wake),
    ]
}

fn wake(bridge: &mut Bridge<HostPage>, console: &mut FakeConsole) {
    for _ in 0..1000 {
        let more = bridge.pass(console).expect("a peer that keeps the rules");
        let _ = bridge.publish();
        if !more && bridge.sleep().expect("a peer that keeps the rules") {
            return;
        }
    }
    panic!("it does not come to rest");
}

proptest! {
    #[test]
    fn nothing_is_lost_either_way(events in vec(event(), 0..60)) {
        let (ours, theirs) = (HostPage::zeroed(), HostPage::zeroed());
        let mut bridge = Bridge::new(Link::over(ours.clone(), theirs.clone()));
        let mut control: Link<Bytes, Bytes, HostPage> = Link::over(theirs, ours);
        let mut console = FakeConsole::default();
        let (mut to_control, mut from_control, mut arrived) = (Vec::new(), Vec::new(), Vec::new());
        for event in events.into_iter().chain((0..1500).flat_map(|_| [Event::ControlTakes(64), Event::Wake])) {
            match event {
                Event::HostSends(bytes) => {
                    to_control.extend_from_slice(&bytes);
                    console.from_host.extend(bytes);
                }
                Event::ControlSends(bytes) => {
                    if control.send(&Bytes::take(&bytes)).is_ok() {
                        from_control.extend_from_slice(&bytes);
                    }
                    let _ = control.publish();
                }
                Event::ControlTakes(count) => {
                    for _ in 0..count {
                        let Some(entry) = control.recv().expect("rules kept") else { break };
                        arrived.extend_from_slice(entry.as_slice());
                    }
                    let _ = control.publish();
                }
                Event::Wake => wake(&mut bridge, &mut console),
            }
        }
        prop_assert_eq!(arrived, to_control);
        prop_assert_eq!(console.to_host, from_control);
    }
}
