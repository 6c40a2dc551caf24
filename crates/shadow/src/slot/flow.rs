//! The flow of requests, for the operator: counters that are always kept, and a trace of each pass when he wants it.
//!
//! Both end with this life of the shadow only as far as the recording goes: a successor counts on, and records nothing.

use shared_ring::page::Page;
use supervision::shadow::Flow;
use trace::{Kind, Standing};

use super::Slot;
use crate::ledger::Region;
use crate::{Class, Env};

/// Events recorded after a swap.
const AFTER: u32 = 256;

/// What is recorded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recorder {
    until: Until,
    /// Answered since the last event.
    answered: u32,
    /// Live at the last event.
    live: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Until {
    #[default]
    Now,
    Off,
    Swapped,
    /// So many events more.
    Left(u32),
}

impl Recorder {
    /// As a command says.
    pub fn begin(word: u64) -> Self {
        let until = match Flow::from_word(word) {
            Flow::Off => Until::Now,
            Flow::On => Until::Off,
            Flow::Single => Until::Swapped,
        };
        Self {
            until,
            ..Self::default()
        }
    }

    /// Nothing is recorded.
    #[inline]
    pub fn is_off(&self) -> bool {
        self.until == Until::Now
    }

    /// Clients were answered.
    #[inline]
    pub fn count(&mut self, answered: u32) {
        self.answered = self.answered.wrapping_add(answered);
    }

    /// A new generation was enabled.
    pub fn swapped(&mut self) {
        if self.until == Until::Swapped {
            self.until = Until::Left(AFTER);
        }
    }

    /// One pass is over; what an event of it says: answered, live. `None`: nothing changed.
    fn pass(&mut self, live: u32) -> Option<(u32, u32)> {
        let answered = core::mem::take(&mut self.answered);
        if answered == 0 && live == self.live {
            return None;
        }
        self.live = live;
        if let Until::Left(left) = self.until {
            self.until = match left.checked_sub(1) {
                Some(left) if left > 0 => Until::Left(left),
                _ => Until::Now,
            };
        }
        Some((answered, live))
    }
}

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// At the end of each pass.
    #[inline]
    pub(super) fn show(&mut self, env: &mut impl Env) {
        let tracker = &self.kept.tracker;
        env.stand(
            self.number,
            Standing {
                live: tracker.live(),
                sent: tracker.sent(),
                mode: self.kept.mode,
                generation: self.kept.generation,
            },
        );
        if !self.flow.is_off() {
            self.record(env);
        }
    }

    #[cold]
    fn record(&mut self, env: &mut impl Env) {
        let live = self.live();
        if let Some((answered, live)) = self.flow.pass(live) {
            self.trace(Kind::Flow, answered.into(), live.into(), env);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_recording_ends_some_events_after_the_swap() {
        let mut recorder = Recorder::begin(Flow::Single as u64);
        for live in 0..10 * AFTER {
            recorder.count(1);
            assert_eq!(recorder.pass(live), Some((1, live)));
        }
        assert_eq!(recorder.until, Until::Swapped);
        recorder.swapped();
        recorder.swapped();
        let events = (0..).take_while(|n| {
            recorder.count(1);
            recorder.pass(*n);
            recorder.until != Until::Now
        });
        assert_eq!(events.count() as u32, AFTER - 1);
        let mut off = Recorder::begin(77);
        off.swapped();
        assert_eq!(off.until, Until::Now);
    }

    #[test]
    fn passes_without_a_change_are_no_events() {
        let mut recorder = Recorder::begin(Flow::On as u64);
        assert_eq!(recorder.pass(0), None);
        assert_eq!(recorder.pass(3), Some((0, 3)));
        assert_eq!(recorder.pass(3), None);
        recorder.count(2);
        assert_eq!(recorder.pass(3), Some((2, 3)));
    }
}
