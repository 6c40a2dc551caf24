//! Messages no library would send.

use super::tests;
use crate::api::{self, ALL, CNODE, root};
use crate::code::{self, reg, registers, words};
use crate::expect::{Outcome, eq, err, ok};
use crate::log::{self, logged};
use crate::sys::{self, Cap, info, invoke, invoke_raw, message, mr, set_mr};
use crate::worker::{Spec, Test};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::message::MessageInfo;
use sel4_abi::object::ObjectType as O;
use sel4_abi::syscall::Syscall;

tests![
    invocation_longer_than_needed,
    more_capabilities_than_needed,
    length_beyond_the_buffer_in_an_invocation,
    invocations_by_send_are_not_answered,
    invocations_by_nb_send_are_not_answered,
    invocations_by_reply_recv_do_not_work,
    call_of_an_empty_slot,
    call_of_a_pointer_to_nowhere,
    argument_that_does_not_resolve,
    arguments_of_every_kind,
    registers_are_preserved,
    thread_without_an_ipc_buffer_invokes,
    thread_with_an_unmapped_ipc_buffer,
    ipc_buffer_frame_that_is_gone,
    null_invocations,
    every_label_on_every_object,
    nonsense_messages,
    thread_without_anything,
];

fn invocation_longer_than_needed(t: &mut Test) -> Outcome {
    let (n, slot) = (t.notification()?, t.slot());
    let mut long = [0x5555; 120];
    long[..5].copy_from_slice(&[slot, 64, n, 64, ALL]);
    ok!(invoke(CNODE, L::CNodeCopy, &long, &[CNODE]));
    Ok(())
}

fn more_capabilities_than_needed(t: &mut Test) -> Outcome {
    let (n, slot) = (t.notification()?, t.slot());
    ok!(invoke(
        CNODE,
        L::CNodeCopy,
        &[slot, 64, n, 64, ALL],
        &[CNODE, n, n]
    ));
    ok!(invoke(CNODE, L::CNodeDelete, &[slot, 64], &[n, n, n]));
    Ok(())
}

fn length_beyond_the_buffer_in_an_invocation(t: &mut Test) -> Outcome {
    let (n, slot) = (t.notification()?, t.slot());
    for (i, word) in [slot, 64, n, 64, ALL].into_iter().enumerate() {
        set_mr(i, word);
    }
    sys::set_cap(0, CNODE);
    let claimed = MessageInfo::from_word(info(L::CNodeCopy.to_raw(), 1, 0).into_word() | 127);
    eq!(sys::call(CNODE, claimed).info, info(0, 0, 0));
    Ok(())
}

fn invocations_by_send_are_not_answered(t: &mut Test) -> Outcome {
    let worker = t.worker(Spec::priority(210), |_| log::push(1), [0; 4])?;
    set_mr(0, 0x99);
    sys::send(worker.tcb, info(L::TCBResume.to_raw(), 0, 0));
    logged!([1]);
    eq!(mr(0), 0x99);
    // Errors get lost.
    sys::send(worker.tcb, info(L::CNodeCopy.to_raw(), 0, 0));
    Ok(())
}

fn invocations_by_nb_send_are_not_answered(t: &mut Test) -> Outcome {
    let worker = t.worker(Spec::priority(210), |_| log::push(1), [0; 4])?;
    sys::nb_send(worker.tcb, info(L::TCBResume.to_raw(), 0, 0));
    logged!([1]);
    // With the receive phase of a combined call.
    let other = t.worker(Spec::priority(210), |_| log::push(2), [0; 4])?;
    let n = t.notification()?;
    sys::signal(n);
    // The first phase of a combined call is for messages only.
    eq!(
        sys::nb_send_wait(other.tcb, info(L::TCBResume.to_raw(), 0, 0), n).badge,
        0
    );
    logged!([]);
    Ok(())
}

