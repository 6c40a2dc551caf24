//! A machine around the shadow: clients with a model of what they must read, a device, drivers that misbehave on order,
//! a control that carries out updates. Nobody runs unless he was notified, so a lost wake-up shows as a stand-still.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use device_class::block::*;
use device_class::report::{DriverReport, STATE_READY};
use shadow::Env;
use shadow::engine::Shadow;
use shadow::ledger::Part;
use shadow::slot::{Mode, Times};
use shadow_block::Block;
use shadow_block::assemble::{State, assemble};
use shadow_block::table::Scratch;
use shared_ring::Link;
use shared_ring::page::{HostPage, Page};
use supervision::shadow::{Command, CommandKind, Event, EventKind, Policy};
use system_spec::config::{LinkConfig, NAME_MAX, Name, RegionConfig, ShadowConfig, ShadowSession};
use zerocopy::FromZeros;

pub mod client;
pub mod driver;
pub mod gpt;
pub mod mortal;

pub use client::Client;
pub use driver::Driver;
use mortal::{Kept, MortalPage};

pub const BLOCK: usize = 512;
pub const CAPACITY: u64 = 1024;
/// Bytes of a client's data region.
pub const DATA: usize = 64 * 8 * BLOCK;
pub const SLOT: u32 = 5;
/// Index of the scratch region at the driver.
pub const SCRATCH: u16 = 9;
pub const REQUEST_DEADLINE: u64 = 1_000_000;
pub const PATIENCE: u64 = 50_000;
/// Longer than any test takes that is not about it.
pub const WATCH: u64 = 1_000_000_000;

const CONTROL: u64 = 0;
const TIMER: u64 = 60;
const SIDES: [u64; 2] = [1, 2];
const CLIENTS: u64 = 10;

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

/// What the shadow sees of the machine.
pub struct Surroundings {
    pub clock: Rc<Cell<u64>>,
    /// Channels notified by the shadow, not yet seen by the peer.
    pub rung: Vec<u64>,
    pub timeout: Option<u64>,
    pub traced: Vec<trace::Event>,
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
    fn trace(&mut self, event: &trace::Event) {
        self.traced.push(*event);
    }
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

pub fn name(text: &str) -> Name {
    let mut name = [0; NAME_MAX];
    name[..text.len()].copy_from_slice(text.as_bytes());
    name
}

type Mortal = Shadow<'static, Block<Memory>, MortalPage, Part<Kept>>;

fn build(config: &ShadowConfig, kept: &Kept, pages: &Pages, scratch: &Memory, now: u64) -> (Mortal, bool) {
    let work = Box::leak(vec![0u64; shadow::state::work_len(1) / 8].into_boxed_slice());
    let mortal = |address| MortalPage(page(pages, address));
    assemble(
        config,
        State {
            region: kept,
            ledger: |slot| Some(shadow::state::ledger(kept.clone(), slot)),
            work: zerocopy::IntoBytes::as_mut_bytes(work),
        },
        |link| (mortal(link.own), mortal(link.peer)),
        |_| scratch.clone(),
        Times {
            request_deadline: REQUEST_DEADLINE,
            patience: PATIENCE,
            watch: WATCH,
        },
        now,
    )
    .unwrap()
}

pub struct Machine {
    pub shadow: Mortal,
    pub env: Surroundings,
    pub clients: Vec<Client>,
    pub disk: Memory,
    /// Data regions by their index at the driver.
    pub regions: HashMap<u16, Memory>,
    pub driver: Option<Driver>,
    pub events: Vec<Event>,
    pub generation: u32,
    pub side: usize,
    pages: Pages,
    control: Link<Command, Event, HostPage>,
    config: ShadowConfig,
    kept: Kept,
    /// How often the shadow died.
    pub deaths: usize,
    /// The last successor notified everybody.
    pub rung_by_successor: bool,
    /// Effects that the next lives of the shadow have.
    pub lives: Vec<u64>,
    /// Channels on which the shadow was notified.
    ringing: u64,
}

impl Machine {
    /// A machine with a session for each name ("": the whole device), a GPT on its disk, and no driver yet.
    pub fn new(partitions: &[&str]) -> Self {
        let pages: Pages = Rc::default();
        let mut config = ShadowConfig::new_zeroed();
        config.control = link(CONTROL);
        (config.slot_count, config.session_count) = (1, partitions.len() as u32);
        config.slots[0].sides = SIDES.map(link);
        config.slots[0].scratch = RegionConfig {
            vaddr: 0x9000,
            len: 4096,
        };
        (config.slots[0].scratch_region, config.slots[0].slot) = (SCRATCH.into(), SLOT);
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
            clients.push(Client::new(
                Link::over(page(&pages, link.peer), page(&pages, link.own)),
                data,
                link.channel,
            ));
        }
        let clock = Rc::new(Cell::new(1));
        let env = Surroundings {
            clock,
            rung: Vec::new(),
            timeout: None,
            traced: Vec::new(),
        };
        let words = shadow::state::kept_len(1) / 8;
        let kept = Kept((0..words).map(|_| Cell::new(0)).collect());
        let (shadow, again) = build(&config, &kept, &pages, &scratch, 1);
        assert!(!again);
        let control = config.control;
        let control = Link::over(page(&pages, control.peer), page(&pages, control.own));
        let disk = Memory::zeroed(CAPACITY as usize * BLOCK);
        gpt::write(&disk, &gpt::PARTITIONS);
        let mut machine = Self {
            shadow,
            env,
            clients,
            disk,
            regions,
            driver: None,
            events: Vec::new(),
            generation: 0,
            side: 1,
            pages,
            control,
            config,
            kept,
            deaths: 0,
            rung_by_successor: false,
            lives: Vec::new(),
            ringing: u64::MAX,
        };
        machine.run();
        machine
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

