//! Requests are validated once, here, so that a driver sees none that its device cannot carry out. The shadow is
//! trusted, but a driver that writes where a confused shadow says would make one fault two.

use device_class::block::BlockRequest;
use driver_package::resources::DataRegion;

use super::{
    BlockCapabilities, Buffer, CAP_DISCARD, CAP_FLUSH, CAP_READ_ONLY, CAP_WRITE_ZEROES, Op, Request, Status,
};

/// The request, or the status to answer at once.
#[inline]
pub(super) fn validate(
    request: &BlockRequest,
    generation: u32,
    capabilities: &BlockCapabilities,
    regions: &[DataRegion],
) -> Result<Request, Status> {
    if let Some(request) = transfer(request, generation, capabilities, regions) {
        return Ok(request);
    }
    // Passed by value and answered by a byte: nothing of the common case has to be in memory for it.
    match check(*request, generation, capabilities, regions)? {
        // `transfer` finds nothing wrong with it either.
        op if op.has_data() => Err(Status::Invalid),
        op => Ok(Request {
            id: request.id,
            op,
            block: request.block,
            count: request.count,
            data: Buffer::EMPTY,
        }),
    }
}

/// A read or write that passes [`check`], where no order matters then.
#[inline]
fn transfer(
    request: &BlockRequest,
    generation: u32,
    capabilities: &BlockCapabilities,
    regions: &[DataRegion],
) -> Option<Request> {
    let writes = request.op == Op::Write as u8;
    let op = if writes { Op::Write } else { Op::Read };
    if request.op != op as u8 || request.flags != 0 || request.generation != generation {
        return None;
    }
    if writes && capabilities.flags & CAP_READ_ONLY != 0
        || request.count.wrapping_sub(1) >= capabilities.max_transfer
    {
        return None;
    }
    let end = request.block.checked_add(request.count.into())?;
    if end > capabilities.capacity {
        return None;
    }
    Some(Request {
        id: request.id,
        op,
        block: request.block,
        count: request.count,
        data: find_data(request, capabilities.block_size, regions).ok()?,
    })
}

/// What a request wants, or the status to answer at once. Checks in a fixed order: form, capability, blocks, data.
#[cold]
#[inline(never)] // Nothing of it is to be in the loop over requests.
fn check(
    request: BlockRequest,
    generation: u32,
    capabilities: &BlockCapabilities,
    regions: &[DataRegion],
) -> Result<Op, Status> {
    let op = Op::from_byte(request.op).ok_or(Status::Invalid)?;
    if request.flags != 0 || request.generation != generation {
        return Err(Status::Invalid);
    }
    if op != Op::Read {
        check_capability(op, capabilities.flags)?;
    }
    let fits = match op {
        Op::Flush => request.count == 0,
        // At least one block.
        _ => request.count.wrapping_sub(1) < capabilities.max_transfer,
    };
    if !fits {
        return Err(Status::Invalid);
    }
    let end = request
        .block
        .checked_add(request.count.into())
        .ok_or(Status::OutOfRange)?;
    if end > capabilities.capacity {
        return Err(Status::OutOfRange);
    }
    if op.has_data() {
        find_data(&request, capabilities.block_size, regions)?;
    }
    Ok(op)
}

/// A device with these capabilities can do it.
#[inline]
fn check_capability(op: Op, flags: u32) -> Result<(), Status> {
    let needed = match op {
        Op::Read | Op::Write => 0,
        Op::Flush => CAP_FLUSH,
        Op::Discard => CAP_DISCARD,
        Op::WriteZeroes => CAP_WRITE_ZEROES,
    };
    if flags & needed != needed {
        return Err(Status::Unsupported);
    }
    if op.writes() && flags & CAP_READ_ONLY != 0 {
        return Err(Status::ReadOnly);
    }
    Ok(())
}

