//! Waiting where there is nothing: whoever is ready runs.

use super::signal::Place;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::Tcb;

impl<M: Machine> Kernel<M> {
    /// Wait, at a notification that is not signalled. False: not such a case, nothing has happened but that the time was noted.
    #[inline]
    pub fn fast_wait(&mut self) -> bool {
        self.try_fast_wait::<false>().is_some()
    }

    /// The same with Recv, at such a notification or an endpoint where nobody sends.
    #[inline]
    pub fn fast_recv(&mut self) -> bool {
        self.try_fast_wait::<true>().is_some()
    }

    #[inline(always)]
    fn try_fast_wait<const ANYWHERE: bool>(&mut self) -> Option<()> {
        self.count_entry();
        let from = self.current?;
        let place = self.place::<ANYWHERE>(from)?;
        self.wait_at(from, place, None)
    }

    /// The current thread waits there, after it has acknowledged an interrupt if it has.
    #[inline(always)]
    pub(super) fn wait_at(&mut self, from: Tcb, place: Place, irq: Option<u32>) -> Option<()> {
        if let Place::Signalled(_) = place {
            return None;
        }
        let next = self.first_ready()?;
        self.note_time();
        self.may_stop(from)?;
        // From here on it is done.
        if let Some(irq) = irq {
            self.m.unmask_irq(irq);
        }
        self.settle_at(from, place);
        match next {
            Some((next, vspace)) => {
                self.dequeue(next);
                self.quick_switch(Some(from), next, vspace);
            }
            None => self.switch_to(None),
        }
        let next = next.map(|(next, _)| next);
        self.change_context(next, false);
        if let Some(next) = next {
            self.prepare_step(next);
        }
        self.count_exit(Some(from));
        Some(())
    }
}
