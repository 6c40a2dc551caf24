//! A machine around the shadow: clients that count their frames, a driver on a string, a network. Nobody runs unless he was
//! notified, so a lost wake-up shows as a stand-still.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use device_class::net::*;
use shadow::Env;
use shadow::assemble::{State, assemble};
use shadow::engine::Shadow;
use shadow::ledger::Part;
use shadow::slot::{Mode, Times};
use shadow_net::Net;
use shadow_net::assemble::Stations;
use shadow_net::memory::FrameMemory;
use shadow_net::station::REGION_LEN;
use shared_ring::Link;
use shared_ring::page::{HostPage, Page};
use supervision::shadow::{Command, CommandKind, Event, EventKind, Policy};
use system_spec::config::{LinkConfig, RegionConfig, ShadowConfig, ShadowSession};
use zerocopy::FromZeros;

pub mod client;
pub mod driver;
#[allow(dead_code)] // The block shadow's tests use all of it.
#[path = "../../../../block/tests/behaviour/world/mortal.rs"]
pub mod mortal;

pub use client::Client;
pub use driver::Driver;
use mortal::{Kept, MortalPage};

/// Bytes of a client's data region.
pub const DATA: usize = 128 * 2048;
pub const SLOT: u32 = 5;
/// Index of the receive region at the driver.
pub const FRAMES: u16 = 9;
pub const REQUEST_DEADLINE: u64 = 1_000_000;
pub const PATIENCE: u64 = 50_000;

const CONTROL: u64 = 0;
const TIMER: u64 = 60;
const SIDES: [u64; 2] = [1, 2];
const CLIENTS: u64 = 10;
/// Address of a session's data region in its configuration, and of the receive region.
const DATA_AT: u64 = 0x100_0000;
const FRAMES_AT: u64 = 0x900_0000;

pub const DEVICE: Address = Address([0x52, 0x54, 0, 0x12, 0x34, 0x56]);
/// Somebody outside.
pub const OUTSIDE: Address = Address([0x52, 0x55, 10, 0, 2, 2]);

pub const RECORD: NetCapabilities = NetCapabilities {
    mac: DEVICE.0,
    mtu: 1500,
    flags: CAP_EVERYTHING | CAP_GROUPS | CAP_CHECKSUM,
    segment_max: 0,
    link: LINK_UP,
    transmit_depth: 16,
    receive_depth: 16,
};

/// Memory that several may change.
#[derive(Clone, Debug)]
pub struct Memory(pub Rc<RefCell<Vec<u8>>>);

