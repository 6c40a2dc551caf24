//! Untyped memory: making objects.

use sel4_abi::config::RETYPE_FAN_OUT_LIMIT;
use sel4_abi::invocation::InvocationLabel;
use sel4_abi::object::{MAX_UNTYPED_BITS, MIN_SCHED_CONTEXT_BITS, MIN_UNTYPED_BITS, ObjectType};
use sel4_abi::rights::CapRights;

use crate::cap::cspace::LookupFault;
use crate::cap::tree::Tree;
use crate::cap::{Cap, FrameSize};
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::kernel::Kernel;
use crate::machine::{CacheOp, Machine};
use crate::object::slot::nth;
use crate::object::{Fields, Obj, PhysAddr, Tcb, tcb};
use crate::preempt::Preempted;
use crate::registers::SPSR_USER;

/// Bytes zeroed between two preemption points, and how many units of work that is.
const STEP: u64 = 4096;
const STEP_UNITS: usize = (STEP >> sel4_abi::config::RESET_CHUNK_BITS) as usize;

/// A retype whose arguments have been checked.
struct Retype {
    kind: ObjectType,
    /// The size argument.
    size: u32,
    /// log2 of an object's bytes.
    bits: u32,
    /// Address of the first destination slot.
    slots: PhysAddr,
    count: u64,
}

impl Retype {
    /// The destination.
    fn window(&self) -> impl Iterator<Item = crate::object::Slot> + use<> {
        let slots = self.slots;
        (0..self.count).map(move |index| nth(slots, index))
    }
}

