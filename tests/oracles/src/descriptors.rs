//! Whatever a device writes into its registers and descriptors: the `e1000` driver answers each frame and buffer that it took once, in
//! order, and not before the device says that it is done, takes no more than its queues have, points at nothing but what it was given,
//! and believes no length beyond a buffer and no frame that is not whole.
//!
//! Input: steps of the runtime and the device, a few bytes each.

use std::collections::VecDeque;

use driver_runtime::net::{
    Begin, Buffer, Completion, Ended, Frame, HEADROOM, LINK_DOWN, LINK_UP, NetDriver, Offload, Status, Wanted,
};
use e1000::fake::{DESCRIPTOR, Fake, LONGEST, Queue, UNDER_WAY};

/// Lengths at which something changes.
const LENGTHS: [usize; 7] = [0, 1, 60, 1514, LONGEST - 1, LONGEST, LONGEST + 1];
/// Bytes that all frames and buffers lie in; nobody reads them.
const MEMORY: usize = 4096;
/// A descriptor's status: it is done, the frame ends with it, both. Where status and errors stand in it.
const DONE: u8 = 1;
const END: u8 = 2;
const WHOLE: u8 = DONE | END;
const STATUS: usize = 12;
const ERRORS: usize = 13;

/// See the module.
pub fn descriptors(bytes: &[u8]) {
    let Some(device) = Fake::new() else { return };
    let mut test = Test {
        device,
        memory: vec![0; MEMORY],
        frames: VecDeque::new(),
        buffers: VecDeque::new(),
        begun: [0; 2],
        broken: false,
        next: 0,
    };
    let mut bytes = bytes.iter().copied();
    while test.step(&mut bytes).is_some() {}
    test.finish();
}

struct Test {
    device: Fake,
    memory: Vec<u8>,
    /// Under way, oldest first: number, and the room of a buffer.
    frames: VecDeque<u32>,
    buffers: VecDeque<(u32, usize)>,
    /// Descriptors that were ever given to the device, by queue.
    begun: [usize; 2],
    /// The last buffer that was answered had no end of a frame.
    broken: bool,
    next: u32,
}

impl Test {
    fn step(&mut self, input: &mut impl Iterator<Item = u8>) -> Option<()> {
        match input.next()? % 10 {
            0 | 1 => self.transmit(length(input)?),
            2 | 3 => self.receive(length(input)?),
            4 => {
                let (to, slot) = place(input)?;
                self.device.write(to, slot, raw::<DESCRIPTOR>(input)?);
            }
            5 | 6 => {
                let ((of, slot), status) = (place(input)?, input.next()?);
                let length = u16::from_le_bytes(raw(input)?);
                self.device.end(of, slot, status, length);
            }
            7 => {
                let offset = u32::from_le_bytes(raw(input)?) as usize;
                self.device.set(offset, u32::from_le_bytes(raw(input)?));
            }
            8 => {
                self.device.driver.handle_interrupt();
                assert!([LINK_DOWN, LINK_UP].contains(&self.device.driver.link()));
                let flags = input.next()?;
                let wanted = Wanted {
                    flags,
                    groups: flags.into(),
                };
                assert_eq!(self.device.driver.set_filter(wanted), Status::Ok);
            }
            _ => self.poll(),
        }
        Some(())
    }

    fn piece(&mut self, length: usize) -> Buffer {
        Buffer::of_test(&mut self.memory[..length])
    }

    fn transmit(&mut self, length: usize) {
        let id = self.name();
        let frame = Frame {
            id,
            data: self.piece(HEADROOM as usize + length),
            offload: Offload::default(),
        };
        let begun = self.device.driver.transmit(&frame);
        let expected = if self.frames.len() == UNDER_WAY {
            Begin::Busy
        } else if (1..=LONGEST).contains(&length) {
            self.is_told(Queue::Transmit, HEADROOM, length);
            self.frames.push_back(id);
            self.begun[0] += 1;
            Begin::Accepted
        } else {
            Begin::Refused(Status::Invalid)
        };
        assert_eq!(begun, expected, "{length} bytes");
    }

