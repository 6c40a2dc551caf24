//! A session's requests: validated once, at the door, in a fixed order with checked arithmetic; and kept apart where
//! their blocks overlap.

use device_class::block::{
    BlockCapabilities, BlockRequest, CAP_DISCARD, CAP_FLUSH, CAP_READ_ONLY, CAP_WRITE_ZEROES, Op, Status,
};

/// Requests are first told apart by stretches of this many blocks.
const STRETCH_BITS: u32 = 6;
/// Counters for stretches; stretches with the same low bits share one.
const COUNTERS: usize = 256;

/// What a session is confined to.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which of the table reader's wishes is its partition; `None`: the whole device.
    pub wish: Option<usize>,
    /// First block.
    pub start: u64,
    /// Blocks; 0 until the session is open.
    pub len: u64,
    /// Bytes of its data region.
    pub data_len: u64,
    /// Index of the data region at the driver.
    pub region: u16,
    counters: Counters,
}

/// How many live requests touch a stretch: all of them in the low byte, those that write in the high one. A counter that
/// is 0 proves that there is none; that is what makes the common case (no overlap) cost a few instructions instead of a
/// comparison with everything in flight. At most 64 requests are live, so a byte never overflows.
#[derive(Clone, Debug)]
struct Counters([u16; COUNTERS]);

/// One live request in a counter.
const LIVE: u16 = 1;
/// The low bit of the part of a counter that counts writes.
const WRITE_BIT: u32 = 8;
/// That part.
const WRITES: u16 = 0xff << WRITE_BIT;

impl Counters {
    #[inline]
    fn at(&mut self, stretch: u64) -> &mut u16 {
        &mut self.0[stretch as usize % COUNTERS]
    }

    /// Add to the counters of the stretches behind `first` up to `last`; what they counted before, of them all.
    #[cold]
    fn add_behind(&mut self, first: u64, last: u64, more: u16) -> u16 {
        // No counter is touched twice.
        let last = last.min(first + (COUNTERS as u64 - 1));
        (first + 1..=last).fold(0, |met, stretch| {
            let counter = self.at(stretch);
            let before = *counter;
            *counter = before.wrapping_add(more);
            met | before
        })
    }

    /// Add to the counters of the stretches that a request touches; what they counted before, of them all.
    #[inline]
    fn add(&mut self, request: &BlockRequest, more: u16) -> u16 {
        let Some((first, last)) = stretches(request) else {
            return 0;
        };
        let counter = self.at(first);
        let before = *counter;
        *counter = before.wrapping_add(more);
        if first == last {
            return before;
        }
        before | self.add_behind(first, last, more)
    }
}

/// A request's part of a counter.
#[inline]
fn weight(writes: bool) -> u16 {
    LIVE | u16::from(writes) << WRITE_BIT
}

/// What of a counter it may conflict with: everything if it writes, otherwise what writes.
#[inline]
fn against(writes: bool) -> u16 {
    if writes { u16::MAX } else { WRITES }
}

/// First and last stretch a request touches; `None` for a flush, which has no blocks.
#[inline]
fn stretches(request: &BlockRequest) -> Option<(u64, u64)> {
    let more = u64::from(request.count).checked_sub(1)?;
    // Accepted requests do not overflow: they lie inside their partition.
    let last = request.block.wrapping_add(more) >> STRETCH_BITS;
    Some((request.block >> STRETCH_BITS, last))
}

fn op(request: &BlockRequest) -> Option<Op> {
    Op::from_byte(request.op)
}

/// It changes blocks: a test of one bit, because it is asked often.
#[inline]
pub(crate) fn writes(request: &BlockRequest) -> bool {
    const MASK: u32 = 1 << Op::Write as u8 | 1 << Op::Discard as u8 | 1 << Op::WriteZeroes as u8;
    // There are fewer than 32 operations.
    MASK & 1u32.wrapping_shl(request.op.into()) != 0
}

impl Plan {
    /// A session that is not open yet.
    pub fn new(wish: Option<usize>, data_len: u64, region: u16) -> Self {
        Self {
            wish,
            start: 0,
            len: 0,
            data_len,
            region,
            counters: Counters([0; COUNTERS]),
        }
    }

