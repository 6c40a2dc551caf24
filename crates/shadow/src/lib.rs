//! The class-independent engine of a shadow: what stands between the clients and the drivers of a class, and hides
//! from the clients that a driver is replaced.
//!
//! - [`tracker`]: requests accepted and not answered; what a swap resubmits.
//! - [`journal`]: configuration that a new generation must get again.
//! - [`ledger`]: what outlives the shadow, written so that it may die at any instruction.
//! - [`state`]: the versioned memory region, with the ledgers and room to work in.
//! - [`slot`]: one device slot: its mode, its two device links, its sessions; data path and swap are its submodules.
//! - [`engine`]: all slots of a shadow, the link to control, the timer.
//! - [`assemble`]: a shadow out of its configuration; `pd`: its protection domain.
//!
//! What a class adds is behind [`Class`]; what the protection domain adds is behind [`Env`].
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

pub mod assemble;
mod drain;
pub mod engine;
mod figures;
pub mod journal;
pub mod ledger;
#[cfg(feature = "pd")]
pub mod pd;
mod report;
pub mod session;
pub mod slot;
pub mod state;
pub mod tracker;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// What the engine needs of its protection domain.
pub trait Env {
    /// CNTPCT.
    fn now(&self) -> u64;
    /// Notify the peer on a channel.
    fn notify(&mut self, channel: u64);
    /// One timeout, at or soon after this value of CNTPCT; replaces the earlier one.
    fn set_timeout(&mut self, deadline: u64);
    /// Keep an event.
    fn trace(&mut self, event: &trace::Event);
    /// Count what a driver of slot `slot` (its number) answered. Not everybody wants to know.
    #[inline]
    fn tally(&mut self, slot: u32, tally: trace::Tally) {
        let _ = (slot, tally);
    }
    /// Count what a driver of the slot answered, if it answered anything, and show which requests are live and with the driver,
    /// its mode and generation being what they were. Not everybody wants to know.
    #[inline]
    fn step(&mut self, slot: u32, tally: Option<trace::Tally>, live_and_sent: [u64; 2]) {
        let _ = (slot, tally, live_and_sent);
    }
    /// Show how the slot stands. Not everybody wants to know.
    #[inline]
    fn stand(&mut self, slot: u32, standing: trace::Standing) {
        let _ = (slot, standing);
    }
}

/// Plain data that crosses a link.
pub trait Wire: Copy + FromBytes + IntoBytes + Immutable + KnownLayout {}
impl<T: Copy + FromBytes + IntoBytes + Immutable + KnownLayout> Wire for T {}

/// How far reading what must be known of a device has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learning {
    /// More requests are needed.
    More,
    /// Known; the digest is the same as long as the device's content is.
    Known(u64),
    /// It cannot be read, with a detail.
    Failed(u64),
}

/// What an answer to a standing request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived<A> {
    /// Nothing that anybody must hear of, or that the driver did work for.
    Nothing,
    /// Something that nobody can be given. That it came is not the driver's fault, and that it was busy with it neither.
    Rubbish,
    /// Something for the sessions.
    Delivery(A),
    /// The device is not as it was: the record was changed, and clients want to know.
    Changed,
}

/// A device class, as its shadow sees it. All functions are total: whatever a client or a driver wrote may be passed.
pub trait Class {
    /// Number of the class in reports.
    const ID: u32;
    /// Losses (bits of [`lost`](Self::lost)) that no policy can accept, because accepted requests would mean another thing.
    const FATAL: u32;
    /// Client → shadow, and shadow → driver.
    type Request: Wire;
    /// Driver → shadow, and shadow → client.
    type Response: Wire;
    /// Capability record.
    type Record: Wire;
    /// How a request ended.
    type Status: Copy;
    /// What a session is confined to, and which of its requests may conflict.
    type Session;
    /// What is learnt of the device through its driver.
    type Learn;
    /// What arrives by itself, and is delivered to sessions.
    type Arrival;
    /// Entries of the tracker for requests of the shadow's own that the driver keeps until something happens outside: they
    /// are never late, and nothing waits for them when a driver is to go.
    const STANDING: u64 = 0;
    /// The request makes no sense.
    const INVALID: Self::Status;
    /// There is no driver, and patience has ended.
    const OFFLINE: Self::Status;

    /// The record can be that of a device of this class.
    fn sane(record: &Self::Record) -> bool;
    /// Bit mask of what `new` lacks and `old` has.
    fn lost(old: &Self::Record, new: &Self::Record) -> u32;

    /// The client's name for its request.
    fn client_id(request: &Self::Request) -> u32;
    /// Units of data that the request moves; what a unit is, `unit` says.
    fn units(request: &Self::Request) -> u64;
    /// Bytes of a unit, for a device with this record.
    fn unit(record: &Self::Record) -> u64;
    /// Validate a client's request against what its session was told, and translate it into a driver's.
    ///
    /// # Errors
    /// How the request is to be answered.
    fn accept(
        session: &Self::Session,
        told: &Self::Record,
        request: &Self::Request,
    ) -> Result<Self::Request, Self::Status>;
    /// A driver with this record can be asked for it, though its session was told of another.
    ///
    /// # Errors
    /// How the request is to be answered.
    fn admissible(running: &Self::Record, request: &Self::Request) -> Result<(), Self::Status>;
    /// The response that says so to the client.
    fn refusal(id: u32, status: Self::Status) -> Self::Response;

