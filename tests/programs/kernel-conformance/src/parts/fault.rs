//! Faults: their messages, and what a reply does.

use super::tests;
use crate::api::{self, ALL, VSPACE};
use crate::code::{self, SPSR, reg, registers, words};
use crate::expect::{Failure, Outcome, eq, ok};
use crate::log::{self, logged};
use crate::sys::{self, Cap, info, message, mr, set_mr};
use crate::worker::{Spec, Test, Worker};
use sel4_abi::syscall::Syscall;

tests![
    load_from_nowhere,
    load_is_repeated_after_a_reply,
    store_to_a_read_only_page,
    store_to_nowhere,
    load_from_kernel_addresses,
    fetch_from_nowhere,
    fetch_from_a_page_never_to_be_executed,
    fetch_from_kernel_addresses,
    reply_with_a_label,
    undefined_instruction,
    reply_to_an_exception_sets_registers,
    short_reply_to_an_exception,
    privileged_instructions,
    misaligned_stack_pointer,
    misaligned_program_counter,
    unknown_system_call,
    reply_to_an_unknown_system_call_sets_registers,
    short_reply_to_an_unknown_system_call,
    system_call_number_zero_and_positive,
    receive_from_an_empty_slot,
    receive_without_the_right,
    receive_from_other_objects,
    wait_on_a_notification_bound_to_another,
    reply_to_a_capability_fault_repeats,
    cap_fault_of_a_call,
    fault_without_a_handler,
    fault_endpoint_badge_arrives,
    fault_handler_that_cannot_be_reached_any_more,
    faults_wait_for_a_handler,
    fault_through_wait_stops,
    breakpoint_instruction,
    suspended_faulter_needs_no_reply,
    fault_of_a_caller_keeps_the_reply_object,
];

/// A program, its handler's endpoint and reply object, after the first fault was received.
struct Faulted {
    worker: Worker,
    ep: Cap,
    reply: Cap,
    got: sys::Message,
}

fn faulted(t: &mut Test, pc: u64, x: &[u64]) -> Result<Faulted, Failure> {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.run(Spec::priority(210).fault(ep), pc, x)?;
    let got = sys::recv(ep, reply);
    Ok(Faulted {
        worker,
        ep,
        reply,
        got,
    })
}

/// An address with tables where nothing is mapped.
const NOWHERE: u64 = crate::arena::SCRATCH + 0xf_f000;

fn load_from_nowhere(t: &mut Test) -> Outcome {
    let pc = code::load::address();
    // With tables, and without any.
    for (address, syndrome) in [
        (NOWHERE, 0x9200_0007),
        (crate::arena::VOID, 0x9200_0004),
        (0, 0x9200_0006),
        (8, 0x9200_0006),
    ] {
        let f = faulted(t, pc, &[address])?;
        eq!(f.got, message(0, 6, 0, 0, 4));
        eq!((address, words()), (address, [pc, address, 0, syndrome]));
    }
    Ok(())
}

fn load_is_repeated_after_a_reply(t: &mut Test) -> Outcome {
    let (frame, address) = t.mapped()?;
    // SAFETY: the page was just mapped.
    unsafe { (address as *mut u64).write_volatile(0x1234) };
    ok!(api::page_unmap(frame));
    let f = faulted(t, code::load::address(), &[address])?;
    eq!(f.got.info.label(), 6);
    ok!(api::page_map(frame, VSPACE, address, 3, 7));
    // Words of the reply are not looked at.
    set_mr(0, 0);
    eq!(
        sys::nb_send_recv(f.reply, info(0, 0, 4), f.ep, f.reply),
        message(0, 3, 0, 0, 5)
    );
    eq!(registers(f.worker.tcb)?[reg::X0 + 1], 0x1234);
    Ok(())
}

fn store_to_a_read_only_page(t: &mut Test) -> Outcome {
    let frame = t.frame()?;
    let address = t.page_address();
    ok!(api::page_map(frame, VSPACE, address, 2, 7));
    let pc = code::store::address();
    let f = faulted(t, pc, &[address + 8, 1])?;
    eq!(f.got, message(0, 6, 0, 0, 4));
    eq!(words(), [pc, address + 8, 0, 0x9200_004f]);
    Ok(())
}

fn store_to_nowhere(t: &mut Test) -> Outcome {
    let pc = code::store::address();
    let f = faulted(t, pc, &[NOWHERE, 1])?;
    eq!(f.got, message(0, 6, 0, 0, 4));
    eq!(words(), [pc, NOWHERE, 0, 0x9200_0047]);
    Ok(())
}

