//! The shadow's slot in a state: the engine itself, with a region of its own per state.

use std::hash::{Hash, Hasher};
use std::sync::Mutex;

use shadow::session::Session;
use shadow::slot::{Mode, Outbox, Side, Slot, Times};
use shadow::state::{SlotState, initialise, work_len};
use shadow_block::plan::Plan;
use shared_ring::Link;
use supervision::shadow::{Command, CommandKind, Event};
use zerocopy::IntoBytes;

use crate::disk::{BLOCK, BLOCKS, CLIENT_REGION, Confined, Disk, Reading};
use crate::memory::{Memory, PageRef};
use crate::{SLOT, disk};

type Region = &'static mut SlotState;

/// Regions of states that are no more.
static FREE: Mutex<Vec<Region>> = Mutex::new(Vec::new());

fn region() -> Region {
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

/// A shadow with one slot and one session.
pub struct Shadow {
    slot: Option<Slot<'static, Disk, PageRef>>,
    now: u64,
}

impl Clone for Shadow {
    fn clone(&self) -> Self {
        Self {
            slot: Some(self.slot().fork(region())),
            now: self.now,
        }
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            FREE.lock()
                .expect("no panic under this lock")
                .push(slot.into_kept());
        }
    }
}

impl Hash for Shadow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.slot(), self.now).hash(state);
    }
}

impl Default for Shadow {
    /// A shadow that was just started, over a region of zeroes.
    fn default() -> Self {
        let kept = region();
        kept.as_mut_bytes().fill(0);
        Self {
            slot: Some(assemble(kept)),
            now: SOON,
        }
    }
}

impl Shadow {
    fn slot(&self) -> &Slot<'static, Disk, PageRef> {
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
        self.slot().deadline().is_some()
    }

    /// The time that it waits for has come.
    pub fn time_passes(&mut self) {
        self.now += LATER;
    }

    /// One wake-up: commands, then passes until it rests. Answers what it says to control.
    pub fn wake(&mut self, memory: &mut Memory, commands: impl Iterator<Item = Command>) -> Vec<Event> {
        let mut outbox = Outbox::new();
        let mut env = Clock(self.now);
        let slot = self.slot.as_mut().expect("only taken in `drop`");
        memory.with(|| {
            for command in commands {
                slot.command(&at(command, env.0), &mut outbox, &mut env);
            }
            for _ in 0..8 {
                slot.pass(u64::MAX, &mut outbox, &mut env);
                if slot.rest(&mut outbox, &mut env) {
                    break;
                }
            }
        });
        outbox.iter().copied().collect()
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

fn assemble(kept: Region) -> Slot<'static, Disk, PageRef> {
    let side = |side: supervision::Side| Side {
        link: Link::over(PageRef::of_shadow(side), PageRef::of_driver(side)),
        channel: side as u64,
    };
    let sides = [side(supervision::Side::A), side(supervision::Side::B)];
    let times = Times {
        request_deadline: SOON,
        patience: SOON,
        // The watch only retires: a crash of the driver at any time stands for that.
        watch: 0,
    };
    let mut slot = Slot::new(SLOT, sides, kept, Reading::default(), times, 0);
    let link = Link::over(PageRef::SESSION, PageRef::CLIENT);
    let data = BLOCK * disk::SCRIPT_MAX as u64;
    let plan = Confined(Plan::new(None, data, CLIENT_REGION));
    let added = slot.add_session(Session::new(0, 2, link, plan));
    assert!(added && BLOCKS > 1);
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