#[inline]
fn find_data(request: &BlockRequest, block_size: u32, regions: &[DataRegion]) -> Result<Buffer, Status> {
    let region = regions.get(usize::from(request.region)).ok_or(Status::Invalid)?;
    // A sane record has a power of two.
    if request.offset & u64::from(block_size.wrapping_sub(1)) != 0 {
        return Err(Status::Invalid);
    }
    let len = u64::from(request.count) * u64::from(block_size);
    Buffer::within(region, request.offset, len).ok_or(Status::OutOfRange)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CAPABILITIES: BlockCapabilities = BlockCapabilities {
        capacity: 1000,
        block_size: 512,
        flags: CAP_FLUSH,
        max_transfer: 64,
        queue_depth: 16,
    };
    const REGIONS: [DataRegion; 2] = [
        DataRegion {
            vaddr: 0x1000_0000,
            io_addr: 0,
            len: 0x4000,
        },
        DataRegion {
            vaddr: 0x1100_0000,
            io_addr: 0,
            len: 0x200,
        },
    ];
    const READ: BlockRequest = BlockRequest {
        id: 5,
        generation: 3,
        op: 1,
        flags: 0,
        region: 0,
        count: 8,
        block: 10,
        offset: 0x200,
    };

    fn status(request: BlockRequest, flags: u32) -> Option<Status> {
        validate(
            &request,
            3,
            &BlockCapabilities {
                flags,
                ..CAPABILITIES
            },
            &REGIONS,
        )
        .err()
    }

    #[test]
    fn every_rule_has_its_status() {
        let buffer = Buffer::within(&REGIONS[0], 0x200, 4096).unwrap();
        assert_eq!(buffer.as_ptr().addr().get(), 0x1000_0200);
        let request = Request {
            id: 5,
            op: Op::Read,
            block: 10,
            count: 8,
            data: buffer,
        };
        assert_eq!(validate(&READ, 3, &CAPABILITIES, &REGIONS), Ok(request));
        assert_eq!(transfer(&READ, 3, &CAPABILITIES, &REGIONS), Some(request));
        let flush = BlockRequest {
            op: 3,
            count: 0,
            block: 0,
            ..READ
        };
        let write = BlockRequest { op: 2, ..READ };
        assert_eq!(status(BlockRequest { op: 0, ..READ }, 0), Some(Status::Invalid));
        assert_eq!(
            status(BlockRequest { flags: 1, ..READ }, 0),
            Some(Status::Invalid)
        );
        assert_eq!(
            status(
                BlockRequest {
                    generation: 2,
                    ..READ
                },
                0
            ),
            Some(Status::Invalid)
        );
        assert_eq!(
            status(BlockRequest { op: 4, ..READ }, 0),
            Some(Status::Unsupported)
        );
        assert_eq!(
            status(BlockRequest { op: 5, ..READ }, CAP_DISCARD),
            Some(Status::Unsupported)
        );
        assert_eq!(status(flush, 0), Some(Status::Unsupported));
        assert_eq!(status(flush, CAP_FLUSH), None);
        assert_eq!(
            status(BlockRequest { count: 1, ..flush }, CAP_FLUSH),
            Some(Status::Invalid)
        );
        assert_eq!(status(write, CAP_READ_ONLY), Some(Status::ReadOnly));
        assert_eq!(status(write, 0), None);
        assert_eq!(
            status(BlockRequest { count: 0, ..READ }, 0),
            Some(Status::Invalid)
        );
        assert_eq!(
            status(BlockRequest { count: 65, ..READ }, 0),
            Some(Status::Invalid)
        );
        assert_eq!(status(BlockRequest { block: 992, ..READ }, 0), None);
        assert_eq!(
            status(BlockRequest { block: 993, ..READ }, 0),
            Some(Status::OutOfRange)
        );
        assert_eq!(
            status(
                BlockRequest {
                    block: u64::MAX,
                    ..READ
                },
                0
            ),
            Some(Status::OutOfRange)
        );
        assert_eq!(
            status(BlockRequest { region: 2, ..READ }, 0),
            Some(Status::Invalid)
        );
        assert_eq!(
            status(BlockRequest { region: 1, ..READ }, 0),
            Some(Status::OutOfRange)
        );
        assert_eq!(
            status(BlockRequest { offset: 1, ..READ }, 0),
            Some(Status::Invalid)
        );
        assert_eq!(
            status(
                BlockRequest {
                    offset: 0x3000,
                    ..READ
                },
                0
            ),
            None
        );
        assert_eq!(
            status(
                BlockRequest {
                    offset: 0x3200,
                    ..READ
                },
                0
            ),
            Some(Status::OutOfRange)
        );
        assert_eq!(
            status(
                BlockRequest {
                    offset: u64::MAX - 511,
                    ..READ
                },
                0
            ),
            Some(Status::OutOfRange)
        );
    }

    proptest! {
        #[test]
        fn accepted_data_lies_in_its_region(op in 0u8..7, region in 0u16..3, count in 0u32..80, block in 0u64..1100,
                                            offset in prop_oneof![(0u64..40).prop_map(|n| n * 512), any::<u64>()]) {
            let request = BlockRequest { op, region, count, block, offset, ..READ };
            for flags in [0, CAP_READ_ONLY, CAP_FLUSH] {
                let capabilities = BlockCapabilities { flags, ..CAPABILITIES };
                for generation in [3, 4] {
                    let moved = transfer(&request, generation, &capabilities, &REGIONS);
                    let any = check(request, generation, &capabilities, &REGIONS);
                    prop_assert_eq!(moved.map(|moved| moved.op), any.ok().filter(|op| op.has_data()));
                }
            }
            let strange = BlockRequest { flags: 1, ..request };
            prop_assert_eq!(transfer(&strange, 3, &CAPABILITIES, &REGIONS), None);
            if let Ok(request) = validate(&request, 3, &CAPABILITIES, &REGIONS) {
                prop_assert!(request.block + u64::from(request.count) <= CAPABILITIES.capacity);
                if request.op.has_data() {
                    let home = REGIONS[usize::from(region)];
                    let (data, len) = (request.data.as_ptr(), u64::from(request.count) * 512);
                    let start = data.addr().get() as u64;
                    prop_assert!(start >= home.vaddr && start + len <= home.vaddr + home.len);
                    prop_assert_eq!(data.len() as u64, len);
                }
            }
        }
    }
}
