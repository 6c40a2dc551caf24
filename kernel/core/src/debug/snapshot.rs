//! The system call that prints the system's capabilities in capDL's notation.
//!
//! What is shown is what threads can name: each thread, and each CNode that is the root of some thread's CSpace with what its slots
//! hold. CNodes inside are named, not followed. (The official kernel follows them, and does not come to an end once an untyped has
//! children; so nothing can count on more than the shape.) Objects are named by their physical address.

use core::fmt::Write;

use super::Console;
use crate::cap::tree::Tree;
use crate::cap::{Cap, FrameSize};
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::object::slot::nth;
use crate::object::tcb::{self, SLOT_COUNT, TcbSlot};
use crate::object::{Fields, Slot, Tcb};
use crate::sched::refill::Refills;

/// What a pass over the capabilities prints.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Each object, with its parameters.
    Objects,
    /// Which slot holds what.
    Caps,
}

impl<M: Machine> Kernel<M> {
    /// Prints all threads' capabilities, on behalf of `caller`.
    pub(super) fn snapshot(&mut self, caller: Tcb) {
        let mut console = Console(&mut self.m);
        let _ = write!(console, "Debug snapshot syscall from user thread {caller:?} \"");
        console.put_name(caller, 0);
        let _ = write!(console, "\"\narch aarch64\nobjects {{\n");
        self.show(Pass::Objects);
        let _ = write!(Console(&mut self.m), "}}\ncaps {{\n");
        self.show(Pass::Caps);
        let _ = writeln!(Console(&mut self.m), "}}");
    }

    fn show(&mut self, pass: Pass) {
        let mut at = self.threads;
        while let Some(thread) = at {
            match pass {
                Pass::Objects => self.show_thread(thread),
                Pass::Caps => {
                    let _ = writeln!(Console(&mut self.m), "{thread:?}_tcb {{");
                    self.show_slots(thread.slots(), SLOT_COUNT, pass);
                    let _ = writeln!(Console(&mut self.m), "}}");
                }
            }
            if let Some((node, radix)) = self.new_root(thread) {
                let mut console = Console(&mut self.m);
                let _ = match pass {
                    Pass::Objects => writeln!(console, "{node:#x}_cnode = cnode ({radix} bits)"),
                    Pass::Caps => writeln!(console, "{node:#x}_cnode {{"),
                };
                self.show_slots(node, 1 << radix, pass);
                if pass == Pass::Caps {
                    let _ = writeln!(Console(&mut self.m), "}}");
                }
            }
            at = self.m.get(thread, tcb::LIST_NEXT);
        }
    }

    /// The root of a thread's CSpace, if no thread before it in the list has the same.
    fn new_root(&self, thread: Tcb) -> Option<(u64, u8)> {
        let root = |thread: Tcb| match self.m.cap(thread.slot(TcbSlot::CSpace)) {
            Cap::CNode { at, radix, .. } => Some((at, radix)),
            _ => None,
        };
        let own = root(thread)?;
        let mut before = self.m.get(thread, tcb::LIST_PREV);
        while let Some(other) = before {
            if root(other) == Some(own) {
                return None;
            }
            before = self.m.get(other, tcb::LIST_PREV);
        }
        Some(own)
    }

    fn show_thread(&mut self, thread: Tcb) {
        let get = |field| self.m.get(thread, field);
        let (buffer, ip, sp) = (get(tcb::BUFFER), get(tcb::RESTART_PC), get(tcb::SP));
        let (prio, mcp, domain) = (get(tcb::PRIORITY), get(tcb::MCP), get(tcb::DOMAIN));
        let _ = writeln!(
            Console(&mut self.m),
            "{thread:?}_tcb = tcb (addr: {buffer:#x}, ip: {ip:#x}, sp: {sp:#x}, prio: {prio}, max_prio: {mcp}, dom: {domain})"
        );
    }

