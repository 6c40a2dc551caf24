//! One device slot: its mode, and the way of a swap through the modes.
//!
//! ```text
//! Offline ──Attach──▶ Waiting ──report, check, replay──▶ Passive ──Quiesce──▶ Draining
//!    ▲                 ▲   │ refused, failed                │ Impersonate,      │ drained, deadline
//!    │                 │   ▼                                ▼ retired           ▼
//!    └───Offline────  Active ◀──────────────────────────────┴───────────────────┘
//! ```
//!
//! In every mode requests of open sessions are validated and accepted, as far as the table goes; only in `Passive` are
//! they handed to a driver, and only in `Passive` and `Draining` are a driver's answers looked at.

use device_class::report::{DriverReport, STATE_NONE};
use heapless::{Deque, Vec};
use shared_ring::Link;
use shared_ring::page::Page;
use supervision::shadow::{Command, CommandKind, Event, EventKind, Failure, Policy};
use system_spec::config::MAX_SESSIONS;
use trace::Kind;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::figures::{Gap, Handing};
use crate::report::{Report, judge};
use crate::session::{Session, State};
use crate::state::SlotState;
use crate::{Class, Env, Learning, journal};

mod feed;

/// Events on their way to control.
pub type Outbox = Deque<Event, 32>;

/// Details of [`Failure::UnknownRequest`].
pub mod detail {
    /// The tag names no request that the driver has.
    pub const TAG: u64 = 1;
    /// Another generation's request.
    pub const GENERATION: u64 = 2;
    /// The answer does not fit the request.
    pub const ANSWER: u64 = 3;
}

/// Attempts to read what must be known of a device.
const LEARN_ATTEMPTS: u32 = 3;

/// Times, in ticks of CNTPCT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// A driver that has a request longer than this is retired.
    pub request_deadline: u64,
    /// How long requests wait for a driver at most, if control does not say.
    pub patience: u64,
}

/// Mode of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No driver, and none expected. After `until` requests are answered "offline".
    Offline {
        /// End of patience, CNTPCT.
        until: u64,
    },
    /// A generation is attached and must report until `deadline`.
    Waiting {
        /// CNTPCT.
        deadline: u64,
        /// What a lost capability means.
        policy: Policy,
    },
    /// The normal one: requests go to the driver.
    Passive,
    /// The driver gets nothing more and finishes what it has until `deadline`.
    Draining {
        /// CNTPCT.
        deadline: u64,
        /// Requests it had at the order.
        had: u32,
    },
    /// Impersonating: requests are accepted and kept.
    Active,
}

/// One end of a device link, with the channel to its driver.
#[derive(Debug)]
pub struct Side<C: Class, P> {
    /// The link.
    pub link: Link<C::Request, C::Response, P>,
    /// Channel to notify the driver on.
    pub channel: u64,
}

/// A device slot.
pub struct Slot<'s, C: Class, P> {
    pub(crate) number: u32,
    times: Times,
    mode: Mode,
    sides: [Side<C, P>; 2],
    current: usize,
    kept: &'s mut SlotState,
    promised: C::Record,
    running: C::Record,
    /// Some promised capability is missing in the running driver: requests are looked at for it.
    degraded: bool,
    pub(crate) sessions: Vec<Session<C, P>, MAX_SESSIONS>,
    /// Session whose turn it is.
    turn: usize,
    learn: C::Learn,
    learning: bool,
    attempts: u32,
    /// A client may have changed what was learnt: a difference proves nothing any more.
    unlearnt: bool,
    /// Generation whose report stood in the page when the side was attached.
    stale: Option<u32>,
    /// The driver broke rules: it is not to be fed again.
    broken: bool,
    /// Entries that an earlier generation had.
    resubmit: u64,
    first_completion: Option<u64>,
    transaction: u32,
    gap: Gap,
    handing: Handing,
    /// When to look for a request that has been with the driver too long.
    check_at: Option<u64>,
    /// CNTPCT at the beginning of this pass.
    now: u64,
}

impl<'s, C: Class, P: Page> Slot<'s, C, P> {
    /// Slot `number`, offline, with its state in the region.
    pub fn new(
        number: u32,
        sides: [Side<C, P>; 2],
        kept: &'s mut SlotState,
        learn: C::Learn,
        times: Times,
        now: u64,
    ) -> Self {
        const { assert!(size_of::<C::Record>() <= 64) }
        Self {
            number,
            times,
            mode: Mode::Offline {
                until: now.saturating_add(times.patience),
            },
            sides,
            current: 0,
            kept,
            promised: C::Record::new_zeroed(),
            running: C::Record::new_zeroed(),
            degraded: false,
            sessions: Vec::new(),
            turn: 0,
            learn,
            learning: false,
            attempts: 0,
            unlearnt: false,
            stale: None,
            broken: false,
            resubmit: 0,
            first_completion: None,
            transaction: 0,
            gap: Gap::default(),
            handing: Handing::default(),
            check_at: None,
            now,
        }
    }