    /// Root starts the shadow anew, as often as it dies over that too.
    pub fn restart(&mut self) {
        loop {
            self.deaths += 1;
            mortal::arm(self.lives.pop());
            self.env.rung.clear();
            let (pages, scratch) = (self.pages.clone(), self.regions[&SCRATCH].clone());
            let born = mortal::live(|| {
                let (mut shadow, again) = build(&self.config, &self.kept, &pages, &scratch, self.now());
                assert!(again, "a life goes on from the last");
                shadow.begin(again, &mut self.env);
                shadow
            });
            if let Some(shadow) = born {
                self.shadow = shadow;
                let clients = self.clients.iter().map(|client| client.channel);
                let everybody = [CONTROL, SIDES[self.side]].into_iter().chain(clients);
                self.rung_by_successor = everybody.into_iter().all(|peer| self.env.rung.contains(&peer));
                return;
            }
        }
    }

    /// Let time pass.
    pub fn pass(&mut self, ticks: u64) {
        self.env.clock.set(self.now() + ticks);
        self.run();
    }

    pub fn command(&mut self, kind: CommandKind, policy: Policy, a: u64, b: u64, c: u64) {
        let (kind, policy) = (kind as u32, policy as u32);
        self.control
            .send(&Command {
                kind,
                slot: SLOT,
                policy,
                transaction: 77,
                a,
                b,
                c,
            })
            .unwrap();
        self.ringing |= u64::from(self.control.publish()) << CONTROL;
        self.run();
    }

    /// Take the next event, which must be of this kind.
    #[track_caller]
    pub fn expect(&mut self, kind: EventKind) -> Event {
        assert!(!self.events.is_empty(), "no event, expected {kind:?}");
        let event = self.events.remove(0);
        assert_eq!(
            (event.kind, event.slot),
            (kind as u32, SLOT),
            "expected {kind:?}, got {event:?}"
        );
        event
    }

    /// Attach the next generation on the other side.
    pub fn attach(&mut self, policy: Policy) {
        self.generation += 1;
        self.side = 1 - self.side;
        let deadline = self.now() + 10_000;
        self.command(
            CommandKind::Attach,
            policy,
            self.generation.into(),
            self.side as u64,
            deadline,
        );
        self.expect(EventKind::Attached);
    }

    /// Root starts the generation: a zeroed page, and a driver that has probed its device.
    pub fn start(&mut self, record: BlockCapabilities) {
        self.start_with(Driver::report(self.generation, STATE_READY, 0, &record));
    }

    pub fn start_with(&mut self, report: DriverReport) {
        let config = link(SIDES[self.side]);
        let (own, peer) = (page(&self.pages, config.peer), page(&self.pages, config.own));
        (0..4096).step_by(8).for_each(|offset| own.store64(offset, 0));
        let mut driver = Driver::new(Link::over(own, peer), self.generation);
        driver.link.write_info(&report);
        self.driver = Some(driver);
        self.ringing |= 1 << SIDES[self.side];
        self.run();
    }

    /// Take registers and interrupt from the running driver; it is returned, as a ghost that still has its page.
    pub fn cut(&mut self) -> Option<Driver> {
        self.driver.take()
    }

    /// A whole update to a driver with this record; events are left where they differ from the good case.
    pub fn update(&mut self, record: BlockCapabilities, policy: Policy) {
        self.command(CommandKind::Quiesce, policy, self.now() + 5_000, 0, 0);
        self.pass(6_000);
        self.expect(EventKind::Quiesced);
        self.cut();
        self.attach(policy);
        self.start(record);
    }

    pub fn open(&mut self, client: usize) {
        let client = &mut self.clients[client];
        let (label, words) = self
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

    /// The driver carries out and answers one of its requests.
    pub fn driver_answers(&mut self, which: usize) {
        if let Some(driver) = &mut self.driver
            && !driver.pending.is_empty()
        {
            let request = driver.pending.remove(which % driver.pending.len());
            let response = driver::carry_out(&self.disk, &self.regions, &request);
            driver.answer(response);
            self.ringing |= u64::from(driver.link.publish()) << SIDES[self.side];
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

    /// Notify the shadow on every channel, as anybody may at any time.
    pub fn ring(&mut self) {
        self.ringing = u64::MAX;
        self.run();
    }

    pub fn raw_page_of_driver(&self) -> HostPage {
        page(&self.pages, link(SIDES[self.side]).peer)
    }

    pub fn raw_page_of_client(&self, client: usize) -> HostPage {
        page(&self.pages, link(CLIENTS + client as u64).peer)
    }
}

/// Writes of one block each, handed over and taken by the driver.
pub fn load(machine: &mut Machine, client: usize, blocks: std::ops::Range<u64>) {
    for block in blocks {
        assert!(machine.submit(client, Op::Write, block, 1));
    }
    machine.exchange();
    machine.driver_takes();
}
