//! System calls.

use sel4_abi::message::MessageInfo;
use sel4_abi::rights::CapRights;
use sel4_abi::syscall::Syscall;

use crate::cap::Cap;
use crate::cap::cspace::{LookupFault, resolve};
use crate::cap::tree::Tree;
use crate::invoke::error::{InvocationError, Trouble};
use crate::invoke::{Invocation, Outcome};
use crate::ipc::buffer::FAST;
use crate::ipc::endpoint::SendMode;
use crate::ipc::fault::Fault;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::tcb::{self, State, TcbSlot};
use crate::object::{Fields, Slot, Tcb, notification};
use crate::preempt::Preempted;

/// The kinds of sending.
#[derive(Clone, Copy)]
struct Send {
    blocking: bool,
    call: bool,
    donate: bool,
    /// A receive follows in the same system call.
    first_phase: bool,
}

impl<M: Machine> Kernel<M> {
    /// The slot a thread's capability pointer leads to.
    #[inline]
    pub(crate) fn lookup_slot(&self, thread: Tcb, cptr: u64) -> Result<Slot, LookupFault> {
        if let Some(slot) = self.quick_slot(thread, cptr) {
            return Ok(slot);
        }
        let root = self.m.cap(thread.slot(TcbSlot::CSpace));
        resolve(&self.m, root, cptr, 64).map(|(slot, _)| slot)
    }

    /// Carries out the system call `number` of the current thread.
    ///
    /// On return [`schedule`](Self::schedule) and `activate` have been done: the current thread can be entered.
    pub fn syscall(&mut self, number: i64) {
        let entered_by = self.enter();
        if self.check_budget_or_restart()
            && let Some(thread) = self.current
        {
            let done = match Syscall::from_raw(number) {
                Some(syscall) => self.dispatch(thread, syscall),
                None => {
                    self.fault(
                        thread,
                        Fault::UnknownSyscall {
                            number: number as u64,
                        },
                    );
                    Ok(())
                }
            };
            if done.is_err() {
                self.serve_interrupt();
            }
        }
        self.leave(entered_by);
    }

    fn dispatch(&mut self, thread: Tcb, syscall: Syscall) -> Result<(), Preempted> {
        let send = |blocking, call| Send {
            blocking,
            call,
            donate: call,
            first_phase: false,
        };
        let first = Send {
            blocking: false,
            call: false,
            donate: true,
            first_phase: true,
        };
        let x = |kernel: &Self, index| kernel.m.get(thread, tcb::x(index));
        match syscall {
            Syscall::Call => self.send_to(thread, x(self, 0), send(true, true))?,
            Syscall::Send => self.send_to(thread, x(self, 0), send(true, false))?,
            Syscall::NBSend => self.send_to(thread, x(self, 0), send(false, false))?,
            Syscall::ReplyRecv => {
                self.send_to(thread, x(self, 6), first)?;
                self.receive_from(thread, true, true);
            }
            Syscall::NBSendRecv => {
                self.send_to(thread, x(self, 8), first)?;
                self.receive_from(thread, true, true);
            }
            Syscall::NBSendWait => {
                self.send_to(thread, x(self, 6), first)?;
                self.receive_from(thread, true, false);
            }
            Syscall::Recv => self.receive_from(thread, true, true),
            Syscall::NBRecv => self.receive_from(thread, false, true),
            Syscall::Wait => self.receive_from(thread, true, false),
            Syscall::NBWait => self.receive_from(thread, false, false),
            Syscall::Yield => self.yield_turn(),
            #[cfg(any(feature = "debug-build", feature = "benchmark-build"))]
            other => self.extra_syscall(thread, other),
        }
        Ok(())
    }

    /// The sending part of a system call.
    fn send_to(&mut self, thread: Tcb, cptr: u64, how: Send) -> Result<(), Preempted> {
        let slot = match self.lookup_slot(thread, cptr) {
            Ok(slot) => slot,
            Err(cause) => {
                if how.blocking {
                    self.fault(
                        thread,
                        Fault::Cap {
                            cptr,
                            receiving: false,
                            cause,
                        },
                    );
                }
                return Ok(());
            }
        };
        let info = MessageInfo::from_word(self.m.get(thread, tcb::x(1))).clamped();
        if !how.call
            && let Some((ntfn, badge)) = self.quick_signal(slot, info)
        {
            self.signal(ntfn, badge);
            return Ok(());
        }
        let buffer = self.buffer(thread, false);
        let extra = match self.extra_slots(thread, buffer, info) {
            Ok(extra) => extra,
            Err((cptr, cause)) => {
                if how.blocking {
                    self.fault(
                        thread,
                        Fault::Cap {
                            cptr,
                            receiving: false,
                            cause,
                        },
                    );
                }
                return Ok(());
            }
        };
        // Until it is done, the system call would be repeated.
        self.m.set(thread, tcb::STATE, State::Restart);
        let result = match self.m.cap(slot) {
            Cap::Endpoint { ep, badge, rights } if rights.write() => {
                self.m.set(thread, tcb::STATE, State::Running);
                let mode = SendMode {
                    blocking: how.blocking,
                    call: how.call,
                    donate: how.donate,
                };
                self.send(thread, ep, badge, rights, mode);
                return Ok(());
            }
            Cap::Notification { ntfn, badge, rights } if rights.write() => {
                self.signal(ntfn, badge);
                Ok(Outcome::Done)
            }
            Cap::Reply { reply, grant } => {
                self.do_reply(thread, reply, grant);
                Ok(Outcome::Done)
            }
            Cap::Endpoint { .. } | Cap::Notification { .. } => {
                Err(Trouble::Error(InvocationError::InvalidCapability(0)))
            }
            cap => {
                let mut length = info.length() as usize;
                if buffer.is_none() {
                    length = length.min(FAST);
                }
                let call = Invocation::new(thread, buffer, info, length, extra, slot);
                self.invoke(cap, &call, how.first_phase)
            }
        };
        self.finish_invocation(thread, result, how.call)
    }

