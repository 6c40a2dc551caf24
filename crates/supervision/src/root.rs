//! Calls to root: build, start, cut and reap driver generations.
//!
//! Root knows nothing of policy: it keeps the rules that make an update safe whatever control does. A slot has
//! room for three generations; at most one holds the device; a device whose holder was cut is given to nobody
//! before bus has reset it ([`Op::DeviceReset`]), and until then the old generation's memory is not reused.
//!
//! Life of a generation: `BuildBegin` → `BuildStep`… → `BuildFinish`… (*staged*) → `Start` (*running*) →
//! `Cut` (*cut*) → `Discard`… (gone). `Discard` also ends one that is being built or staged.

/// Most segments of an image (the flat image's limit).
pub const MAX_SEGMENTS: usize = 8;

/// Operation: the label of the call. Arguments are message registers in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Op {
    /// Stager: start building a generation. `slot, side, entry, heap pages, segment count`, then per segment
    /// two words: `vaddr`, `pages << 8 | rights` (bit 0 read, 1 write, 2 execute). Answer: `generation, pages of the window`.
    /// The stack and the guard page are root's matter.
    BuildBegin = 1,
    /// Stager: create and map into the stager's window the next few frames. `slot, generation`. Answer `Again`
    /// until all are there; results `done, total` pages. Frames come zeroed; window page `i` is the generation's page `i`.
    BuildStep = 2,
    /// Stager: the content is in place. Unmaps the stager's view, maps the driver's, makes thread and CSpace.
    /// `slot, generation`. Answer `Again` until staged.
    BuildFinish = 3,
    /// Control: give the staged generation the device and run it. `slot, generation`.
    Start = 4,
    /// Control: suspend the generation and take registers and interrupt. `slot, generation`. Idempotent.
    Cut = 5,
    /// Control or stager: revoke everything a building, staged or cut generation has. `slot, generation`. Answer `Again`
    /// until done; `WrongState` while it runs, or while it is cut and the device was not reset since.
    Discard = 6,
    /// Bus: the device was reset and read back so. `slot`.
    DeviceReset = 7,
    /// Control: the oldest event that was not dealt with. `number of the last one that was, or 0`, which is forgotten now: an
    /// event that died with a control comes to its successor. Answer [`Code::Empty`](crate::Code::Empty), or the words of an
    /// [`Event`] and its number.
    NextEvent = 8,
    /// Control or stager: state of a slot. `slot`. Answer: `running generation or 0, generations alive, free untypeds, bytes
    /// of one, generation that is being built or 0`, then the generations alive, by place, 0 for an empty place.
    SlotState = 9,
    /// Control: suspend a running driver as if it had faulted (operator's `kill`). `slot`. An [`Event`] follows.
    Kill = 10,
    /// Control: what the generation that runs took of the processor since this was asked last. `slot`. Answer: `µs taken, µs of
    /// budget, µs of period`. The kernel counts; no driver can hide anything.
    Consumed = 11,
    /// Control: how a static PD fared. Its index. Answer: the words of a [`DomainState`], or
    /// [`Code::Empty`](crate::Code::Empty) behind the last one.
    DomainState = 12,
    /// Control: a static PD did not answer in time: start it anew, as after a fault. `slot, which` (a [`Part`]).
    Renew = 13,
    /// IOMMU: what the device of a slot may reach at one time or another. `slot, index`. Answer: `physical address, bytes`, or
    /// [`Code::Empty`](crate::Code::Empty) behind the last. The first [`PLACES`] are where generations are; the rest is the
    /// data that requests point into.
    Reach = 14,
    /// IOMMU: the memory of a staged generation that may have the device next. `slot, generation`. Answer: `physical address, pages`,
    /// then [`WINDOW_WORDS`] words with a bit for each page that may be written.
    Window = 15,
    /// IOMMU: the device reaches this generation's memory. `slot, generation`.
    Admitted = 16,
    /// IOMMU: the device reaches nothing. `slot`.
    Blocked = 17,
    /// IOMMU: the generation whose memory the device reaches, as it was told. `slot`. Answer: `generation, or 0`.
    Admission = 18,
    /// IOMMU: the device was stopped when it tried to reach what it may not. `slot, kind, address, 1 if it was to write`. The
    /// generation that has it is suspended; an [`Event`] follows, a fault of [`DMA_FAULT`].
    DmaFault = 19,
    /// Guard: a static PD gives no sign of life: start it anew, as after a fault. Its index. Answer
    /// [`Code::Gone`](crate::Code::Gone): it is buried.
    Silent = 20,
    /// Control: the stager's job for a slot is overdue, or it is not any more. `slot, 1 or 0`. Meanwhile the stager runs before clients.
    Hurry = 21,
}

/// Words that say which pages of a window may be written.
pub const WINDOW_WORDS: usize = 8;

/// Stands in [`Event::detail`] where a fault of the driver's thread has its label: the device of the driver was stopped. The lowest
/// byte is what the SMMU calls it, bit 8 says that it was to write.
pub const DMA_FAULT: u64 = 1 << 16;

/// A static PD on which a device slot depends, and which works on its own behind a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum Part {
    /// The stager.
    Stager = 0,
    /// The slot's shadow.
    Shadow = 1,
    /// The guard clock, which is of no slot.
    Guard = 2,
}

