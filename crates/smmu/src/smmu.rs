//! The SMMU: start, streams, commands, events.

use crate::entry::{self, ABORT};
use crate::event::{self, Event};
use crate::memory::{
    self, ALIGN, COMMAND_BITS, COMMANDS, ENTRY, EVENT_BITS, EVENTS, Memory, PAGE, STREAM_BITS, STREAMS,
};
use crate::queue::{Command, Position};
use crate::registers::{self as reg, Registers};

/// How often a register is read before its SMMU is given up.
const PATIENCE: usize = 100_000;

/// Why an SMMU is not used. Nothing is let through by us then; a machine that lets transactions through without us does so still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// It lacks stage 1, pages of 4 KiB, coherent walks, enough streams or room in its queues; or it has its tables elsewhere.
    Lacks,
    /// The memory is not where a stream table may be.
    Memory,
    /// It did not do in time what was written to it.
    Silent,
}

/// Why commands were not carried out. What they were to forget may still be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandError {
    /// It refused one.
    Refused,
    /// It did not complete them in time.
    Silent,
    /// There is no such stream.
    Stream,
}

/// How it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// As the machine's reset left it: no stream gets anything through now, and the spaces are empty.
    Fresh,
    /// As a predecessor left it: streams and spaces are what they were.
    Adopted,
}

/// A running SMMU.
#[derive(Clone, Copy, Debug)]
pub struct Smmu {
    paddr: u64,
    oas: u32,
    commands: Position,
}

impl Smmu {
    /// Starts it, with its memory at physical address `paddr`; or goes on with it, if that was done before.
    pub fn start(
        registers: &mut impl Registers,
        memory: &mut impl Memory,
        paddr: u64,
        spaces: usize,
    ) -> Result<(Self, Start), StartError> {
        let oas = suits(registers)?;
        if !paddr.is_multiple_of(ALIGN) {
            return Err(StartError::Memory);
        }
        let mut this = Self {
            paddr,
            oas,
            commands: Position::new(registers.read(reg::CMDQ_PROD), COMMAND_BITS),
        };
        if registers.read(reg::CR0ACK) & reg::CR0_SMMUEN != 0
            && registers.read(reg::STRTAB_BASE) == paddr as u32
        {
            return Ok((this, Start::Adopted));
        }
        // Before it is switched off: what it does then is what that register says.
        registers.write(reg::GBPR, reg::GBPR_UPDATE | reg::GBPR_ABORT);
        wait(registers, reg::GBPR, |gbpr| gbpr & reg::GBPR_UPDATE == 0)?;
        write_cr0(registers, 0)?;
        clear(memory, memory::len(spaces));
        for stream in 0..1 << STREAM_BITS {
            memory.write(STREAMS + stream * ENTRY, ABORT);
        }
        registers.write(reg::CR1, reg::CR1_COHERENT);
        registers.write(reg::CR2, reg::CR2_RECINVSID | reg::CR2_PTM);
        write_address(registers, reg::STRTAB_BASE, paddr + STREAMS as u64);
        registers.write(reg::STRTAB_BASE_CFG, STREAM_BITS);
        let queue = |offset: usize, bits: u32| (paddr + offset as u64) | u64::from(bits);
        write_address(registers, reg::CMDQ_BASE, queue(COMMANDS, COMMAND_BITS));
        write_address(registers, reg::EVENTQ_BASE, queue(EVENTS, EVENT_BITS));
        for position in [reg::CMDQ_PROD, reg::CMDQ_CONS, reg::EVENTQ_PROD, reg::EVENTQ_CONS] {
            registers.write(position, 0);
        }
        this.commands = Position::new(0, COMMAND_BITS);
        write_cr0(registers, reg::CR0_CMDQEN)?;
        this.carry_out(
            registers,
            memory,
            &[Command::ForgetStreams, Command::ForgetSpaces],
        )
        .map_err(|_| StartError::Silent)?;
        registers.write(reg::IRQ_CTRL, reg::IRQ_CTRL_EVENTQ);
        write_cr0(registers, reg::CR0_CMDQEN | reg::CR0_EVENTQEN)?;
        write_cr0(registers, reg::CR0_CMDQEN | reg::CR0_EVENTQEN | reg::CR0_SMMUEN)?;
        Ok((this, Start::Fresh))
    }

    /// Physical address of the byte at `offset` of the memory.
    pub(crate) fn paddr(&self, offset: usize) -> u64 {
        self.paddr + offset as u64
    }
    /// Size of physical addresses, as IDR5 codes it.
    pub(crate) fn oas(&self) -> u32 {
        self.oas
    }

    /// Lets a stream's transactions be translated by a context descriptor.
    pub(crate) fn translate(
        &mut self,
        registers: &mut impl Registers,
        memory: &mut impl Memory,
        stream: u32,
        context: u64,
    ) -> Result<(), CommandError> {
        let at = stream_entry(stream)?;
        let words = entry::translated(context);
        for (index, word) in words.iter().enumerate().rev() {
            memory.write(at + 8 * index, *word);
        }
        self.carry_out(registers, memory, &[Command::ForgetStream(stream)])
    }