    /// Name a request towards the driver.
    fn stamp(request: &mut Self::Request, tag: u32, generation: u32);
    /// Tag and generation of a driver's response.
    fn stamp_of(response: &Self::Response) -> (u32, u32);
    /// The client's response made of the driver's; `None` if that makes no sense for this request.
    fn relay(request: &Self::Request, response: &Self::Response, id: u32) -> Option<Self::Response>;

    /// An accepted request becomes live. True: it may conflict with a live one (a false alarm is allowed).
    fn enter(session: &mut Self::Session, request: &Self::Request) -> bool;
    /// [`accept`](Self::accept) and [`enter`](Self::enter) in one, for what needs no second thought. `None`: whatever they say of it, and
    /// nothing was changed.
    #[inline]
    fn admit(
        session: &mut Self::Session,
        told: &Self::Record,
        request: &Self::Request,
    ) -> Option<Self::Request> {
        let accepted = Self::accept(session, told, request).ok()?;
        if Self::enter(session, &accepted) {
            Self::leave(session, &accepted);
            return None;
        }
        Some(accepted)
    }
    /// A request of this session was answered, or refused at once.
    #[inline]
    fn count(session: &mut Self::Session, request: &Self::Request, answer: &Self::Response) {
        let _ = (session, request, answer);
    }
    /// It is live no more.
    fn leave(session: &mut Self::Session, request: &Self::Request);
    /// The later of the two must not begin before the earlier is answered.
    fn conflicts(a: &Self::Request, b: &Self::Request) -> bool;

    /// Start learning with a driver of this record.
    fn learn_begin(learn: &mut Self::Learn, record: &Self::Record);
    /// Learning starts with these sessions. Not everybody asks the device for something on their behalf.
    fn learn_session(learn: &mut Self::Learn, session: &Self::Session) {
        let _ = (learn, session);
    }
    /// The next request to learn by, when none is in flight.
    fn learn_next(learn: &mut Self::Learn) -> Option<Self::Request>;
    /// Its answer.
    fn learn_answer(learn: &mut Self::Learn, response: &Self::Response) -> Learning;
    /// Confine a session by what was learnt. `None`: the device has nothing for it. The words go into the journal.
    fn open(session: &mut Self::Session, learn: &Self::Learn, record: &Self::Record) -> Option<[u64; 2]>;
    /// Confine a session as the journal says: what [`open`](Self::open) did for a predecessor.
    fn restore(session: &mut Self::Session, words: [u64; 2]);
    /// A journalled session still fits a driver with this record.
    fn reopen(words: [u64; 2], record: &Self::Record) -> bool;
    /// The standing request for this entry, which is one of [`STANDING`](Self::STANDING), at a driver of this record.
    #[inline]
    fn standing(learn: &mut Self::Learn, running: &Self::Record, index: usize) -> Option<Self::Request> {
        let _ = (learn, running, index);
        None
    }
    /// Its answer; `None` if that makes no sense.
    #[inline]
    fn arrived(
        learn: &mut Self::Learn,
        running: &mut Self::Record,
        request: &Self::Request,
        response: &Self::Response,
    ) -> Option<Arrived<Self::Arrival>> {
        let _ = (learn, running, request, response);
        None
    }
    /// It is for this session, and for no other.
    #[inline]
    fn owns(session: &Self::Session, arrival: &Self::Arrival) -> bool {
        let _ = (session, arrival);
        false
    }
    /// This session wants it, if nobody owns it.
    #[inline]
    fn wants(session: &Self::Session, arrival: &Self::Arrival) -> bool {
        let _ = (session, arrival);
        false
    }
    /// Put it where the client's `wish` says, and what the client is told.
    fn deliver(
        session: &mut Self::Session,
        learn: &Self::Learn,
        arrival: &Self::Arrival,
        wish: &Self::Request,
    ) -> Self::Response {
        let _ = (session, learn, arrival);
        Self::refusal(Self::client_id(wish), Self::INVALID)
    }
    /// The client had no wish in its ring.
    fn missed(session: &mut Self::Session, arrival: &Self::Arrival) {
        let _ = (session, arrival);
    }
    /// Nobody owns it, and nobody wants it.
    fn unclaimed(learn: &mut Self::Learn, arrival: &Self::Arrival) {
        let _ = (learn, arrival);
    }
    /// Bytes of it.
    fn arrival_len(arrival: &Self::Arrival) -> u64 {
        let _ = arrival;
        0
    }
    /// Answer a protected call of a client: label and words of the reply. `running` is the record of the driver that runs, or ran
    /// last; `None` before the first.
    fn call(
        state: session::State,
        session: &mut Self::Session,
        learn: &Self::Learn,
        running: Option<&Self::Record>,
        label: u64,
        words: [u64; 2],
    ) -> (u64, [u64; 4]);
    /// What the session is confined to was changed by its last call: the words go into the journal, and the device is asked
    /// anew for what it must be asked for.
    fn reconfined(session: &mut Self::Session) -> Option<[u64; 2]> {
        let _ = session;
        None
    }
    /// A call with this label tells an open session what the driver can do.
    fn tells(label: u64) -> bool;
    /// The request, as its client wrote it or as it was accepted, may change what was learnt.
    fn unlearns(session: &Self::Session, request: &Self::Request) -> bool;
}
