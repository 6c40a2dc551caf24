//! A call to root: decoded from message words, and allowed or not.

use driver_package::image::{Rights, Segment};
use heapless::Vec;
use supervision::root::{MAX_SEGMENTS, Op, Part};
use supervision::{Code, Side};
use system_spec::spec::Role;

/// A slot and a generation of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Device slot.
    pub slot: usize,
    /// Generation.
    pub generation: u32,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Start building.
    BuildBegin {
        /// Device slot.
        slot: usize,
        /// Link and notification.
        side: Side,
        /// Entry point.
        entry: u64,
        /// Pages of heap.
        heap_pages: u64,
        /// The image's segments.
        segments: Vec<Segment, MAX_SEGMENTS>,
    },
    /// The next frames.
    BuildStep(Target),
    /// The content is in place.
    BuildFinish(Target),
    /// Give it the device.
    Start(Target),
    /// Take the device.
    Cut(Target),
    /// Take everything.
    Discard(Target),
    /// The device was reset.
    DeviceReset(usize),
    /// The next event behind the one of this number.
    NextEvent(u64),
    /// State of a slot.
    SlotState(usize),
    /// Stop the running driver.
    Kill(usize),
    /// Processor time of the running driver.
    Consumed(usize),
    /// How a static PD fared.
    DomainState(usize),
    /// Start the part of this slot anew.
    Renew(usize, Part),
    /// This static PD hangs.
    Silent(usize),
    /// The stager's job for the slot is overdue, or it is not any more.
    Hurry(usize, bool),
    /// A matter of the IOMMU.
    Dma(Dma),
}

/// What the IOMMU PD asks and tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dma {
    /// The slot's ranges.
    Reach {
        /// Device slot.
        slot: usize,
        /// Which of them.
        index: usize,
    },
    /// A generation's memory.
    Window(Target),
    /// The device reaches it.
    Admitted(Target),
    /// The device of this slot reaches nothing.
    Blocked(usize),
    /// Which generation the device of this slot reaches.
    Admission(usize),
    /// A device was stopped.
    Fault {
        /// Device slot.
        slot: usize,
        /// What the SMMU calls it.
        kind: u8,
        /// Where.
        address: u64,
        /// It was to write.
        write: bool,
    },
}

/// Who may ask for what.
fn allowed(role: Role, op: Op) -> bool {
    match op {
        Op::BuildBegin | Op::BuildStep | Op::BuildFinish => role == Role::Stager,
        Op::Discard => matches!(role, Role::Control | Role::Stager),
        Op::DeviceReset => role == Role::Bus,
        Op::Reach | Op::Window | Op::Admitted | Op::Blocked | Op::Admission | Op::DmaFault => {
            role == Role::Iommu
        }
        Op::Silent => role == Role::Guard,
        // The stager asks for what it was building when it died.
        Op::SlotState => matches!(role, Role::Control | Role::Stager),
        Op::Start
        | Op::Cut
        | Op::NextEvent
        | Op::Kill
        | Op::Consumed
        | Op::DomainState
        | Op::Renew
        | Op::Hurry => role == Role::Control,
    }
}

/// Decodes a call by `role` in a system with this many slots; `words` are those that were sent.
pub fn decode(role: Role, label: u64, words: &[u64], slots: usize) -> Result<Request, Code> {
    let op = Op::from_label(label)
        .filter(|&op| allowed(role, op))
        .ok_or(Code::Denied)?;
    let word = |index: usize| words.get(index).copied().ok_or(Code::Invalid);
    let slot = || {
        usize::try_from(word(0)?)
            .ok()
            .filter(|&slot| slot < slots)
            .ok_or(Code::Invalid)
    };
    let target = || {
        let generation = u32::try_from(word(1)?).map_err(|_| Code::Invalid)?;
        Ok(Target {
            slot: slot()?,
            generation,
        })
    };
    Ok(match op {
        Op::BuildBegin => Request::BuildBegin {
            slot: slot()?,
            side: Side::from_word(word(1)?).ok_or(Code::Invalid)?,
            entry: word(2)?,
            heap_pages: word(3)?,
            segments: segments(word(4)?, words.get(5..).unwrap_or_default())?,
        },
        Op::BuildStep => Request::BuildStep(target()?),
        Op::BuildFinish => Request::BuildFinish(target()?),
        Op::Start => Request::Start(target()?),
        Op::Cut => Request::Cut(target()?),
        Op::Discard => Request::Discard(target()?),
        Op::DeviceReset => Request::DeviceReset(slot()?),
        Op::NextEvent => Request::NextEvent(word(0)?),
        Op::SlotState => Request::SlotState(slot()?),
        Op::Kill => Request::Kill(slot()?),
        Op::Consumed => Request::Consumed(slot()?),
        Op::DomainState => Request::DomainState(usize::try_from(word(0)?).map_err(|_| Code::Invalid)?),
        Op::Silent => Request::Silent(usize::try_from(word(0)?).map_err(|_| Code::Invalid)?),
        Op::Hurry => Request::Hurry(slot()?, word(1)? != 0),
        Op::Renew => Request::Renew(slot()?, Part::from_word(word(1)?).ok_or(Code::Invalid)?),
        Op::Reach => Request::Dma(Dma::Reach {
            slot: slot()?,
            index: usize::try_from(word(1)?).map_err(|_| Code::Invalid)?,
        }),
        Op::Window => Request::Dma(Dma::Window(target()?)),
        Op::Admitted => Request::Dma(Dma::Admitted(target()?)),
        Op::Blocked => Request::Dma(Dma::Blocked(slot()?)),
        Op::Admission => Request::Dma(Dma::Admission(slot()?)),
        Op::DmaFault => Request::Dma(Dma::Fault {
            slot: slot()?,
            kind: u8::try_from(word(1)?).map_err(|_| Code::Invalid)?,
            address: word(2)?,
            write: word(3)? != 0,
        }),
    })
}