    fn receive(&mut self, length: usize) {
        let (id, buffer) = (self.name(), self.piece(length));
        let begun = self.device.driver.receive(id, buffer);
        let expected = if length < LONGEST {
            Begin::Refused(Status::Invalid)
        } else if self.buffers.len() == UNDER_WAY {
            Begin::Busy
        } else {
            self.is_told(Queue::Receive, 0, 0);
            self.buffers.push_back((id, length));
            self.begun[1] += 1;
            Begin::Accepted
        };
        assert_eq!(begun, expected, "{length} bytes");
    }

    /// The next descriptor is not done, and points where it must: so far behind the beginning of the memory, so many bytes.
    fn is_told(&self, of: Queue, offset: u64, length: usize) {
        let told = self.device.read(of, self.begun[of as usize]);
        let start = self.memory.as_ptr().addr() as u64 + offset;
        assert_eq!(told[..8], start.to_le_bytes());
        assert_eq!((length_in(&told), told[STATUS]), (length, 0));
    }

    /// The descriptors from the oldest that are done, each with the number of what it was made for.
    fn done<T: Copy>(&self, of: Queue, under_way: &VecDeque<T>) -> VecDeque<(T, [u8; DESCRIPTOR])> {
        let first = self.begun[of as usize] - under_way.len();
        let all = under_way.iter().zip(first..);
        let all = all.map(|(each, slot)| (*each, self.device.read(of, slot)));
        all.take_while(|(_, told)| told[STATUS] & DONE != 0).collect()
    }

    fn name(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn poll(&mut self) {
        let mut sent = self.done(Queue::Transmit, &self.frames);
        let mut came = self.done(Queue::Receive, &self.buffers);
        self.frames.drain(..sent.len());
        self.buffers.drain(..came.len());
        let broken = &mut self.broken;
        self.device.driver.poll(|ended, completion| match ended {
            Ended::Frame => {
                let (id, _) = sent.pop_front().expect("one that is done");
                assert_eq!(completion, Completion::of(id, Status::Ok));
            }
            Ended::Buffer => {
                let ((id, room), told) = came.pop_front().expect("one that is done");
                let (end, length) = (told[STATUS] & END != 0, length_in(&told));
                let rest = std::mem::replace(broken, !end);
                let whole = end && !rest && told[ERRORS] == 0;
                let expected = if whole && length <= room {
                    Completion {
                        length: length as u32,
                        ..Completion::of(id, Status::Ok)
                    }
                } else {
                    Completion::of(id, Status::IoError)
                };
                assert_eq!(completion, expected, "{told:?} in {room} bytes");
            }
        });
        assert!(sent.is_empty() && came.is_empty(), "all that is done is answered");
    }

    /// A device that does its work in the end leaves nothing unanswered.
    fn finish(&mut self) {
        for slot in 0..=UNDER_WAY {
            for of in [Queue::Transmit, Queue::Receive] {
                self.device.end(of, slot, WHOLE, 60);
            }
        }
        self.poll();
        assert!(self.frames.is_empty() && self.buffers.is_empty());
        self.transmit(60);
        self.receive(LONGEST);
        let slots = UNDER_WAY + 1;
        assert_eq!(self.device.tail(Queue::Transmit), self.begun[0] % slots);
        assert_eq!(self.device.tail(Queue::Receive), self.begun[1] % slots);
    }
}

/// The length that a descriptor says.
fn length_in(told: &[u8; DESCRIPTOR]) -> usize {
    usize::from(u16::from_le_bytes([told[8], told[9]]))
}

fn length(input: &mut impl Iterator<Item = u8>) -> Option<usize> {
    LENGTHS.get(usize::from(input.next()?) % LENGTHS.len()).copied()
}

fn place(input: &mut impl Iterator<Item = u8>) -> Option<(Queue, usize)> {
    let byte = input.next()?;
    let queue = if byte & 1 == 0 {
        Queue::Transmit
    } else {
        Queue::Receive
    };
    Some((queue, usize::from(byte >> 1)))
}

fn raw<const N: usize>(input: &mut impl Iterator<Item = u8>) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for byte in &mut bytes {
        *byte = input.next()?;
    }
    Some(bytes)
}