    /// Tells the caller how its invocation ended, unless that has changed the caller's own state.
    fn finish_invocation(
        &mut self,
        thread: Tcb,
        result: Result<Outcome, Trouble>,
        call: bool,
    ) -> Result<(), Preempted> {
        if result == Err(Trouble::Preempted) {
            return Err(Preempted);
        }
        if self.state(thread) != State::Restart {
            return Ok(());
        }
        if call {
            match result {
                Ok(Outcome::Done) => self.set_badge_and_info(thread, 0, MessageInfo::new(0, 0, 0, 0)),
                Ok(Outcome::Word(word)) => self.write_result(thread, &[word]),
                Ok(Outcome::Written(length)) => {
                    self.set_badge_and_info(thread, 0, MessageInfo::new(0, 0, 0, length as u64));
                }
                Err(Trouble::Error(error)) => {
                    let (label, words, count) = error.message();
                    let length = self.set_message(thread, &words[..count]) as u64;
                    self.set_badge_and_info(thread, 0, MessageInfo::new(label as u64, 0, 0, length));
                }
                Err(Trouble::Preempted) => {}
            }
        }
        self.m.set(thread, tcb::STATE, State::Running);
        Ok(())
    }

    /// The receiving part of a system call.
    fn receive_from(&mut self, thread: Tcb, blocking: bool, with_reply: bool) {
        if self.current != Some(thread) || !self.is_runnable(thread) {
            // The sending part has stopped the thread.
            return;
        }
        let cptr = self.m.get(thread, tcb::x(0));
        if let Err((cptr, cause)) = self.try_receive(thread, cptr, blocking, with_reply) {
            self.fault(
                thread,
                Fault::Cap {
                    cptr,
                    receiving: true,
                    cause,
                },
            );
        }
    }

    fn try_receive(
        &mut self,
        thread: Tcb,
        cptr: u64,
        blocking: bool,
        with_reply: bool,
    ) -> Result<(), (u64, LookupFault)> {
        let missing = LookupFault::MissingCapability { bits_left: 0 };
        let slot = self.lookup_slot(thread, cptr).map_err(|cause| (cptr, cause))?;
        match self.m.cap(slot) {
            Cap::Endpoint { ep, rights, .. } if rights.read() => {
                let reply = if with_reply {
                    let cptr = self.m.get(thread, tcb::x(6));
                    let slot = self.lookup_slot(thread, cptr).map_err(|cause| (cptr, cause))?;
                    let Cap::Reply { reply, .. } = self.m.cap(slot) else {
                        return Err((cptr, missing));
                    };
                    Some(reply)
                } else {
                    None
                };
                self.receive(thread, ep, rights.grant(), blocking, reply);
                Ok(())
            }
            Cap::Notification { ntfn, rights, .. } if rights.read() => {
                let bound = self.m.get(ntfn, notification::BOUND_TCB);
                if bound.is_some_and(|bound| bound != thread) {
                    return Err((cptr, missing));
                }
                self.wait(thread, ntfn, blocking);
                Ok(())
            }
            _ => Err((cptr, missing)),
        }
    }

    /// A fault that the processor reports for the current thread.
    pub fn user_fault(&mut self, fault: Fault) {
        let entered_by = self.enter();
        if self.check_budget_or_restart()
            && let Some(thread) = self.current
        {
            self.fault(thread, fault);
        }
        self.leave(entered_by);
    }

    /// An interrupt was taken at user level or while idle.
    pub fn interrupt(&mut self) {
        let entered_by = self.enter();
        let irq = self.m.take_irq();
        if !irq.is_some_and(|irq| self.fast_interrupt(irq)) {
            self.serve(irq);
            self.leave(entered_by);
        }
    }

    /// The kernel is entered; by whom.
    #[inline]
    pub(crate) fn enter(&mut self) -> Option<Tcb> {
        self.note_time();
        self.count_entry();
        self.current
    }

    /// Decides who runs next and prepares it.
    #[inline]
    pub(crate) fn leave(&mut self, entered_by: Option<Tcb>) {
        self.schedule();
        self.activate();
        self.count_exit(entered_by);
    }

    /// Does a capability's rights word allow what a fault handler needs?
    pub(crate) fn is_handler_rights(rights: CapRights) -> bool {
        rights.write() && (rights.grant() || rights.grant_reply())
    }
}
