//! Taking threads out of what they wait for.

use crate::ipc::endpoint::EndpointState;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb::{self, State};
use crate::object::{Endpoint, Fields, Notification, Tcb};
use crate::preempt::Preempted;

impl<M: Machine> Kernel<M> {
    /// Takes a thread out of whatever it waits for; its state is left to the caller to set, if it was blocked
    /// it is inactive.
    pub(crate) fn cancel_ipc(&mut self, thread: Tcb) {
        self.m.set(thread, tcb::FAULT_TYPE, 0);
        match self.state(thread) {
            State::Receiving => {
                self.leave_endpoint(thread);
                if let Some(reply) = self.m.get(thread, tcb::REPLY) {
                    self.unlink_reply(reply, thread);
                }
                self.set_state(thread, State::Inactive);
            }
            State::Sending => {
                self.leave_endpoint(thread);
                self.set_state(thread, State::Inactive);
            }
            State::Waiting => {
                self.leave_notification(thread);
                self.set_state(thread, State::Inactive);
            }
            State::Replying => {
                self.abandon_call(thread);
                self.set_state(thread, State::Inactive);
            }
            State::Inactive | State::Running | State::Restart => {}
        }
    }

    /// The endpoint is going: everybody who waits at it repeats its system call. If it is preempted, the rest still waits.
    pub(crate) fn cancel_all_at_endpoint(&mut self, ep: Endpoint) -> Result<(), Preempted> {
        let (mut queue, state) = self.endpoint_queue(ep);
        let receiving = state == EndpointState::Receiving;
        while let Some(thread) = queue.head {
            queue.remove(&mut self.m, thread);
            self.set_endpoint_queue(ep, queue, receiving);
            if receiving && let Some(reply) = self.m.get(thread, tcb::REPLY) {
                self.unlink_reply(reply, thread);
            }
            self.restart_waiter(thread);
            self.reschedule();
            self.preemption_point()?;
        }
        Ok(())
    }

    /// The notification is going: everybody who waits at it repeats its system call. If it is preempted, the rest still waits.
    pub(crate) fn cancel_all_at_notification(&mut self, ntfn: Notification) -> Result<(), Preempted> {
        let mut queue = self.notification_queue(ntfn);
        while let Some(thread) = queue.head {
            queue.remove(&mut self.m, thread);
            self.set_notification_queue(ntfn, queue);
            self.restart_waiter(thread);
            self.reschedule();
            self.preemption_point()?;
        }
        Ok(())
    }

    /// A thread that was taken out of a queue repeats its system call; a fault is not repeated.
    fn restart_waiter(&mut self, thread: Tcb) {
        if self.m.get(thread, tcb::FAULT_TYPE) == 0 {
            self.set_state(thread, State::Restart);
            if let Some(sc) = self.m.get(thread, tcb::SCHED_CONTEXT) {
                self.wake_on_context(sc);
                self.resume_context(sc);
            }
            self.wake(thread);
        } else {
            self.set_state(thread, State::Inactive);
        }
    }

    /// Those who wait to send with `badge` repeat their system call.
    pub(crate) fn cancel_badged_sends(&mut self, ep: Endpoint, badge: u64) -> Result<(), Preempted> {
        let (mut queue, state) = self.endpoint_queue(ep);
        if state != EndpointState::Sending {
            return Ok(());
        }
        let mut at = queue.head;
        while let Some(thread) = at {
            at = self.m.get(thread, tcb::WAIT_NEXT);
            if self.m.get(thread, tcb::SEND_BADGE) == badge {
                queue.remove(&mut self.m, thread);
                self.set_endpoint_queue(ep, queue, false);
                self.restart_waiter(thread);
            }
            // Whoever woke must have his turn even if this is preempted.
            self.reschedule();
            self.preemption_point()?;
        }
        Ok(())
    }
}
