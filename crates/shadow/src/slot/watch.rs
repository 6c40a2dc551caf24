//! The watch over a driver that has nothing to do: no request of its is late then, and still it may be dead or mad.
//!
//! Time is cut into windows. A driver that had no request in a whole one is notified, which makes it pass through its event
//! loop, and by the end of the next its heartbeat must have changed. Control is told of such windows: it can find out how
//! much of the processor the driver took in them.
//!
//! A driver that has requests is watched by their deadline: it may be a synchronous one that waits for its device for good
//! reason. Only one that passes through its event loop much more often than requests could make it is retired here. That is
//! its own count: what a driver that lies about it takes from others, its budget bounds.

use core::mem::offset_of;

use device_class::report::DriverReport;
use shared_ring::page::Page;
use supervision::shadow::{EventKind, Failure};

use super::{Mode, Outbox, Slot};
use crate::ledger::Region;
use crate::{Class, Env};

/// Passes through the event loop that a request may cost: one when it comes, one at the device's interrupt, one for an
/// interrupt too late or too early, and room.
const PASSES_PER_REQUEST: u64 = 8;
/// Passes that are worth no thought, whatever they were for.
const PASSES_FREE: u64 = 4096;

/// The window that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Watch {
    /// From when to when, CNTPCT.
    window: Option<(u64, u64)>,
    /// A request was with the driver in it.
    busy: bool,
    /// Requests that ended in it.
    ended: u64,
    /// The heartbeat at its beginning.
    beat: u32,
    /// The driver was asked for another one then: it had nothing to do in the window before.
    asked: bool,
}

impl Watch {
    /// Requests have ended.
    #[inline]
    pub fn count(&mut self, ended: u32) {
        self.ended = self.ended.wrapping_add(ended.into());
        // What arrived by itself made work too.
        self.busy |= ended > 0;
    }

    /// When the window ends.
    pub fn end(&self) -> Option<u64> {
        self.window.map(|(_, end)| end)
    }
}

impl<C: Class, P: Page, R: Region> Slot<'_, C, P, R> {
    /// At the end of each pass.
    pub(super) fn watch(&mut self, outbox: &mut Outbox, env: &mut impl Env) {
        if self.mode != Mode::Passive || self.times.watch == 0 {
            self.watch = Watch::default();
            return;
        }
        let has_some = self.in_flight() != 0;
        self.watch.busy |= has_some;
        match self.watch.window {
            None => self.open_window(false, has_some),
            Some((_, end)) if self.now < end => {}
            Some(_) if self.watch.busy => self.was_busy(has_some, outbox, env),
            Some((began, _)) => self.was_idle(began, outbox, env),
        }
    }

    fn open_window(&mut self, asked: bool, busy: bool) {
        let end = self.now.saturating_add(self.times.watch);
        self.watch = Watch {
            window: Some((self.now, end)),
            busy,
            ended: 0,
            beat: self.heartbeat(),
            asked,
        };
    }

    fn heartbeat(&self) -> u32 {
        let link = &self.sides[self.current].link;
        link.read_info_word(offset_of!(DriverReport, heartbeat))
    }

    /// Passes through the driver's event loop in this window, by its own word.
    fn passes(&self) -> u64 {
        self.heartbeat().wrapping_sub(self.watch.beat).into()
    }

    /// The driver had requests in this window.
    fn was_busy(&mut self, has_some: bool, outbox: &mut Outbox, env: &mut impl Env) {
        let passes = self.passes();
        if passes > PASSES_PER_REQUEST * self.watch.ended + PASSES_FREE {
            return self.retire(Failure::Storm, passes, outbox, env);
        }
        self.open_window(false, has_some);
    }

    /// The driver had nothing to do in the window that began at `began`.
    fn was_idle(&mut self, began: u64, outbox: &mut Outbox, env: &mut impl Env) {
        let (asked, passes) = (self.watch.asked, self.passes());
        if asked && passes == 0 {
            return self.retire(Failure::Heartbeat, 0, outbox, env);
        }
        let length = self.now.saturating_sub(began);
        self.tell_for(0, EventKind::Idle, [length, asked.into(), passes], outbox);
        // Before the driver is notified: whatever it does because of that counts.
        self.open_window(true, false);
        env.notify(self.sides[self.current].channel);
    }
}