impl Part {
    /// From a message word.
    pub fn from_word(word: u64) -> Option<Self> {
        match word {
            0 => Some(Self::Stager),
            1 => Some(Self::Shadow),
            2 => Some(Self::Guard),
            _ => None,
        }
    }
}

/// Stands for a fault label: the PD did not answer in time.
pub const SILENT: u64 = u64::MAX;

impl Op {
    /// From a message label.
    pub fn from_label(label: u64) -> Option<Self> {
        Some(match label {
            1 => Self::BuildBegin,
            2 => Self::BuildStep,
            3 => Self::BuildFinish,
            4 => Self::Start,
            5 => Self::Cut,
            6 => Self::Discard,
            7 => Self::DeviceReset,
            8 => Self::NextEvent,
            9 => Self::SlotState,
            10 => Self::Kill,
            11 => Self::Consumed,
            12 => Self::DomainState,
            13 => Self::Renew,
            14 => Self::Reach,
            15 => Self::Window,
            16 => Self::Admitted,
            17 => Self::Blocked,
            18 => Self::Admission,
            19 => Self::DmaFault,
            20 => Self::Silent,
            21 => Self::Hurry,
            _ => return None,
        })
    }
}

/// Generations of a slot at most: the one that runs, the one that is to run, and a copy of the one before.
pub const PLACES: usize = 3;

/// What root says of a slot ([`Op::SlotState`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotState {
    /// The generation that runs, or 0.
    pub running: u32,
    /// The generation that is being built, or 0.
    pub building: u32,
    /// All generations that have memory, by place; 0: none.
    pub places: [u32; PLACES],
}

impl SlotState {
    /// From message words.
    pub fn from_words(words: [u64; 5 + PLACES]) -> Self {
        let number = |index: usize| u32::try_from(words[index]).unwrap_or(0);
        Self {
            running: number(0),
            building: number(4),
            places: core::array::from_fn(|place| number(5 + place)),
        }
    }
}

/// Why a driver (or another PD) stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u64)]
pub enum EventKind {
    /// Fault with this seL4 fault label in `detail`.
    Fault = 1,
    /// The operator's `kill`.
    Killed = 2,
    /// Its budget ended again and again (timeout fault).
    Budget = 3,
}

/// Something root saw; control is signalled, then asks with [`Op::NextEvent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Device slot.
    pub slot: u32,
    /// Generation.
    pub generation: u32,
    /// Fault label.
    pub detail: u64,
    /// Faulting address, or 0.
    pub address: u64,
    /// Program counter, or 0.
    pub pc: u64,
}

impl Event {
    /// As message words.
    pub fn to_words(self) -> [u64; 6] {
        [
            self.kind as u64,
            self.slot.into(),
            self.generation.into(),
            self.detail,
            self.address,
            self.pc,
        ]
    }
    /// From message words.
    pub fn from_words(words: [u64; 6]) -> Option<Self> {
        let kind = match words[0] {
            1 => EventKind::Fault,
            2 => EventKind::Killed,
            3 => EventKind::Budget,
            _ => return None,
        };
        Some(Self {
            kind,
            slot: u32::try_from(words[1]).ok()?,
            generation: u32::try_from(words[2]).ok()?,
            detail: words[3],
            address: words[4],
            pc: words[5],
        })
    }
}

/// Words of a PD's name in a [`DomainState`].
pub const NAME_WORDS: usize = 5;
/// Words of a [`DomainState`].
pub const DOMAIN_WORDS: usize = 5 + NAME_WORDS;

/// How a static PD fared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainState {
    /// It faulted and will not be started anew.
    pub dead: bool,
    /// How often it was started anew.
    pub restarts: u32,
    /// seL4 fault label of the last fault, or [`SILENT`]; 0: none yet.
    pub label: u64,
    /// Faulting address, or 0.
    pub address: u64,
    /// Program counter, or 0.
    pub pc: u64,
    /// Name, zero-padded.
    pub name: [u8; 8 * NAME_WORDS],
}

impl DomainState {
    /// It never faulted.
    pub const UNHARMED: Self = Self {
        dead: false,
        restarts: 0,
        label: 0,
        address: 0,
        pc: 0,
        name: [0; 8 * NAME_WORDS],
    };

    /// As message words.
    pub fn to_words(self) -> [u64; DOMAIN_WORDS] {
        let mut words = [0; DOMAIN_WORDS];
        words[..5].copy_from_slice(&[
            self.dead.into(),
            self.restarts.into(),
            self.label,
            self.address,
            self.pc,
        ]);
        for (word, bytes) in words[5..].iter_mut().zip(self.name.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        words
    }

    /// From message words.
    pub fn from_words(words: [u64; DOMAIN_WORDS]) -> Self {
        let mut name = [0; 8 * NAME_WORDS];
        for (bytes, word) in name.as_chunks_mut::<8>().0.iter_mut().zip(&words[5..]) {
            *bytes = word.to_le_bytes();
        }
        Self {
            dead: words[0] != 0,
            restarts: u32::try_from(words[1]).unwrap_or(u32::MAX),
            label: words[2],
            address: words[3],
            pc: words[4],
            name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_a_domain_survives_its_words() {
        let mut state = DomainState {
            dead: true,
            restarts: 7,
            label: 6,
            address: 0x1000,
            pc: 0x20_0000,
            ..DomainState::UNHARMED
        };
        state.name[..12].copy_from_slice(b"shadow-block");
        assert_eq!(DomainState::from_words(state.to_words()), state);
    }
}