fn load_from_kernel_addresses(t: &mut Test) -> Outcome {
    let pc = code::load::address();
    for (address, syndrome) in [
        (0xffff_ff80_4000_0000, 0x9200_000d),
        (0xffff_ffff_ffff_f000, 0x9200_0007),
        (0x0001_0000_0000_0000, 0x9200_0004),
        (0x8000_0000_0000_0000, 0x9200_0004),
        (0x0000_8000_0000_0000, 0x9200_0004),
        (0x0000_7fff_ffff_f000, 0x9200_0004),
    ] {
        let f = faulted(t, pc, &[address])?;
        eq!(f.got, message(0, 6, 0, 0, 4));
        // What the processor says of a kernel address depends on how the kernel maps itself: translation or permission.
        let seen: [u64; 3] = words();
        eq!(seen, [pc, address, 0]);
        if address >> 48 != 0xffff {
            eq!((address, mr(3)), (address, syndrome));
        }
    }
    Ok(())
}

fn fetch_from_nowhere(t: &mut Test) -> Outcome {
    let f = faulted(t, code::branch::address(), &[NOWHERE])?;
    eq!(f.got, message(0, 6, 0, 0, 4));
    eq!(words(), [NOWHERE, NOWHERE, 1, 0x8200_0007]);
    let f = faulted(t, NOWHERE, &[])?;
    eq!(f.got, message(0, 6, 0, 0, 4));
    eq!(words(), [NOWHERE, NOWHERE, 1, 0x8200_0007]);
    Ok(())
}

fn fetch_from_a_page_never_to_be_executed(t: &mut Test) -> Outcome {
    let (_, address) = t.mapped()?;
    let f = faulted(t, address + 0x10, &[])?;
    eq!(f.got, message(0, 6, 0, 0, 4));
    eq!(words(), [address + 0x10, address + 0x10, 1, 0x8200_000f]);
    Ok(())
}

fn fetch_from_kernel_addresses(t: &mut Test) -> Outcome {
    let address = 0xffff_ff80_4000_0000;
    let f = faulted(t, address, &[])?;
    eq!(f.got, message(0, 6, 0, 0, 4));
    eq!(words(), [address, address, 1]);
    Ok(())
}

fn reply_with_a_label(t: &mut Test) -> Outcome {
    // Measured: a memory fault and a capability fault are repeated whatever the label of the reply is.
    let f = faulted(t, code::load::address(), &[NOWHERE])?;
    sys::send(f.reply, info(1, 0, 0));
    eq!(sys::recv(f.ep, f.reply), message(0, 6, 0, 0, 4));
    let empty = t.slot();
    let f = receive_fault(t, Syscall::Wait, empty, 0)?;
    sys::send(f.reply, info(1, 0, 0));
    eq!(sys::recv(f.ep, f.reply), message(0, 1, 0, 0, 5));
    // The others stop for good; resumed, they go on where they were, with what the reply set.
    let f = faulted(t, code::nothing::address(), &[])?;
    let pc = code::load::address();
    set_mr(0, pc);
    sys::send(f.reply, info(1, 0, 1));
    eq!(sys::nb_wait(f.ep).info.label(), 0);
    eq!(registers(f.worker.tcb)?[reg::PC], pc);
    ok!(api::tcb_resume(f.worker.tcb));
    eq!(sys::recv(f.ep, f.reply), message(0, 6, 0, 0, 4));
    let f = faulted(t, code::system_call::address(), &[0; 8])?;
    sys::send(f.reply, info(1, 0, 0));
    eq!(sys::nb_wait(f.ep).info.label(), 0);
    Ok(())
}

fn undefined_instruction(t: &mut Test) -> Outcome {
    let pc = code::nothing::address();
    let f = faulted(t, pc, &[])?;
    eq!(f.got, message(0, 3, 0, 0, 5));
    // Program counter, stack pointer, status, syndrome, code.
    eq!(words(), [pc + 4, f.worker.stack, SPSR, 0x0200_0000, 0]);
    Ok(())
}

fn reply_to_an_exception_sets_registers(t: &mut Test) -> Outcome {
    let f = faulted(t, code::nothing::address(), &[])?;
    let pc = code::nothing::address();
    for (i, word) in [pc, 0x1000, 0xf000_0000, 7, 7].into_iter().enumerate() {
        set_mr(i, word);
    }
    // It goes on at another place with another stack pointer and other flags.
    eq!(
        sys::nb_send_recv(f.reply, info(0, 0, 5), f.ep, f.reply),
        message(0, 3, 0, 0, 5)
    );
    eq!(words(), [pc + 4, 0x1000, 0xf000_0000 | SPSR, 0x0200_0000, 0]);
    Ok(())
}