impl Memory {
    pub fn zeroed(len: usize) -> Self {
        Self(Rc::new(RefCell::new(vec![0; len])))
    }
    pub fn bytes(&self, at: usize, len: usize) -> Vec<u8> {
        self.0.borrow()[at..at + len].to_vec()
    }
    pub fn put(&self, at: usize, bytes: &[u8]) {
        self.0.borrow_mut()[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

impl FrameMemory for Memory {
    fn len(&self) -> usize {
        self.0.borrow().len()
    }
    fn read(&self, offset: usize, target: &mut [u8]) -> bool {
        let inside = offset
            .checked_add(target.len())
            .is_some_and(|end| end <= self.len());
        if inside {
            target.copy_from_slice(&self.bytes(offset, target.len()));
        }
        inside
    }
    fn copy_from(&self, offset: usize, source: &Self, source_offset: usize, len: usize) -> bool {
        mortal::burn();
        let mut frame = vec![0; len];
        let inside = offset.checked_add(len).is_some_and(|end| end <= self.len());
        let copied = inside && source.read(source_offset, &mut frame);
        if copied {
            self.put(offset, &frame);
        }
        copied
    }
}

/// What the shadow sees of the machine.
pub struct Surroundings {
    clock: Cell<u64>,
    /// Channels notified by the shadow.
    pub rung: Vec<u64>,
    timeout: Option<u64>,
}

impl Env for Surroundings {
    fn now(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }
    fn notify(&mut self, channel: u64) {
        mortal::burn();
        self.rung.push(channel);
    }
    fn set_timeout(&mut self, deadline: u64) {
        mortal::burn();
        self.timeout = Some(deadline);
    }
    fn trace(&mut self, _: &trace::Event) {}
}

type Pages = Rc<RefCell<HashMap<u64, HostPage>>>;

fn page(pages: &Pages, address: u64) -> HostPage {
    pages
        .borrow_mut()
        .entry(address)
        .or_insert_with(HostPage::zeroed)
        .clone()
}

fn link(channel: u64) -> LinkConfig {
    let base = (channel + 1) << 16;
    LinkConfig {
        own: base,
        peer: base + 0x1000,
        channel,
    }
}

/// The second link of a session.
fn deliveries(channel: u64) -> LinkConfig {
    let base = ((channel + 1) << 16) + 0x8000;
    LinkConfig {
        own: base,
        peer: base + 0x1000,
        channel,
    }
}

/// A client's end of a link.
pub type RawLink = Link<NetRequest, NetResponse, HostPage>;

type Mortal = Shadow<'static, Net<Memory>, MortalPage, Part<Kept>>;

pub struct Machine {
    pub shadow: Mortal,
    pub env: Surroundings,
    pub clients: Vec<Client>,
    /// Data regions by their index at the driver.
    pub regions: HashMap<u16, Memory>,
    pub driver: Option<Driver>,
    pub events: Vec<Event>,
    pub generation: u32,
    /// What went out, in order.
    pub wire: Vec<Vec<u8>>,
    side: usize,
    pages: Pages,
    control: Link<Command, Event, HostPage>,
    config: ShadowConfig,
    kept: Kept,
    /// How often the shadow died.
    pub deaths: usize,
    ringing: u64,
}

impl Machine {
    /// A machine with so many sessions (the last may be promiscuous), and no driver yet.
    pub fn new(sessions: usize) -> Self {
        let pages: Pages = Rc::default();
        let mut config = ShadowConfig::new_zeroed();
        config.control = link(CONTROL);
        (config.slot_count, config.session_count) = (1, sessions as u32);
        config.slots[0].sides = SIDES.map(link);
        config.slots[0].scratch = RegionConfig {
            vaddr: FRAMES_AT,
            len: REGION_LEN as u64,
        };
        (config.slots[0].scratch_region, config.slots[0].slot) = (FRAMES.into(), SLOT);
        let mut clients = Vec::new();
        let mut regions = HashMap::from([(FRAMES, Memory::zeroed(REGION_LEN))]);
        for index in 0..sessions {
            let data = Memory::zeroed(DATA);
            let channel = CLIENTS + index as u64;
            let (transmit, receive) = (link(channel), deliveries(channel));
            config.sessions[index] = ShadowSession {
                link: transmit,
                deliveries: receive,
                data_region: index as u32,
                data: RegionConfig {
                    vaddr: DATA_AT + index as u64,
                    len: DATA as u64,
                },
                flags: u64::from(index + 1 == sessions),
                ..ShadowSession::new_zeroed()
            };
            regions.insert(index as u16, data.clone());
            let end = |config: LinkConfig| Link::over(page(&pages, config.peer), page(&pages, config.own));
            clients.push(Client::new(
                NetClient::new(end(transmit), end(receive)),
                data,
                channel,
            ));
        }
        let words = shadow::state::kept_len(1) / 8;
        let kept = Kept((0..words).map(|_| Cell::new(0)).collect());
        let (shadow, again) = build(&config, &kept, &pages, &regions, 1);
        assert!(!again);
        let control = Link::over(
            page(&pages, config.control.peer),
            page(&pages, config.control.own),
        );
        let mut machine = Self {
            shadow,
            env: Surroundings {
                clock: Cell::new(1),
                rung: Vec::new(),
                timeout: None,
            },
            clients,
            regions,
            driver: None,
            events: Vec::new(),
            generation: 0,
            wire: Vec::new(),
            side: 1,
            pages,
            control,
            config,
            kept,
            deaths: 0,
            ringing: u64::MAX,
        };
        machine.run();
        machine
    }

    /// The same with the first driver running, all sessions open, and buffers posted.
    pub fn running(sessions: usize) -> Self {
        let mut machine = Self::new(sessions);
        machine.attach(Policy::First);
        machine.start(RECORD);
        machine.expect(EventKind::Enabled);
        machine.work_until_idle();
        for client in 0..sessions {
            let info = machine.info(client);
            machine.clients[client].address = info.address;
            machine.clients[client].post(16);
        }
        machine.work_until_idle();
        machine
    }

    pub fn now(&self) -> u64 {
        self.env.clock.get()
    }

    pub fn mode(&self) -> Mode {
        self.shadow.slots()[0].mode()
    }

    /// Let the shadow run, if anybody notified it or its timeout is reached.
    pub fn run(&mut self) {
        if self.env.timeout.is_some_and(|at| at <= self.now()) {
            self.env.timeout = None;
            self.shadow.timeout();
            self.ringing |= 1 << TIMER;
        }
        match std::mem::take(&mut self.ringing) {
            0 => {}
            channels => {
                let (shadow, env) = (&mut self.shadow, &mut self.env);
                if mortal::live(|| shadow.wake(channels, env)).is_none() {
                    self.restart();
                }
            }
        }
        self.control.awake();
        while let Some(event) = self.control.recv().unwrap() {
            self.events.push(event);
        }
        if self.control.publish() {
            self.ringing |= 1 << CONTROL;
        }
        let _ = self.control.sleep();
    }

    /// Root starts the shadow anew.
    pub fn restart(&mut self) {
        self.deaths += 1;
        mortal::arm(None);
        let (mut shadow, again) = build(&self.config, &self.kept, &self.pages, &self.regions, self.now());
        assert!(again, "a life goes on from the last");
        shadow.begin(again, &mut self.env);
        self.shadow = shadow;
    }

    pub fn pass(&mut self, ticks: u64) {
        self.env.clock.set(self.now() + ticks);
        self.run();
    }

    pub fn command(&mut self, kind: CommandKind, policy: Policy, a: u64, b: u64, c: u64) {
        let (kind, policy) = (kind as u32, policy as u32);
        let command = Command {
            kind,
            slot: SLOT,
            policy,
            transaction: 77,
            a,
            b,
            c,
        };
        self.control.send(&command).unwrap();
        self.ringing |= u64::from(self.control.publish()) << CONTROL;
        self.run();
    }

    /// Take the next event, which must be of this kind.
    #[track_caller]
    pub fn expect(&mut self, kind: EventKind) -> Event {
        assert!(!self.events.is_empty(), "no event, expected {kind:?}");
        let event = self.events.remove(0);
        assert_eq!(event.kind, kind as u32, "expected {kind:?}, got {event:?}");
        event
    }

    /// Attach the next generation on the other side.
    pub fn attach(&mut self, policy: Policy) {
        self.generation += 1;
        self.side = 1 - self.side;
        let deadline = self.now() + 10_000;
        let (generation, side) = (self.generation.into(), self.side as u64);
        self.command(CommandKind::Attach, policy, generation, side, deadline);
        self.expect(EventKind::Attached);
    }

    /// Root starts the generation: a zeroed page, and a driver that has probed its device.
    pub fn start(&mut self, record: NetCapabilities) {
        let config = link(SIDES[self.side]);
        let (own, peer) = (page(&self.pages, config.peer), page(&self.pages, config.own));
        (0..4096).step_by(8).for_each(|offset| own.store64(offset, 0));
        let mut driver = Driver::new(Link::over(own, peer), self.generation);
        driver.link.write_info(&driver::report(self.generation, &record));
        self.driver = Some(driver);
        self.ringing |= 1 << SIDES[self.side];
        self.run();
    }

    /// A whole update to a driver with this record; events are left where they differ from the good case.
    pub fn update(&mut self, record: NetCapabilities, policy: Policy) {
        self.command(CommandKind::Quiesce, policy, self.now() + 5_000, 0, 0);
        self.pass(6_000);
        self.expect(EventKind::Quiesced);
        self.driver = None;
        self.attach(policy);
        self.start(record);
    }

    pub fn call(&mut self, client: usize, call: ClientCall, words: [u64; 2]) -> (CallReply, [u64; 4]) {
        let channel = self.clients[client].channel;
        let (label, answer) = self.shadow.call(channel, call as u64, words).unwrap();
        if self.shadow.is_restless() {
            self.shadow.wake(0, &mut self.env);
        }
        (CallReply::from_label(label), answer)
    }

    pub fn info(&mut self, client: usize) -> ClientInfo {
        let (reply, words) = self.call(client, ClientCall::Info, [0; 2]);
        assert_eq!(reply, CallReply::Ok);
        ClientInfo::from_words(words).unwrap()
    }

    pub fn drops(&mut self, client: usize) -> Drops {
        Drops::from_words(self.call(client, ClientCall::Drops, [0; 2]).1)
    }

    pub fn traffic(&mut self, client: usize) -> Traffic {
        Traffic::from_words(self.call(client, ClientCall::Traffic, [0; 2]).1)
    }

    pub fn strays(&mut self) -> Strays {
        Strays::from_words(self.call(0, ClientCall::Strays, [0; 2]).1)
    }

    pub fn filter(&mut self, client: usize, flags: u8, groups: u64) -> CallReply {
        let words = Filter { flags, groups }.to_words();
        self.call(client, ClientCall::SetFilter, words).0
    }

    /// Clients hand over what they submitted and take what was answered.
    pub fn exchange(&mut self) {
        for client in &mut self.clients {
            self.ringing |= u64::from(client.exchange()) << client.channel;
        }
        self.run();
    }

    /// The driver takes what is in its ring.
    pub fn driver_takes(&mut self) {
        if let Some(driver) = &mut self.driver {
            driver.take();
            self.ringing |= u64::from(driver.link.publish()) << SIDES[self.side];
            let _ = driver.link.sleep();
        }
        self.run();
    }

    /// The driver gives an answer.
    pub fn driver_says(&mut self, response: NetResponse) {
        let driver = self.driver.as_mut().expect("a driver");
        driver.link.send(&response).unwrap();
        self.ringing |= u64::from(driver.link.publish()) << SIDES[self.side];
        self.run();
    }

    /// The device sends a frame; false: it has none.
    pub fn send_one(&mut self, answer: bool) -> bool {
        let Some(request) = self.driver.as_mut().and_then(Driver::next_frame) else {
            return false;
        };
        let frame = self.regions[&request.region].bytes(request.offset as usize, request.length as usize);
        self.wire.push(frame);
        if answer {
            self.driver_says(driver::done(&request));
        }
        true
    }

    /// A frame comes from the network; false: the device has no buffer for it.
    pub fn arrive(&mut self, frame: &[u8]) -> bool {
        let Some(response) = self.fill_buffer(frame) else {
            return false;
        };
        self.driver_says(response);
        true
    }

    /// The device writes a frame into a buffer; what the driver would say.
    pub fn fill_buffer(&mut self, frame: &[u8]) -> Option<NetResponse> {
        let driver = self.driver.as_mut()?;
        let buffer = driver.next_buffer()?;
        let start = driver.header;
        self.regions[&buffer.region].put(buffer.offset as usize + usize::from(start), frame);
        Some(NetResponse {
            start,
            length: frame.len() as u32,
            ..driver::done(&buffer)
        })
    }

    /// A frame comes, and whoever has it posts his buffer anew if he was told to.
    pub fn refill(&mut self, frame: &[u8]) -> bool {
        let came = self.arrive(frame);
        self.driver_takes();
        self.exchange();
        came
    }

    /// One client hands over and takes back.
    pub fn exchange_of(&mut self, client: usize) {
        let client = &mut self.clients[client];
        self.ringing |= u64::from(client.exchange()) << client.channel;
        self.run();
    }

    /// A client changes its groups, and a shadow that dies over the call is asked again.
    pub fn filter_quietly(&mut self, client: usize, groups: u64) {
        let channel = self.clients[client].channel;
        let words = Filter {
            flags: FILTER_BROADCAST,
            groups,
        }
        .to_words();
        loop {
            let (shadow, env) = (&mut self.shadow, &mut self.env);
            let answered = mortal::live(|| {
                let _ = shadow.call(channel, ClientCall::SetFilter as u64, words);
                if shadow.is_restless() {
                    shadow.wake(0, env);
                }
            });
            if answered.is_some() {
                return;
            }
            self.restart();
        }
    }

    /// A client's ends of its links, for one that keeps no rules.
    pub fn raw_links_of(&self, client: usize) -> (RawLink, RawLink) {
        let channel = CLIENTS + client as u64;
        let end = |config: LinkConfig| {
            let (own, peer) = (page(&self.pages, config.peer), page(&self.pages, config.own));
            Link::resume(own, peer)
        };
        (end(link(channel)), end(deliveries(channel)))
    }

    /// A client claims buffers that it cannot have posted.
    pub fn break_deliveries_of(&self, client: usize) {
        let config = deliveries(CLIENTS + client as u64);
        page(&self.pages, config.peer).store32(shared_ring::TAIL, 1000, std::sync::atomic::Ordering::SeqCst);
    }

    /// Notify the shadow on every channel, as anybody may at any time.
    pub fn ring(&mut self) {
        self.ringing = u64::MAX;
        self.run();
    }

    /// The device finds its link like this, and the driver says so.
    pub fn link_is(&mut self, link: u32) {
        let watch = self.driver.as_mut().and_then(|driver| driver.watch.take());
        self.driver_says(NetResponse {
            length: link,
            ..driver::done(&watch.expect("a watch"))
        });
        self.driver_takes();
    }

    /// Driver and device work; the clients do not look.
    pub fn work_quietly(&mut self) {
        self.driver_takes();
        while self.send_one(true) {}
    }

    /// Everybody works until nothing is left to do.
    pub fn work_until_idle(&mut self) {
        for _ in 0..10_000 {
            self.exchange();
            self.driver_takes();
            let mut had = false;
            while self.send_one(true) {
                had = true;
            }
            while let Some(filter) = self.driver.as_mut().and_then(Driver::next_filter) {
                self.driver_says(driver::done(&filter));
                had = true;
            }
            if !had && self.ringing == 0 {
                return self.exchange();
            }
        }
        panic!("never idle");
    }
}

fn build(
    config: &ShadowConfig,
    kept: &Kept,
    pages: &Pages,
    regions: &HashMap<u16, Memory>,
    now: u64,
) -> (Mortal, bool) {
    let work = Box::leak(vec![0u64; shadow::state::work_len(1) / 8].into_boxed_slice());
    let mortal = |address| MortalPage(page(pages, address));
    let memory = |region: &RegionConfig| match region.vaddr {
        FRAMES_AT => regions[&FRAMES].clone(),
        data => regions[&((data - DATA_AT) as u16)].clone(),
    };
    let state = State {
        region: kept,
        ledger: |slot| Some(shadow::state::ledger(kept.clone(), slot)),
        work: zerocopy::IntoBytes::as_mut_bytes(work),
    };
    let times = Times {
        request_deadline: REQUEST_DEADLINE,
        patience: PATIENCE,
        watch: 1_000_000_000,
    };
    let links = |link: &LinkConfig| (mortal(link.own), mortal(link.peer));
    assemble(config, state, links, &Stations(memory), times, now).unwrap()
}
