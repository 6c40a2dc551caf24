//! Function-level reset (PCI Express Base Specification, 6.6.2).

use crate::capability;
use crate::{ConfigMut, Patience, header};

const ID: u8 = 0x10;
/// Device capabilities: the function can be reset by itself.
const CAN_RESET: u32 = 1 << 28;
/// Device control: reset it.
const RESET: u32 = 1 << 15;
/// Device status: it waits for answers to requests of its own.
const PENDING: u32 = 1 << 21;

/// Why a function was not reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetError {
    /// It cannot be.
    Unable,
    /// It does not come back as what it was.
    Gone,
}

/// Resets the function; its command register and its base address registers are as after power-on. That may take it 100 ms.
pub fn reset(config: &mut impl ConfigMut, patience: &impl Patience) -> Result<(), ResetError> {
    let able = || {
        let express = capability::find(config, ID)?;
        let control = express.offset_of(2)?;
        (express.word(config, 1)? & CAN_RESET != 0).then_some(control)
    };
    let control = able().ok_or(ResetError::Unable)?;
    let before = header::identity(config).ok_or(ResetError::Gone)?;
    // What it has asked memory for is awaited first, or the answers would meet a function that knows nothing of them.
    if !header::set_command(config, 0) || !patience.until(|| config.read(control) & PENDING == 0) {
        return Err(ResetError::Gone);
    }
    // The upper half is the status, whose bits are cleared by writing ones.
    let kept = config.read(control) & 0xffff;
    config.write(control, kept | RESET);
    if patience.until(|| header::identity(config) == Some(before)) && header::command(config) == 0 {
        Ok(())
    } else {
        Err(ResetError::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use crate::fake::Times;

    fn device() -> Fake {
        let mut fake = Fake::device();
        fake.capability(0x40, &[0x0010, CAN_RESET, 0x2810]);
        fake.writable[0x48 / 4] = 0xffff;
        fake.words[1] |= 6;
        fake
    }

    #[test]
    fn a_function_that_can_is_reset() {
        let mut fake = device();
        assert_eq!(reset(&mut fake, &Times::new(9)), Ok(()));
        assert_eq!(fake.words[0x48 / 4], 0x2810 | RESET);
        assert_eq!(header::command(&fake), 0);
    }

    #[test]
    fn a_function_that_cannot_or_does_not_answer_is_not_believed() {
        let reset = |fake: &mut Fake| reset(fake, &Times::new(9));
        assert_eq!(reset(&mut Fake::device()), Err(ResetError::Unable));
        let mut waiting = device();
        waiting.words[0x48 / 4] |= PENDING;
        assert_eq!(reset(&mut waiting), Err(ResetError::Gone));
        assert_eq!(waiting.words[0x48 / 4] & RESET, 0);
        let mut unable = device();
        unable.words[0x44 / 4] = 0;
        assert_eq!(reset(&mut unable), Err(ResetError::Unable));
    }
}
