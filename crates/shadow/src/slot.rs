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

use device_class::report::DriverReport;
use heapless::{Deque, Vec};
use shared_ring::Link;
use shared_ring::page::Page;
use supervision::shadow::{Command, CommandKind, Event, EventKind, Policy};
use system_spec::config::MAX_SESSIONS;
use trace::Kind;
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::drain::Pace;
use crate::figures::{Gap, Handing};
use crate::ledger::{Ledger, Region, Unkept};
use crate::session::{Session, State};
use crate::state::SlotState;
use crate::{Class, Env, drain, journal};

mod answers;
mod arrivals;
mod deliver;
mod feed;
mod flow;
#[cfg(feature = "model")]
mod fork;
mod learn;
mod restart;
mod runs;
pub(crate) mod single;
mod swap;
mod watch;

/// Events on their way to control.
pub type Outbox = Deque<Event, 32>;

/// Details of [`supervision::shadow::Failure::UnknownRequest`].
pub mod detail {
    /// The tag names no request that the driver has.
    pub const TAG: u64 = 1;
    /// Another generation's request.
    pub const GENERATION: u64 = 2;
    /// The answer does not fit the request.
    pub const ANSWER: u64 = 3;
}

/// Times, in ticks of CNTPCT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// A driver that has a request longer than this is retired.
    pub request_deadline: u64,
    /// How long requests wait for a driver at most, if control does not say.
    pub patience: u64,
    /// A driver that has nothing to do for so long is asked for a sign of life, and has as long again to give it. 0: never.
    pub watch: u64,
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
pub struct Slot<'s, C: Class, P, R = Unkept> {
    pub(crate) number: u32,
    times: Times,
    mode: Mode,
    sides: [Side<C, P>; 2],
    current: usize,
    kept: &'s mut SlotState,
    running: C::Record,
    /// Something that a session was told of is missing in the running driver: requests are looked at for it.
    degraded: bool,
    pub(crate) sessions: Vec<Session<C, P>, MAX_SESSIONS>,
    /// Session whose turn it is.
    turn: usize,
    learn: C::Learn,
    learning: bool,
    attempts: u32,
    /// A client may have changed what was learnt: a difference proves nothing any more.
    unlearnt: bool,
    /// The report that stood in the page when the side was attached.
    stale: Option<DriverReport>,
    /// The driver broke rules: it is not to be fed again.
    broken: bool,
    /// Patience has ended since a driver served last: clients may have been told so, and nobody knows what the device does.
    gone: bool,
    /// Entries that an earlier generation had.
    resubmit: u64,
    first_completion: Option<u64>,
    transaction: u32,
    gap: Gap,
    handing: Handing,
    /// Of the driver, for a drain.
    pace: Pace,
    /// When to look for a request that has been with the driver too long.
    check_at: Option<u64>,
    watch: watch::Watch,
    /// What is recorded of the flow of requests.
    flow: flow::Recorder,
    /// CNTPCT at the beginning of this pass.
    now: u64,
    /// What outlives us.
    ledger: Ledger<R>,
    /// The ledger's snapshot is not of now.
    changed: bool,
    /// Cursor of control's link as the snapshot has it.
    control: u64,
    /// The answer to our own request is a predecessor's: it is not learnt from.
    own_is_old: bool,
    /// Entries that a session may have live: see [`allowance`](Self::allowance).
    allowance: u32,
    /// What may go the short way.
    calm: single::Calm,
}

impl<'s, C: Class, P: Page> Slot<'s, C, P> {
    /// Slot `number`, offline, of a shadow that will not be started anew. `kept` is room to work in.
    pub fn new(
        number: u32,
        sides: [Side<C, P>; 2],
        kept: &'s mut SlotState,
        learn: C::Learn,
        times: Times,
        now: u64,
    ) -> Self {
        let ledger = Ledger::new(Unkept);
        Self::with_ledger(number, sides, kept, learn, times, now, ledger)
    }
}