fn invocations_by_reply_recv_do_not_work(t: &mut Test) -> Outcome {
    // The capability that is answered through must be a reply object: any other is a fault in the receive phase.
    let (ep, faults) = (t.endpoint()?, t.endpoint()?);
    let tcb = t.make(O::Tcb, 0)?;
    let x = [
        ep,
        info(L::TCBResume.to_raw(), 0, 0).into_word(),
        0,
        0,
        0,
        0,
        tcb,
        Syscall::ReplyRecv.to_raw() as u64,
    ];
    t.run(
        Spec::priority(210).fault(faults),
        code::system_call::address(),
        &x,
    )?;
    eq!(sys::nb_wait(faults).info.label(), 1);
    let seen: [u64; 4] = words();
    eq!(seen, [code::system_call::address(), tcb, 1, 2]);
    Ok(())
}

fn call_of_an_empty_slot(t: &mut Test) -> Outcome {
    let empty = t.slot();
    err!(invoke_raw(empty, 1, &[1, 2, 3], &[]), InvalidCapability, [0]);
    err!(invoke_raw(0, 1, &[], &[]), InvalidCapability, [0]);
    Ok(())
}

fn call_of_a_pointer_to_nowhere(t: &mut Test) -> Outcome {
    let faults = t.endpoint()?;
    for pointer in [1 << 17, u64::MAX, 1 << 63] {
        let x = [pointer, 0, 0, 0, 0, 0, 0, Syscall::Call.to_raw() as u64];
        let worker = t.run(
            Spec::priority(210).fault(faults),
            code::system_call::address(),
            &x,
        )?;
        eq!(sys::nb_wait(faults), message(0, 1, 0, 0, 7));
        eq!(words(), [code::system_call::address(), pointer, 0, 4, 64, 0, 47]);
        t.forget_worker(&worker)?;
    }
    Ok(())
}

fn argument_that_does_not_resolve(t: &mut Test) -> Outcome {
    let faults = t.endpoint()?;
    t.start(
        Spec::priority(210).fault(faults),
        |[tcb, pointer, ..]| {
            log::push(api::tcb_bind_notification(tcb, pointer).label);
        },
        [t.tcb, 1 << 40, 0, 0],
    )?;
    eq!(sys::nb_wait(faults), message(0, 1, 0, 0, 7));
    let seen: [u64; 6] = core::array::from_fn(|i| mr(i + 1));
    eq!(seen, [1 << 40, 0, 4, 64, 0, 47]);
    logged!([]);
    Ok(())
}

/// One capability of every kind.
fn every_kind(t: &mut Test) -> Result<[Cap; 14], crate::expect::Failure> {
    let irq = t.slot();
    let _ = api::irq_control_get(50, root(irq));
    let pool = t.slot();
    let untyped = t.untyped(12)?;
    let _ = api::asid_control_make_pool(untyped, root(pool));
    Ok([
        t.untyped(12)?,
        t.make(O::Tcb, 0)?,
        t.endpoint()?,
        t.notification()?,
        t.cnode(4)?,
        t.sched_context()?,
        t.reply()?,
        t.make(O::VSpace, 0)?,
        t.frame()?,
        t.make(O::PageTable, 0)?,
        irq,
        pool,
        t.slot(),
        t.make(O::LargePage, 0)?,
    ])
}

fn arguments_of_every_kind(t: &mut Test) -> Outcome {
    // What does not take a capability of some kind refuses all others, whatever they are.
    let kinds = every_kind(t)?;
    let tcb = t.make(O::Tcb, 0)?;
    for (i, &cap) in kinds.iter().enumerate() {
        let accepted = [
            api::tcb_bind_notification(tcb, cap).label == 0,
            api::asid_control_make_pool(cap, root(crate::arena::memory())).label == 8,
            api::tcb_set_priority(tcb, cap, 0).label == 0,
            api::sched_context_bind(kinds[5], cap).label == 0,
        ];
        let _ = api::sched_context_unbind(kinds[5]);
        let _ = api::tcb_unbind_notification(tcb);
        eq!((i, accepted), (i, [i == 3, i == 0, i == 1, i == 1 || i == 3]));
    }
    Ok(())
}

