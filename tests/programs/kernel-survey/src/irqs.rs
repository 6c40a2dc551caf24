//! Interrupt control, handlers and domains.

use sel4_abi::invocation::InvocationLabel as L;

use crate::sys::invoke;
use crate::world::{CNODE, DOMAIN, IRQ_CONTROL, TCB, World, cnode, delete, kind, show};

pub fn run(w: &mut World<'_>) {
    let s = w.slots(16);
    let ntfn = w.new_object(kind::NOTIFICATION, 0);
    let ep = w.new_object(kind::ENDPOINT, 0);
    let get = |words: &[u64], caps: &[u64]| invoke(IRQ_CONTROL, L::IRQIssueIRQHandler as u64, words, caps);
    let trigger = |words: &[u64], caps: &[u64]| {
        invoke(IRQ_CONTROL, L::ARMIRQIssueIRQHandlerTrigger as u64, words, caps)
    };
    let sgi = |words: &[u64], caps: &[u64]| invoke(IRQ_CONTROL, L::ARMIRQIssueSGISignal as u64, words, caps);
    show(
        "irq control label",
        invoke(IRQ_CONTROL, L::IRQAckIRQ as u64, &[], &[]),
    );
    show("get short", get(&[40, s], &[CNODE]));
    show("get no cap", get(&[40, s, 64], &[]));
    show("get 160", get(&[160, s, 64], &[CNODE]));
    show("get huge", get(&[!0, s, 64], &[CNODE]));
    show("get timer", get(&[27, s, 64], &[CNODE]));
    show("get 0", get(&[0, s + 9, 64], &[CNODE]));
    show("get 16", get(&[16, s + 10, 64], &[CNODE]));
    show("get root", get(&[40, s, 64], &[TCB]));
    show("get depth", get(&[40, s, 65], &[CNODE]));
    show("get full", get(&[40, ep, 64], &[CNODE]));
    show("get", get(&[40, s, 64], &[CNODE]));
    show("get again", get(&[40, s + 1, 64], &[CNODE]));
    show("trigger again", trigger(&[40, 1, s + 1, 64], &[CNODE]));
    show("trigger short", trigger(&[41, 1, s + 1], &[CNODE]));
    show("trigger 160", trigger(&[160, 1, s + 1, 64], &[CNODE]));
    show("trigger", trigger(&[41, 1, s + 1, 64], &[CNODE]));
    show("trigger odd", trigger(&[42, 7, s + 2, 64], &[CNODE]));
    show("sgi short", sgi(&[1, 0, s + 3], &[CNODE]));
    show("sgi 16", sgi(&[16, 0, s + 3, 64], &[CNODE]));
    show("sgi target", sgi(&[1, 8, s + 3, 64], &[CNODE]));
    show("sgi", sgi(&[1, 0, s + 3, 64], &[CNODE]));
    show("sgi twice", sgi(&[1, 0, s + 4, 64], &[CNODE]));
    show("sgi copy", cnode(L::CNodeCopy, s + 5, &[s + 3, 64, 15], &[CNODE]));
    show("sgi full", sgi(&[1, 0, s + 4, 64], &[CNODE]));
    show("handler label", invoke(s, L::TCBResume as u64, &[], &[]));
    show("ack", invoke(s, L::IRQAckIRQ as u64, &[], &[]));
    show("clear empty", invoke(s, L::IRQClearIRQHandler as u64, &[], &[]));
    show("set no cap", invoke(s, L::IRQSetIRQHandler as u64, &[], &[]));
    show("set ep", invoke(s, L::IRQSetIRQHandler as u64, &[], &[ep]));
    let read_only = w.mint(ntfn, 2, 0);
    show(
        "set read only",
        invoke(s, L::IRQSetIRQHandler as u64, &[], &[read_only]),
    );
    show("set", invoke(s, L::IRQSetIRQHandler as u64, &[], &[ntfn]));
    show("set again", invoke(s, L::IRQSetIRQHandler as u64, &[], &[ntfn]));
    show("copy handler", cnode(L::CNodeCopy, s + 6, &[s, 64, 15], &[CNODE]));
    show("delete handler", delete(s));
    show("still taken", get(&[40, s, 64], &[CNODE]));
    show("delete last", delete(s + 6));
    show("get anew", get(&[40, s, 64], &[CNODE]));
    domains(w, s + 12);
}

fn domains(w: &mut World<'_>, s: u64) {
    let tcb = w.new_object(kind::TCB, 0);
    let call = |label: L, words: &[u64], caps: &[u64]| invoke(DOMAIN, label as u64, words, caps);
    show("domain label", call(L::TCBResume, &[], &[]));
    show("domain short", call(L::DomainSetSet, &[], &[tcb]));
    show("domain no cap", call(L::DomainSetSet, &[0], &[]));
    show("domain 16", call(L::DomainSetSet, &[16], &[tcb]));
    show("domain 16 no cap", call(L::DomainSetSet, &[16], &[]));
    show("domain bad cap", call(L::DomainSetSet, &[1], &[s]));
    show("domain set", call(L::DomainSetSet, &[1], &[tcb]));
    show("sched short", call(L::DomainScheduleConfigure, &[0, 0], &[]));
    show("sched index", call(L::DomainScheduleConfigure, &[100, 0, 5], &[]));
    show("sched domain", call(L::DomainScheduleConfigure, &[1, 16, 5], &[]));
    show(
        "sched both",
        call(L::DomainScheduleConfigure, &[100, 16, 1 << 56], &[]),
    );
    show(
        "sched duration",
        call(L::DomainScheduleConfigure, &[1, 1, 1 << 56], &[]),
    );
    show("sched zero", call(L::DomainScheduleConfigure, &[1, 1, 0], &[]));
    show(
        "sched start zero",
        call(L::DomainScheduleConfigure, &[0, 0, 0], &[]),
    );
    show(
        "sched set",
        call(L::DomainScheduleConfigure, &[1, 0, 1_000_000], &[]),
    );
    show("sched end", call(L::DomainScheduleConfigure, &[2, 0, 0], &[]));
    show("sched 99", call(L::DomainScheduleConfigure, &[99, 0, 5], &[]));
    show("sched 98", call(L::DomainScheduleConfigure, &[98, 0, 5], &[]));
    show("start 99", call(L::DomainScheduleSetStart, &[99], &[]));
    show("start short", call(L::DomainScheduleSetStart, &[], &[]));
    show("start index", call(L::DomainScheduleSetStart, &[100], &[]));
    show("start marker", call(L::DomainScheduleSetStart, &[2], &[]));
    show("start", call(L::DomainScheduleSetStart, &[1], &[]));
    show("start back", call(L::DomainScheduleSetStart, &[0], &[]));
}
