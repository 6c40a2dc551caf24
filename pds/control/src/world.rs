//! What control can do, as seen from inside.

use control_protocol::vitals::Memory;
use supervision::bus::Presence;
use supervision::{Code, root, shadow, stager};

use crate::state::SlotState;

/// A protected call to root or bus. Each returns at once, with a bounded amount of work done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Root: give the staged generation the device and run it.
    Start(u32),
    /// Root: suspend the generation and take the device from it. Idempotent.
    Cut(u32),
    /// Root: give back what the generation has; `Again` until done.
    Discard(u32),
    /// Bus: reset the device and read back that it is.
    Reset,
    /// Root: stop the running driver as if it had faulted.
    Kill,
    /// Root: start a part of the system anew that does not answer.
    Renew(root::Part),
    /// Root: the slot's job is overdue, or it is not any more: the stager runs before the clients.
    Hurry(bool),
    /// Bus: take the power from a device that is to leave.
    Release,
}

/// What a driver took of the processor, as the kernel counts it; all in µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Taken.
    pub taken_us: u64,
    /// What it may take …
    pub budget_us: u64,
    /// … in each period of this length.
    pub period_us: u64,
}

impl Consumed {
    /// Thousandths of what the budget gives in a window.
    pub fn permille_of(self, window_us: u64) -> u32 {
        let given = u128::from(window_us) * u128::from(self.budget_us);
        let taken = (u128::from(self.taken_us) * u128::from(self.period_us)).saturating_mul(1000);
        let share = taken.checked_div(given).unwrap_or(0);
        u32::try_from(share).unwrap_or(u32::MAX)
    }
}

/// The world outside control.
pub trait World {
    /// The counter, in ticks.
    fn now(&mut self) -> u64;
    /// Calls root or bus about device slot `slot` (its number).
    fn call(&mut self, slot: u32, call: Call) -> Code;
    /// Asks bus whether device slot `slot` has a device.
    fn presence(&mut self, slot: u32) -> Presence {
        let _ = slot;
        Presence::Present
    }
    /// Asks root for the generations of device slot `slot`.
    fn slot_state(&mut self, slot: u32) -> Option<root::SlotState>;
    /// Asks root how static PD number `index` fared; `None`: there are fewer.
    fn domain(&mut self, index: u32) -> Option<root::DomainState>;
    /// What the driver that runs in the slot took of the processor since this was asked last. `None`: none runs.
    fn consumed(&mut self, slot: u32) -> Option<Consumed>;
    /// What the shadow counts of device slot `slot`; `None`: it never ran, or shows nothing.
    fn counters(&mut self, slot: u32) -> Option<trace::Counters> {
        let _ = slot;
        None
    }
    /// Memory of the slot's drivers, as root has it.
    fn memory(&mut self, slot: u32) -> Option<Memory> {
        let _ = slot;
        None
    }
    /// Sends a command to the shadow of `command.slot`. One that cannot be sent is lost, and shows as a missed deadline.
    fn command(&mut self, command: shadow::Command);
    /// Gives the stager a job. One that cannot be given is lost, and shows as a missed deadline.
    fn job(&mut self, job: stager::Job);
    /// Writes a trace event; time and slot are filled in by the caller.
    fn trace(&mut self, event: trace::Event);
    /// Keeps the state of the slot (its index) where it survives control.
    fn save(&mut self, index: usize, state: &SlotState);
    /// Keeps bytes where they survive control, `offset` below [`ledger::LEN`](crate::ledger::LEN).
    fn keep(&mut self, offset: usize, bytes: &[u8]);
    /// Reads bytes that were kept; zeroes if none ever were.
    fn kept(&mut self, offset: usize, buffer: &mut [u8]);
    /// Writes bytes into a slot of the package store. In range by the store's own checks.
    fn write_package(&mut self, slot: usize, offset: usize, bytes: &[u8]);
    /// Reads bytes of a slot of the package store; as many of `buffer` as the slot has.
    fn read_package(&mut self, slot: usize, offset: usize, buffer: &mut [u8]);
    /// Events of trace source `source` from `cursor` on, into `buffer` as whole events. Answers bytes, the next cursor and
    /// how many were lost; `None`: no such source.
    fn read_trace(&mut self, source: usize, cursor: u64, buffer: &mut [u8]) -> Option<(usize, u64, u64)>;
    /// Bytes of report region `report`.
    fn report_len(&mut self, report: usize) -> u32;
    /// Bytes of report region `report` from `offset` on; the range is inside.
    fn read_report(&mut self, report: usize, offset: usize, buffer: &mut [u8]);
    /// Notifies PD `report` that it shall stop.
    fn ask_to_stop(&mut self, report: usize);
}

#[cfg(test)]
mod tests {
    use super::Consumed;

    #[test]
    fn share_is_that_of_the_budget_and_never_overflows() {
        let consumed = |taken_us, budget_us, period_us| Consumed {
            taken_us,
            budget_us,
            period_us,
        };
        assert_eq!(consumed(400, 100, 100).permille_of(1000), 400);
        assert_eq!(consumed(400, 50, 100).permille_of(1000), 800);
        assert_eq!(consumed(400, 50, 100).permille_of(0), 0);
        assert_eq!(consumed(u64::MAX, 1, u64::MAX).permille_of(1), u32::MAX);
    }
}