    /// Add a session. False: there are too many.
    pub fn add_session(&mut self, session: Session<C, P>) -> bool {
        self.sessions.push(session).is_ok()
    }

    /// Mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Requests accepted and not answered.
    pub fn live(&self) -> u32 {
        self.kept.tracker.live().count_ones()
    }

    /// What clients were promised, once there was a driver.
    pub(crate) fn promised(&self) -> Option<&C::Record> {
        (self.kept.has_record != 0).then_some(&self.promised)
    }

    /// A command of control.
    pub fn command(&mut self, command: &Command, outbox: &mut Outbox, env: &mut impl Env) {
        self.now = env.now();
        let is = |kind: CommandKind| command.kind == kind as u32;
        if is(CommandKind::BeginGap) {
            self.gap.begin(self.now);
            return;
        }
        if is(CommandKind::EndGap) {
            let (ticks, completions) = self.gap.end(self.now);
            self.trace(Kind::Gap, ticks, completions, env);
            self.tell_for(
                command.transaction,
                EventKind::Gap,
                [ticks, completions, 0],
                outbox,
            );
            return;
        }
        self.transaction = command.transaction;
        if is(CommandKind::Quiesce) {
            self.quiesce(command.a, outbox, env);
        } else if is(CommandKind::Impersonate) {
            let sent = self.in_flight();
            self.stop_feeding(sent, env);
            self.quiesced(sent, outbox, env);
        } else if is(CommandKind::Resume) {
            self.resume(outbox, env);
        } else if is(CommandKind::Attach) {
            self.attach(command, outbox, env);
        } else if is(CommandKind::Offline) {
            let patience = if command.a == 0 {
                self.times.patience
            } else {
                command.a
            };
            self.stop_feeding(self.in_flight(), env);
            self.set_mode(Mode::Offline {
                until: self.now.saturating_add(patience),
            });
            self.trace(Kind::Offline, 0, 0, env);
        }
    }

    /// When this slot must be looked at again even if nobody notifies.
    pub fn deadline(&self) -> Option<u64> {
        match self.mode {
            // Once patience has ended there is nothing to wait for.
            Mode::Offline { until } => (self.now < until).then_some(until),
            Mode::Waiting { deadline, .. } => Some(deadline),
            Mode::Draining { deadline, .. } => Some(deadline),
            Mode::Passive => self.check_at,
            Mode::Active => None,
        }
    }

    fn in_flight(&self) -> u32 {
        self.kept.tracker.sent().count_ones()
    }

    fn set_mode(&mut self, mode: Mode) {
        self.mode = mode;
        self.kept.mode = match mode {
            Mode::Offline { .. } => 0,
            Mode::Waiting { .. } => 1,
            Mode::Passive => 2,
            Mode::Draining { .. } => 3,
            Mode::Active => 4,
        };
    }

    fn trace(&self, kind: Kind, a: u64, b: u64, env: &mut impl Env) {
        let event = trace::Event::new(env.now(), kind, self.number, self.kept.generation);
        env.trace(&event.with(a, b));
    }

    fn tell(&self, kind: EventKind, words: [u64; 3], outbox: &mut Outbox) {
        self.tell_for(self.transaction, kind, words, outbox);
    }

    fn tell_for(&self, transaction: u32, kind: EventKind, [a, b, c]: [u64; 3], outbox: &mut Outbox) {
        let (slot, generation) = (self.number, self.kept.generation);
        // Control outranks us and takes its events; if it does not, the oldest tell it most.
        let _ = outbox.push_back(Event {
            kind: kind as u32,
            slot,
            generation,
            transaction,
            a,
            b,
            c,
        });
    }

    fn quiesce(&mut self, deadline: u64, outbox: &mut Outbox, env: &mut impl Env) {
        let had = self.in_flight();
        self.trace(Kind::Quiesce, had.into(), 0, env);
        if self.mode == Mode::Passive && had > 0 && !self.broken {
            self.handing.stopped(had, self.now);
            self.set_mode(Mode::Draining { deadline, had });
        } else {
            self.stop_feeding(had, env);
            self.quiesced(had, outbox, env);
        }
    }

    /// From now on the driver gets nothing and is not listened to.
    fn stop_feeding(&mut self, in_flight: u32, env: &mut impl Env) {
        if matches!(self.mode, Mode::Passive) {
            self.handing.stopped(in_flight, self.now);
        }
        self.check_at = None;
        self.sides[self.current].link.awake();
        if self.mode != Mode::Active {
            self.set_mode(Mode::Active);
            let held = self.kept.tracker.live().count_ones();
            self.trace(Kind::Impersonate, held.into(), 0, env);
        }
    }

