//! Threads: registers, spaces, priorities as authority, suspension, flags.

use super::tests;
use crate::api::{self, ALL, CNODE, INIT_TCB, VSPACE, root};
use crate::code::{self, SPSR, reg, registers, words};
use crate::expect::{Outcome, eq, err, ok};
use crate::log::{self, logged};
use crate::supervisor::RUNNER_MCP;
use crate::sys::{self, info, invoke, message, mr};
use crate::worker::{Spec, Test};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;
use sel4_abi::syscall::Syscall;

tests![
    new_thread_has_zero_registers,
    registers_are_read_back,
    some_registers_are_read,
    some_registers_are_written,
    more_registers_than_there_are,
    register_counts_that_are_refused,
    own_registers_are_refused,
    status_is_sanitised,
    read_can_suspend,
    frame_registers_are_copied,
    integer_registers_are_copied,
    copy_suspends_and_resumes,
    copy_refuses,
    thread_pointer_is_set,
    thread_pointers_are_switched,
    flags_are_set_and_cleared,
    configure_refuses,
    configure_needs_an_address_space,
    set_space_refuses,
    set_ipc_buffer_refuses,
    ipc_buffer_in_the_middle_of_a_page,
    ipc_buffer_can_be_taken_away,
    read_only_ipc_buffer_is_accepted,
    priority_range,
    mc_priority_range,
    sched_params_range,
    sched_params_refuse,
    fault_endpoints_need_rights,
    timeout_endpoints_need_rights,
    suspend_and_resume,
    resume_repeats_a_system_call,
    suspend_of_itself,
    resume_without_scheduling_context,
    delete_of_itself,
    short_messages,
    invocations_on_a_copy,
];

fn new_thread_has_zero_registers(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    let mut expected = [0; 36];
    expected[reg::SPSR] = SPSR;
    eq!(registers(tcb)?, expected);
    Ok(())
}

fn registers_are_read_back(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    let mut all: [u64; 36] = core::array::from_fn(|i| 0x1_0000_0001 * (i as u64 + 1));
    ok!(api::tcb_write_registers(tcb, false, &all));
    let answer = ok!(api::tcb_read_registers(tcb, false, 36));
    eq!(answer.length(), 36);
    all[reg::SPSR] = all[reg::SPSR] & 0xf000_0000 | SPSR;
    // Measured: the read-only thread pointer is read and written like all others.
    eq!(words(), all);
    Ok(())
}

fn some_registers_are_read(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    ok!(api::tcb_write_registers(tcb, false, &[5, 6, 0, 7]));
    let answer = ok!(api::tcb_read_registers(tcb, false, 4));
    eq!(answer.words(), [5, 6, SPSR, 7]);
    eq!(ok!(api::tcb_read_registers(tcb, false, 1)).words(), [5]);
    Ok(())
}

fn some_registers_are_written(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    ok!(api::tcb_write_registers(tcb, false, &[1; 36]));
    ok!(api::tcb_write_registers(tcb, false, &[2; 5]));
    let seen = registers(tcb)?;
    eq!((seen[0], seen[4], seen[5], seen[35]), (2, 2, 1, 1));
    ok!(api::tcb_write_registers(tcb, false, &[]));
    eq!(registers(tcb)?[0], 2);
    Ok(())
}

fn more_registers_than_there_are(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    let mut words = [9; 60];
    words[0] = 0;
    words[1] = 58;
    ok!(invoke(tcb, L::TCBWriteRegisters, &words, &[]));
    let seen = registers(tcb)?;
    eq!((seen[0], seen[35]), (9, 9));
    // The count may be less than the message is long, but not more.
    words[1] = 2;
    words[2] = 4;
    ok!(invoke(tcb, L::TCBWriteRegisters, &words[..20], &[]));
    eq!(registers(tcb)?[0], 4);
    words[1] = 19;
    err!(
        invoke(tcb, L::TCBWriteRegisters, &words[..20], &[]),
        TruncatedMessage,
        []
    );
    Ok(())
}

fn register_counts_that_are_refused(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    for count in [0, 37, u64::MAX] {
        err!(api::tcb_read_registers(tcb, false, count), RangeError, [1, 36]);
    }
    Ok(())
}

fn own_registers_are_refused(t: &mut Test) -> Outcome {
    err!(api::tcb_read_registers(t.tcb, false, 1), IllegalOperation, []);
    err!(api::tcb_write_registers(t.tcb, false, &[0]), IllegalOperation, []);
    Ok(())
}

