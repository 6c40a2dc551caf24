//! Threads: spaces, IPC buffer, suspension, invocations.

use super::tests;
use crate::api::{self, ALL, CNODE, VSPACE, root};
use crate::code::{self, reg, registers, words};
use crate::expect::{Outcome, eq, err, ok};
use crate::log::{self, logged};
use crate::sys::{self, info, invoke, message, mr};
use crate::worker::{Spec, Test};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;
use sel4_abi::syscall::Syscall;

tests![
    configure_refuses,
    configure_needs_an_address_space,
    set_space_refuses,
    set_ipc_buffer_refuses,
    ipc_buffer_in_the_middle_of_a_page,
    ipc_buffer_can_be_taken_away,
    read_only_ipc_buffer_is_accepted,
    suspend_and_resume,
    resume_repeats_a_system_call,
    suspend_of_itself,
    resume_without_scheduling_context,
    delete_of_itself,
    short_messages,
    invocations_on_a_copy,
];

fn configure_refuses(t: &mut Test) -> Outcome {
    let (tcb, frame, ep) = (t.make(O::Tcb, 0)?, t.frame()?, t.endpoint()?);
    let empty = t.slot();
    let configure =
        |cspace, guard, vspace, buffer, frame| api::tcb_configure(tcb, cspace, guard, vspace, buffer, frame);
    err!(configure(ep, 0, VSPACE, 0x1000, frame), IllegalOperation, []);
    err!(configure(empty, 0, VSPACE, 0x1000, frame), IllegalOperation, []);
    err!(configure(CNODE, 0, ep, 0x1000, frame), IllegalOperation, []);
    err!(configure(CNODE, 0, empty, 0x1000, frame), IllegalOperation, []);
    err!(configure(CNODE, 0, VSPACE, 0x1000, ep), IllegalOperation, []);
    err!(configure(CNODE, 0, VSPACE, 0x1000, empty), IllegalOperation, []);
    err!(configure(CNODE, 0, VSPACE, 0x1008, frame), AlignmentError, []);
    err!(configure(CNODE, 0, VSPACE, 0x1200, frame), AlignmentError, []);
    // A guard that leaves no room for the index.
    err!(configure(CNODE, 60, VSPACE, 0x1000, frame), IllegalOperation, []);
    ok!(configure(CNODE, 0, VSPACE, 0x1400, frame));
    // Without a buffer the frame is not looked at.
    ok!(configure(CNODE, 0, VSPACE, 0, empty));
    ok!(configure(CNODE, 0, VSPACE, 0, ep));
    Ok(())
}

fn configure_needs_an_address_space(t: &mut Test) -> Outcome {
    let (tcb, frame) = (t.make(O::Tcb, 0)?, t.frame()?);
    // A table that no identifier was assigned to is no address space yet; a lower table never is.
    let vspace = t.make(O::VSpace, 0)?;
    err!(
        api::tcb_configure(tcb, CNODE, 0, vspace, 0, frame),
        IllegalOperation,
        []
    );
    let table = t.make(O::PageTable, 0)?;
    err!(
        api::tcb_configure(tcb, CNODE, 0, table, 0, frame),
        IllegalOperation,
        []
    );
    ok!(api::asid_pool_assign(api::ASID_POOL, vspace));
    ok!(api::tcb_configure(tcb, CNODE, 0, vspace, 0, frame));
    Ok(())
}

fn set_space_refuses(t: &mut Test) -> Outcome {
    let (tcb, ep, n) = (t.make(O::Tcb, 0)?, t.endpoint()?, t.notification()?);
    let empty = t.slot();
    ok!(api::tcb_set_space(tcb, ep, CNODE, 0, VSPACE));
    // No handler: an empty slot, also a pointer to nowhere's null capability 0.
    ok!(api::tcb_set_space(tcb, empty, CNODE, 0, VSPACE));
    ok!(api::tcb_set_space(tcb, 0, CNODE, 0, VSPACE));
    err!(
        api::tcb_set_space(tcb, n, CNODE, 0, VSPACE),
        InvalidCapability,
        [1]
    );
    err!(api::tcb_set_space(tcb, ep, n, 0, VSPACE), IllegalOperation, []);
    err!(api::tcb_set_space(tcb, ep, CNODE, 0, n), IllegalOperation, []);
    err!(
        api::tcb_set_space(tcb, ep, CNODE, 60, VSPACE),
        IllegalOperation,
        []
    );
    err!(
        invoke(tcb, L::TCBSetSpace, &[0, 0], &[ep, CNODE]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(tcb, L::TCBSetSpace, &[0], &[ep, CNODE, VSPACE]),
        TruncatedMessage,
        []
    );
    Ok(())
}

fn set_ipc_buffer_refuses(t: &mut Test) -> Outcome {
    let (tcb, frame, ep) = (t.make(O::Tcb, 0)?, t.frame()?, t.endpoint()?);
    let empty = t.slot();
    for address in [1, 8, 0x200, 0x3ff, 0x1001] {
        err!(api::tcb_set_ipc_buffer(tcb, address, frame), AlignmentError, []);
    }
    err!(api::tcb_set_ipc_buffer(tcb, 0x400, ep), IllegalOperation, []);
    err!(api::tcb_set_ipc_buffer(tcb, 0x400, empty), IllegalOperation, []);
    ok!(api::tcb_set_ipc_buffer(tcb, 0x400, frame));
    ok!(api::tcb_set_ipc_buffer(tcb, 0xc00, frame));
    ok!(api::tcb_set_ipc_buffer(tcb, 0, 0));
    // Anywhere at all: the address is the thread's business.
    ok!(api::tcb_set_ipc_buffer(tcb, !0x3ff, frame));
    let large = t.make(O::LargePage, 0)?;
    ok!(api::tcb_set_ipc_buffer(tcb, 0x12_3400, large));
    err!(invoke(tcb, L::TCBSetIPCBuffer, &[0], &[]), TruncatedMessage, []);
    err!(
        invoke(tcb, L::TCBSetIPCBuffer, &[], &[frame]),
        TruncatedMessage,
        []
    );
    Ok(())
}

/// Sends its buffer's long message with label 1.
fn send_long([ep, buffer, ..]: [u64; 4]) {
    sys::enter(buffer);
    sys::set_mr(10, 0xabcd);
    sys::send(ep, info(1, 0, 11));
}

fn ipc_buffer_in_the_middle_of_a_page(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let (frame, address) = t.mapped()?;
    let buffer = address + 0x800;
    let worker = t.worker(Spec::priority(210), send_long, [ep, buffer, 0, 0])?;
    ok!(api::tcb_set_ipc_buffer(worker.tcb, buffer, frame));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::wait(ep), message(0, 1, 0, 0, 11));
    eq!(mr(10), 0xabcd);
    Ok(())
}

