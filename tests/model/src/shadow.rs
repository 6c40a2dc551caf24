//! The shadow's slot in a state: the engine itself, with room to work in per state.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Mutex;

use shadow::ledger::Part;
use shadow::session::Session;
use shadow::slot::{Mode, Outbox, Side, Slot, Times};
use shadow::state::{SlotState, initialise, ledger, work_len};
use shared_ring::Link;
use supervision::shadow::{Command, CommandKind, Event};
use zerocopy::IntoBytes;

use crate::SLOT;
use crate::disk::{Asking, Disk, Reading};
use crate::memory::{Memory, PageRef, RegionRef};

type Work = &'static mut SlotState;

/// Room of slots that are no more.
static FREE: Mutex<Vec<Work>> = Mutex::new(Vec::new());

fn work() -> Work {
    let free = FREE.lock().expect("no panic under this lock").pop();
    free.unwrap_or_else(|| {
        let words = Box::leak(vec![0u64; work_len(1) / 8].into_boxed_slice());
        let slots = initialise(words.as_mut_bytes(), 1).expect("long enough");
        &mut slots[0]
    })
}

/// How far the clock goes on when a time-out comes, and how long each waits: less.
const LATER: u64 = 1000;
const SOON: u64 = 10;
/// A time that does not come.
const NEVER: u64 = u64::MAX;

/// Channel of a session; below are those of the sides.
pub fn channel_of(session: usize) -> u64 {
    2 + session as u64
}

/// A shadow with one slot.
pub struct Shadow {
    slot: Option<TheSlot>,
    sessions: &'static [Asking],
    now: u64,
    /// The timeout that is set, and until when a single entry may go the short way: as `shadow::engine` has them.
    armed: Option<u64>,
    calm_until: u64,
    /// The last wake-up went the short way.
    was_short: bool,
    /// Commands and events so far.
    obeyed: u32,
    told: u32,
}

type TheSlot = Slot<'static, Disk, PageRef, Part<RegionRef>>;

impl Clone for Shadow {
    fn clone(&self) -> Self {
        Self {
            slot: Some(self.slot().fork(work())),
            sessions: self.sessions,
            now: self.now,
            armed: self.armed,
            calm_until: self.calm_until,
            was_short: self.was_short,
            obeyed: self.obeyed,
            told: self.told,
        }
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            give_back(slot);
        }
    }
}

fn give_back(slot: TheSlot) {
    let work = slot.into_kept();
    FREE.lock().expect("no panic under this lock").push(work);
}

impl Hash for Shadow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.slot(), self.now, self.obeyed, self.told).hash(state);
        (self.armed, self.calm_until).hash(state);
    }
}

impl Shadow {
    fn slot(&self) -> &TheSlot {
        self.slot.as_ref().expect("only taken in `drop`")
    }

    /// Its mode.
    pub fn mode(&self) -> Mode {
        self.slot().mode()
    }

    /// The generation attached.
    pub fn generation(&self) -> u32 {
        self.slot().kept().generation
    }

    /// It wants to be woken by the clock.
    pub fn has_deadline(&self) -> bool {
        self.slot().deadline().is_some_and(|deadline| deadline < NEVER)
    }

    /// The time that it waits for has come.
    pub fn time_passes(&mut self) {
        self.now += LATER;
        (self.armed, self.calm_until) = (None, 0);
    }

    /// Its last wake-up was a pass for a single entry.
    pub fn was_short(&self) -> bool {
        self.was_short
    }

    /// Started for the first time.
    pub fn first(memory: &mut Memory, sessions: &'static [Asking]) -> Self {
        let mut slot = memory.with(|| assemble(sessions));
        memory.with(|| slot.open());
        Self {
            slot: Some(slot),
            sessions,
            now: SOON,
            armed: None,
            calm_until: 0,
            was_short: false,
            obeyed: 0,
            told: 0,
        }
    }