fn status_is_sanitised(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    for (written, read) in [
        (0, SPSR),
        (u64::MAX, 0xf000_0000 | SPSR),
        (0x3c5, SPSR),
        (0x6000_0005, 0x6000_0000 | SPSR),
        (0x10, SPSR),
    ] {
        ok!(api::tcb_write_registers(tcb, false, &[0, 0, written]));
        eq!((written, registers(tcb)?[reg::SPSR]), (written, read));
    }
    Ok(())
}

fn read_can_suspend(t: &mut Test) -> Outcome {
    let (_, address) = t.mapped()?;
    let counter = || {
        // SAFETY: the page was mapped above.
        unsafe { (address as *const u64).read_volatile() }
    };
    let worker = t.run(Spec::priority(150), code::count_memory::address(), &[address])?;
    let n = t.notification()?;
    t.start(
        Spec::priority(160).budget(1_000_000, 1_000_000),
        |[n, ..]| {
            sys::signal(n);
        },
        [n, 0, 0, 0],
    )?;
    sys::wait(n);
    ok!(api::tcb_read_registers(worker.tcb, true, 1));
    let before = counter();
    t.settle()?;
    eq!(counter(), before);
    ok!(api::tcb_resume(worker.tcb));
    let n = t.notification()?;
    t.start(Spec::priority(150), |[n, ..]| sys::signal(n), [n, 0, 0, 0])?;
    // The two share their priority: the counter's turn comes first.
    ok!(api::tcb_set_priority(worker.tcb, INIT_TCB, 151));
    let probe = t.start(
        Spec::priority(190).budget(2_000, 100_000),
        |[n, ..]| {
            sys::r#yield();
            sys::signal(n);
        },
        [n, 0, 0, 0],
    )?;
    sys::wait(n);
    ok!(api::tcb_suspend(probe.tcb));
    eq!(counter() > before, true);
    Ok(())
}

fn frame_registers_are_copied(t: &mut Test) -> Outcome {
    let (a, b) = (t.make(O::Tcb, 0)?, t.make(O::Tcb, 0)?);
    ok!(api::tcb_write_registers(
        a,
        false,
        &core::array::from_fn::<u64, 36, _>(|i| i as u64 + 100)
    ));
    ok!(api::tcb_copy_registers(b, a, 4));
    let mut expected: [u64; 36] = core::array::from_fn(|i| if i < 17 { i as u64 + 100 } else { 0 });
    expected[reg::SPSR] = SPSR;
    eq!(registers(b)?, expected);
    Ok(())
}

fn integer_registers_are_copied(t: &mut Test) -> Outcome {
    let (a, b) = (t.make(O::Tcb, 0)?, t.make(O::Tcb, 0)?);
    ok!(api::tcb_write_registers(
        a,
        false,
        &core::array::from_fn::<u64, 36, _>(|i| i as u64 + 100)
    ));
    ok!(api::tcb_copy_registers(b, a, 8));
    let mut expected: [u64; 36] = core::array::from_fn(|i| if i >= 17 { i as u64 + 100 } else { 0 });
    expected[reg::SPSR] = SPSR;
    eq!(registers(b)?, expected);
    Ok(())
}

fn copy_suspends_and_resumes(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let worker = t.worker(
        Spec::priority(210),
        |[ep, ..]| {
            log::push(1);
            sys::send(ep, info(1, 0, 0));
        },
        [ep, 0, 0, 0],
    )?;
    let idle = t.make(O::Tcb, 0)?;
    // Nothing is transferred; the destination is resumed.
    ok!(api::tcb_copy_registers(worker.tcb, idle, 2));
    logged!([1]);
    // It is suspended as a source: its message is withdrawn.
    ok!(api::tcb_copy_registers(idle, worker.tcb, 1));
    eq!(sys::nb_wait(ep).info.label(), 0);
    Ok(())
}

fn copy_refuses(t: &mut Test) -> Outcome {
    let (tcb, n) = (t.make(O::Tcb, 0)?, t.notification()?);
    let empty = t.slot();
    err!(api::tcb_copy_registers(tcb, n, 0), InvalidCapability, [1]);
    err!(api::tcb_copy_registers(tcb, empty, 0), InvalidCapability, [1]);
    err!(invoke(tcb, L::TCBCopyRegisters, &[0], &[]), TruncatedMessage, []);
    err!(
        invoke(tcb, L::TCBCopyRegisters, &[], &[tcb]),
        TruncatedMessage,
        []
    );
    Ok(())
}

