//! For the model checker: a slot that can be copied, with a region of its own, and told from others.

use core::hash::{Hash, Hasher};

use shared_ring::page::Page;
use zerocopy::IntoBytes;

use super::{Mode, Side, Slot};
use crate::Class;
use crate::ledger::Region;
use crate::session::Session;
use crate::state::SlotState;

impl<'s, C: Class, P: Page + Clone, R: Region + Clone> Slot<'s, C, P, R>
where
    C::Session: Clone,
    C::Learn: Clone,
{
    /// A slot in the same state, with another room to work in.
    pub fn fork<'k>(&self, kept: &'k mut SlotState) -> Slot<'k, C, P, R> {
        *kept = *self.kept;
        let side = |side: &Side<C, P>| Side {
            link: side.link.clone(),
            channel: side.channel,
        };
        Slot {
            number: self.number,
            times: self.times,
            mode: self.mode,
            sides: [side(&self.sides[0]), side(&self.sides[1])],
            current: self.current,
            kept,
            running: self.running,
            degraded: self.degraded,
            sessions: self.sessions.iter().map(Session::fork).collect(),
            turn: self.turn,
            learn: self.learn.clone(),
            learning: self.learning,
            attempts: self.attempts,
            unlearnt: self.unlearnt,
            stale: self.stale,
            broken: self.broken,
            gone: self.gone,
            resubmit: self.resubmit,
            first_completion: self.first_completion,
            transaction: self.transaction,
            gap: self.gap,
            flow: self.flow,
            handing: self.handing,
            pace: self.pace,
            check_at: self.check_at,
            watch: self.watch,
            now: self.now,
            ledger: self.ledger.clone(),
            changed: self.changed,
            control: self.control,
            own_is_old: self.own_is_old,
            allowance: self.allowance,
            calm: self.calm,
        }
    }
}

impl<'s, C: Class, P: Page, R: Region> Slot<'s, C, P, R> {
    /// The room that it worked in.
    pub fn into_kept(self) -> &'s mut SlotState {
        self.kept
    }

    /// The state that it works on.
    pub fn kept(&self) -> &SlotState {
        self.kept
    }
}

/// What a slot does depends on: everything but the figures that it reports, and what is known from the rest. When a drain ends
/// depends on two more, `handing` and `pace`, if its order names an age; the model's never do. Of the watch it depends on more
/// than the end when that comes, and the model's never does. The pages are hashed by whoever has them.
impl<C: Class, P: Page + Hash, R: Region> Hash for Slot<'_, C, P, R>
where
    C::Request: Hash,
    C::Response: Hash,
    C::Session: Hash,
    C::Learn: Hash,
{
    fn hash<H: Hasher>(&self, state: &mut H) {
        let kept = &self.kept;
        (kept.generation, kept.side, kept.has_record, kept.running).hash(state);
        kept.tracker.hash_live(state);
        kept.journal
            .iter()
            .for_each(|matter| matter.as_bytes().hash(state));
        let (mode, word) = match self.mode {
            Mode::Offline { until } => (0, until),
            Mode::Waiting { deadline, policy } => (1 + policy as u64, deadline),
            Mode::Passive => (8, 0),
            Mode::Draining { deadline, had } => (9 + u64::from(had), deadline),
            Mode::Active => (80, 0),
        };
        // Past the last session it is the first one's turn.
        let turn = self.turn % self.sessions.len().max(1);
        (mode, word, self.current, self.degraded, turn).hash(state);
        self.sides.iter().for_each(|side| side.link.hash(state));
        for session in &self.sessions {
            (session.state as u8, session.live, &session.plan, &session.link).hash(state);
            session.told.as_bytes().hash(state);
        }
        (&self.learn, self.learning, self.attempts, self.unlearnt).hash(state);
        (
            self.stale,
            (self.broken, self.gone),
            self.resubmit,
            self.transaction,
            self.check_at,
            self.watch.end(),
            (
                self.first_completion.is_some(),
                self.gap.is_measuring(),
                self.calm,
            ),
            self.own_is_old,
        )
            .hash(state);
    }
}
