//! What a slot leaves to a successor, and how a successor goes on from it: `docs/design/009-shadow-restart.md`.

use device_class::report::{DriverReport, STATE_NONE};
use shared_ring::page::Page;
use supervision::shadow::Policy;
use zerocopy::FromZeros;

use super::{Mode, Slot, record_of, words_of};
use crate::figures::{Gap, Handing};
use crate::ledger::{
    Entry, FLAG_BROKEN, FLAG_DEGRADED, FLAG_GONE, FLAG_LEARNING, FLAG_MEASURING, FLAG_RECORD, FLAG_UNLEARNT,
    Region, Snapshot,
};
use crate::session::State;
use crate::tracker::{CAPACITY, OWN, OWN_SESSION};
use crate::{Class, Env, journal};

/// How far an index moves to be behind an entry that is so many ahead of it; one that it has passed lies nearly once round ahead.
fn behind(ahead: u32) -> u32 {
    if ahead < shared_ring::CAPACITY {
        ahead + 1
    } else {
        0
    }
}

/// Bits of a session's state in a snapshot.
const STATE_BITS: usize = 4;

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// The first life: nothing is known.
    pub fn open(&mut self) {
        self.ledger.clear();
        self.commit();
    }

    /// Write down what changed. `control` is the cursor of control's link, behind the commands that were obeyed and the events
    /// that were told: with the change, or without it, both count.
    pub fn settle(&mut self, control: u64) {
        if self.changed {
            self.control = control;
            self.commit();
        }
    }

    /// Cursor of control's link as the ledger has it.
    pub fn control_cursor(&self) -> u64 {
        self.control
    }

    pub(super) fn keep_gap(&mut self) {
        let (last, longest, completions) = self.gap.so_far();
        self.ledger.set_gap(last, longest, completions);
    }

    pub(super) fn commit(&mut self) {
        self.ledger.commit(&self.snapshot());
        self.changed = false;
    }

    fn snapshot(&self) -> Snapshot {
        let kept = &self.kept;
        let (until, had, policy) = match self.mode {
            Mode::Offline { until } => (until, 0, 0),
            Mode::Waiting { deadline, policy } => (deadline, 0, policy as u32),
            Mode::Draining { deadline, had } => (deadline, had, 0),
            Mode::Passive | Mode::Active => (0, 0, 0),
        };
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        Snapshot {
            mode: kept.mode,
            had,
            until,
            policy,
            transaction: self.transaction,
            generation: kept.generation,
            side: self.current as u32,
            flags: flag(kept.has_record != 0, FLAG_RECORD)
                | flag(self.degraded, FLAG_DEGRADED)
                | flag(self.unlearnt, FLAG_UNLEARNT)
                | flag(self.learning, FLAG_LEARNING)
                | flag(self.broken, FLAG_BROKEN)
                | flag(self.gone, FLAG_GONE)
                | flag(self.gap.is_measuring(), FLAG_MEASURING),
            sessions: self.sessions.iter().enumerate().fold(0, |states, (at, session)| {
                states | session.state_number() << (at * STATE_BITS)
            }),
            control: self.control,
            resubmit: self.resubmit,
            running: kept.running,
            told: core::array::from_fn(|at| {
                let session = self.sessions.get(at);
                session.map_or([0; 8], |session| words_of::<C>(&session.told))
            }),
            journal: kept.journal,
            stale: self.stale.unwrap_or_else(DriverReport::new_zeroed),
        }
    }

    /// A later life: go on from what the predecessor left in the ledger and in our pages. Each step may be the last of this
    /// life too, and is then done once more.
    pub fn recover(&mut self, now: u64) {
        self.now = now;
        let snapshot = self.ledger.snapshot();
        self.recover_mode(&snapshot);
        self.recover_sessions(&snapshot);
        self.complete_interrupted();
        self.recover_links();
        self.recover_requests();
        self.recover_learning(snapshot.flags & FLAG_LEARNING != 0);
    }

    fn recover_mode(&mut self, snapshot: &Snapshot) {
        let until = snapshot.until;
        self.mode = match snapshot.mode {
            1 => Mode::Waiting {
                deadline: until,
                policy: Policy::from_number(snapshot.policy),
            },
            2 => Mode::Passive,
            3 => Mode::Draining {
                deadline: until,
                had: snapshot.had,
            },
            4 => Mode::Active,
            _ => Mode::Offline { until },
        };
        self.current = (snapshot.side & 1) as usize;
        let is = |flag: u32| snapshot.flags & flag != 0;
        let kept = &mut self.kept;
        (kept.mode, kept.generation, kept.side) = (snapshot.mode, snapshot.generation, snapshot.side);
        kept.running = snapshot.running;
        (kept.journal, kept.has_record) = (snapshot.journal, is(FLAG_RECORD).into());
        self.running = record_of::<C>(&kept.running).unwrap_or_else(C::Record::new_zeroed);
        (self.degraded, self.unlearnt) = (is(FLAG_DEGRADED), is(FLAG_UNLEARNT));
        (self.broken, self.gone) = (is(FLAG_BROKEN), is(FLAG_GONE));
        (self.transaction, self.control) = (snapshot.transaction, snapshot.control);
        self.resubmit = snapshot.resubmit;
        self.stale = Some(snapshot.stale).filter(|report| report.state != STATE_NONE);
        let figures = self.ledger.figures();
        self.handing = Handing::resume(figures.handed);
        if is(FLAG_MEASURING) {
            self.gap = Gap::resume(figures.last, figures.longest, figures.completions);
        }
    }

    fn recover_sessions(&mut self, snapshot: &Snapshot) {
        for (at, session) in self.sessions.iter_mut().enumerate() {
            session.state = match snapshot.sessions >> (at * STATE_BITS) & ((1 << STATE_BITS) - 1) {
                1 => State::Open,
                2 => State::Absent,
                3 => State::Ended,
                _ => State::Closed,
            };
            let told = snapshot.told.get(at).and_then(record_of::<C>);
            session.told = told.unwrap_or_else(C::Record::new_zeroed);
            if let Some(words) = self.kept.journal.get(journal::SESSION, session.number) {
                C::restore(&mut session.plan, words);
            }
        }
    }

    /// Of what the predecessor did with a run of requests, the last steps may be missing: they were accepted, but their client's ring
    /// does not say so yet; or they are answered, but still count as live.
    fn complete_interrupted(&mut self) {
        let (ledger, generation) = (&self.ledger, self.kept.generation);
        let (live, mut open) = (ledger.live(), ledger.live());
        for index in (0..CAPACITY).filter(|index| live >> index & 1 != 0) {
            let (entry, answered) = (ledger.entry(index), ledger.answered(index));
            let told = answered.and_then(|answered| answered.told);
            if entry.session != OWN_SESSION {
                let cursor = ledger.cursor(entry.session);
                let (mut head, mut tail) = (cursor as u32, (cursor >> 32) as u32);
                head = head.wrapping_add(behind(entry.position.wrapping_sub(head)));
                let ahead = told.map(|told| told.wrapping_sub(tail as u16).into());
                tail = tail.wrapping_add(ahead.map_or(0, behind));
                ledger.set_cursor(entry.session, u64::from(tail) << 32 | u64::from(head));
            }
            let Some(answered) = answered else { continue };
            if let Some(at) = answered.heard {
                let heard = ledger.heard(generation).unwrap_or(0);
                let more = behind(at.wrapping_sub(heard as u16).into());
                ledger.set_heard(generation, heard.wrapping_add(more));
            }
            open &= !(1 << index);
        }
        // Only now: until then all of it is found again.
        ledger.keep_live(open);
    }

    fn recover_links(&mut self) {
        for session in &mut self.sessions {
            session.link.advance(self.ledger.cursor(session.index));
            if let Some(link) = &mut session.deliveries {
                link.advance(self.ledger.delivered(session.index));
            }
        }
        if let Some(heard) = self.ledger.heard(self.kept.generation) {
            let link = &mut self.sides[self.current].link;
            let sent = link.cursor() & !u64::from(u32::MAX);
            link.advance(sent | u64::from(heard));
        }
    }

    /// The table, in the order of acceptance. What stands in the driver's ring up to our tail, the driver may have; what was
    /// written behind it nobody has seen.
    fn recover_requests(&mut self) {
        let tail = self.sides[self.current].link.published();
        let generation = self.kept.generation;
        let live = self.ledger.live();
        let mut indices: heapless::Vec<usize, CAPACITY> =
            (0..CAPACITY).filter(|index| live >> index & 1 != 0).collect();
        indices.sort_unstable_by_key(|&index| self.ledger.entry(index).order);
        for index in indices {
            let kept = self.ledger.entry(index);
            let (with, position) = self.ledger.placed(index);
            self.restore(index, &kept);
            // Half the numbers lie behind any other.
            if with == generation && generation != 0 && position.wrapping_sub(tail) > u32::MAX / 2 {
                self.kept.tracker.handed(index, position, self.now);
            }
        }
        if self.mode == Mode::Passive && self.in_flight() != 0 {
            self.check_at = Some(self.now.saturating_add(self.times.request_deadline));
        }
    }

    fn restore(&mut self, index: usize, kept: &Entry) {
        let tracker = &mut self.kept.tracker;
        let request: C::Request = kept.read();
        let Some(session) = self.sessions.get_mut(kept.session as usize) else {
            tracker.restore(index, kept, &request, 0);
            return;
        };
        let suspicious = C::enter(&mut session.plan, &request);
        let blockers = if suspicious {
            tracker.blockers(session.live, &request, C::conflicts)
        } else {
            0
        };
        tracker.restore(index, kept, &request, blockers);
        session.enter(index, kept.client_id);
    }

    /// What was read of the device so far is forgotten: it is read again, and an answer still to come is passed over.
    fn recover_learning(&mut self, learning: bool) {
        let own = 1 << OWN;
        if self.kept.tracker.sent() & own != 0 {
            self.own_is_old = true;
        } else if self.kept.tracker.live() & own != 0 {
            self.finish(OWN, None, None);
        }
        self.learning = learning;
        if learning {
            self.begin_learning();
        }
    }

    /// Notify everybody who may wait for what the predecessor did not live to tell.
    pub fn ring(&self, env: &mut impl Env) {
        for session in &self.sessions {
            env.notify(session.channel);
        }
        if self.driver_is_heard() {
            env.notify(self.sides[self.current].channel);
        }
    }
}
