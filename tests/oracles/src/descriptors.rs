//! Whatever a device writes into its registers and descriptors: the `e1000` driver answers each frame and buffer that it took once, in order,
//! takes no more than its queues have, and believes no length beyond a buffer.
//!
//! Input: steps of the runtime and the device, a few bytes each.

use std::collections::VecDeque;

use driver_runtime::net::{
    Begin, Buffer, Ended, Frame, HEADROOM, LINK_DOWN, LINK_UP, NetDriver, Offload, Status, Wanted,
};
use e1000::fake::{DESCRIPTOR, Fake, LONGEST, Queue, UNDER_WAY};

/// Lengths at which something changes.
const LENGTHS: [usize; 7] = [0, 1, 60, 1514, LONGEST - 1, LONGEST, LONGEST + 1];
/// Bytes that all frames and buffers lie in; nobody reads them.
const MEMORY: usize = 4096;
/// A descriptor is done, and the frame ends with it.
const WHOLE: u8 = 3;

/// See the module.
pub fn descriptors(bytes: &[u8]) {
    let Some(device) = Fake::new() else { return };
    let mut test = Test {
        device,
        memory: vec![0; MEMORY],
        frames: VecDeque::new(),
        buffers: VecDeque::new(),
        begun: [0; 2],
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
            self.buffers.push_back((id, length));
            self.begun[1] += 1;
            Begin::Accepted
        };
        assert_eq!(begun, expected, "{length} bytes");
    }

    fn name(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn poll(&mut self) {
        let (frames, buffers) = (&mut self.frames, &mut self.buffers);
        self.device.driver.poll(|ended, completion| match ended {
            Ended::Frame => assert_eq!(Some(completion.id), frames.pop_front()),
            Ended::Buffer => {
                let (id, room) = buffers.pop_front().expect("one that was under way");
                assert_eq!(completion.id, id);
                let end = usize::from(completion.start) + completion.length as usize;
                assert!(end <= room, "{completion:?} in {room} bytes");
                assert!(completion.status == Status::Ok || completion.length == 0);
            }
        });
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