fn registers_are_preserved(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let n = t.notification()?;
    sys::signal(n);
    let worker = t.worker_without_registers(Spec::priority(210).fault(ep))?;
    let mut all: [u64; 36] = core::array::from_fn(|i| 0x1000 + i as u64);
    all[reg::PC] = code::system_call::address();
    all[reg::SP] = worker.stack;
    all[reg::X0] = n;
    all[reg::X0 + 1] = 0;
    all[reg::X0 + 6] = 0;
    all[reg::X0 + 7] = Syscall::Wait.to_raw() as u64;
    ok!(api::tcb_write_registers(worker.tcb, true, &all));
    sys::recv(ep, reply);
    let mut expected = all;
    expected[reg::PC] += 4;
    expected[reg::SPSR] = code::SPSR;
    expected[reg::X0] = 0;
    eq!(registers(worker.tcb)?, expected);
    Ok(())
}

fn thread_without_an_ipc_buffer_invokes(t: &mut Test) -> Outcome {
    let (ep, reply, n) = (t.endpoint()?, t.reply()?, t.notification()?);
    // Two words are needed: they are in registers. A capability argument cannot be given.
    let slot = t.copy(n)?;
    let label = info(L::CNodeDelete.to_raw(), 0, 2).into_word();
    let x = [CNODE, label, slot, 64, 0, 0, 0, Syscall::Call.to_raw() as u64];
    let worker = t.program(Spec::priority(210).fault(ep), code::system_call::address(), &x)?;
    ok!(api::tcb_set_ipc_buffer(worker.tcb, 0, 0));
    ok!(api::tcb_resume(worker.tcb));
    sys::recv(ep, reply);
    eq!(registers(worker.tcb)?[reg::X0 + 1], 0);
    eq!(crate::arena::is_empty(slot), true);
    // With words beyond the registers: the message ends there.
    let label = info(L::CNodeCopy.to_raw(), 1, 5).into_word();
    let mut all = [0; 36];
    all[reg::PC] = code::system_call::address();
    let x = [CNODE, label, slot, 64, n, 64, 0, Syscall::Call.to_raw() as u64];
    all[reg::X0..reg::X0 + 8].copy_from_slice(&x);
    ok!(api::tcb_write_registers(worker.tcb, true, &all));
    sys::recv(ep, reply);
    eq!(registers(worker.tcb)?[reg::X0 + 1] >> 12, 7);
    Ok(())
}

fn thread_with_an_unmapped_ipc_buffer(t: &mut Test) -> Outcome {
    // The kernel uses the frame, not the address: that nothing is mapped there does not matter to it.
    let ep = t.endpoint()?;
    let x = [
        ep,
        info(2, 0, 6).into_word(),
        7,
        8,
        9,
        10,
        0,
        Syscall::Send.to_raw() as u64,
    ];
    let worker = t.program(Spec::priority(210).fault(0), code::system_call::address(), &x)?;
    // SAFETY: the worker's buffer is mapped and nobody else's.
    unsafe {
        (worker.buffer as *mut u64).add(5).write_volatile(0x111);
        (worker.buffer as *mut u64).add(6).write_volatile(0x222);
    }
    ok!(api::page_unmap(worker.frame));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::wait(ep), message(0, 2, 0, 0, 6));
    eq!(words(), [7, 8, 9, 10, 0x111, 0x222]);
    Ok(())
}

fn ipc_buffer_frame_that_is_gone(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let x = [
        ep,
        info(2, 0, 6).into_word(),
        7,
        8,
        9,
        10,
        0,
        Syscall::Send.to_raw() as u64,
    ];
    let worker = t.program(Spec::priority(210).fault(0), code::system_call::address(), &x)?;
    // The thread's own copy is one like others: deleting the given one leaves it, revoking that one takes it.
    ok!(api::cnode_revoke(root(worker.frame)));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::wait(ep).info.length(), 4);
    let other = t.program(Spec::priority(210).fault(0), code::system_call::address(), &x)?;
    ok!(api::cnode_delete(root(other.frame)));
    ok!(api::tcb_resume(other.tcb));
    eq!(sys::wait(ep).info.length(), 6);
    Ok(())
}