    fn quiesced(&mut self, had: u32, outbox: &mut Outbox, env: &mut impl Env) {
        let left = self.in_flight();
        self.trace(Kind::Quiesced, had.into(), left.into(), env);
        self.tell(EventKind::Quiesced, [had.into(), left.into(), 0], outbox);
    }

    /// Feed the same generation again.
    fn resume(&mut self, outbox: &mut Outbox, env: &mut impl Env) {
        if !matches!(self.mode, Mode::Active | Mode::Draining { .. }) || self.kept.has_record == 0 {
            return;
        }
        if self.broken {
            self.tell(EventKind::Retire, [Failure::Link as u64, 0, 0], outbox);
            return;
        }
        self.set_mode(Mode::Passive);
        self.trace(Kind::Resume, 0, 0, env);
        self.tell(EventKind::Enabled, [0; 3], outbox);
    }

    /// A new generation will come.
    fn attach(&mut self, command: &Command, outbox: &mut Outbox, env: &mut impl Env) {
        let policy = match command.policy {
            1 => Policy::Degrade,
            2 => Policy::Force,
            3 => Policy::First,
            _ => Policy::Refuse,
        };
        self.stop_feeding(self.in_flight(), env);
        // What the old generation had is ours again. Its answers would come on a link that is not read any more.
        let tracker = &mut self.kept.tracker;
        self.resubmit |= tracker.sent();
        tracker.recall();
        self.drop_own();
        self.current = (command.b & 1) as usize;
        self.kept.side = self.current as u32;
        self.kept.generation = command.a as u32;
        let link = &mut self.sides[self.current].link;
        link.reset();
        let before = link.read_info::<DriverReport>();
        self.stale = before.filter(|r| r.state != STATE_NONE).map(|r| r.generation);
        self.broken = false;
        self.set_mode(Mode::Waiting {
            deadline: command.c,
            policy,
        });
        self.trace(Kind::Attach, self.current as u64, 0, env);
        self.tell(EventKind::Attached, [0; 3], outbox);
    }

    /// Look for the report of the generation that is attached.
    fn await_report(&mut self, deadline: u64, policy: Policy, outbox: &mut Outbox, env: &mut impl Env) {
        let Some(report) = self.sides[self.current].link.read_info::<DriverReport>() else {
            return;
        };
        match judge::<C>(&report, self.kept.generation, self.stale) {
            Report::None if self.now >= deadline => self.failed(Failure::ProbeDeadline, 0, outbox, env),
            Report::None => {}
            Report::Bad(failure, detail) => {
                self.trace(Kind::Report, report.state.into(), report.reason.into(), env);
                self.failed(failure, detail, outbox, env);
            }
            Report::Ready(record) => {
                self.trace(Kind::Report, report.state.into(), report.reason.into(), env);
                self.check(record, policy, outbox, env);
            }
        }
    }

    fn failed(&mut self, failure: Failure, detail: u64, outbox: &mut Outbox, env: &mut impl Env) {
        self.broken = true;
        self.set_mode(Mode::Active);
        self.trace(Kind::Failed, failure as u64, detail, env);
        self.tell(EventKind::Failed, [failure as u64, detail, 0], outbox);
    }

    /// Compare capabilities, and let the new generation serve if the policy allows.
    fn check(&mut self, record: C::Record, policy: Policy, outbox: &mut Outbox, env: &mut impl Env) {
        let first = self.kept.has_record == 0;
        let lost = if first {
            0
        } else {
            C::lost(&self.promised, &record)
        };
        self.trace(Kind::Check, lost.into(), policy as u64, env);
        let refused = match policy {
            Policy::Refuse => lost != 0,
            Policy::Degrade | Policy::Force | Policy::First => lost & C::FATAL != 0,
        };
        if refused {
            self.broken = true;
            self.set_mode(Mode::Active);
            self.trace(Kind::Refused, lost.into(), 0, env);
            self.tell(EventKind::Refused, [lost.into(), 0, 0], outbox);
            return;
        }
        if policy != Policy::Force && !self.replay_journal(&record) {
            self.failed(Failure::Changed, 0, outbox, env);
            return;
        }
        // Under `Degrade` clients keep their promise, and requests that reveal the loss fail.
        self.degraded = policy == Policy::Degrade && lost != 0;
        self.running = record;
        if !self.degraded {
            self.promised = record;
        }
        self.keep_records();
        if lost != 0 {
            self.fail_inadmissible(env);
        }
        self.enable(first, outbox, env);
    }