fn short_reply_to_an_exception(t: &mut Test) -> Outcome {
    let f = faulted(t, code::nothing::address(), &[])?;
    let pc = code::breakpoint::address() + 4;
    set_mr(0, pc);
    set_mr(1, 0x1000);
    // A word only: the rest stays.
    eq!(
        sys::nb_send_recv(f.reply, info(0, 0, 1), f.ep, f.reply),
        message(0, 3, 0, 0, 5)
    );
    eq!(words(), [pc, f.worker.stack, SPSR, 0x0200_0000, 0]);
    // None: it faults at the same place.
    eq!(
        sys::nb_send_recv(f.reply, info(0, 0, 0), f.ep, f.reply),
        message(0, 3, 0, 0, 5)
    );
    eq!(words(), [pc, f.worker.stack, SPSR, 0x0200_0000, 0]);
    Ok(())
}

fn privileged_instructions(t: &mut Test) -> Outcome {
    for (pc, syndrome) in [
        (code::virtual_counter::address(), 0x6234_f801),
        (code::privileged::address(), 0x0200_0000),
        (code::firmware::address(), 0x0200_0000),
        (code::hypervisor::address(), 0x0200_0000),
    ] {
        let f = faulted(t, pc, &[])?;
        eq!(f.got, message(0, 3, 0, 0, 5));
        eq!((pc, words()), (pc, [pc, f.worker.stack, SPSR, syndrome, 0]));
    }
    Ok(())
}

fn misaligned_stack_pointer(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.program(Spec::priority(210).fault(ep), 0, &[])?;
    let pc = code::stack::address();
    ok!(api::tcb_write_registers(
        worker.tcb,
        true,
        &[pc, worker.stack - 8]
    ));
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    // The simulated processor does not check.
    eq!(words(), [pc + 4, worker.stack - 8, SPSR, 0x0200_0000, 0]);
    Ok(())
}

fn misaligned_program_counter(t: &mut Test) -> Outcome {
    let pc = code::nothing::address() + 2;
    let f = faulted(t, pc, &[])?;
    eq!(f.got, message(0, 3, 0, 0, 5));
    eq!(words(), [pc, f.worker.stack, SPSR, 0x8a00_0000, 0]);
    Ok(())
}

fn unknown_system_call(t: &mut Test) -> Outcome {
    let pc = code::system_call::address();
    let number = (-1000i64) as u64;
    let f = faulted(t, pc, &[10, 11, 12, 13, 14, 15, 16, number])?;
    eq!(f.got, message(0, 2, 0, 0, 13));
    // x0 to x7, program counter of the SVC, stack pointer, what libsel4 calls LR, status, the number. Measured: LR is not
    // x30 but the address behind the SVC.
    eq!(
        words(),
        [
            10,
            11,
            12,
            13,
            14,
            15,
            16,
            number,
            pc,
            f.worker.stack,
            pc + 4,
            SPSR,
            number
        ]
    );
    Ok(())
}

fn reply_to_an_unknown_system_call_sets_registers(t: &mut Test) -> Outcome {
    let pc = code::system_call::address();
    let f = faulted(t, pc, &[10, 11, 12, 13, 14, 15, 16, 1 << 20])?;
    for i in 0..8 {
        set_mr(i, 20 + i as u64);
    }
    for (i, word) in [pc + 4, 0x2000, 0x3000, 0x6000_0000].into_iter().enumerate() {
        set_mr(8 + i, word);
    }
    eq!(
        sys::nb_send_recv(f.reply, info(0, 0, 12), f.ep, f.reply),
        message(0, 3, 0, 0, 5)
    );
    let seen = registers(f.worker.tcb)?;
    eq!(
        &seen[..12],
        [
            pc + 4,
            0x2000,
            0x6000_0000 | SPSR,
            20,
            21,
            22,
            23,
            24,
            25,
            26,
            27,
            0
        ]
    );
    // Word 10 is no register (see above): x30 stays.
    eq!(seen[reg::X30], 0);
    Ok(())
}