fn null_invocations(t: &mut Test) -> Outcome {
    let empty = t.slot();
    // Operations on slots of a CNode that is none.
    err!(api::cnode_delete(api::Slot(empty, 0, 64)), InvalidCapability, [0]);
    err!(api::tcb_suspend(empty), InvalidCapability, [0]);
    err!(api::page_unmap(empty), InvalidCapability, [0]);
    Ok(())
}

/// Whether the label means a breakpoint invocation: the official debug kernel halts on numbers that are out of range.
fn is_breakpoint(label: u64) -> bool {
    sel4_abi::config::HARDWARE_DEBUG_API && (16..=19).contains(&label)
}

fn every_label_on_every_object(t: &mut Test) -> Outcome {
    let kinds = every_kind(t)?;
    let (mut refused, mut others) = (0, 0);
    for label in (0..=70u64).filter(|label| !is_breakpoint(*label)) {
        for (i, &cap) in kinds.iter().enumerate() {
            // Endpoints, notifications and reply objects take any label.
            if [2, 3, 6].contains(&i) {
                continue;
            }
            let answer = invoke_raw(cap, label, &[], &[]);
            eq!((label, i, answer.label <= 10), (label, i, true));
            match answer.label {
                2 | 3 => refused += 1,
                _ => others += 1,
            }
        }
    }
    eq!(refused > others, true);
    Ok(())
}

/// A generator of numbers that look random and are the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 29
    }
}

fn nonsense_messages(t: &mut Test) -> Outcome {
    let kinds = every_kind(t)?;
    let mut numbers = Numbers(7);
    for _ in 0..2_000 {
        let i = (numbers.next() % 14) as usize;
        if [2, 3, 6].contains(&i) {
            continue;
        }
        let words: [u64; 8] = core::array::from_fn(|_| {
            let n = numbers.next();
            match n % 4 {
                0 => n % 70,
                1 => 1 << (n % 64),
                2 => (1 << (n / 4 % 64)) - 1,
                _ => n << 20,
            }
        });
        let caps: [Cap; 3] = core::array::from_fn(|_| kinds[(numbers.next() % 14) as usize]);
        let mut label = numbers.next() % 64;
        if is_breakpoint(label) {
            label = 0;
        }
        let length = (numbers.next() % 9) as usize;
        let extra = (numbers.next() % 4) as usize;
        // Whatever is said: a known error, or success; and the kernel goes on.
        let answer = invoke_raw(kinds[i], label, &words[..length], &caps[..extra]);
        eq!((label, i, answer.label <= 10), (label, i, true));
    }
    let n = t.notification()?;
    sys::signal(n);
    eq!(sys::wait(n).badge, 0);
    Ok(())
}

fn thread_without_anything(t: &mut Test) -> Outcome {
    // No CSpace, no address space, no buffer: it cannot even fault to anybody.
    let (tcb, sc) = (t.make(O::Tcb, 0)?, t.budget(10_000, 10_000)?);
    ok!(api::tcb_set_sched_params(tcb, t.tcb, 0, 210, sc, 0));
    ok!(api::tcb_resume(tcb));
    ok!(api::tcb_suspend(tcb));
    // With a handler, its first fetch is a fault.
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    ok!(api::tcb_set_sched_params(tcb, t.tcb, 0, 210, sc, ep));
    ok!(api::tcb_resume(tcb));
    eq!(sys::recv(ep, reply), message(0, 6, 0, 0, 4));
    let seen: [u64; 3] = words();
    eq!(seen, [0, 0, 1]);
    Ok(())
}
