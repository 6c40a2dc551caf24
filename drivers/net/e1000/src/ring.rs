//! A queue of descriptors, each with what it was made for, in the device's order.

use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};

use driver_runtime::dma;

use crate::device::{DONE, Descriptor, Registers, queue};

/// Descriptors: their bytes are a multiple of 128 (SDM 13.4.27).
pub(crate) const SLOTS: usize = 32;
/// Descriptors under way at most: a queue whose tail is its head is empty.
pub const DEPTH: usize = SLOTS - 1;

/// Descriptors, and what each of those under way was made for.
#[derive(Debug)]
pub struct Ring<T> {
    /// The queue's first register.
    register: usize,
    descriptors: NonNull<Descriptor>,
    made_for: [Option<T>; SLOTS],
    /// The oldest that is under way, and the first that is not.
    oldest: usize,
    next: usize,
}

impl<T> Ring<T> {
    /// An empty queue, and the device knows it. `None`: no memory.
    pub fn new(registers: &mut Registers, register: usize) -> Option<Self> {
        // Zeroed, so that none is done.
        let (io_addr, descriptors) = dma::alloc_pages(1)?;
        let words = [io_addr as u32, (io_addr >> 32) as u32];
        for (at, word) in queue::BASE.into_iter().zip(words) {
            registers.write(register + at, word);
        }
        registers.write(register + queue::LENGTH, (SLOTS * size_of::<Descriptor>()) as u32);
        registers.write(register + queue::HEAD, 0);
        registers.write(register + queue::TAIL, 0);
        Some(Self {
            register,
            descriptors: descriptors.cast(),
            made_for: [const { None }; SLOTS],
            oldest: 0,
            next: 0,
        })
    }

    fn descriptor(&self, slot: usize) -> *mut Descriptor {
        // SAFETY: a page has more than `SLOTS` descriptors, and the remainder is below it.
        unsafe { self.descriptors.as_ptr().add(slot % SLOTS) }
    }

    /// No more can be under way.
    pub fn is_full(&self) -> bool {
        (self.next + 1) % SLOTS == self.oldest
    }

    /// Gives a descriptor to the device, which accesses what it says until [`ended`](Self::ended). False: there is no room.
    pub fn begin(&mut self, registers: &mut Registers, descriptor: Descriptor, made_for: T) -> bool {
        if self.is_full() {
            return false;
        }
        // SAFETY: one of ours (`descriptor`), which is not the device's: between head and tail is what is under way.
        unsafe { self.descriptor(self.next).write_volatile(descriptor) };
        self.made_for[self.next] = Some(made_for);
        self.next = (self.next + 1) % SLOTS;
        // The device sees the descriptor, and the bytes it means, before it hears of it.
        fence(Ordering::SeqCst);
        registers.write(self.register + queue::TAIL, self.next as u32);
        true
    }

    /// The oldest descriptor, if the device has done with it, and what it was made for.
    pub fn ended(&mut self) -> Option<(Descriptor, T)> {
        if self.oldest == self.next {
            return None;
        }
        let at = self.descriptor(self.oldest);
        // SAFETY: one of ours; the device may write it meanwhile, which a volatile read of a byte allows for.
        let status = unsafe { (&raw const (*at).status).read_volatile() };
        if status & DONE == 0 {
            return None;
        }
        // What the device wrote before its status is read after it.
        fence(Ordering::SeqCst);
        // SAFETY: one of ours, and the device has done with it; if it writes on, the values are whatever they are.
        let descriptor = unsafe { at.read_volatile() };
        let made_for = self.made_for[self.oldest].take()?;
        self.oldest = (self.oldest + 1) % SLOTS;
        Some((descriptor, made_for))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    extern crate std;

    use super::*;
    use crate::device::register;
    use crate::fake::end;
    use std::boxed::Box;
    use std::vec::Vec;

    /// Registers that only remember.
    pub fn registers() -> Registers {
        let words = Box::leak(Box::new([0u32; Registers::LEN as usize / 4]));
        // SAFETY: memory of that size, aligned, that lives for ever and is looked at through this alone.
        unsafe { Registers::new(NonNull::from(words).cast()) }
    }

    #[test]
    fn descriptors_end_in_order_round_and_round() {
        let mut registers = registers();
        let mut ring = Ring::new(&mut registers, register::TRANSMIT).unwrap();
        for number in 0..5 * SLOTS {
            assert!(ring.begin(&mut registers, Descriptor::default(), number));
            let tail = registers.read(register::TRANSMIT + queue::TAIL);
            assert_eq!(tail as usize, (number + 1) % SLOTS);
            assert_eq!(
                ring.ended(),
                None,
                "nothing was done, whatever was done in the round before"
            );
            end(&registers, register::TRANSMIT, number, DONE, 7);
            let (descriptor, made_for) = ring.ended().unwrap();
            assert_eq!((descriptor.length, made_for), (7, number));
            assert_eq!(ring.ended(), None, "nothing is under way");
        }
    }

    #[test]
    fn full_queue_takes_no_more_and_its_tail_is_not_its_head() {
        let mut registers = registers();
        let mut ring = Ring::new(&mut registers, register::RECEIVE).unwrap();
        let taken =
            (0..2 * SLOTS).filter(|number| ring.begin(&mut registers, Descriptor::default(), *number));
        assert_eq!(taken.count(), DEPTH);
        assert!(ring.is_full());
        assert_eq!(registers.read(register::RECEIVE + queue::TAIL) as usize, DEPTH);
        for slot in 0..SLOTS {
            end(&registers, register::RECEIVE, slot, DONE, 0);
        }
        let ended: Vec<usize> = core::iter::from_fn(|| ring.ended())
            .map(|(_, number)| number)
            .collect();
        assert_eq!(
            ended,
            (0..DEPTH).collect::<Vec<_>>(),
            "and not what was never given"
        );
    }
}