    fn keep_records(&mut self) {
        let copy = |target: &mut [u64; 8], record: &C::Record| {
            target.as_mut_bytes()[..size_of::<C::Record>()].copy_from_slice(record.as_bytes());
        };
        copy(&mut self.kept.promised, &self.promised);
        copy(&mut self.kept.running, &self.running);
        self.kept.has_record = 1;
    }

    /// Reopen what is open. For a driver that fits all of it there is nothing to send.
    fn replay_journal(&self, record: &C::Record) -> bool {
        self.kept
            .journal
            .iter()
            .filter(|m| m.kind == journal::SESSION)
            .all(|m| C::reopen(m.words, record))
    }

    /// Hand over what was in flight and what was queued, and be passive.
    fn enable(&mut self, first: bool, outbox: &mut Outbox, env: &mut impl Env) {
        let last_old = if first { 0 } else { self.handing.last() };
        self.set_mode(Mode::Passive);
        let earlier = self.resubmit & self.kept.tracker.ready();
        self.hand_ready();
        let handed = self.kept.tracker.sent();
        let resubmitted = u64::from((handed & earlier).count_ones());
        let queued = u64::from((handed & !earlier).count_ones());
        self.resubmit = 0;
        self.publish_to_driver(env);
        let first_new = env.now();
        self.handing.handed(first_new);
        self.trace(Kind::Replay, resubmitted, queued, env);
        self.trace(Kind::Enabled, resubmitted, queued, env);
        self.trace(Kind::Blackout, last_old, first_new, env);
        self.tell(
            EventKind::Enabled,
            [last_old, first_new, resubmitted << 32 | queued],
            outbox,
        );
        self.first_completion = Some(first_new);
        self.check_at = (handed != 0).then_some(first_new.saturating_add(self.times.request_deadline));
        C::learn_begin(&mut self.learn, &self.running);
        (self.learning, self.attempts) = (true, 0);
    }

    /// The running driver cannot be trusted any more.
    fn retire(&mut self, failure: Failure, detail: u64, outbox: &mut Outbox, env: &mut impl Env) {
        self.trace(Kind::Retire, failure as u64, detail, env);
        self.broken = true;
        match self.mode {
            // It is about to go anyway, and control waits for this answer.
            Mode::Draining { had, .. } => {
                self.stop_feeding(had, env);
                self.quiesced(had, outbox, env);
            }
            _ => {
                self.stop_feeding(self.in_flight(), env);
                self.tell_for(0, EventKind::Retire, [failure as u64, detail, 0], outbox);
            }
        }
    }

    /// What must be known of the device is known, or cannot be.
    fn learnt(&mut self, outcome: Learning, outbox: &mut Outbox, env: &mut impl Env) {
        let before = self.kept.journal.get(journal::LEARNT, 0).map(|words| words[0]);
        match (outcome, before) {
            (Learning::More, _) => return,
            (Learning::Known(digest), Some(before)) if digest != before && !self.unlearnt => {
                self.learning = false;
                self.retire(Failure::Changed, 0, outbox, env);
                return;
            }
            (Learning::Known(digest), before) => {
                self.kept.journal.record(journal::LEARNT, 0, [digest, 0]);
                if before.is_none() {
                    self.trace(Kind::Table, 0, digest, env);
                    self.open_sessions(env);
                }
            }
            (Learning::Failed(_), _) if self.attempts + 1 < LEARN_ATTEMPTS => {
                self.attempts += 1;
                C::learn_begin(&mut self.learn, &self.running);
                return;
            }
            (Learning::Failed(_), None) => self.open_sessions(env),
            (Learning::Failed(detail), Some(_)) => {
                self.learning = false;
                self.retire(Failure::Changed, detail, outbox, env);
                return;
            }
        }
        self.learning = false;
    }

    fn open_sessions(&mut self, env: &mut impl Env) {
        for session in &mut self.sessions {
            if matches!(session.state, State::Open | State::Ended) {
                continue;
            }
            match C::open(&mut session.plan, &self.learn, &self.promised) {
                Some(words) if self.kept.journal.record(journal::SESSION, session.number, words) => {
                    session.state = State::Open;
                    let event =
                        trace::Event::new(env.now(), Kind::SessionOpen, self.number, self.kept.generation);
                    env.trace(&event.with(session.number.into(), words[1]));
                }
                _ => session.state = State::Absent,
            }
            // Whoever was told "not ready" waits for this.
            env.notify(session.channel);
        }
    }
}

/// The record as it stands in the state region (for a reader of the region).
pub fn record_of<C: Class>(words: &[u64; 8]) -> Option<C::Record> {
    C::Record::read_from_prefix(words.as_bytes())
        .ok()
        .map(|(record, _)| record)
}