    fn show_slots(&mut self, base: u64, count: u64, pass: Pass) {
        for index in 0..count {
            let slot = nth(base, index);
            match (pass, self.m.cap(slot)) {
                (_, Cap::Null) => {}
                (Pass::Caps, cap) => {
                    let mut console = Console(&mut self.m);
                    let _ = write!(console, "{index:#x}: ");
                    console.put_object(cap);
                    if let Some(badge) = cap.badge().filter(|&badge| badge != 0) {
                        let _ = write!(console, " (badge: {badge:#x})");
                    }
                    console.put(b'\n');
                }
                (Pass::Objects, cap) => self.show_object(slot, cap),
            }
        }
    }

    /// An object's line, at the first of the capabilities to it. Threads and CNodes have theirs elsewhere.
    fn show_object(&mut self, slot: Slot, cap: Cap) {
        let known = |before| cap.same_object(self.m.cap(before));
        if self.m.prev(slot).is_some_and(known) {
            return;
        }
        let period = match cap {
            Cap::SchedContext { sc, .. } if self.m.is_active(sc) => {
                let pieces = self.m.get(sc, crate::object::sched_context::COUNT);
                let budget: u64 = (0..pieces).map(|nth| self.m.refill(sc, nth).amount).sum();
                (self.m.get(sc, crate::object::sched_context::PERIOD), budget)
            }
            _ => (0, 0),
        };
        let mut console = Console(&mut self.m);
        let line = |console: &mut Console<'_, M>| {
            console.put_object(cap);
            let _ = write!(console, " = ");
        };
        let _ = match cap {
            Cap::Tcb(_) | Cap::CNode { .. } | Cap::Zombie { .. } | Cap::Null => return,
            Cap::Untyped { at, bits, .. } => {
                line(&mut console);
                writeln!(console, "ut ({bits} bits, paddr: {at:#x}) {{}}")
            }
            Cap::Frame { at, size, .. } => {
                line(&mut console);
                let size = match size {
                    FrameSize::Small => "4k",
                    FrameSize::Large => "2M",
                    FrameSize::Huge => "1G",
                };
                writeln!(console, "frame ({size}, paddr: {at:#x})")
            }
            Cap::SchedContext { bits, .. } => {
                line(&mut console);
                let (period, budget) = period;
                writeln!(
                    console,
                    "sc (period: {period} ticks, budget: {budget} ticks, {bits} bits)"
                )
            }
            Cap::AsidPool { base, .. } => {
                line(&mut console);
                writeln!(console, "asid_pool (asid_high: {:#x})", base >> 9)
            }
            _ => {
                line(&mut console);
                writeln!(console, "{}", kind(cap))
            }
        };
    }
}

impl<M: Machine> Console<'_, M> {
    /// The name of a capability's object: its address and kind, or the kind of an authority.
    fn put_object(&mut self, cap: Cap) {
        let _ = match (cap, cap.region()) {
            (Cap::IrqHandler { irq }, _) => write!(self, "irq_{irq}"),
            (_, Some((at, _))) => write!(self, "{at:#x}_{}", kind(cap)),
            (_, None) => write!(self, "{}", kind(cap)),
        };
    }
}

/// capDL's word for what a capability stands for.
fn kind(cap: Cap) -> &'static str {
    match cap {
        Cap::Null => "null",
        Cap::Untyped { .. } => "untyped",
        Cap::Endpoint { .. } => "ep",
        Cap::Notification { .. } => "notification",
        Cap::Reply { .. } => "rtreply",
        Cap::CNode { .. } => "cnode",
        Cap::Tcb(_) => "tcb",
        Cap::SchedContext { .. } => "sc",
        Cap::SchedControl => "sched_control",
        Cap::IrqControl => "irq_control",
        Cap::IrqHandler { .. } => "irq",
        Cap::SgiSignal { .. } => "sgi_signal",
        Cap::Domain => "domain",
        Cap::AsidControl => "asid_control",
        Cap::AsidPool { .. } => "asid_pool",
        Cap::Frame { .. } => "frame",
        Cap::PageTable { .. } => "pt",
        Cap::VSpace { .. } => "pgd",
        Cap::Smc { .. } => "smc",
        Cap::Zombie { .. } => "zombie",
    }
}
