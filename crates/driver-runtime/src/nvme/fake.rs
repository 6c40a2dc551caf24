//! A controller for the host that says what it is, takes the commands of administration, and answers requests without moving a byte:
//! enough for a release's probe, and so its record, and for how it keeps account of requests. It supports what QEMU's does: it comes up
//! for the NVM command set, and for no other selection (NVMe 1.4, 3.1.5).

extern crate std;

use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::boxed::Box;
use std::println;
use std::thread;
use std::time::Duration;

use driver_package::resources::{DriverResources, MmioRegion};
use zerocopy::FromZeros;

use super::CLASS;
use crate::block::BlockDriver;
use crate::resources::Resources;
use crate::{dma, host};

/// Offsets of registers (NVMe 1.4, 3.1).
mod offset {
    pub const CAP: usize = 0x00;
    pub const VS: usize = 0x08;
    pub const CC: usize = 0x14;
    pub const CSTS: usize = 0x1c;
    pub const AQA: usize = 0x24;
    pub const ASQ: usize = 0x28;
    pub const ACQ: usize = 0x30;
    /// By queue.
    pub const TAILS: [usize; 2] = [0x1000, 0x1008];
}

/// Contiguous queues, 7.5 s to come up; the NVM command set, doorbells 4 bytes apart, pages of 4 KiB. The queues' length comes to it.
const CAP: [u32; 2] = [0x0f01_0000, 1 << 5];
/// Entries that queues have.
const ENTRIES: u32 = 2048;
const VERSION: u32 = 0x0001_0400;
/// CC: enabled; which command set.
const ENABLE: u32 = 1;
const COMMAND_SET: u32 = 7 << 4;
/// CSTS.
const READY: u32 = 1;
const FAILED: u32 = 2;
/// Place of the registers on the bus.
const PADDR: u64 = 0x1000_0000;
/// Words of configuration space, and of registers.
const CONFIG: usize = 64;
const WORDS: usize = 0x2000 / 4;
/// Bytes of an entry of either queue.
const COMMAND: u64 = 64;
const COMPLETION: u64 = 16;
/// A release that has not come to an end with its probe after this long never will: this controller answers at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Registers, on a page of their own.
#[repr(C, align(4096))]
struct Page([AtomicU32; WORDS]);

/// The controller.
struct Controller {
    registers: &'static Page,
    blocks: u64,
    block_size: u32,
    /// The queue of administration, while the controller is enabled; that of requests.
    queues: [Option<Queue>; 2],
}

#[derive(Default)]
struct Queue {
    commands: u64,
    completions: u64,
    lengths: [u32; 2],
    heads: [u32; 2],
    phase: u16,
}

impl Controller {
    fn word(&self, offset: usize) -> &AtomicU32 {
        &self.registers.0[offset / 4]
    }

    fn wide(&self, offset: usize) -> u64 {
        u64::from(self.word(offset).load(SeqCst)) | u64::from(self.word(offset + 4).load(SeqCst)) << 32
    }

    /// Looks at the registers once, and does what they say.
    fn turn(&mut self) {
        let configuration = self.word(offset::CC).load(SeqCst);
        if configuration & ENABLE == 0 {
            self.queues = [None, None];
            self.word(offset::TAILS[0]).store(0, SeqCst);
            self.word(offset::CSTS).store(0, SeqCst);
        } else if configuration & COMMAND_SET != 0 {
            self.word(offset::CSTS).store(FAILED, SeqCst);
        } else if self.queues[0].is_none() {
            let lengths = self.word(offset::AQA).load(SeqCst);
            self.queues[0] = Some(Queue {
                commands: self.wide(offset::ASQ),
                completions: self.wide(offset::ACQ),
                lengths: [lengths & 0xfff, lengths >> 16 & 0xfff].map(|last| last + 1),
                phase: 1,
                ..Queue::default()
            });
            self.word(offset::CSTS).store(READY, SeqCst);
        }
        for (number, tail) in offset::TAILS.into_iter().enumerate() {
            let Some(mut queue) = self.queues[number].take() else {
                continue;
            };
            let tail = self.word(tail).load(SeqCst);
            while queue.heads[0] != tail && tail < queue.lengths[0] {
                let Some(command) = queue.command() else { break };
                let result = if number == 0 { self.obey(&command) } else { Ok(0) };
                queue.complete(number, &command, result);
            }
            self.queues[number] = Some(queue);
        }
    }

    /// Does a command of administration; what its completion says first. `Err`: the status.
    fn obey(&mut self, command: &[u32; 16]) -> Result<u32, u16> {
        const IDENTIFY: u32 = 0x06;
        const INVALID_OPCODE: u16 = 1;
        let buffer = u64::from(command[6]) | u64::from(command[7]) << 32;
        let length = (command[10] >> 16) + 1;
        match command[0] & 0xff {
            IDENTIFY => {
                let mut data = [0; 4096];
                self.identify(command[10] & 0xff, command[1], &mut data);
                write(buffer, &data);
                Ok(0)
            }
            // A queue of completions is made first, then the one of requests.
            0x05 => {
                self.queues[1] = Some(Queue {
                    completions: buffer,
                    lengths: [0, length],
                    phase: 1,
                    ..Queue::default()
                });
                Ok(0)
            }
            0x01 => {
                self.word(offset::TAILS[1]).store(0, SeqCst);
                if let Some(queue) = &mut self.queues[1] {
                    (queue.commands, queue.lengths[0]) = (buffer, length);
                }
                Ok(0)
            }
            // One is deleted.
            0x00 | 0x04 => Ok(0),
            // Features: 64 queues of each kind.
            0x09 | 0x0a => Ok(0x003f_003f),
            _ => Err(INVALID_OPCODE),
        }
    }

