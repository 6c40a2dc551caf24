//! The machine around a shadow of any class, for tests on the host: root, which starts the shadow anew, control, which orders
//! updates, a clock, and pages that both ends of a link see. A class' own tests add clients, a device and drivers.
//!
//! Nobody runs unless he was notified, so a lost wake-up shows as a stand-still.

#![forbid(unsafe_code)]

use std::cell::Cell;

use shadow::assemble::{Parts, State, assemble};
use shadow::engine::Shadow;
use shadow::ledger::Part;
use shadow::slot::{Mode, Times};
use shadow::{Class, Env};
use shared_ring::Link;
use shared_ring::page::{HostPage, Page};
use supervision::shadow::{Command, CommandKind, Event, EventKind, Policy};
use system_spec::config::{LinkConfig, ShadowConfig};
use zerocopy::IntoBytes;

mod link;
pub mod mortal;

pub use link::{Pages, link, one_slot, report, second_link};
use mortal::{Kept, MortalPage};

/// The device's slot, as control numbers it.
pub const SLOT: u32 = 5;
/// Time for a request, in ticks of the clock.
pub const REQUEST_DEADLINE: u64 = 1_000_000;
/// Time for a driver to come to rest, in ticks.
pub const PATIENCE: u64 = 50_000;
/// Longer than any test takes that is not about it.
pub const WATCH: u64 = 1_000_000_000;
/// Channel of the first client.
pub const CLIENTS: u64 = 10;

const CONTROL: u64 = 0;
const TIMER: u64 = 60;
const SIDES: [u64; 2] = [1, 2];

/// What the shadow sees of the machine.
pub struct Surroundings {
    clock: Cell<u64>,
    /// Channels notified by the shadow.
    pub rung: Vec<u64>,
    timeout: Option<u64>,
    /// What the shadow traced.
    pub traced: Vec<trace::Event>,
    /// What it counted, and how it stands.
    counted: trace::Tally,
    standing: trace::Standing,
    /// Looking at the clock takes no time.
    pub still: bool,
}

impl Env for Surroundings {
    fn now(&self) -> u64 {
        self.clock.set(self.clock.get() + u64::from(!self.still));
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
    fn tally(&mut self, _: u32, more: trace::Tally) {
        self.counted.answered += more.answered;
        self.counted.bytes += more.bytes;
        self.counted.waited += more.waited;
    }
    fn step(&mut self, slot: u32, tally: Option<trace::Tally>, [live, sent]: [u64; 2]) {
        self.tally(slot, tally.unwrap_or_default());
        (self.standing.live, self.standing.sent) = (live, sent);
    }
    fn stand(&mut self, _: u32, standing: trace::Standing) {
        self.standing = standing;
    }
}

/// See [`World::seen`].
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pages: Vec<(u64, Vec<u64>)>,
    kept: Vec<u64>,
    rung: Vec<u64>,
    timeout: Option<u64>,
    traced: Vec<trace::Event>,
    counted: trace::Tally,
    standing: trace::Standing,
    ringing: u64,
}

/// A shadow that may die at any store and any notification.
pub type Mortal<C> = Shadow<'static, C, MortalPage, Part<Kept>>;

/// The machine, as far as no class shows in it.
pub struct World<C: Class> {
    /// The shadow in its present life.
    pub shadow: Mortal<C>,
    /// What it sees of the machine.
    pub env: Surroundings,
    /// The pages of its links.
    pub pages: Pages,
    /// What the shadow told control, oldest first.
    pub events: Vec<Event>,
    /// Generation of the driver attached last; 0: none yet.
    pub generation: u32,
    /// The side of the running generation.
    pub side: usize,
    /// How often the shadow died.
    pub deaths: usize,
    /// The last successor notified everybody.
    pub rung_by_successor: bool,
    /// Effects that the next lives of the shadow have.
    pub lives: Vec<u64>,
    /// Channels on which the shadow was notified.
    pub ringing: u64,
    /// The shadow always takes the general way.
    pub thorough: bool,
    kept: Kept,
    clients: Vec<u64>,
    control: Link<Command, Event, HostPage>,
    assemble: Box<dyn Fn(u64) -> (Mortal<C>, bool)>,
}