/// Where `count` objects of `2^bits` bytes go in an untyped of `2^size` bytes of which `free` are used.
///
/// The offset of the first, or the bytes that are left if they do not fit.
pub(crate) fn place(size: u32, free: u64, bits: u32, count: u64) -> Result<u64, u64> {
    let left = (1u64 << size) - free;
    if left >> bits < count {
        return Err(left);
    }
    Ok((free + (1 << bits) - 1) >> bits << bits)
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn invoke_untyped(&mut self, call: &Invocation) -> Result<Outcome, Trouble> {
        if call.label != Some(InvocationLabel::UntypedRetype) {
            return Err(InvocationError::IllegalOperation.into());
        }
        call.needs(6, 1)?;
        let retype = self.check_retype(call)?;
        let Cap::Untyped {
            at,
            bits,
            device,
            mut free,
            mut clean,
        } = self.m.cap(call.slot)
        else {
            return Err(InvocationError::IllegalOperation.into());
        };
        let reset = free != 0 && !self.m.has_children(call.slot);
        if reset {
            (free, clean) = (0, 0);
        }
        let start =
            place(bits as u32, free, retype.bits, retype.count).map_err(InvocationError::NotEnoughMemory)?;
        if device && !may_be_device(retype.kind) {
            return Err(InvocationError::InvalidArgument(1).into());
        }
        if reset || start > free {
            // What is passed over is given up before anything is zeroed: a retype that is preempted and then repeated with
            // other arguments must not find `clean` beyond bytes that were never zeroed.
            self.m.set_cap(
                call.slot,
                Cap::Untyped {
                    at,
                    bits,
                    device,
                    free: start,
                    clean,
                },
            );
        }
        let end = start + (retype.count << retype.bits);
        if !device && retype.kind != ObjectType::Untyped {
            self.zero_for(call, start.max(clean), end, is_frame(retype.kind))?;
        }
        self.m.set_cap(
            call.slot,
            Cap::Untyped {
                at,
                bits,
                device,
                free: end,
                clean: 0,
            },
        );
        for (index, slot) in retype.window().enumerate() {
            let cap = self.create(&retype, at + start + ((index as u64) << retype.bits), device);
            self.m.graft(slot, cap, call.slot, true);
        }
        Ok(Outcome::Done)
    }

    /// Checks everything that does not depend on the untyped, in the official order.
    fn check_retype(&self, call: &Invocation) -> Result<Retype, InvocationError> {
        let word = |index| call.word(self, index);
        let (size, index, depth, offset, count) = (word(1), word(2), word(3), word(4), word(5));
        let kind = ObjectType::from_raw(word(0)).ok_or(InvocationError::InvalidArgument(0))?;
        let too_large = InvocationError::RangeError {
            min: 0,
            max: MAX_UNTYPED_BITS as u64,
        };
        if size >= 64 {
            return Err(too_large);
        }
        let bits = kind.physical_size_bits(size as usize);
        if bits > MAX_UNTYPED_BITS {
            return Err(too_large);
        }
        let least = match kind {
            ObjectType::CNode => 1,
            ObjectType::Untyped => MIN_UNTYPED_BITS,
            ObjectType::SchedContext => MIN_SCHED_CONTEXT_BITS,
            _ => 0,
        };
        if (size as usize) < least {
            return Err(InvocationError::InvalidArgument(1));
        }
        let root = call.extra_cap(self, 0)?;
        let node = if depth == 0 {
            root
        } else {
            self.m.cap(self.target_slot(root, index, depth)?)
        };
        let Cap::CNode { at, radix, .. } = node else {
            let cause = LookupFault::MissingCapability { bits_left: depth };
            return Err(InvocationError::FailedLookup { source: false, cause });
        };
        let slots = 1u64 << radix;
        if offset >= slots {
            return Err(InvocationError::RangeError {
                min: 0,
                max: slots - 1,
            });
        }
        if count < 1 || count > RETYPE_FAN_OUT_LIMIT as u64 {
            return Err(InvocationError::RangeError {
                min: 1,
                max: RETYPE_FAN_OUT_LIMIT as u64,
            });
        }
        if count > slots - offset {
            return Err(InvocationError::RangeError {
                min: 1,
                max: slots - offset,
            });
        }
        let slots = nth(at, offset).addr();
        let retype = Retype {
            kind,
            size: size as u32,
            bits: bits as u32,
            slots,
            count,
        };
        if retype.window().any(|slot| !self.m.is_empty(slot)) {
            return Err(InvocationError::DeleteFirst);
        }
        Ok(retype)
    }

    /// Zeroes the bytes of the untyped from `from` to `to`, preemptibly.
    fn zero_for(
        &mut self,
        call: &Invocation,
        mut from: u64,
        to: u64,
        for_user: bool,
    ) -> Result<(), Preempted> {
        let Cap::Untyped {
            at,
            bits,
            device,
            free,
            ..
        } = self.m.cap(call.slot)
        else {
            return Ok(());
        };
        // User level may map it uncached, and devices may read it. So may whoever gets what a preempted retype of a kernel
        // object leaves behind as zeroed.
        let to_memory = for_user || from / STEP != to.saturating_sub(1) / STEP;
        while from < to {
            let next = ((from / STEP + 1) * STEP).min(to);
            self.m.zero(at + from, next - from);
            if to_memory {
                self.m.cache(CacheOp::Clean, at + from, next - from);
            }
            from = next;
            self.work += STEP_UNITS - 1;
            if from < to
                && let Err(preempted) = self.preemption_point()
            {
                let clean = from / STEP * STEP;
                self.m.set_cap(
                    call.slot,
                    Cap::Untyped {
                        at,
                        bits,
                        device,
                        free,
                        clean,
                    },
                );
                return Err(preempted);
            }
        }
        Ok(())
    }

    /// Initialises a zeroed object: its first capability.
    fn create(&mut self, retype: &Retype, at: PhysAddr, device: bool) -> Cap {
        let rights = CapRights::ALL;
        let frame = |size| Cap::Frame {
            at,
            size,
            write: true,
            read: true,
            device,
            asid: 0,
            vaddr: 0,
        };
        match retype.kind {
            ObjectType::Untyped => Cap::Untyped {
                at,
                bits: retype.size as u8,
                device,
                free: 0,
                clean: 0,
            },
            ObjectType::Tcb => {
                let thread = Obj::at(at);
                self.init_thread(thread, self.domains.current() as u64);
                Cap::Tcb(thread)
            }
            ObjectType::Endpoint => Cap::Endpoint {
                ep: Obj::at(at),
                badge: 0,
                rights,
            },
            ObjectType::Notification => Cap::Notification {
                ntfn: Obj::at(at),
                badge: 0,
                rights,
            },
            ObjectType::CNode => Cap::CNode {
                at,
                radix: retype.size as u8,
                guard: 0,
                guard_bits: 0,
            },
            ObjectType::SchedContext => Cap::SchedContext {
                sc: Obj::at(at),
                bits: retype.size as u8,
            },
            ObjectType::Reply => Cap::Reply {
                reply: Obj::at(at),
                grant: true,
            },
            ObjectType::VSpace => Cap::VSpace { at, asid: 0 },
            ObjectType::PageTable => Cap::PageTable {
                at,
                asid: 0,
                vaddr: 0,
            },
            ObjectType::SmallPage => frame(FrameSize::Small),
            ObjectType::LargePage => frame(FrameSize::Large),
            ObjectType::HugePage => frame(FrameSize::Huge),
        }
    }

    /// The state of a new thread, whose memory is zero.
    pub(crate) fn init_thread(&mut self, thread: Tcb, domain: u64) {
        self.m.set(thread, tcb::SPSR, SPSR_USER);
        self.m.set(thread, tcb::DOMAIN, domain);
        self.list_thread(thread);
    }
}

/// May objects of this kind lie in device memory?
fn may_be_device(kind: ObjectType) -> bool {
    kind == ObjectType::Untyped || is_frame(kind)
}

/// Is it memory for user level?
fn is_frame(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::SmallPage | ObjectType::LargePage | ObjectType::HugePage
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn objects_are_aligned_to_their_size() {
        assert_eq!(place(13, 16, 12, 1), Ok(4096));
        assert_eq!(place(13, 16, 12, 2), Err(8192 - 16));
        assert_eq!(place(12, 0, 12, 1), Ok(0));
        assert_eq!(place(12, 4096, 4, 1), Err(0));
    }

    proptest! {
        #[test]
        fn what_fits_lies_inside_and_behind_what_is_used(size in 4u32..40, used: u64, bits in 4u32..40, count in 1u64..257) {
            let free = (used % ((1 << size) + 1)) & !15;
            match place(size, free, bits, count) {
                Ok(start) => {
                    prop_assert!(start >= free && start % (1 << bits) == 0);
                    prop_assert!(start + (count << bits) <= 1 << size);
                }
                Err(left) => prop_assert_eq!(left, (1 << size) - free),
            }
        }
    }
}
