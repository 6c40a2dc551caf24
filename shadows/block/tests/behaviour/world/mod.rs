//! A machine around the shadow: clients with a model of what they must read, a device, drivers that misbehave on order,
//! a control that carries out updates.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use device_class::ClassId;
use device_class::block::*;
use device_class::report::{DriverReport, STATE_READY};
use shadow_block::Block;
use shadow_block::assemble::Disks;
use shadow_block::table::Scratch;
use shadow_world::{CLIENTS, Pages, World, link};
pub use shadow_world::{REQUEST_DEADLINE, WATCH, mortal};
use shared_ring::Link;
use shared_ring::page::HostPage;
use supervision::shadow::{EventKind, Policy};
use system_spec::config::{NAME_MAX, Name, RegionConfig, ShadowSession};
use zerocopy::FromZeros;

pub mod client;
pub mod driver;
pub mod gpt;

pub use client::Client;
pub use driver::Driver;

pub const BLOCK: usize = 512;
pub const CAPACITY: u64 = 1024;
/// Bytes of a client's data region.
pub const DATA: usize = 64 * 8 * BLOCK;
/// Index of the scratch region at the driver.
pub const SCRATCH: u16 = 9;

pub const RECORD: BlockCapabilities = BlockCapabilities {
    capacity: CAPACITY,
    block_size: BLOCK as u32,
    flags: CAP_WRITE_BACK | CAP_FLUSH | CAP_DISCARD | CAP_WRITE_ZEROES,
    max_transfer: 64,
    queue_depth: 16,
};

/// Memory that several may change.
#[derive(Clone)]
pub struct Memory(pub Rc<RefCell<Vec<u8>>>);

impl Memory {
    pub fn zeroed(len: usize) -> Self {
        Self(Rc::new(RefCell::new(vec![0; len])))
    }
}

impl Scratch for Memory {
    fn capacity(&self) -> usize {
        self.0.borrow().len()
    }
    fn read(&self, offset: usize, target: &mut [u8]) -> bool {
        let memory = self.0.borrow();
        let Some(source) = memory.get(offset..offset + target.len()) else {
            return false;
        };
        target.copy_from_slice(source);
        true
    }
}

pub fn name(text: &str) -> Name {
    let mut name = [0; NAME_MAX];
    name[..text.len()].copy_from_slice(text.as_bytes());
    name
}

pub struct Machine {
    world: World<Block<Memory>>,
    pub clients: Vec<Client>,
    pub disk: Memory,
    /// Data regions by their index at the driver.
    pub regions: HashMap<u16, Memory>,
    pub driver: Option<Driver>,
}

impl Deref for Machine {
    type Target = World<Block<Memory>>;
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
    /// A machine with a session for each name ("": the whole device), a GPT on its disk, and no driver yet.
    pub fn new(partitions: &[&str]) -> Self {
        let pages = Pages::default();
        let mut config = shadow_world::one_slot();
        config.session_count = partitions.len() as u32;
        config.slots[0].scratch = RegionConfig {
            vaddr: 0x9000,
            len: 4096,
        };
        config.slots[0].scratch_region = SCRATCH.into();
        let mut clients = Vec::new();
        let scratch = Memory::zeroed(4096);
        let mut regions = HashMap::from([(SCRATCH, scratch.clone())]);
        for (index, partition) in partitions.iter().enumerate() {
            let data = Memory::zeroed(DATA);
            let link = link(CLIENTS + index as u64);
            config.sessions[index] = ShadowSession {
                link,
                data_len: DATA as u64,
                data_region: index as u32,
                slot_index: 0,
                partition: name(partition),
                ..ShadowSession::new_zeroed()
            };
            regions.insert(index as u16, data.clone());
            let (own, peer) = pages.peer(link);
            clients.push(Client::new(Link::over(own, peer), data, link.channel));
        }
        let disk = Memory::zeroed(CAPACITY as usize * BLOCK);
        gpt::write(&disk, &gpt::PARTITIONS);
        Self {
            world: World::new(config, pages, Disks(move |_: &RegionConfig| scratch.clone())),
            clients,
            disk,
            regions,
            driver: None,
        }
    }