fn thread_pointer_is_set(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    eq!(ok!(api::tcb_set_tls_base(tcb, 0x1234_5678_9abc)).length(), 0);
    let seen = registers(tcb)?;
    eq!((seen[reg::TPIDR], seen[reg::TPIDRRO]), (0x1234_5678_9abc, 0));
    // Any value; also that of the thread itself, at once.
    ok!(api::tcb_set_tls_base(tcb, u64::MAX));
    eq!(registers(tcb)?[reg::TPIDR], u64::MAX);
    let own = sys::buffer() as u64;
    ok!(api::tcb_set_tls_base(t.tcb, own));
    eq!(sys::buffer() as u64, own);
    Ok(())
}

fn thread_pointers_are_switched(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.program(
        Spec::priority(210).fault(ep),
        code::thread_pointers::address(),
        &[],
    )?;
    let mut all = [0; 36];
    all[reg::PC] = code::thread_pointers::address();
    all[reg::TPIDR] = 0x111;
    all[reg::TPIDRRO] = 0x222;
    ok!(api::tcb_write_registers(worker.tcb, true, &all));
    sys::recv(ep, reply);
    let seen = registers(worker.tcb)?;
    eq!((seen[reg::X0], seen[reg::X0 + 1]), (0x111, 0x222));
    eq!((seen[reg::TPIDR], seen[reg::TPIDRRO]), (0x111, 0x222));
    ok!(api::tcb_write_registers(
        worker.tcb,
        true,
        &[code::thread_pointer_write::address(), 0, 0, 0x333]
    ));
    sys::recv(ep, reply);
    eq!(registers(worker.tcb)?[reg::TPIDR], 0x333);
    Ok(())
}

fn flags_are_set_and_cleared(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    for (clear, set, result) in [
        (0, 0, 0),
        (0, 1, 1),
        (0, 0, 1),
        (1, 1, 1),
        (1, 0, 0),
        (0, u64::MAX, 1),
        (u64::MAX, 0, 0),
        (0, 2, 0),
    ] {
        let answer = ok!(api::tcb_set_flags(tcb, clear, set));
        eq!((clear, set, answer.words()), (clear, set, [result].as_slice()));
    }
    err!(invoke(tcb, L::TCBSetFlags, &[0], &[]), TruncatedMessage, []);
    Ok(())
}

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

fn priority_range(t: &mut Test) -> Outcome {
    let (tcb, ep) = (t.make(O::Tcb, 0)?, t.endpoint()?);
    let empty = t.slot();
    ok!(api::tcb_set_priority(tcb, t.tcb, RUNNER_MCP));
    ok!(api::tcb_set_priority(tcb, t.tcb, 0));
    err!(
        api::tcb_set_priority(tcb, t.tcb, RUNNER_MCP + 1),
        RangeError,
        [0, RUNNER_MCP]
    );
    err!(
        api::tcb_set_priority(tcb, t.tcb, 256),
        RangeError,
        [0, RUNNER_MCP]
    );
    err!(
        api::tcb_set_priority(tcb, t.tcb, u64::MAX),
        RangeError,
        [0, RUNNER_MCP]
    );
    ok!(api::tcb_set_priority(tcb, INIT_TCB, 255));
    err!(api::tcb_set_priority(tcb, INIT_TCB, 256), RangeError, [0, 255]);
    err!(api::tcb_set_priority(tcb, ep, 1), InvalidCapability, [1]);
    err!(api::tcb_set_priority(tcb, empty, 1), InvalidCapability, [1]);
    err!(invoke(tcb, L::TCBSetPriority, &[1], &[]), TruncatedMessage, []);
    err!(
        invoke(tcb, L::TCBSetPriority, &[], &[t.tcb]),
        TruncatedMessage,
        []
    );
    Ok(())
}

fn mc_priority_range(t: &mut Test) -> Outcome {
    let (tcb, ep) = (t.make(O::Tcb, 0)?, t.endpoint()?);
    ok!(api::tcb_set_mc_priority(tcb, t.tcb, RUNNER_MCP));
    err!(
        api::tcb_set_mc_priority(tcb, t.tcb, RUNNER_MCP + 1),
        RangeError,
        [0, RUNNER_MCP]
    );
    err!(api::tcb_set_mc_priority(tcb, ep, 1), InvalidCapability, [1]);
    err!(invoke(tcb, L::TCBSetMCPriority, &[1], &[]), TruncatedMessage, []);
    // It is authority for others at once.
    ok!(api::tcb_set_mc_priority(tcb, t.tcb, 7));
    let other = t.make(O::Tcb, 0)?;
    ok!(api::tcb_set_priority(other, tcb, 7));
    err!(api::tcb_set_priority(other, tcb, 8), RangeError, [0, 7]);
    Ok(())
}