impl<C: Class + 'static> World<C> {
    /// The machine of this configuration, with no driver yet; `pages` hold the other ends of its links.
    pub fn new(config: ShadowConfig, pages: Pages, parts: impl Parts<C> + 'static) -> Self {
        let words = shadow::state::kept_len(1) / 8;
        let kept = Kept((0..words).map(|_| Cell::new(0)).collect());
        let sessions = &config.sessions[..config.session_count as usize];
        let clients = sessions.iter().map(|session| session.link.channel).collect();
        let control = pages.peer(config.control);
        let built = {
            let (pages, kept) = (pages.clone(), kept.clone());
            move |now| build(&config, &kept, &pages, &parts, now)
        };
        let (shadow, again) = built(1);
        assert!(!again);
        let mut world = Self {
            shadow,
            env: Surroundings {
                clock: Cell::new(1),
                rung: Vec::new(),
                timeout: None,
                traced: Vec::new(),
                counted: trace::Tally::default(),
                standing: trace::Standing::default(),
                still: false,
            },
            pages,
            events: Vec::new(),
            generation: 0,
            side: 1,
            deaths: 0,
            rung_by_successor: false,
            lives: Vec::new(),
            ringing: u64::MAX,
            thorough: false,
            kept,
            clients,
            control: Link::over(control.0, control.1),
            assemble: Box::new(built),
        };
        world.run();
        world
    }

    /// Ticks of the clock.
    pub fn now(&self) -> u64 {
        self.env.clock.get()
    }

    /// The shadow's mode for the slot.
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
            channels if self.thorough => self.while_alive(|shadow, env| shadow.go_round(channels, env)),
            channels => self.while_alive(|shadow, env| shadow.wake(channels, env)),
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

    /// All that anybody sees of the shadow: each page of its links, what outlives it, whom it notified, its timeout, what it counted.
    pub fn seen(&self) -> Seen {
        let Surroundings {
            rung,
            timeout,
            traced,
            counted,
            standing,
            ..
        } = &self.env;
        Seen {
            pages: self.pages.words(),
            kept: self.kept.0.iter().map(Cell::get).collect(),
            rung: rung.clone(),
            timeout: *timeout,
            traced: traced.clone(),
            counted: *counted,
            standing: *standing,
            ringing: self.ringing,
        }
    }

    /// What the shadow does; if it dies over it, root starts it anew.
    fn while_alive(&mut self, act: impl FnOnce(&mut Mortal<C>, &mut Surroundings)) {
        let (shadow, env) = (&mut self.shadow, &mut self.env);
        if mortal::live(|| act(shadow, env)).is_none() {
            self.restart();
        }
    }

    /// Root starts the shadow anew, as often as it dies over that too.
    pub fn restart(&mut self) {
        loop {
            self.deaths += 1;
            mortal::arm(self.lives.pop());
            self.env.rung.clear();
            let born = mortal::live(|| {
                let (mut shadow, again) = (self.assemble)(self.now());
                assert!(again, "a life goes on from the last");
                shadow.begin(again, &mut self.env);
                shadow
            });
            if let Some(shadow) = born {
                self.shadow = shadow;
                let clients = self.clients.iter().copied();
                let mut everybody = [CONTROL, SIDES[self.side]].into_iter().chain(clients);
                self.rung_by_successor = everybody.all(|peer| self.env.rung.contains(&peer));
                return;
            }
        }
    }

    /// Let time pass.
    pub fn pass(&mut self, ticks: u64) {
        self.env.clock.set(self.now() + ticks);
        self.run();
    }

    /// Control orders something of the shadow.
    pub fn command(&mut self, kind: CommandKind, policy: Policy, a: u64, b: u64, c: u64) {
        let command = Command {
            kind: kind as u32,
            slot: SLOT,
            policy: policy as u32,
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
        let found = (event.kind, event.slot);
        assert_eq!(found, (kind as u32, SLOT), "expected {kind:?}, got {event:?}");
        event
    }

    /// Control orders a drain of at most so many ticks.
    pub fn drain(&mut self, policy: Policy, ticks: u64) {
        self.command(CommandKind::Quiesce, policy, self.now() + ticks, 0, 0);
    }

    /// Drain for a swap, as long as that may take.
    pub fn quiesce(&mut self, policy: Policy) {
        self.drain(policy, 5_000);
        self.pass(6_000);
        self.expect(EventKind::Quiesced);
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

    /// A client's call; `None`: not on a client's channel.
    pub fn ask(&mut self, client: usize, call: u64, words: [u64; 2]) -> Option<(u64, [u64; 4])> {
        self.shadow.call(self.clients[client], call, words)
    }

    /// Channel of the running generation's side.
    pub fn driver_channel(&self) -> u64 {
        SIDES[self.side]
    }

    /// A driver's own page and its peer's: what root gives to a generation, the own page zeroed.
    pub fn driver_pages(&self) -> (HostPage, HostPage) {
        let (own, peer) = self.pages.peer(link(self.driver_channel()));
        (0..4096).step_by(8).for_each(|offset| own.store64(offset, 0));
        (own, peer)
    }

    /// The page that the running driver writes.
    pub fn raw_page_of_driver(&self) -> HostPage {
        self.pages.peer(link(self.driver_channel())).0
    }

    /// The driver notified the shadow, or not.
    pub fn driver_rings(&mut self, ring: bool) {
        self.ringing |= u64::from(ring) << self.driver_channel();
    }

    /// Notify the shadow on every channel, as anybody may at any time.
    pub fn ring(&mut self) {
        self.ringing = u64::MAX;
        self.run();
    }
}

fn build<C: Class>(
    config: &ShadowConfig,
    kept: &Kept,
    pages: &Pages,
    parts: &impl Parts<C>,
    now: u64,
) -> (Mortal<C>, bool) {
    let work = Box::leak(vec![0u64; shadow::state::work_len(1) / 8].into_boxed_slice());
    let state = State {
        region: kept,
        ledger: |slot| Some(shadow::state::ledger(kept.clone(), slot)),
        work: IntoBytes::as_mut_bytes(work),
    };
    let times = Times {
        request_deadline: REQUEST_DEADLINE,
        patience: PATIENCE,
        watch: WATCH,
    };
    let mortal = |address| MortalPage(pages.at(address));
    let links = |link: &LinkConfig| (mortal(link.own), mortal(link.peer));
    assemble(config, state, links, parts, times, now).unwrap()
}