fn short_reply_to_an_unknown_system_call(t: &mut Test) -> Outcome {
    let pc = code::system_call::address();
    let f = faulted(t, pc, &[10, 11, 12, 13, 14, 15, 16, 1 << 20])?;
    for i in 0..3 {
        set_mr(i, 20 + i as u64);
    }
    // Without a new program counter it makes the call again.
    eq!(
        sys::nb_send_recv(f.reply, info(0, 0, 3), f.ep, f.reply),
        message(0, 2, 0, 0, 13)
    );
    eq!(words(), [20, 21, 22, 13, 14, 15, 16, 1 << 20, pc]);
    Ok(())
}

fn system_call_number_zero_and_positive(t: &mut Test) -> Outcome {
    let pc = code::system_call::address();
    for number in [0, 1, 5, 0xffff_ffff, i64::MAX as u64, i64::MIN as u64] {
        let f = faulted(t, pc, &[0, 0, 0, 0, 0, 0, 0, number])?;
        eq!((number, f.got), (number, message(0, 2, 0, 0, 13)));
        eq!(mr(12), number);
    }
    Ok(())
}

/// Receives as `[number, capability]` say; returns the fault.
fn receive_fault(t: &mut Test, number: Syscall, src: Cap, reply: Cap) -> Result<Faulted, Failure> {
    let x = [src, 0, 0, 0, 0, 0, reply, number.to_raw() as u64];
    faulted(t, code::system_call::address(), &x)
}

fn receive_from_an_empty_slot(t: &mut Test) -> Outcome {
    let empty = t.slot();
    let reply = t.reply()?;
    let pc = code::system_call::address();
    for number in [Syscall::Recv, Syscall::NBRecv, Syscall::Wait, Syscall::NBWait] {
        let f = receive_fault(t, number, empty, reply)?;
        eq!(f.got, message(0, 1, 0, 0, 5));
        eq!(words(), [pc, empty, 1, 2, 0]);
    }
    // A pointer that does not resolve.
    let f = receive_fault(t, Syscall::Wait, 1 << 63, reply)?;
    eq!(f.got, message(0, 1, 0, 0, 7));
    eq!(words(), [pc, 1 << 63, 1, 4, 64, 0, 47]);
    Ok(())
}

fn receive_without_the_right(t: &mut Test) -> Outcome {
    let (ep, n, reply) = (t.endpoint()?, t.notification()?, t.reply()?);
    let pc = code::system_call::address();
    for object in [ep, n] {
        let write_only = t.mint(object, 1 | 4 | 8, 0)?;
        let f = receive_fault(t, Syscall::Recv, write_only, reply)?;
        eq!(f.got, message(0, 1, 0, 0, 5));
        eq!(words(), [pc, write_only, 1, 2, 0]);
    }
    Ok(())
}

fn receive_from_other_objects(t: &mut Test) -> Outcome {
    let (tcb, reply) = (t.tcb, t.reply()?);
    let pc = code::system_call::address();
    for object in [tcb, reply, api::CNODE] {
        let f = receive_fault(t, Syscall::Recv, object, reply)?;
        eq!(f.got, message(0, 1, 0, 0, 5));
        eq!(words(), [pc, object, 1, 2, 0]);
    }
    Ok(())
}

fn wait_on_a_notification_bound_to_another(t: &mut Test) -> Outcome {
    let n = t.notification()?;
    let pc = code::system_call::address();
    ok!(api::tcb_bind_notification(t.tcb, n));
    let f = receive_fault(t, Syscall::Wait, n, 0)?;
    eq!(f.got, message(0, 1, 0, 0, 5));
    eq!(words(), [pc, n, 1, 2, 0]);
    Ok(())
}

fn reply_to_a_capability_fault_repeats(t: &mut Test) -> Outcome {
    let slot = t.slot();
    let n = t.notification()?;
    let badged = t.mint(n, ALL, 9)?;
    let f = receive_fault(t, Syscall::Wait, slot, 0)?;
    ok!(api::cnode_copy(api::root(slot), api::root(n), ALL));
    sys::signal(badged);
    eq!(
        sys::nb_send_recv(f.reply, info(0, 0, 0), f.ep, f.reply),
        message(0, 3, 0, 0, 5)
    );
    eq!(registers(f.worker.tcb)?[reg::X0], 9);
    Ok(())
}

fn cap_fault_of_a_call(t: &mut Test) -> Outcome {
    let pc = code::system_call::address();
    // In the send phase: word 2 is 0. Non-blocking sends do not fault.
    for number in [Syscall::Call, Syscall::Send] {
        let f = receive_fault(t, number, 1 << 63, 0)?;
        eq!(f.got, message(0, 1, 0, 0, 7));
        eq!(words(), [pc, 1 << 63, 0, 4, 64, 0, 47]);
    }
    let f = receive_fault(t, Syscall::NBSend, 1 << 63, 0)?;
    eq!(f.got, message(0, 3, 0, 0, 5));
    Ok(())
}

