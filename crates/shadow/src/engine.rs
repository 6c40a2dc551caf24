//! All slots of a shadow, the link to control, and the one timeout that the timer gives us.

use heapless::{Deque, Vec};
use shared_ring::Link;
use shared_ring::page::Page;
use supervision::shadow::{Command, Event};
use system_spec::config::MAX_SLOTS;

use crate::ledger::{Region, Unkept};
use crate::slot::single::Peer;
use crate::slot::{Outbox, Slot};
use crate::{Class, Env};

/// Passes per wake-up. Everybody else runs below the shadow and cannot add work meanwhile, so two suffice; more means
/// that somebody does, and then they must let others run.
const PASSES: usize = 8;

/// A shadow.
pub struct Shadow<'s, C: Class, P, R = Unkept> {
    slots: Vec<Slot<'s, C, P, R>, MAX_SLOTS>,
    /// Who notifies on a channel, and of which slot he is.
    peers: [Option<(u8, Peer)>; 64],
    control: Link<Event, Command, P>,
    control_channel: u64,
    outbox: Outbox,
    /// The timeout that is set, if any.
    armed: Option<u64>,
    /// Until then nothing is due and control will say what it wants, so that one peer's notification may be all there is; 0: it may not.
    calm_until: u64,
}

impl<'s, C: Class, P: Page, R: Region> Shadow<'s, C, P, R> {
    /// A shadow with these slots. Call [`begin`](Self::begin) before waiting for the first notification.
    pub fn new(
        slots: Vec<Slot<'s, C, P, R>, MAX_SLOTS>,
        mut control: Link<Event, Command, P>,
        control_channel: u64,
    ) -> Self {
        // Zero, and so nothing new, in a first life. The furthest counts: each command concerns one slot.
        slots
            .iter()
            .for_each(|slot| control.advance(slot.control_cursor()));
        let mut peers = [None; 64];
        for (number, slot) in (0u8..).zip(&slots) {
            for (channel, peer) in slot.peers() {
                peers[channel as usize % 64] = Some((number, peer));
            }
        }
        Self {
            slots,
            peers,
            control,
            control_channel,
            outbox: Deque::new(),
            armed: None,
            calm_until: 0,
        }
    }

    /// Slots.
    pub fn slots(&self) -> &[Slot<'s, C, P, R>] {
        &self.slots
    }

    /// Begin this life. `again`: it is not the first, and whoever waits for what the predecessor did not live to tell is
    /// notified, whether he does or not.
    pub fn begin(&mut self, again: bool, env: &mut impl Env) {
        // Nobody notifies us before we asked for it.
        self.wake(u64::MAX, env);
        if again {
            env.notify(self.control_channel);
            self.slots.iter().for_each(|slot| slot.ring(env));
        }
    }

    /// The timeout was reached. [`wake`](Self::wake) follows.
    pub fn timeout(&mut self) {
        self.armed = None;
        self.calm_until = 0;
    }

    /// These channels were notified (a bit each): do what there is to do, and wish for notifications again.
    pub fn wake(&mut self, channels: u64, env: &mut impl Env) {
        if !self.wake_for_one(channels, env) {
            self.go_round(channels, env);
        }
    }

    /// One channel was notified and nothing else can have happened: do what a single entry of that peer asks for. False: not such a
    /// case, and [`go_round`](Self::go_round) follows; what was done all the same, that does not do again.
    #[inline]
    pub fn wake_for_one(&mut self, channels: u64, env: &mut impl Env) -> bool {
        let now = env.now();
        if now >= self.calm_until || !channels.is_power_of_two() {
            return false;
        }
        let Some((slot, peer)) = self.peers[channels.trailing_zeros() as usize % 64] else {
            return false;
        };
        let slot = self.slots.get_mut(usize::from(slot));
        slot.is_some_and(|slot| slot.pass_for_one(peer, now, env))
    }

    /// The general way of [`wake`](Self::wake), which takes nothing for granted.
    #[inline(never)] // With registers of its own.
    pub fn go_round(&mut self, channels: u64, env: &mut impl Env) {
        let (mut quiet, mut channels) = (false, channels);
        for _ in 0..PASSES {
            if !self.control.is_asleep() || channels & (1 << self.control_channel) != 0 {
                self.control.awake();
                self.take_commands(env);
            }
            for slot in &mut self.slots {
                slot.receive(channels, &mut self.outbox, env);
                settle(&mut self.control, &mut self.outbox, slot);
                slot.serve(channels, &mut self.outbox, env);
            }
            channels = 0;
            self.tell_control(env);
            quiet = self.rest(env);
            if quiet {
                break;
            }
        }
        let deadline = self.slots.iter().filter_map(Slot::deadline).min();
        let deadline = if quiet { deadline } else { Some(env.now()) };
        if let Some(deadline) = deadline
            && self.armed.is_none_or(|armed| deadline < armed)
        {
            env.set_timeout(deadline);
            self.armed = Some(deadline);
        }
        // No slot's deadline is earlier than the timeout.
        let awaits_control = self.control.is_asleep() && self.outbox.is_empty();
        self.calm_until = self.armed.filter(|_| awaits_control).unwrap_or(0);
    }

    /// Answer a client's protected call: label and words of the reply.
    pub fn call(&mut self, channel: u64, label: u64, words: [u64; 2]) -> Option<(u64, [u64; 4])> {
        self.slots
            .iter_mut()
            .find_map(|slot| slot.call(channel, label, words))
    }

    /// A call has left something to do: [`wake`](Self::wake), though nobody notified.
    pub fn is_restless(&self) -> bool {
        self.slots.iter().any(Slot::is_curious)
    }

    fn take_commands(&mut self, env: &mut impl Env) {
        // Control is trusted; if its page is damaged all the same, it cannot be obeyed.
        while let Ok(Some(command)) = self.control.recv() {
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == command.slot) {
                slot.command(&command, &mut self.outbox, env);
                settle(&mut self.control, &mut self.outbox, slot);
            }
        }
    }

    fn tell_control(&mut self, env: &mut impl Env) {
        if !self.outbox.is_empty() {
            // Whether a full ring is waited for is decided anew.
            self.control.awake();
        }
        self.slots
            .iter_mut()
            .for_each(|slot| settle(&mut self.control, &mut self.outbox, slot));
        if self.control.publish() {
            env.notify(self.control_channel);
        }
    }

    fn rest(&mut self, env: &mut impl Env) -> bool {
        let mut quiet = self.control.is_asleep() || self.control.sleep().unwrap_or(true);
        for slot in &mut self.slots {
            quiet &= slot.rest(&mut self.outbox, env);
        }
        // A broken ring may have shown only now.
        quiet && (self.outbox.is_empty() || self.control.space() == Ok(0))
    }
}

/// Put events into control's ring, where they are not seen yet, and then write down what the slot did. Publishing comes after,
/// so a shadow that dies before has done nothing, and one that dies behind it has done all.
fn settle<C: Class, P: Page, R: Region>(
    control: &mut Link<Event, Command, P>,
    outbox: &mut Outbox,
    slot: &mut Slot<'_, C, P, R>,
) {
    while let Some(event) = outbox.front() {
        if control.send(event).is_err() {
            break;
        }
        outbox.pop_front();
    }
    slot.settle(control.cursor());
}
