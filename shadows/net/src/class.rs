//! The network class as the engine sees it.

use core::marker::PhantomData;

use device_class::ClassId;
use device_class::net::{
    CallReply, ClientCall, ClientInfo, Filter, LOST_ADDRESS, NetCapabilities, NetRequest, NetResponse, Status,
};
use shadow::session::State;
use shadow::{Arrived, Class, Learning};

use crate::memory::FrameMemory;
use crate::plan::{self, Plan};
use crate::station::{self, Arrival, Station};

/// The network class; `M` is the memory in which the shadow sees frames.
#[derive(Debug)]
pub struct Net<M>(PhantomData<M>);

impl<M: FrameMemory> Class for Net<M> {
    const ID: u32 = ClassId::Net as u32;
    /// Clients would go on with an address that is not the device's any more.
    const FATAL: u32 = LOST_ADDRESS;
    const STANDING: u64 = station::ENTRIES;
    const INVALID: Status = Status::Invalid;
    const OFFLINE: Status = Status::Offline;
    type Request = NetRequest;
    type Response = NetResponse;
    type Record = NetCapabilities;
    type Status = Status;
    type Session = Plan<M>;
    type Learn = Station<M>;
    type Arrival = Arrival;

    fn sane(record: &NetCapabilities) -> bool {
        record.is_sane()
    }

    fn lost(old: &NetCapabilities, new: &NetCapabilities) -> u32 {
        old.lost(new)
    }

    #[inline]
    fn client_id(request: &NetRequest) -> u32 {
        request.id
    }

    /// Bytes.
    #[inline]
    fn units(request: &NetRequest) -> u64 {
        request.length.into()
    }

    fn unit(_: &NetCapabilities) -> u64 {
        1
    }

    #[inline]
    fn accept(session: &Plan<M>, told: &NetCapabilities, request: &NetRequest) -> Result<NetRequest, Status> {
        session.accept(told, request)
    }

    fn admissible(running: &NetCapabilities, request: &NetRequest) -> Result<(), Status> {
        plan::admissible(running, request)
    }

    fn refusal(id: u32, status: Status) -> NetResponse {
        NetResponse {
            id,
            status: status as u8,
            ..NetResponse::default()
        }
    }

    #[inline]
    fn stamp(request: &mut NetRequest, tag: u32, generation: u32) {
        (request.id, request.generation) = (tag, generation);
    }

    #[inline]
    fn stamp_of(response: &NetResponse) -> (u32, u32) {
        (response.id, response.generation)
    }

    #[inline]
    fn relay(_: &NetRequest, response: &NetResponse, id: u32) -> Option<NetResponse> {
        let status = match Status::from_byte(response.status)? {
            // These are the shadow's to say. From a driver they are an error like any other.
            Status::Spoofed | Status::CapabilityLost | Status::Offline | Status::Truncated => Status::IoError,
            status => status,
        };
        Some(Self::refusal(id, status))
    }

    #[inline]
    fn admit(session: &mut Plan<M>, told: &NetCapabilities, request: &NetRequest) -> Option<NetRequest> {
        session.admit(told, request)
    }

    #[inline]
    fn enter(_: &mut Plan<M>, _: &NetRequest) -> bool {
        false
    }

    #[inline]
    fn count(session: &mut Plan<M>, request: &NetRequest, answer: &NetResponse) {
        session.count(request, answer);
    }

    #[inline]
    fn leave(_: &mut Plan<M>, _: &NetRequest) {}

    /// Order is kept by the rings.
    #[inline]
    fn conflicts(_: &NetRequest, _: &NetRequest) -> bool {
        false
    }

    fn learn_begin(station: &mut Station<M>, record: &NetCapabilities) {
        station.begin(record);
    }

    fn learn_session(station: &mut Station<M>, session: &Plan<M>) {
        station.include(session);
    }

    fn learn_next(station: &mut Station<M>) -> Option<NetRequest> {
        station.next_request()
    }

    fn learn_answer(_: &mut Station<M>, response: &NetResponse) -> Learning {
        Station::<M>::answered(response)
    }

    fn open(session: &mut Plan<M>, _: &Station<M>, record: &NetCapabilities) -> Option<[u64; 2]> {
        session.open(record)
    }

    fn restore(session: &mut Plan<M>, words: [u64; 2]) {
        session.restore(words);
    }

    fn reopen([word, _]: [u64; 2], record: &NetCapabilities) -> bool {
        plan::reaches(record, device_class::net::Address::from_word(word))
    }

    #[inline]
    fn standing(station: &mut Station<M>, running: &NetCapabilities, index: usize) -> Option<NetRequest> {
        station.standing(running, index)
    }

    #[inline]
    fn arrived(
        station: &mut Station<M>,
        running: &mut NetCapabilities,
        request: &NetRequest,
        response: &NetResponse,
    ) -> Option<Arrived<Arrival>> {
        station.arrived(running, request, response)
    }

    #[inline]
    fn owns(session: &Plan<M>, arrival: &Arrival) -> bool {
        session.owns(arrival)
    }

    #[inline]
    fn wants(session: &Plan<M>, arrival: &Arrival) -> bool {
        session.wants(arrival)
    }

    #[inline]
    fn deliver(
        session: &mut Plan<M>,
        station: &Station<M>,
        arrival: &Arrival,
        wish: &NetRequest,
    ) -> NetResponse {
        session.deliver(station.frames(), arrival, wish)
    }

    fn missed(session: &mut Plan<M>, _: &Arrival) {
        session.drops.no_buffer += 1;
    }

    fn unclaimed(station: &mut Station<M>, _: &Arrival) {
        station.strays.unclaimed += 1;
    }

    #[inline]
    fn arrival_len(arrival: &Arrival) -> u64 {
        arrival.length.into()
    }

    fn call(
        state: State,
        session: &mut Plan<M>,
        station: &Station<M>,
        running: Option<&NetCapabilities>,
        label: u64,
        words: [u64; 2],
    ) -> (u64, [u64; 4]) {
        let reply = |reply: CallReply| (reply as u64, [0; 4]);
        let Some(call) = ClientCall::from_label(label) else {
            return reply(CallReply::Denied);
        };
        let running = match (state, running) {
            (State::Ended, _) => return reply(CallReply::Ended),
            (State::Absent, _) => return reply(CallReply::NoAddress),
            (State::Closed, _) | (State::Open, None) => return reply(CallReply::NotReady),
            (State::Open, Some(running)) => running,
        };
        let words = match call {
            ClientCall::Info => ClientInfo {
                address: session.address(running.address()),
                mtu: running.mtu,
                flags: running.flags,
                segment_max: running.segment_max,
                link: running.link,
            }
            .to_words(),
            ClientCall::SetFilter => match Filter::from_words(words) {
                None => return reply(CallReply::Denied),
                Some(filter) if session.refilter(filter, running) => [0; 4],
                Some(_) => return reply(CallReply::Unsupported),
            },
            ClientCall::Traffic => session.traffic.to_words(),
            ClientCall::Drops => session.drops.to_words(),
            ClientCall::Strays => station.strays.to_words(),
        };
        (CallReply::Ok as u64, words)
    }

    fn tells(label: u64) -> bool {
        ClientCall::from_label(label) == Some(ClientCall::Info)
    }

    fn reconfined(session: &mut Plan<M>) -> Option<[u64; 2]> {
        session.reconfined()
    }

    #[inline]
    fn unlearns(_: &Plan<M>, _: &NetRequest) -> bool {
        false
    }
}