    /// Validate a client's request and translate it: blocks of the device, region of the driver.
    ///
    /// # Errors
    /// How it is to be answered.
    #[inline]
    pub fn accept(&self, told: &BlockCapabilities, request: &BlockRequest) -> Result<BlockRequest, Status> {
        let op = op(request).ok_or(Status::Invalid)?;
        if request.flags != 0 || request.generation != 0 || request.region != 0 {
            return Err(Status::Invalid);
        }
        let block = match op {
            Op::Read | Op::Write => {
                self.check_data(told, request)?;
                if op == Op::Write && told.has(CAP_READ_ONLY) {
                    return Err(Status::ReadOnly);
                }
                // Inside the partition, hence no overflow.
                self.start + request.block
            }
            _ => self.accept_other(op, told, request)?,
        };
        Ok(BlockRequest {
            block,
            region: self.region,
            ..*request
        })
    }

    /// As [`accept`](Self::accept), for what moves no data; the block at the device.
    #[cold]
    fn accept_other(&self, op: Op, told: &BlockCapabilities, request: &BlockRequest) -> Result<u64, Status> {
        if request.offset != 0 {
            return Err(Status::Invalid);
        }
        // A flush is about the device.
        let block = if op != Op::Flush {
            self.check_blocks(told, request)?;
            self.start + request.block
        } else if request.count != 0 || request.block != 0 {
            return Err(Status::Invalid);
        } else {
            0
        };
        check_capability(op, told)?;
        Ok(block)
    }

    /// Blocks of the partition, and not too many.
    #[inline]
    fn check_blocks(&self, told: &BlockCapabilities, request: &BlockRequest) -> Result<(), Status> {
        // At least one.
        if request.count.wrapping_sub(1) >= told.max_transfer {
            return Err(Status::Invalid);
        }
        match self.len.checked_sub(request.count.into()) {
            Some(last) if request.block <= last => Ok(()),
            _ => Err(Status::OutOfRange),
        }
    }

    /// Also whole blocks of the data region.
    #[inline]
    fn check_data(&self, told: &BlockCapabilities, request: &BlockRequest) -> Result<(), Status> {
        let block_size = u64::from(told.block_size);
        if request.offset & block_size.wrapping_sub(1) != 0 {
            return Err(Status::Invalid);
        }
        self.check_blocks(told, request)?;
        // Both factors have at most 32 bits.
        let bytes = u64::from(request.count) * block_size;
        match self.data_len.checked_sub(bytes) {
            Some(last) if request.offset <= last => Ok(()),
            _ => Err(Status::OutOfRange),
        }
    }

    /// The request becomes live. True: one that is live already may conflict with it.
    #[inline]
    pub fn enter(&mut self, request: &BlockRequest) -> bool {
        let writes = writes(request);
        self.counters.add(request, weight(writes)) & against(writes) != 0
    }

    /// [`accept`](Self::accept) and [`enter`](Self::enter) in one, for a read or write that cannot conflict with a live request. `None`:
    /// it is none, or may, or is to be refused, and nothing was changed.
    #[inline(always)] // The request stays in registers.
    pub fn admit(&mut self, told: &BlockCapabilities, request: &BlockRequest) -> Option<BlockRequest> {
        let writes = request.op == Op::Write as u8;
        // Of one test for both, and of one for all fields that are the driver's to see, or nobody's.
        let moves = writes | (request.op == Op::Read as u8);
        let reserved = request.generation | u32::from(request.flags) | u32::from(request.region) << 8;
        if !moves || reserved != 0 || writes && told.has(CAP_READ_ONLY) {
            return None;
        }
        self.check_data(told, request).ok()?;
        let mut accepted = *request;
        // Inside the partition, hence no overflow.
        (accepted.block, accepted.region) = (self.start + request.block, self.region);
        let met = self.counters.add(&accepted, weight(writes));
        if met & against(writes) != 0 {
            self.counters.add(&accepted, weight(writes).wrapping_neg());
            return None;
        }
        Some(accepted)
    }

    /// The request is live no more.
    #[inline]
    pub fn leave(&mut self, request: &BlockRequest) {
        self.counters.add(request, weight(writes(request)).wrapping_neg());
    }
}

