//! What control does to the world, numbered: tests name by it the instant at which control dies, in the machine as in the
//! model. An instant lies behind an effect (its number plus 1) and before the next one (its number).

use supervision::shadow;

use crate::world::Call;

/// Commands to a shadow, by kind.
const COMMAND: u32 = 110;
/// A job for the stager.
pub const JOB: u32 = 124;
/// The links are published: the end of a wake-up.
pub const PUBLISH: u32 = 126;
/// A record or the store's index is written.
pub const KEEP: u32 = 128;
/// The state is saved, by step.
const SAVE: u32 = 130;

/// A call.
pub fn of_call(call: &Call) -> u32 {
    match call {
        Call::Start(_) => 100,
        Call::Cut(_) => 102,
        Call::Discard(_) => 104,
        Call::Reset => 106,
        Call::Kill => 108,
        Call::Renew(_) => 98,
        Call::Release => 96,
        Call::Hurry(_) => 94,
    }
}

/// A command.
pub fn of_command(command: &shadow::Command) -> u32 {
    COMMAND + 2 * (command.kind % 8).saturating_sub(1)
}

/// A save in this step.
pub fn of_save(step: u32) -> u32 {
    SAVE + 2 * step
}
