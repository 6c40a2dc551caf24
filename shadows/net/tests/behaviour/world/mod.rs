//! A machine around the shadow: clients that count their frames, a driver on a string, a network.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use device_class::ClassId;
use device_class::net::*;
use device_class::report::STATE_READY;
use shadow_net::Net;
use shadow_net::assemble::Stations;
use shadow_net::memory::FrameMemory;
use shadow_net::station::REGION_LEN;
use shadow_world::{CLIENTS, Pages, World, link, second_link};
pub use shadow_world::{PATIENCE, REQUEST_DEADLINE, WATCH, mortal};
use shared_ring::Link;
use shared_ring::page::{HostPage, Page};
use supervision::shadow::{EventKind, Policy};
use system_spec::config::{LinkConfig, RegionConfig, ShadowSession};
use zerocopy::FromZeros;

pub mod client;
pub mod driver;

pub use client::Client;
pub use driver::Driver;

/// Bytes of a client's data region.
pub const DATA: usize = 128 * 2048;
/// Index of the receive region at the driver.
pub const FRAMES: u16 = 9;
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

/// A client's end of a link.
pub type RawLink = Link<NetRequest, NetResponse, HostPage>;

pub struct Machine {
    world: World<Net<Memory>>,
    pub clients: Vec<Client>,
    /// Data regions by their index at the driver.
    pub regions: HashMap<u16, Memory>,
    pub driver: Option<Driver>,
    /// What went out, in order.
    pub wire: Vec<Vec<u8>>,
}

impl Deref for Machine {
    type Target = World<Net<Memory>>;
    fn deref(&self) -> &Self::Target {
        &self.world
    }
}

impl DerefMut for Machine {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.world
    }
}

impl Machine {
    /// A machine with so many sessions (the last may be promiscuous), and no driver yet.
    pub fn new(sessions: usize) -> Self {
        let pages = Pages::default();
        let mut config = shadow_world::one_slot();
        config.session_count = sessions as u32;
        config.slots[0].scratch = RegionConfig {
            vaddr: FRAMES_AT,
            len: REGION_LEN as u64,
        };
        config.slots[0].scratch_region = FRAMES.into();
        let mut clients = Vec::new();
        let mut regions = HashMap::from([(FRAMES, Memory::zeroed(REGION_LEN))]);
        for index in 0..sessions {
            let data = Memory::zeroed(DATA);
            let channel = CLIENTS + index as u64;
            let (transmit, receive) = (link(channel), second_link(channel));
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
            let end = |config: LinkConfig| {
                let (own, peer) = pages.peer(config);
                Link::over(own, peer)
            };
            let session = NetClient::new(end(transmit), end(receive));
            clients.push(Client::new(session, data, channel));
        }
        let memories = regions.clone();
        let memory = move |region: &RegionConfig| match region.vaddr {
            FRAMES_AT => memories[&FRAMES].clone(),
            data => memories[&((data - DATA_AT) as u16)].clone(),
        };
        Self {
            world: World::new(config, pages, Stations(memory)),
            clients,
            regions,
            driver: None,
            wire: Vec::new(),
        }
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

    /// Root starts the generation: a zeroed page, and a driver that has probed its device.
    pub fn start(&mut self, record: NetCapabilities) {
        let (own, peer) = self.driver_pages();
        let mut driver = Driver::new(Link::over(own, peer), self.generation);
        let report = shadow_world::report(ClassId::Net, self.generation, STATE_READY, 0, &record);
        driver.link.write_info(&report);
        self.driver = Some(driver);
        self.driver_rings(true);
        self.run();
    }

    /// A whole update to a driver with this record; events are left where they differ from the good case.
    pub fn update(&mut self, record: NetCapabilities, policy: Policy) {
        self.quiesce(policy);
        self.driver = None;
        self.attach(policy);
        self.start(record);
    }

    pub fn call(&mut self, client: usize, call: ClientCall, words: [u64; 2]) -> (CallReply, [u64; 4]) {
        let channel = self.clients[client].channel;
        let (label, answer) = self.shadow.call(channel, call as u64, words).unwrap();
        if self.shadow.is_restless() {
            self.world.shadow.wake(0, &mut self.world.env);
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
            self.world.ringing |= u64::from(client.exchange()) << client.channel;
        }
        self.run();
    }

    /// The driver takes what is in its ring.
    pub fn driver_takes(&mut self) {
        if let Some(driver) = &mut self.driver {
            driver.take();
            self.world.driver_rings(driver.link.publish());
            let _ = driver.link.sleep();
        }
        self.run();
    }

    /// The driver gives an answer.
    pub fn driver_says(&mut self, response: NetResponse) {
        self.driver_says_all(&[response]);
    }

    /// The driver gives several answers, and notifies once.
    pub fn driver_says_all(&mut self, responses: &[NetResponse]) {
        let driver = self.driver.as_mut().expect("a driver");
        for response in responses {
            driver.link.send(response).unwrap();
        }
        self.world.driver_rings(driver.link.publish());
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

    /// Frames come from the network, and the driver tells of all of them at once; for how many the device had a buffer.
    pub fn arrive_together(&mut self, frames: &[Vec<u8>]) -> usize {
        let responses: Vec<NetResponse> = frames.iter().map_while(|frame| self.fill_buffer(frame)).collect();
        if !responses.is_empty() {
            self.driver_says_all(&responses);
        }
        responses.len()
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
        self.world.ringing |= u64::from(client.exchange()) << client.channel;
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
            let World { shadow, env, .. } = &mut self.world;
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
            let (own, peer) = self.pages.peer(config);
            Link::resume(own, peer)
        };
        (end(link(channel)), end(second_link(channel)))
    }

    /// A client claims buffers that it cannot have posted.
    pub fn break_deliveries_of(&self, client: usize) {
        let config = second_link(CLIENTS + client as u64);
        self.pages
            .at(config.peer)
            .store32(shared_ring::TAIL, 1000, std::sync::atomic::Ordering::SeqCst);
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