/// Their blocks overlap and one of them writes: the later must wait for the earlier.
pub fn conflicts(a: &BlockRequest, b: &BlockRequest) -> bool {
    let end = |r: &BlockRequest| r.block.saturating_add(r.count.into());
    a.block < end(b) && b.block < end(a) && (writes(a) || writes(b))
}

/// The device can do this at all.
fn check_capability(op: Op, record: &BlockCapabilities) -> Result<(), Status> {
    let served = match op {
        Op::Read | Op::Write => true,
        Op::Flush => record.has(CAP_FLUSH),
        Op::Discard => record.has(CAP_DISCARD),
        Op::WriteZeroes => record.has(CAP_WRITE_ZEROES),
    };
    if op.writes() && record.has(CAP_READ_ONLY) {
        Err(Status::ReadOnly)
    } else if served {
        Ok(())
    } else {
        Err(Status::Unsupported)
    }
}

/// The running driver can serve a request that was accepted by what its session was told.
///
/// # Errors
/// `CapabilityLost`: it cannot.
pub fn admissible(running: &BlockCapabilities, request: &BlockRequest) -> Result<(), Status> {
    let op = op(request).ok_or(Status::Invalid)?;
    let inside = request.block.saturating_add(request.count.into()) <= running.capacity;
    let fits = request.count <= running.max_transfer;
    match check_capability(op, running) {
        Ok(()) if inside && fits => Ok(()),
        _ => Err(Status::CapabilityLost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORD: BlockCapabilities = BlockCapabilities {
        capacity: 10_000,
        block_size: 512,
        flags: CAP_FLUSH,
        max_transfer: 128,
        queue_depth: 16,
    };

    fn plan() -> Plan {
        let mut plan = Plan::new(None, 64 * 1024, 3);
        (plan.start, plan.len) = (2048, 1000);
        plan
    }

    fn request(op: Op, block: u64, count: u32, offset: u64) -> BlockRequest {
        BlockRequest {
            id: 9,
            op: op as u8,
            count,
            block,
            offset,
            ..BlockRequest::default()
        }
    }

    fn verdict(request: BlockRequest) -> Option<Status> {
        plan().accept(&RECORD, &request).err()
    }

    #[test]
    fn valid_request_is_moved_into_the_partition() {
        let accepted = plan().accept(&RECORD, &request(Op::Write, 7, 8, 4096)).unwrap();
        assert_eq!(
            (accepted.block, accepted.region, accepted.offset, accepted.count),
            (2055, 3, 4096, 8)
        );
        assert_eq!(verdict(request(Op::Read, 999, 1, 65536 - 512)), None);
        assert_eq!(verdict(request(Op::Flush, 0, 0, 0)), None);
    }

    #[test]
    fn each_field_is_checked() {
        let good = request(Op::Read, 0, 8, 0);
        for bad in [
            BlockRequest { op: 0, ..good },
            BlockRequest { op: 6, ..good },
            BlockRequest { flags: 1, ..good },
            BlockRequest {
                generation: 1,
                ..good
            },
            BlockRequest { region: 1, ..good },
            BlockRequest { count: 0, ..good },
            BlockRequest { count: 129, ..good },
            BlockRequest { offset: 256, ..good },
            request(Op::Flush, 0, 1, 0),
            request(Op::Flush, 1, 0, 0),
            request(Op::Flush, 0, 0, 512),
        ] {
            assert_eq!(verdict(bad), Some(Status::Invalid), "{bad:?}");
        }
        for bad in [
            BlockRequest { block: 993, ..good },
            BlockRequest {
                block: u64::MAX,
                ..good
            },
            BlockRequest {
                block: u64::MAX - 7,
                ..good
            },
            BlockRequest {
                offset: 65536 - 7 * 512,
                ..good
            },
            BlockRequest { offset: !511, ..good },
        ] {
            assert_eq!(verdict(bad), Some(Status::OutOfRange), "{bad:?}");
        }
        assert_eq!(verdict(request(Op::Discard, 0, 8, 0)), Some(Status::Unsupported));
        let read_only = BlockCapabilities {
            flags: CAP_READ_ONLY,
            ..RECORD
        };
        assert_eq!(
            plan().accept(&read_only, &request(Op::Write, 0, 8, 0)),
            Err(Status::ReadOnly)
        );
    }

    #[test]
    fn what_the_running_driver_lacks_is_lost() {
        let running = BlockCapabilities {
            flags: CAP_READ_ONLY,
            max_transfer: 8,
            capacity: 3000,
            ..RECORD
        };
        let lost = Err(Status::CapabilityLost);
        assert_eq!(admissible(&running, &request(Op::Read, 0, 8, 0)), Ok(()));
        assert_eq!(admissible(&running, &request(Op::Read, 0, 9, 0)), lost);
        assert_eq!(admissible(&running, &request(Op::Read, 2993, 8, 0)), lost);
        assert_eq!(admissible(&running, &request(Op::Write, 0, 8, 0)), lost);
        assert_eq!(admissible(&running, &request(Op::Flush, 0, 0, 0)), lost);
    }

    proptest! {
        /// Whatever a client writes: what is accepted lies inside its partition and its data region.
        #[test]
        fn accepted_requests_stay_inside(
            op in 0u8..8, count: u32, small in 0u32..200, block: u64, near in 0u64..1100, offset: u64, low in 0u64..140,
        ) {
            for (count, block, offset) in [(count, block, offset), (small, near, low * 512), (small, block, low * 512)] {
                let request = BlockRequest { op, count, block, offset, ..BlockRequest::default() };
                if let Ok(accepted) = plan().accept(&RECORD, &request) {
                    let end = accepted.block + u64::from(accepted.count);
                    prop_assert!(op == Op::Flush as u8 || (accepted.block >= 2048 && end <= 3048));
                    prop_assert!(accepted.offset + u64::from(accepted.count) * 512 <= 64 * 1024);
                }
            }
        }

        /// What is admitted in one is what is accepted and entered, and nothing else that could be is left to the long way.
        #[test]
        fn admitting_is_accepting_and_entering(
            op in 0u8..8, count in 0u32..200, block in 0u64..1100, offset in 0u64..140, odd in 0u8..40, flags: u32,
            before in prop::collection::vec((any::<bool>(), 0u64..1000, 1u32..9), 0..6),
        ) {
            let told = BlockCapabilities { flags, ..RECORD };
            let mut asked = BlockRequest { op, count, block, offset: offset * 512, ..BlockRequest::default() };
            match odd {
                0 => asked.flags = 1,
                1 => asked.generation = 1,
                2 => asked.region = 1,
                3 => asked.offset += 8,
                _ => {}
            }
            let (mut short, mut long) = (plan(), plan());
            for (writes, block, count) in before {
                let live = request(if writes { Op::Write } else { Op::Read }, block + 2048, count, 0);
                let _ = (short.enter(&live), long.enter(&live));
            }
            let untouched = long.counters.0;
            let accepted = long.accept(&told, &asked).ok();
            let accepted = accepted.filter(|accepted| Op::from_byte(accepted.op).is_some_and(Op::has_data));
            let expected = accepted.filter(|accepted| !long.enter(accepted));
            prop_assert_eq!(short.admit(&told, &asked), expected);
            let counted = if expected.is_some() { long.counters.0 } else { untouched };
            prop_assert_eq!(short.counters.0, counted);
        }

        /// The counters never miss a conflict, and are empty when nothing is live.
        #[test]
        fn counters_miss_no_conflict(steps in prop::collection::vec((1u8..6, 0u64..40_000, 1u32..600, any::<bool>()), 1..60)) {
            let mut plan = plan();
            let mut live: Vec<BlockRequest> = Vec::new();
            for (op, block, count, answer) in steps {
                if answer && !live.is_empty() {
                    plan.leave(&live.swap_remove(block as usize % live.len()));
                }
                let op = Op::from_byte(op).unwrap();
                let new = if op == Op::Flush { request(op, 0, 0, 0) } else { request(op, block, count, 0) };
                let suspicious = plan.enter(&new);
                prop_assert!(suspicious || !live.iter().any(|old| conflicts(old, &new)));
                live.push(new);
            }
            live.iter().for_each(|request| plan.leave(request));
            prop_assert!(plan.counters.0.iter().all(|&count| count == 0));
        }
    }
}
