//! The block class as the engine sees it.

use core::convert::Infallible;
use core::marker::PhantomData;

use device_class::ClassId;
use device_class::block::{
    BlockCapabilities, BlockRequest, BlockResponse, CallReply, ClientCall, ClientInfo, LOST_BLOCK_SIZE,
    Status,
};
use shadow::session::State;
use shadow::{Class, Learning};

use crate::plan::{self, Plan};
use crate::table::{Scratch, TableReader};

/// The block class; `S` is the memory through which the shadow reads the partition table.
#[derive(Debug)]
pub struct Block<S>(PhantomData<S>);

impl<S: Scratch> Class for Block<S> {
    const ID: u32 = ClassId::Block as u32;
    /// Block numbers of accepted requests would mean other bytes.
    const FATAL: u32 = LOST_BLOCK_SIZE;
    const INVALID: Status = Status::Invalid;
    const OFFLINE: Status = Status::Offline;
    type Request = BlockRequest;
    type Response = BlockResponse;
    type Record = BlockCapabilities;
    type Status = Status;
    type Session = Plan;
    type Learn = TableReader<S>;
    type Arrival = Infallible;

    fn sane(record: &BlockCapabilities) -> bool {
        record.is_sane()
    }

    fn lost(old: &BlockCapabilities, new: &BlockCapabilities) -> u32 {
        old.lost(new)
    }

    #[inline]
    fn client_id(request: &BlockRequest) -> u32 {
        request.id
    }

    /// Blocks.
    #[inline]
    fn units(request: &BlockRequest) -> u64 {
        request.count.into()
    }

    fn unit(record: &BlockCapabilities) -> u64 {
        record.block_size.into()
    }

    #[inline]
    fn accept(
        session: &Plan,
        told: &BlockCapabilities,
        request: &BlockRequest,
    ) -> Result<BlockRequest, Status> {
        session.accept(told, request)
    }

    fn admissible(running: &BlockCapabilities, request: &BlockRequest) -> Result<(), Status> {
        plan::admissible(running, request)
    }

    fn refusal(id: u32, status: Status) -> BlockResponse {
        BlockResponse {
            id,
            status: status as u8,
            ..BlockResponse::default()
        }
    }

    #[inline]
    fn stamp(request: &mut BlockRequest, tag: u32, generation: u32) {
        (request.id, request.generation) = (tag, generation);
    }

    #[inline]
    fn stamp_of(response: &BlockResponse) -> (u32, u32) {
        (response.id, response.generation)
    }

    #[inline]
    fn relay(request: &BlockRequest, response: &BlockResponse, id: u32) -> Option<BlockResponse> {
        let (status, count) = if response.status != Status::Ok as u8 {
            (failure(response.status)?, 0)
        } else if response.count == request.count {
            (Status::Ok, response.count)
        } else {
            return None;
        };
        Some(BlockResponse {
            id,
            status: status as u8,
            count,
            ..BlockResponse::default()
        })
    }

    #[inline]
    fn enter(session: &mut Plan, request: &BlockRequest) -> bool {
        session.enter(request)
    }

    #[inline(always)] // The request stays in registers.
    fn admit(session: &mut Plan, told: &BlockCapabilities, request: &BlockRequest) -> Option<BlockRequest> {
        session.admit(told, request)
    }

    #[inline]
    fn leave(session: &mut Plan, request: &BlockRequest) {
        session.leave(request);
    }

    #[inline]
    fn conflicts(a: &BlockRequest, b: &BlockRequest) -> bool {
        plan::conflicts(a, b)
    }

    fn learn_begin(learn: &mut TableReader<S>, record: &BlockCapabilities) {
        learn.begin(record);
    }

    fn learn_next(learn: &mut TableReader<S>) -> Option<BlockRequest> {
        learn.next_request()
    }

    fn learn_answer(learn: &mut TableReader<S>, response: &BlockResponse) -> Learning {
        learn.answered(response)
    }

    fn open(session: &mut Plan, learn: &TableReader<S>, record: &BlockCapabilities) -> Option<[u64; 2]> {
        let (start, len) = match session.wish {
            None => (0, record.capacity),
            Some(wish) => learn.found(wish)?,
        };
        (session.start, session.len) = (start, len);
        Some([start, len])
    }

    fn restore(session: &mut Plan, [start, len]: [u64; 2]) {
        (session.start, session.len) = (start, len);
    }

    fn reopen([start, len]: [u64; 2], record: &BlockCapabilities) -> bool {
        start.checked_add(len).is_some_and(|end| end <= record.capacity)
    }

    fn call(
        state: State,
        session: &mut Plan,
        _: &TableReader<S>,
        running: Option<&BlockCapabilities>,
        label: u64,
        _: [u64; 2],
    ) -> (u64, [u64; 4]) {
        let reply = |reply: CallReply| (reply as u64, [0; 4]);
        if ClientCall::from_label(label).is_none() {
            return reply(CallReply::Denied);
        }
        match (state, running) {
            (State::Ended, _) => reply(CallReply::Ended),
            (State::Absent, _) => reply(CallReply::NoPartition),
            (State::Closed, _) | (State::Open, None) => reply(CallReply::NotReady),
            (State::Open, Some(running)) => {
                let info = ClientInfo {
                    capacity: session.len,
                    block_size: running.block_size,
                    flags: running.flags,
                    max_transfer: running.max_transfer,
                };
                (CallReply::Ok as u64, info.to_words())
            }
        }
    }

    fn tells(label: u64) -> bool {
        ClientCall::from_label(label) == Some(ClientCall::Info)
    }

    #[inline]
    fn unlearns(session: &Plan, request: &BlockRequest) -> bool {
        // Partitions lie outside the table; only a session on the whole device can reach it.
        session.wish.is_none() && plan::writes(request)
    }
}

/// What a client is told of a request that the driver says failed; `None`: there is no such status.
#[cold]
fn failure(status: u8) -> Option<Status> {
    Some(match Status::from_byte(status)? {
        // These are the shadow's to say. From a driver they are an error like any other.
        Status::CapabilityLost | Status::Offline => Status::IoError,
        status => status,
    })
}
