//! The frame that most are: whole, with nothing for the device to compute.

use device_class::net::{HEADER, HEADROOM, Header, NetCapabilities, NetRequest, Op};

use super::Plan;
use crate::memory::FrameMemory;

impl<M: FrameMemory> Plan<M> {
    /// [`accept`](Self::accept) for a frame without offloads. `None`: it is none, or is to be refused, and that says how.
    #[inline]
    pub fn admit(&self, told: &NetCapabilities, request: &NetRequest) -> Option<NetRequest> {
        // Of tests that do not wait for each other the compiler makes one for each word.
        let plain = (request.op == Op::Transmit as u8)
            & (request.generation == 0)
            & (request.flags == 0)
            & (request.region == 0)
            & (request.checksum_start == 0)
            & (request.checksum_offset == 0)
            & (request.segment == 0)
            & (request.headers == 0);
        let length = request.length as usize;
        if !plain || length < HEADER || request.length > told.frame_max() || request.offset < HEADROOM {
            return None;
        }
        let start = usize::try_from(request.offset).ok()?;
        let source = Header::of_pair(self.data.pair(start, length)?).source;
        (Some(source.to_word()) == self.address).then_some(NetRequest {
            region: self.terms.region,
            ..*request
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Terms;
    use device_class::net::{Address, CAP_CHECKSUM, LINK_UP};
    use proptest::prelude::*;

    const RECORD: NetCapabilities = NetCapabilities {
        mac: [2, 0, 0, 0, 0, 1],
        mtu: 200,
        flags: CAP_CHECKSUM,
        segment_max: 0,
        link: LINK_UP,
        transmit_depth: 16,
        receive_depth: 16,
    };
    const DATA: usize = 512;

    struct Bytes([u8; DATA]);

    impl FrameMemory for Bytes {
        fn len(&self) -> usize {
            DATA
        }
        fn read(&self, offset: usize, target: &mut [u8]) -> bool {
            let source = offset
                .checked_add(target.len())
                .and_then(|end| self.0.get(offset..end));
            source.is_some_and(|source| {
                target.copy_from_slice(source);
                true
            })
        }
        fn copy_from(&self, _: usize, _: &Self, _: usize, _: usize) -> bool {
            false
        }
    }

    proptest! {
        /// What is admitted is what is accepted, and what is not is refused, but for offloads and what ends with the region.
        #[test]
        fn admitting_is_accepting(
            op in 1u8..4, length in 0u32..260, offset in 0u64..600, own: bool, odd in 0u8..30,
        ) {
            let (mut data, at) = (Bytes([0; DATA]), offset as usize);
            let source = if own { RECORD.address() } else { Address([2; 6]) };
            if let Some(place) = data.0.get_mut(at + 6..at + 12) {
                place.copy_from_slice(&source.0);
            }
            let terms = Terms { region: 3, ..Terms::default() };
            let mut plan = Plan::new(terms, data);
            plan.open(&RECORD).unwrap();
            let mut asked = NetRequest { id: 7, op, length, offset, ..NetRequest::default() };
            match odd {
                0 => asked.generation = 1,
                1 => asked.region = 1,
                2 => asked.flags = 1,
                3 => asked.flags = 0x80,
                4 => asked.checksum_start = 1,
                5 => asked.checksum_offset = 1,
                6 => asked.segment = 1,
                7 => asked.headers = 1,
                8 => asked.offset = u64::MAX - 3,
                9 => asked.length = u32::MAX,
                _ => {}
            }
            let (admitted, accepted) = (plan.admit(&RECORD, &asked), plan.accept(&RECORD, &asked));
            match admitted {
                Some(admitted) => prop_assert_eq!(accepted, Ok(admitted)),
                None => prop_assert!(accepted.is_err() || at + 16 > DATA),
            }
        }
    }
}
