//! Requests are validated once, here, so that a driver sees none that its device cannot carry out: as with the
//! [block class](crate::block), so that one confused party stays one.

use device_class::net::{
    FILTER_ALL_GROUPS, FILTER_BROADCAST, FILTER_EVERYTHING, FLAG_CHECKSUM, FLAG_SEGMENT_4, FLAG_SEGMENT_6,
    HEADER, HEADROOM, LINK_UP, NetCapabilities, NetRequest, Op, Status,
};
use driver_package::resources::DataRegion;

use super::{Buffer, Frame, Offload, Request, Wanted};

/// The request, or the status to answer at once. Checks in a fixed order: form, capability, length, data.
pub(super) fn validate(
    request: &NetRequest,
    generation: u32,
    record: &NetCapabilities,
    regions: &[DataRegion],
) -> Result<Request, Status> {
    let op = Op::from_byte(request.op).ok_or(Status::Invalid)?;
    if request.generation != generation {
        return Err(Status::Invalid);
    }
    let id = request.id;
    if op == Op::Transmit {
        return Ok(Request::Transmit(frame(request, record, regions)?));
    }
    if offload(request).without_flags() != Offload::default() {
        return Err(Status::Invalid);
    }
    match op {
        Op::Transmit | Op::Receive => {
            let longest = record.frame_max() + HEADROOM as u32;
            if request.flags != 0 || request.length < longest {
                return Err(Status::Invalid);
            }
            let region = regions.get(usize::from(request.region)).ok_or(Status::Invalid)?;
            let buffer = Buffer::within(region, request.offset, request.length.into());
            let buffer = buffer.ok_or(Status::OutOfRange)?;
            Ok(Request::Receive { id, buffer })
        }
        Op::Filter => {
            let known = FILTER_BROADCAST | FILTER_ALL_GROUPS | FILTER_EVERYTHING;
            if request.flags & !known != 0 || request.length != 0 {
                return Err(Status::Invalid);
            }
            let (flags, groups) = (request.flags, request.offset);
            let wanted = Wanted { flags, groups };
            Ok(Request::Filter { id, wanted })
        }
        Op::Link => {
            let known = request.length;
            if request.flags != 0 || known > LINK_UP || request.offset != 0 {
                return Err(Status::Invalid);
            }
            Ok(Request::Link { id, known })
        }
    }
}

impl Offload {
    fn without_flags(self) -> Self {
        Self { flags: 0, ..self }
    }
}

fn offload(request: &NetRequest) -> Offload {
    Offload {
        flags: request.flags,
        checksum_start: request.checksum_start,
        checksum_offset: request.checksum_offset,
        segment: request.segment,
        headers: request.headers,
    }
}