    /// NVMe 1.4, 5.15.2: a controller that moves 512 KiB at a time, with one namespace.
    fn identify(&self, what: u32, namespace: u32, data: &mut [u8; 4096]) {
        match what {
            0 if namespace == 1 => {
                for at in [0, 8, 16] {
                    data[at..at + 8].copy_from_slice(&self.blocks.to_le_bytes());
                }
                // Format 0, without metadata.
                data[130] = self.block_size.trailing_zeros() as u8;
            }
            1 => {
                (data[77], data[512], data[513], data[525]) = (7, 0x66, 0x44, 1);
                data[516..520].copy_from_slice(&1u32.to_le_bytes());
            }
            2 if namespace == 0 => data[0] = 1,
            _ => {}
        }
    }
}

impl Queue {
    /// The next command; `None`: the release's queue is nowhere.
    fn command(&mut self) -> Option<[u32; 16]> {
        let at = dma::vaddr_of(self.commands + COMMAND * u64::from(self.heads[0]))?;
        self.heads[0] = (self.heads[0] + 1) % self.lengths[0];
        // SAFETY: the release's queue of commands, which it keeps while the controller is enabled; it rang for this entry, so it is written.
        Some(unsafe { at.cast().read_volatile() })
    }

    fn complete(&mut self, number: usize, command: &[u32; 16], result: Result<u32, u16>) {
        let Some(at) = dma::vaddr_of(self.completions + COMPLETION * u64::from(self.heads[1])) else {
            return;
        };
        let status = result.err().unwrap_or(0) << 1 | self.phase;
        let words = [
            result.unwrap_or(0),
            0,
            self.heads[0] | (number as u32) << 16,
            command[0] >> 16 | u32::from(status) << 16,
        ];
        for (place, word) in words.into_iter().enumerate() {
            // SAFETY: an entry of the release's queue of completions, which nobody writes but the controller. The word with the phase,
            // by which the release knows the entry, comes last.
            unsafe { at.cast::<u32>().add(place).write_volatile(word) };
            core::sync::atomic::fence(SeqCst);
        }
        self.heads[1] = (self.heads[1] + 1) % self.lengths[1];
        if self.heads[1] == 0 {
            self.phase ^= 1;
        }
    }
}

fn write(io_addr: u64, data: &[u8; 4096]) {
    if let Some(buffer) = dma::vaddr_of(io_addr) {
        // SAFETY: the release gave this page to the command that is being done, and waits for its end.
        unsafe { buffer.cast().write_volatile(*data) };
    }
}

/// Starts a controller of a disk of so many blocks, with so many entries in its longest queues, and describes it as root and bus would.
pub fn resources(blocks: u64, block_size: u32, entries: u32) -> Resources {
    let registers: &'static Page = Box::leak(Box::new(Page([const { AtomicU32::new(0) }; WORDS])));
    for (offset, value) in [
        (offset::CAP, CAP[0] | (entries - 1)),
        (offset::CAP + 4, CAP[1]),
        (offset::VS, VERSION),
    ] {
        registers.0[offset / 4].store(value, SeqCst);
    }
    let config: &'static mut [u32; CONFIG] = Box::leak(Box::new([0; CONFIG]));
    (config[2], config[4]) = (CLASS << 8, PADDR as u32 | 4);
    let mut page = DriverResources::new_zeroed();
    page.config_vaddr = config.as_mut_ptr().expose_provenance() as u64;
    page.mmio_count = 1;
    page.mmio[0] = MmioRegion {
        vaddr: (&raw const *registers).expose_provenance() as u64,
        paddr: PADDR,
        len: size_of::<Page>() as u64,
    };
    thread::spawn(move || {
        let mut controller = Controller {
            registers,
            blocks,
            block_size,
            queues: [None, None],
        };
        loop {
            controller.turn();
            thread::yield_now();
        }
    });
    let resources = Resources::unchecked(page);
    dma::set_regions(&resources);
    resources
}

/// The program that each release has for the host: probes the disk that the arguments describe (blocks, bytes of a block), and prints
/// `record` with the record's numbers, `error` and the number of the [`ProbeError`](crate::ProbeError), or `hangs`.
pub fn print_record<D: BlockDriver>() {
    let mut numbers = host::numbers();
    let mut next = || numbers.next().unwrap_or(0);
    let resources = resources(next(), next() as u32, ENTRIES);
    thread::spawn(|| {
        thread::sleep(PATIENCE);
        println!("hangs");
        std::process::exit(0);
    });
    let driver = D::probe(&resources);
    host::print(
        driver
            .as_ref()
            .map(BlockDriver::capabilities)
            .map_err(|error| *error),
    );
    // Nobody takes leave of the controller.
    std::process::exit(0);
}