fn ipc_buffer_can_be_taken_away(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let x = [
        ep,
        info(2, 0, 20).into_word(),
        7,
        8,
        9,
        10,
        0,
        Syscall::Send.to_raw() as u64,
    ];
    let worker = t.program(Spec::priority(210).fault(0), code::system_call::address(), &x)?;
    ok!(api::tcb_set_ipc_buffer(worker.tcb, 0, 0));
    ok!(api::tcb_resume(worker.tcb));
    // Only what travels in registers arrives.
    eq!(sys::wait(ep), message(0, 2, 0, 0, 4));
    eq!(words(), [7, 8, 9, 10]);
    Ok(())
}

fn read_only_ipc_buffer_is_accepted(t: &mut Test) -> Outcome {
    let (tcb, frame) = (t.make(O::Tcb, 0)?, t.frame()?);
    let read_only = t.mint(frame, 2, 0)?;
    ok!(api::tcb_set_ipc_buffer(tcb, 0x400, read_only));
    Ok(())
}

fn suspend_and_resume(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    ok!(api::tcb_suspend(tcb));
    ok!(api::tcb_suspend(tcb));
    // Resuming a running thread does nothing.
    ok!(api::tcb_resume(t.tcb));
    let worker = t.start(Spec::priority(100), |_| log::push(1), [0; 4])?;
    ok!(api::tcb_suspend(worker.tcb));
    t.settle()?;
    logged!([]);
    ok!(api::tcb_resume(worker.tcb));
    ok!(api::tcb_resume(worker.tcb));
    t.settle()?;
    logged!([1]);
    Ok(())
}

fn resume_repeats_a_system_call(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let badged = t.mint(n, ALL, 4)?;
    let worker = t.start(
        Spec::priority(210),
        |[n, ..]| log::push(sys::wait(n).badge),
        [n, 0, 0, 0],
    )?;
    ok!(api::tcb_suspend(worker.tcb));
    sys::signal(badged);
    logged!([]);
    eq!(registers(worker.tcb)?[reg::X0], n);
    ok!(api::tcb_resume(worker.tcb));
    logged!([4]);
    Ok(())
}

fn suspend_of_itself(t: &mut Test) -> Outcome {
    let worker = t.start(
        Spec::priority(210),
        |_| {
            log::push(1);
        },
        [0; 4],
    )?;
    logged!([1]);
    // It suspended itself at its end: its registers show that the invocation is not answered yet.
    ok!(api::tcb_read_registers(worker.tcb, false, 1));
    Ok(())
}

fn resume_without_scheduling_context(t: &mut Test) -> Outcome {
    let worker = t.worker(Spec::passive(210), |_| log::push(1), [0; 4])?;
    ok!(api::tcb_resume(worker.tcb));
    logged!([]);
    let sc = t.budget(10_000, 10_000)?;
    ok!(api::sched_context_bind(sc, worker.tcb));
    logged!([1]);
    Ok(())
}

fn delete_of_itself(t: &mut Test) -> Outcome {
    let slot = t.slot();
    let worker = t.worker(
        Spec::priority(210),
        |[slot, ..]| {
            log::push(1);
            let _ = api::cnode_delete(root(slot));
            log::push(2);
        },
        [slot, 0, 0, 0],
    )?;
    ok!(api::cnode_move(root(slot), root(worker.tcb)));
    ok!(api::tcb_resume(slot));
    logged!([1]);
    eq!(crate::arena::is_empty(slot), true);
    Ok(())
}

fn short_messages(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    err!(invoke(tcb, L::TCBReadRegisters, &[0], &[]), TruncatedMessage, []);
    err!(invoke(tcb, L::TCBWriteRegisters, &[0], &[]), TruncatedMessage, []);
    err!(invoke(tcb, L::TCBSetTLSBase, &[], &[]), TruncatedMessage, []);
    err!(
        invoke(tcb, L::TCBConfigure, &[0, 0], &[CNODE, VSPACE, 0]),
        TruncatedMessage,
        []
    );
    err!(
        invoke(tcb, L::TCBConfigure, &[0, 0, 0], &[CNODE, VSPACE]),
        TruncatedMessage,
        []
    );
    Ok(())
}

fn invocations_on_a_copy(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    // Rights do not reduce what a TCB capability can do.
    let copy = t.mint(tcb, 0, 0)?;
    ok!(api::tcb_write_registers(copy, false, &[77]));
    ok!(api::cnode_delete(root(tcb)));
    eq!(ok!(api::tcb_read_registers(copy, false, 1)).words(), [77]);
    Ok(())
}