fn fault_without_a_handler(t: &mut Test) -> Outcome {
    let pc = code::load::address();
    let worker = t.run(Spec::priority(210).fault(0), pc, &[NOWHERE])?;
    // It is inactive; resumed, it faults again.
    ok!(api::tcb_resume(worker.tcb));
    eq!(registers(worker.tcb)?[reg::PC], pc);
    Ok(())
}

fn fault_endpoint_badge_arrives(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    // Grant-reply and write are enough for a handler.
    let badged = t.mint(ep, 1 | 8, 0x55)?;
    t.run(Spec::priority(210).fault(badged), code::nothing::address(), &[])?;
    eq!(sys::recv(ep, reply), message(0x55, 3, 0, 0, 5));
    Ok(())
}

fn fault_handler_that_cannot_be_reached_any_more(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.program(Spec::priority(210).fault(ep), code::nothing::address(), &[])?;
    // The kernel keeps a copy: deleting the one that was given does not matter, revoking the object does.
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    sys::send(reply, info(1, 0, 0));
    ok!(api::cnode_revoke(api::root(ep)));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::nb_wait(ep).info.label(), 0);
    Ok(())
}

fn faults_wait_for_a_handler(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let pc = code::load::address();
    t.run(Spec::priority(205).fault(ep), pc, &[NOWHERE + 1])?;
    t.run(Spec::priority(210).fault(ep), pc, &[NOWHERE + 2])?;
    let other = t.reply()?;
    sys::recv(ep, other);
    eq!(mr(1), NOWHERE + 2);
    sys::recv(ep, reply);
    eq!(mr(1), NOWHERE + 1);
    Ok(())
}

fn fault_through_wait_stops(t: &mut Test) -> Outcome {
    let ep = t.endpoint()?;
    let worker = t.run(Spec::priority(210).fault(ep), code::load::address(), &[NOWHERE])?;
    eq!(sys::wait(ep), message(0, 6, 0, 0, 4));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::wait(ep), message(0, 6, 0, 0, 4));
    Ok(())
}

fn breakpoint_instruction(t: &mut Test) -> Outcome {
    let pc = code::breakpoint::address();
    let f = faulted(t, pc, &[])?;
    if sel4_abi::config::HARDWARE_DEBUG_API {
        // Program counter, reason: a software break request.
        eq!(f.got, message(0, 4, 0, 0, 2));
        eq!(words(), [pc, 3]);
    } else {
        eq!(f.got, message(0, 3, 0, 0, 5));
        eq!(words(), [pc, f.worker.stack, SPSR, 0xf200_0005, 0]);
    }
    Ok(())
}

fn suspended_faulter_needs_no_reply(t: &mut Test) -> Outcome {
    let f = faulted(t, code::load::address(), &[NOWHERE])?;
    ok!(api::tcb_suspend(f.worker.tcb));
    sys::send(f.reply, info(0, 0, 0));
    eq!(sys::nb_wait(f.ep).info.label(), 0);
    ok!(api::tcb_resume(f.worker.tcb));
    eq!(sys::recv(f.ep, f.reply), message(0, 6, 0, 0, 4));
    Ok(())
}

fn fault_of_a_caller_keeps_the_reply_object(t: &mut Test) -> Outcome {
    // A server that faults while it serves: its caller waits until the handler let it go on.
    let (ep, reply, faults, fault_reply) = (t.endpoint()?, t.reply()?, t.endpoint()?, t.reply()?);
    let (frame, address) = t.mapped()?;
    ok!(api::page_unmap(frame));
    t.start(
        Spec::priority(211).fault(faults),
        |[ep, reply, address, _]| {
            sys::recv(ep, reply);
            // SAFETY: unmapped at first; the fault handler maps it.
            let value = unsafe { (address as *const u64).read_volatile() };
            sys::send(reply, info(value + 5, 0, 0));
        },
        [ep, reply, address, 0],
    )?;
    t.start(
        Spec::priority(210),
        |[ep, ..]| log::push(sys::call(ep, info(0, 0, 0)).info.label()),
        [ep, 0, 0, 0],
    )?;
    eq!(sys::recv(faults, fault_reply).info.label(), 6);
    logged!([]);
    ok!(api::page_map(frame, VSPACE, address, 3, 7));
    sys::send(fault_reply, info(0, 0, 0));
    logged!([5]);
    Ok(())
}