    /// The same with the first driver running and all sessions open.
    pub fn running(partitions: &[&str]) -> Self {
        let mut machine = Self::new(partitions);
        machine.attach(Policy::First);
        machine.start(RECORD);
        machine.expect(EventKind::Enabled);
        machine.work_until_idle();
        for client in 0..machine.clients.len() {
            machine.open(client);
        }
        machine
    }

    /// Root starts the generation: a zeroed page, and a driver that has probed its device.
    pub fn start(&mut self, record: BlockCapabilities) {
        self.start_with(block_report(self.generation, STATE_READY, 0, &record));
    }

    pub fn start_with(&mut self, report: DriverReport) {
        let (own, peer) = self.driver_pages();
        let mut driver = Driver::new(Link::over(own, peer), self.generation);
        driver.link.write_info(&report);
        self.driver = Some(driver);
        self.driver_rings(true);
        self.run();
    }

    /// Take registers and interrupt from the running driver; it is returned, as a ghost that still has its page.
    pub fn cut(&mut self) -> Option<Driver> {
        self.driver.take()
    }

    /// A whole update to a driver with this record; events are left where they differ from the good case.
    pub fn update(&mut self, record: BlockCapabilities, policy: Policy) {
        self.quiesce(policy);
        self.cut();
        self.attach(policy);
        self.start(record);
    }

    pub fn open(&mut self, client: usize) {
        let client = &mut self.clients[client];
        let (label, words) = self
            .world
            .shadow
            .call(client.channel, ClientCall::Info as u64, [0; 2])
            .unwrap();
        assert_eq!(CallReply::from_label(label), CallReply::Ok);
        client.opened(ClientInfo::from_words(words).unwrap());
    }

    /// A client submits a request; false: it has no room.
    pub fn submit(&mut self, client: usize, op: Op, block: u64, count: u32) -> bool {
        self.clients[client].submit(op, block, count)
    }

    /// Clients hand over what they submitted and take what was answered.
    pub fn exchange(&mut self) {
        for client in &mut self.clients {
            self.world.ringing |= u64::from(client.exchange()) << client.channel;
        }
        self.run();
    }

    /// A client hands over what it submitted, and looks at nothing.
    pub fn hand_over(&mut self, client: usize) {
        let client = &mut self.clients[client];
        self.world.ringing |= u64::from(client.hand_over()) << client.channel;
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

    /// The driver carries out and answers one of its requests.
    pub fn driver_answers(&mut self, which: usize) {
        if let Some(driver) = &mut self.driver
            && !driver.pending.is_empty()
        {
            let request = driver.pending.remove(which % driver.pending.len());
            let response = driver::carry_out(&self.disk, &self.regions, &request);
            driver.answer(response);
            self.world.driver_rings(driver.link.publish());
        }
        self.run();
    }

    /// Everybody works until nothing is left to do.
    pub fn work_until_idle(&mut self) {
        for _ in 0..10_000 {
            self.exchange();
            self.driver_takes();
            let had = self.driver.as_ref().map_or(0, |driver| driver.pending.len());
            (0..had).for_each(|_| self.driver_answers(0));
            if had == 0 && self.ringing == 0 {
                self.exchange();
                return;
            }
        }
        panic!("never idle");
    }

    pub fn raw_page_of_client(&self, client: usize) -> HostPage {
        self.pages.peer(link(CLIENTS + client as u64)).0
    }
}

/// What a block driver reports.
pub fn block_report(generation: u32, state: u32, reason: u32, record: &BlockCapabilities) -> DriverReport {
    shadow_world::report(ClassId::Block, generation, state, reason, record)
}

/// Writes of one block each, handed over and taken by the driver.
pub fn load(machine: &mut Machine, client: usize, blocks: std::ops::Range<u64>) {
    for block in blocks {
        assert!(machine.submit(client, Op::Write, block, 1));
    }
    machine.exchange();
    machine.driver_takes();
}
