//! All slots of a shadow, the link to control, and the one timeout that the timer gives us.

use heapless::{Deque, Vec};
use shared_ring::Link;
use shared_ring::page::Page;
use supervision::shadow::{Command, Event};
use system_spec::config::MAX_SLOTS;

use crate::slot::{Outbox, Slot};
use crate::{Class, Env};

/// Passes per wake-up. Everybody else runs below the shadow and cannot add work meanwhile, so two suffice; more means
/// that somebody does, and then they must let others run.
const PASSES: usize = 8;

/// A shadow.
pub struct Shadow<'s, C: Class, P> {
    slots: Vec<Slot<'s, C, P>, MAX_SLOTS>,
    control: Link<Event, Command, P>,
    control_channel: u64,
    outbox: Outbox,
    /// The timeout that is set, if any.
    armed: Option<u64>,
}

impl<'s, C: Class, P: Page> Shadow<'s, C, P> {
    /// A shadow with these slots. Call [`wake`](Self::wake) once before waiting for the first notification.
    pub fn new(
        slots: Vec<Slot<'s, C, P>, MAX_SLOTS>,
        control: Link<Event, Command, P>,
        control_channel: u64,
    ) -> Self {
        Self {
            slots,
            control,
            control_channel,
            outbox: Deque::new(),
            armed: None,
        }
    }

    /// Slots.
    pub fn slots(&self) -> &[Slot<'s, C, P>] {
        &self.slots
    }

    /// The timeout was reached. [`wake`](Self::wake) follows.
    pub fn timeout(&mut self) {
        self.armed = None;
    }

    /// These channels were notified (a bit each): do what there is to do, and wish for notifications again.
    pub fn wake(&mut self, channels: u64, env: &mut impl Env) {
        let (mut quiet, mut channels) = (false, channels);
        for _ in 0..PASSES {
            if !self.control.is_asleep() || channels & (1 << self.control_channel) != 0 {
                self.control.awake();
                self.take_commands(env);
            }
            for slot in &mut self.slots {
                slot.pass(channels, &mut self.outbox, env);
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
    }

    /// Answer a client's protected call: label and words of the reply.
    pub fn call(&mut self, channel: u64, label: u64) -> Option<(u64, [u64; 4])> {
        self.slots.iter().find_map(|slot| {
            let session = slot.sessions.iter().find(|session| session.channel == channel)?;
            Some(C::call(session.state, &session.plan, slot.promised(), label))
        })
    }

    fn take_commands(&mut self, env: &mut impl Env) {
        // Control is trusted; if its page is damaged all the same, it cannot be obeyed.
        while let Ok(Some(command)) = self.control.recv() {
            if let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == command.slot) {
                slot.command(&command, &mut self.outbox, env);
            }
        }
    }

    fn tell_control(&mut self, env: &mut impl Env) {
        if !self.outbox.is_empty() {
            // Whether a full ring is waited for is decided anew.
            self.control.awake();
        }
        while let Some(event) = self.outbox.front() {
            if self.control.send(event).is_err() {
                break;
            }
            self.outbox.pop_front();
        }
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
