//! Building a generation with root's help: root makes and maps the frames, this fills them.

use driver_package::package::Package;
use driver_package::resources::WINDOW_VADDR;
use supervision::root::Op;
use supervision::stager::Refusal;
use supervision::{Code, Side};

use crate::{CALL_WORDS, Failure};

/// Words of an answer that matter here.
pub const ANSWER_WORDS: usize = 5;
/// The word of `SlotState` that names the generation that is being built.
const BUILDING: usize = 4;

/// Root, and the window in which it shows the frames of the generation that is being built.
pub trait Root {
    /// A protected call: code and first words of the answer, 0 where there is none.
    fn call(&mut self, op: Op, words: &[u64]) -> (Code, [u64; ANSWER_WORDS]);

    /// Copies `content` to `offset` bytes from the window's start. False: the window ends before. Only called between the last
    /// `BuildStep` and the first `BuildFinish`, while the generation's frames are mapped.
    fn write(&mut self, offset: usize, content: &[u8]) -> bool;
}

/// Most calls until a step of root's must be done: each makes progress, and a window has 512 pages.
const STEPS: usize = 4096;

/// Builds a generation; if that fails, nothing is left of it.
pub(crate) fn build(
    package: &Package<'_>,
    slot: u32,
    side: Side,
    root: &mut impl Root,
    mut begun: impl FnMut(u32, u32),
) -> Result<u32, Failure> {
    let number = slot;
    let slot = u64::from(slot);
    let generation = begin(package, slot, side, root)?;
    begun(number, u32::try_from(generation).unwrap_or(0));
    let built = fill(package, slot, generation, root);
    if built.is_err() {
        // If root does not let go of it either, control finds it in the slot's state.
        let _ = repeat(Op::Discard, slot, generation, root);
    }
    built.and_then(|()| u32::try_from(generation).map_err(|_| refused(Code::Invalid)))
}

fn begin(package: &Package<'_>, slot: u64, side: Side, root: &mut impl Root) -> Result<u64, Failure> {
    let layout = package.image().layout();
    let heap = package.manifest().heap_pages();
    let mut words = [0; CALL_WORDS];
    words[..5].copy_from_slice(&[
        slot,
        side as u64,
        layout.entry(),
        heap.into(),
        layout.segments().len() as u64,
    ]);
    for (pair, segment) in words[5..].chunks_exact_mut(2).zip(layout.segments()) {
        pair[0] = segment.vaddr;
        pair[1] = u64::from(segment.pages) << 8 | u64::from(segment.rights.bits());
    }
    match root.call(Op::BuildBegin, &words[..5 + 2 * layout.segments().len()]) {
        (Code::Ok, [generation, ..]) => Ok(generation),
        (code, _) => Err(refused(code)),
    }
}

fn fill(package: &Package<'_>, slot: u64, generation: u64, root: &mut impl Root) -> Result<(), Failure> {
    repeat(Op::BuildStep, slot, generation, root)?;
    for (segment, content) in package.image().segments() {
        // A parsed image lies in the driver's window, which starts there.
        let offset = segment.vaddr.saturating_sub(WINDOW_VADDR) as usize;
        if !root.write(offset, content) {
            return Err(refused(Code::Invalid));
        }
    }
    repeat(Op::BuildFinish, slot, generation, root)
}

/// Gives back what a stager that died had under way for `slot`: what root says is being built, and what it had `staged`.
pub fn clean_up(slot: u32, staged: Option<u32>, root: &mut impl Root) {
    let slot = u64::from(slot);
    let building = match root.call(Op::SlotState, &[slot]) {
        (Code::Ok, words) => words[BUILDING],
        _ => 0,
    };
    for generation in [building, staged.unwrap_or(0).into()] {
        if generation != 0 {
            // Root lets nobody discard a driver that has the device.
            let _ = repeat(Op::Discard, slot, generation, root);
        }
    }
}

/// Calls until the work is done.
fn repeat(op: Op, slot: u64, generation: u64, root: &mut impl Root) -> Result<(), Failure> {
    for _ in 0..STEPS {
        match root.call(op, &[slot, generation]).0 {
            Code::Again => {}
            Code::Ok => return Ok(()),
            code => return Err(refused(code)),
        }
    }
    Err(refused(Code::Again))
}

fn refused(code: Code) -> Failure {
    let refusal = match code {
        Code::NoMemory => Refusal::NoMemory,
        Code::BadImage => Refusal::Malformed,
        _ => Refusal::Root,
    };
    Failure {
        refusal,
        detail: code as u32,
    }
}