fn frame(request: &NetRequest, record: &NetCapabilities, regions: &[DataRegion]) -> Result<Frame, Status> {
    let offload = offload(request);
    let cuts = offload.flags & (FLAG_SEGMENT_4 | FLAG_SEGMENT_6);
    let sums = offload.flags & FLAG_CHECKSUM;
    if offload.flags & !(FLAG_CHECKSUM | FLAG_SEGMENT_4 | FLAG_SEGMENT_6) != 0 {
        return Err(Status::Invalid);
    }
    if !record.serves(offload.flags) {
        return Err(Status::Unsupported);
    }
    let summed = u32::from(offload.checksum_start) + u32::from(offload.checksum_offset) + 2;
    let lengths = (HEADER as u32..=record.length_max(offload.flags)).contains(&request.length);
    let checksum = if sums != 0 {
        summed <= request.length
    } else {
        cuts == 0 && (offload.checksum_start, offload.checksum_offset) == (0, 0)
    };
    let segments = if cuts != 0 {
        cuts.is_power_of_two() && offload.segment > 0 && u32::from(offload.headers) < request.length
    } else {
        (offload.segment, offload.headers) == (0, 0)
    };
    if !lengths || !checksum || !segments {
        return Err(Status::Invalid);
    }
    let region = regions.get(usize::from(request.region)).ok_or(Status::Invalid)?;
    let start = request.offset.checked_sub(HEADROOM).ok_or(Status::OutOfRange)?;
    let data = Buffer::within(region, start, HEADROOM + u64::from(request.length));
    Ok(Frame {
        id: request.id,
        data: data.ok_or(Status::OutOfRange)?,
        offload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use device_class::net::{CAP_CHECKSUM, CAP_SEGMENT_4};
    use proptest::prelude::*;

    const RECORD: NetCapabilities = NetCapabilities {
        mac: [2, 0, 0, 0, 0, 1],
        mtu: 1500,
        flags: CAP_CHECKSUM | CAP_SEGMENT_4,
        segment_max: 9000,
        link: LINK_UP,
        transmit_depth: 8,
        receive_depth: 8,
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
            len: 0x800,
        },
    ];
    const SEND: NetRequest = NetRequest {
        id: 9,
        generation: 3,
        op: 1,
        flags: 0,
        region: 1,
        length: 60,
        offset: 0x100,
        checksum_start: 0,
        checksum_offset: 0,
        segment: 0,
        headers: 0,
    };

    fn refusal(change: impl FnOnce(&mut NetRequest)) -> Option<Status> {
        let mut request = SEND;
        change(&mut request);
        validate(&request, 3, &RECORD, &REGIONS).err()
    }

    #[test]
    fn frame_comes_with_its_headroom() {
        let Ok(Request::Transmit(frame)) = validate(&SEND, 3, &RECORD, &REGIONS) else {
            panic!("refused")
        };
        let data = frame.data.as_ptr();
        assert_eq!((data.addr().get(), data.len()), (0x1100_00f0, 76));
    }

    #[test]
    fn every_rule_of_a_frame_has_its_status() {
        assert_eq!(refusal(|_| {}), None);
        assert_eq!(refusal(|r| r.op = 0), Some(Status::Invalid));
        assert_eq!(refusal(|r| r.generation = 2), Some(Status::Invalid));
        assert_eq!(refusal(|r| r.flags = 1 << 7), Some(Status::Invalid));
        assert_eq!(refusal(|r| r.region = 2), Some(Status::Invalid));
        assert_eq!(refusal(|r| r.length = 13), Some(Status::Invalid));
        assert_eq!(refusal(|r| r.length = 1514), None);
        assert_eq!(refusal(|r| r.length = 1515), Some(Status::Invalid));
        assert_eq!(refusal(|r| r.offset = 16), None);
        assert_eq!(refusal(|r| r.offset = 15), Some(Status::OutOfRange));
        assert_eq!(refusal(|r| r.offset = 0x800 - 60), None);
        assert_eq!(refusal(|r| r.offset = 0x800 - 59), Some(Status::OutOfRange));
        assert_eq!(refusal(|r| r.offset = u64::MAX), Some(Status::OutOfRange));
    }

    #[test]
    fn offloads_go_with_their_fields_and_capabilities() {
        let sum =
            |r: &mut NetRequest| (r.flags, r.checksum_start, r.checksum_offset) = (FLAG_CHECKSUM, 34, 16);
        assert_eq!(refusal(sum), None);
        assert_eq!(refusal(|r| r.checksum_start = 34), Some(Status::Invalid));
        assert_eq!(
            refusal(|r| {
                sum(r);
                r.checksum_offset = 25
            }),
            Some(Status::Invalid)
        );
        let cut = |r: &mut NetRequest| {
            sum(r);
            (r.flags, r.segment, r.headers) = (FLAG_CHECKSUM | FLAG_SEGMENT_4, 1448, 54);
        };
        assert_eq!(refusal(cut), None);
        assert_eq!(
            refusal(|r| {
                cut(r);
                r.segment = 0
            }),
            Some(Status::Invalid)
        );
        assert_eq!(
            refusal(|r| {
                cut(r);
                r.headers = 60
            }),
            Some(Status::Invalid)
        );
        assert_eq!(
            refusal(|r| {
                cut(r);
                r.flags = FLAG_SEGMENT_4
            }),
            Some(Status::Invalid)
        );
        assert_eq!(
            refusal(|r| {
                cut(r);
                r.flags |= FLAG_SEGMENT_6
            }),
            Some(Status::Unsupported)
        );
        assert_eq!(refusal(|r| r.segment = 1), Some(Status::Invalid));
        let mut long = SEND;
        cut(&mut long);
        (long.length, long.region) = (9000, 0);
        assert!(validate(&long, 3, &RECORD, &REGIONS).is_ok());
        long.length = 9001;
        assert_eq!(validate(&long, 3, &RECORD, &REGIONS), Err(Status::Invalid));
    }

    #[test]
    fn buffer_that_a_frame_might_not_fit_into_is_refused() {
        let receive = |r: &mut NetRequest| (r.op, r.length, r.offset) = (2, 1530, 0);
        assert_eq!(refusal(receive), None);
        assert_eq!(
            refusal(|r| {
                receive(r);
                r.length -= 1
            }),
            Some(Status::Invalid)
        );
        assert_eq!(
            refusal(|r| {
                receive(r);
                r.length = 0x801
            }),
            Some(Status::OutOfRange)
        );
        assert_eq!(
            refusal(|r| {
                receive(r);
                r.segment = 1
            }),
            Some(Status::Invalid)
        );
        assert_eq!(
            refusal(|r| {
                receive(r);
                r.flags = 1
            }),
            Some(Status::Invalid)
        );
    }

    #[test]
    fn filter_and_link_have_no_other_fields() {
        let filter = |r: &mut NetRequest| (r.op, r.flags, r.length, r.offset) = (3, 7, 0, u64::MAX);
        assert_eq!(refusal(filter), None);
        assert_eq!(
            refusal(|r| {
                filter(r);
                r.flags = 8
            }),
            Some(Status::Invalid)
        );
        assert_eq!(
            refusal(|r| {
                filter(r);
                r.length = 1
            }),
            Some(Status::Invalid)
        );
        let link = |r: &mut NetRequest| (r.op, r.length, r.offset) = (4, LINK_UP, 0);
        assert_eq!(refusal(link), None);
        assert_eq!(
            refusal(|r| {
                link(r);
                r.length = 3
            }),
            Some(Status::Invalid)
        );
        assert_eq!(
            refusal(|r| {
                link(r);
                r.offset = 1
            }),
            Some(Status::Invalid)
        );
    }

    proptest! {
        /// Whatever is asked for, bytes that a driver is given lie in the region that was named.
        #[test]
        fn accepted_data_lies_in_its_region(op in 0u8..6, flags in any::<u8>(), region in 0u16..3,
                                            length in prop_oneof![0u32..3000, any::<u32>()],
                                            offset in prop_oneof![0u64..0x5000, any::<u64>()],
                                            fields in any::<[u16; 4]>(), plain in any::<bool>()) {
            let [checksum_start, checksum_offset, segment, headers] = if plain { [0; 4] } else { fields };
            let flags = if plain { 0 } else { flags };
            let request = NetRequest { op, flags, region, length, offset, checksum_start, checksum_offset, segment, headers, ..SEND };
            let data = match validate(&request, 3, &RECORD, &REGIONS) {
                Ok(Request::Transmit(frame)) => frame.data,
                Ok(Request::Receive { buffer, .. }) => buffer,
                _ => return Ok(()),
            };
            let (home, data) = (REGIONS[usize::from(region)], data.as_ptr());
            let start = data.addr().get() as u64;
            prop_assert!(start >= home.vaddr && start + data.len() as u64 <= home.vaddr + home.len);
            prop_assert!(data.len() as u64 >= u64::from(length));
        }
    }
}