fn segments(count: u64, words: &[u64]) -> Result<Vec<Segment, MAX_SEGMENTS>, Code> {
    let count = usize::try_from(count)
        .ok()
        .filter(|&n| n <= MAX_SEGMENTS)
        .ok_or(Code::BadImage)?;
    let words = words.get(..2 * count).ok_or(Code::Invalid)?;
    let mut segments = Vec::new();
    for pair in words.chunks_exact(2) {
        let pages = u32::try_from(pair[1] >> 8).map_err(|_| Code::BadImage)?;
        let rights = Rights::from_bits((pair[1] & 0xff) as u32).ok_or(Code::BadImage)?;
        segments
            .push(Segment {
                vaddr: pair[0],
                pages,
                rights,
            })
            .map_err(|_| Code::BadImage)?;
    }
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_role_may_ask_only_its_own() {
        let may = |role, op: Op| decode(role, op as u64, &[0, 1], 1) != Err(Code::Denied);
        assert!(may(Role::Control, Op::Cut) && !may(Role::Stager, Op::Cut) && !may(Role::Bus, Op::Cut));
        assert!(may(Role::Control, Op::Renew) && !may(Role::Stager, Op::Renew));
        assert!(may(Role::Control, Op::Hurry) && !may(Role::Stager, Op::Hurry));
        assert!(may(Role::Bus, Op::DeviceReset) && !may(Role::Control, Op::DeviceReset));
        assert!(may(Role::Stager, Op::BuildStep) && !may(Role::Control, Op::BuildStep));
        assert!(
            may(Role::Stager, Op::Discard) && may(Role::Control, Op::Discard) && !may(Role::Bus, Op::Discard)
        );
        assert!(
            may(Role::Iommu, Op::Blocked)
                && !may(Role::Control, Op::Blocked)
                && !may(Role::Bus, Op::Admitted)
        );
        assert!(
            may(Role::Guard, Op::Silent) && !may(Role::Control, Op::Silent) && !may(Role::Guard, Op::Renew)
        );
        assert!(!may(Role::Iommu, Op::Start) && !may(Role::Iommu, Op::DeviceReset));
        assert_eq!(decode(Role::Control, 99, &[], 1), Err(Code::Denied));
    }

    #[test]
    fn segments_are_decoded() {
        let words = [0, 1, 0x20_0000, 64, 1, 0x20_0000, 3 << 8 | 5];
        let Ok(Request::BuildBegin {
            slot: 0,
            side: Side::B,
            heap_pages: 64,
            segments,
            ..
        }) = decode(Role::Stager, 1, &words, 1)
        else {
            panic!()
        };
        assert_eq!(
            segments[0],
            Segment {
                vaddr: 0x20_0000,
                pages: 3,
                rights: Rights::ReadExecute
            }
        );
        assert_eq!(decode(Role::Stager, 1, &words[..6], 1), Err(Code::Invalid));
        let writable_code = [0, 1, 0x20_0000, 64, 1, 0x20_0000, 3 << 8 | 7];
        assert_eq!(decode(Role::Stager, 1, &writable_code, 1), Err(Code::BadImage));
    }

    #[test]
    fn slots_that_are_not_there_are_invalid() {
        assert_eq!(
            decode(Role::Control, Op::Start as u64, &[1, 1], 1),
            Err(Code::Invalid)
        );
        assert_eq!(
            decode(Role::Control, Op::Start as u64, &[0, 1 << 32], 1),
            Err(Code::Invalid)
        );
        assert_eq!(
            decode(Role::Control, Op::Start as u64, &[0], 1),
            Err(Code::Invalid)
        );
    }

    proptest! {
        #[test]
        fn no_message_panics(label in 0u64..24, words in prop::collection::vec(any::<u64>(), 0..130), role in 1u32..6) {
            let _ = decode(Role::from_number(role).unwrap(), label, &words, 4);
        }
    }
}