    /// Lets nothing of a stream through, from the answer on.
    pub(crate) fn abort(
        &mut self,
        registers: &mut impl Registers,
        memory: &mut impl Memory,
        stream: u32,
        asid: u16,
    ) -> Result<(), CommandError> {
        memory.write(stream_entry(stream)?, ABORT);
        let forget = [Command::ForgetStream(stream), Command::ForgetSpace(asid)];
        self.carry_out(registers, memory, &forget)
    }

    /// Gives commands and waits until all are complete.
    fn carry_out(
        &mut self,
        registers: &mut impl Registers,
        memory: &mut impl Memory,
        commands: &[Command],
    ) -> Result<(), CommandError> {
        // The queue has room for more than anybody gives at once, and is empty whenever we return; else the SMMU stands still.
        for command in commands.iter().chain(&[Command::Sync]) {
            let taken = Position::new(registers.read(reg::CMDQ_CONS), COMMAND_BITS);
            if self.commands.is_full(taken) {
                return Err(CommandError::Silent);
            }
            let at = COMMANDS + 16 * self.commands.index();
            for (index, word) in command.words().into_iter().enumerate() {
                memory.write(at + 8 * index, word);
            }
            self.commands = self.commands.next();
        }
        registers.write(reg::CMDQ_PROD, self.commands.value());
        for _ in 0..PATIENCE {
            let taken = Position::new(registers.read(reg::CMDQ_CONS), COMMAND_BITS);
            if taken == self.commands {
                return Ok(());
            }
            if (registers.read(reg::GERROR) ^ registers.read(reg::GERRORN)) & reg::GERROR_CMDQ != 0 {
                return Err(CommandError::Refused);
            }
        }
        Err(CommandError::Silent)
    }

    /// The oldest event that was not [`taken`](Self::taken). What was lost because nobody read is not told.
    pub fn event(&self, registers: &impl Registers, memory: &impl Memory) -> Option<Event> {
        let position = Position::new(registers.read(reg::EVENTQ_CONS), EVENT_BITS);
        if position == Position::new(registers.read(reg::EVENTQ_PROD), EVENT_BITS) {
            return None;
        }
        let at = EVENTS + 8 * event::WORDS * position.index();
        let words = core::array::from_fn(|index| memory.read(at + 8 * index));
        Some(Event::from_words(words))
    }

    /// The event that was read was dealt with; who dies before that leaves it to his successor.
    pub fn taken(&self, registers: &mut impl Registers) {
        const LOST: u32 = 1 << 31;
        let position = Position::new(registers.read(reg::EVENTQ_CONS), EVENT_BITS);
        let lost = registers.read(reg::EVENTQ_PROD) & LOST;
        registers.write(reg::EVENTQ_CONS, position.next().value() | lost);
    }
}

/// Size of physical addresses, if the SMMU has what is needed.
fn suits(registers: &impl Registers) -> Result<u32, StartError> {
    let (idr0, idr1, idr5) = (
        registers.read(reg::IDR0),
        registers.read(reg::IDR1),
        registers.read(reg::IDR5),
    );
    let all = reg::IDR0_S1P | reg::IDR0_TTF_AARCH64 | reg::IDR0_COHACC;
    let suits = idr0 & all == all
        && idr0 >> reg::IDR0_STALL_SHIFT & 3 != 2
        && idr1 & reg::IDR1_PRESET == 0
        && idr1 & reg::IDR1_SIDSIZE >= STREAM_BITS
        && idr1 >> reg::IDR1_CMDQS_SHIFT & 0x1f >= COMMAND_BITS
        && idr1 >> reg::IDR1_EVENTQS_SHIFT & 0x1f >= EVENT_BITS
        && idr5 & reg::IDR5_GRAN4K != 0;
    suits.then_some(idr5 & reg::IDR5_OAS).ok_or(StartError::Lacks)
}

fn stream_entry(stream: u32) -> Result<usize, CommandError> {
    let known = stream < 1 << STREAM_BITS;
    known
        .then_some(STREAMS + stream as usize * ENTRY)
        .ok_or(CommandError::Stream)
}

fn write_address(registers: &mut impl Registers, offset: usize, value: u64) {
    registers.write(offset, value as u32);
    registers.write(offset + 4, (value >> 32) as u32);
}

fn write_cr0(registers: &mut impl Registers, value: u32) -> Result<(), StartError> {
    registers.write(reg::CR0, value);
    wait(registers, reg::CR0ACK, |ack| ack == value)
}

fn wait(registers: &impl Registers, offset: usize, done: impl Fn(u32) -> bool) -> Result<(), StartError> {
    (0..PATIENCE)
        .any(|_| done(registers.read(offset)))
        .then_some(())
        .ok_or(StartError::Silent)
}

/// Zeroes the first `len` bytes.
fn clear(memory: &mut impl Memory, len: usize) {
    const _: () = assert!(PAGE.is_multiple_of(8));
    (0..len).step_by(8).for_each(|offset| memory.write(offset, 0));
}