impl<'s, C: Class, P: Page, R: Region> Slot<'s, C, P, R> {
    /// Slot `number`, offline. What outlives this shadow goes into `ledger`; [`open`](Self::open) or
    /// [`recover`](Self::recover) follows when the sessions are there.
    pub fn with_ledger(
        number: u32,
        sides: [Side<C, P>; 2],
        kept: &'s mut SlotState,
        learn: C::Learn,
        times: Times,
        now: u64,
        ledger: Ledger<R>,
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
            gone: false,
            resubmit: 0,
            first_completion: None,
            transaction: 0,
            gap: Gap::default(),
            handing: Handing::default(),
            pace: Pace::default(),
            check_at: None,
            watch: watch::Watch::default(),
            flow: flow::Recorder::default(),
            now,
            ledger,
            changed: false,
            control: 0,
            own_is_old: false,
            allowance: 0,
            calm: single::Calm::Unknown,
        }
    }

    /// Add a session. False: there are too many.
    pub fn add_session(&mut self, mut session: Session<C, P>) -> bool {
        session.index = self.sessions.len() as u32;
        let added = self.sessions.push(session).is_ok();
        self.allowance = Self::allowance(self.sessions.len());
        added
    }

    /// Mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Requests accepted and not answered.
    pub fn live(&self) -> u32 {
        self.kept.tracker.live().count_ones()
    }

    /// Answer a protected call of the client on `channel`: label and words of the reply. What a session is told of the running
    /// driver it may rely on from then on, and a successor must know before the client does.
    pub(crate) fn call(&mut self, channel: u64, label: u64, words: [u64; 2]) -> Option<(u64, [u64; 4])> {
        let known = self.kept.has_record != 0 && !self.is_gone();
        self.calm = single::Calm::Unknown;
        let session = self
            .sessions
            .iter_mut()
            .find(|session| session.channel == channel)?;
        let reply = C::call(
            session.state,
            &mut session.plan,
            &self.learn,
            known.then_some(&self.running),
            label,
            words,
        );
        let (number, reconfined) = (session.number, C::reconfined(&mut session.plan));
        let told = known && session.state == State::Open && C::tells(label);
        if told && session.told.as_bytes() != self.running.as_bytes() {
            session.told = self.running;
            self.degraded = self.is_degraded();
            self.commit();
        }
        if let Some(words) = reconfined {
            self.reconfine(number, words);
        }
        Some(reply)
    }

    /// A client changed what its session is confined to; there is room in the journal, because the session is in it.
    fn reconfine(&mut self, session: u32, words: [u64; 2]) {
        self.kept.journal.record(journal::SESSION, session, words);
        // Also of a driver that is not fed now: it may be again, and without a new beginning.
        self.learn_anew();
        self.commit();
    }

    /// What a driver with the record `new` lacks of what sessions were told, used or not. A session that is not open was told
    /// nothing; it counts as told what runs.
    fn lacks(&self, new: &C::Record) -> u32 {
        let of_session = |session: &Session<C, P>| match session.state {
            State::Open => C::lost(&session.told, new),
            _ => C::lost(&self.running, new),
        };
        self.sessions
            .iter()
            .map(of_session)
            .fold(0, |all, lost| all | lost)
    }

    fn is_degraded(&self) -> bool {
        self.lacks(&self.running) != 0
    }

    /// A command of control.
    pub fn command(&mut self, command: &Command, outbox: &mut Outbox, env: &mut impl Env) {
        self.now = env.now();
        self.changed = true;
        let is = |kind: CommandKind| command.kind == kind as u32;
        if is(CommandKind::BeginGap) {
            self.gap.begin(self.now);
            self.keep_gap();
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
        if is(CommandKind::Flow) {
            self.flow = flow::Recorder::begin(command.a);
            return;
        }
        self.transaction = command.transaction;
        if is(CommandKind::Quiesce) {
            let order = drain::Order {
                deadline: command.a,
                age: command.b,
            };
            self.quiesce(order, outbox, env);
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
    #[inline]
    pub fn deadline(&self) -> Option<u64> {
        match self.mode {
            Mode::Passive => match (self.check_at, self.watch.end()) {
                (Some(check), Some(end)) => Some(check.min(end)),
                (check, end) => check.or(end),
            },
            // Once patience has ended there is nothing to wait for.
            Mode::Offline { until } => (self.now < until).then_some(until),
            Mode::Waiting { deadline, .. } => Some(deadline),
            Mode::Draining { deadline, .. } => Some(deadline),
            Mode::Active => None,
        }
    }

    /// The side whose generation is attached. There are two: the mask spares the check.
    #[inline]
    fn side(&mut self) -> &mut Side<C, P> {
        &mut self.sides[self.current & 1]
    }

    fn in_flight(&self) -> u32 {
        (self.kept.tracker.sent() & !C::STANDING).count_ones()
    }

    fn set_mode(&mut self, mode: Mode) {
        self.gone = !matches!(mode, Mode::Passive) && self.is_gone();
        self.mode = mode;
        self.changed = true;
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
}

/// The record as it stands in the state region (for a reader of the region).
pub fn record_of<C: Class>(words: &[u64; 8]) -> Option<C::Record> {
    C::Record::read_from_prefix(words.as_bytes())
        .ok()
        .map(|(record, _)| record)
}

/// The record as the state region has it.
fn words_of<C: Class>(record: &C::Record) -> [u64; 8] {
    let mut words = [0; 8];
    words.as_mut_bytes()[..size_of::<C::Record>()].copy_from_slice(record.as_bytes());
    words
}