    /// One wake-up: commands, then passes until it rests; who has notified is in `channels`, a bit each. Answers how many commands are obeyed, and what it says to control.
    /// If it dies on the way (`memory`'s limit), a successor has taken over.
    pub fn wake(
        &mut self,
        memory: &mut Memory,
        commands: &VecDeque<Command>,
        channels: u64,
        dies: bool,
    ) -> (usize, Vec<Event>) {
        let mut ring = Ring {
            obeyed: self.obeyed,
            told: self.told,
            outbox: Outbox::new(),
            events: Vec::new(),
        };
        let (mut env, now) = (Clock(self.now), self.now);
        let slot = self.slot.as_mut().expect("only taken in `drop`");
        self.was_short = memory.with(|| {
            let single = slot.peers().find(|(channel, _)| channels == 1 << channel);
            if let Some((_, peer)) = single
                && now < self.calm_until
                && slot.pass_for_one(peer, now, &mut env)
            {
                return true;
            }
            for command in commands {
                ring.obeyed += 1;
                slot.command(&at(*command, now), &mut ring.outbox, &mut env);
                ring.settle(slot);
            }
            let (mut quiet, mut channels) = (false, channels);
            for _ in 0..8 {
                slot.receive(channels, &mut ring.outbox, &mut env);
                ring.settle(slot);
                slot.serve(channels, &mut ring.outbox, &mut env);
                ring.settle(slot);
                channels = 0;
                quiet = slot.rest(&mut ring.outbox, &mut env);
                if quiet {
                    break;
                }
            }
            let deadline = if quiet { slot.deadline() } else { Some(now) };
            self.armed = self.armed.into_iter().chain(deadline).min();
            false
        });
        self.calm_until = self.armed.unwrap_or(0);
        if dies {
            (ring.obeyed, ring.told) = self.succeed(memory);
        }
        ring.events.truncate((ring.told - self.told) as usize);
        let obeyed = (ring.obeyed - self.obeyed) as usize;
        (self.obeyed, self.told) = (ring.obeyed, ring.told);
        (obeyed, ring.events)
    }

    /// A successor goes on from region and pages. Answers where it stands in control's ring.
    fn succeed(&mut self, memory: &mut Memory) -> (u32, u32) {
        memory.limit(None);
        (self.armed, self.calm_until) = (None, 0);
        let mut slot = memory.with(|| assemble(self.sessions));
        memory.with(|| slot.recover(self.now));
        let cursor = slot.control_cursor();
        if let Some(dead) = self.slot.replace(slot) {
            give_back(dead);
        }
        (cursor as u32, (cursor >> 32) as u32)
    }
}

/// Our end of control's link: what was taken from it and put into it, published or not.
struct Ring {
    obeyed: u32,
    told: u32,
    outbox: Outbox,
    events: Vec<Event>,
}

impl Ring {
    fn settle(&mut self, slot: &mut TheSlot) {
        while let Some(event) = self.outbox.pop_front() {
            self.events.push(event);
            self.told += 1;
        }
        slot.settle(u64::from(self.obeyed) | u64::from(self.told) << 32);
    }
}

/// The command with its deadlines in the shadow's time.
fn at(command: Command, now: u64) -> Command {
    let (mut a, mut c) = (command.a, command.c);
    match command.kind {
        kind if kind == CommandKind::Quiesce as u32 => a = now + SOON,
        kind if kind == CommandKind::Attach as u32 => c = now + SOON,
        kind if kind == CommandKind::Offline as u32 => a = SOON,
        _ => {}
    }
    Command { a, c, ..command }
}

/// As `shadow_block::assemble` does it.
fn assemble(sessions: &[Asking]) -> TheSlot {
    let work = work();
    work.as_mut_bytes().fill(0);
    let side = |side: supervision::Side| Side {
        link: Link::resume(PageRef::of_shadow(side), PageRef::of_driver(side)),
        channel: side as u64,
    };
    let sides = [side(supervision::Side::A), side(supervision::Side::B)];
    let times = Times {
        request_deadline: SOON,
        patience: SOON,
        // The watch only retires: a crash of the driver at any time stands for that. It is on, because nothing is calm without it.
        watch: NEVER,
    };
    let ledger = ledger(RegionRef, 0);
    let mut slot = Slot::with_ledger(SLOT, sides, work, Reading::default(), times, 0, ledger);
    for (index, asking) in sessions.iter().enumerate() {
        let link = Link::resume(PageRef::session(index), PageRef::client(index));
        let session = Session::new(index as u32, channel_of(index), link, asking.plan(index));
        assert!(slot.add_session(session));
    }
    slot
}

/// A clock that stands, and nobody to notify: the model decides who runs.
struct Clock(u64);

impl shadow::Env for Clock {
    fn now(&self) -> u64 {
        self.0
    }
    fn notify(&mut self, _: u64) {}
    fn set_timeout(&mut self, _: u64) {}
    fn trace(&mut self, _: &trace::Event) {}
}