fn sched_params_range(t: &mut Test) -> Outcome {
    let tcb = t.make(O::Tcb, 0)?;
    let set = |mcp, priority| api::tcb_set_sched_params(tcb, t.tcb, mcp, priority, 0, 0);
    ok!(set(RUNNER_MCP, RUNNER_MCP));
    err!(set(RUNNER_MCP + 1, 1), RangeError, [0, RUNNER_MCP]);
    err!(set(1, RUNNER_MCP + 1), RangeError, [0, RUNNER_MCP]);
    Ok(())
}

fn sched_params_refuse(t: &mut Test) -> Outcome {
    let (tcb, other, ep, n) = (
        t.make(O::Tcb, 0)?,
        t.make(O::Tcb, 0)?,
        t.endpoint()?,
        t.notification()?,
    );
    let empty = t.slot();
    let (sc, sc2, fresh) = (
        t.budget(10_000, 10_000)?,
        t.budget(10_000, 10_000)?,
        t.sched_context()?,
    );
    let set = |tcb, authority, sc, fault| api::tcb_set_sched_params(tcb, authority, 1, 1, sc, fault);
    err!(set(tcb, ep, sc, ep), InvalidCapability, [1]);
    err!(set(tcb, empty, sc, ep), InvalidCapability, [1]);
    err!(set(tcb, t.tcb, ep, ep), InvalidCapability, [2]);
    err!(set(tcb, t.tcb, sc, n), InvalidCapability, [3]);
    ok!(set(tcb, t.tcb, fresh, empty));
    // Bound already: to another context, or the context to another thread; the same again is fine.
    err!(set(tcb, t.tcb, sc, ep), IllegalOperation, []);
    ok!(set(tcb, t.tcb, fresh, ep));
    err!(set(other, t.tcb, fresh, ep), IllegalOperation, []);
    // An empty slot unbinds.
    ok!(set(tcb, t.tcb, empty, ep));
    ok!(set(other, t.tcb, fresh, ep));
    // Measured: a context that is bound to a notification can be bound to a thread as well.
    ok!(api::sched_context_bind(sc, n));
    ok!(set(tcb, t.tcb, sc, ep));
    ok!(set(tcb, t.tcb, empty, ep));
    ok!(set(tcb, t.tcb, sc2, ep));
    // Its own context cannot be taken from a thread by itself.
    err!(set(t.tcb, t.tcb, empty, ep), IllegalOperation, []);
    for n in 0..3 {
        err!(
            invoke(tcb, L::TCBSetSchedParams, &[1, 1], &[t.tcb, sc2, ep][..n]),
            TruncatedMessage,
            []
        );
    }
    err!(
        invoke(tcb, L::TCBSetSchedParams, &[1], &[t.tcb, sc2, ep]),
        TruncatedMessage,
        []
    );
    Ok(())
}

fn fault_endpoints_need_rights(t: &mut Test) -> Outcome {
    let (tcb, ep) = (t.make(O::Tcb, 0)?, t.endpoint()?);
    for (rights, accepted) in [
        (0, false),
        (1, false),
        (2, false),
        (3, false),
        (4, false),
        (8, false),
        (12, false),
        (5, true),
        (9, true),
        (15, true),
    ] {
        let cap = t.mint(ep, rights, 0)?;
        let space = api::tcb_set_space(tcb, cap, CNODE, 0, VSPACE);
        let params = api::tcb_set_sched_params(tcb, t.tcb, 1, 1, 0, cap);
        if accepted {
            ok!(space);
            ok!(params);
        } else {
            err!(space, InvalidCapability, [1]);
            err!(params, InvalidCapability, [3]);
        }
    }
    Ok(())
}

fn timeout_endpoints_need_rights(t: &mut Test) -> Outcome {
    let (tcb, ep, n) = (t.make(O::Tcb, 0)?, t.endpoint()?, t.notification()?);
    let empty = t.slot();
    ok!(api::tcb_set_timeout_endpoint(tcb, ep));
    ok!(api::tcb_set_timeout_endpoint(tcb, empty));
    err!(api::tcb_set_timeout_endpoint(tcb, n), InvalidCapability, [1]);
    let write = t.mint(ep, 3, 0)?;
    err!(api::tcb_set_timeout_endpoint(tcb, write), InvalidCapability, [1]);
    err!(
        invoke(tcb, L::TCBSetTimeoutEndpoint, &[], &[]),
        TruncatedMessage,
        []
    );
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
