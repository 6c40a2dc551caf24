//! Breakpoints, watchpoints and single-stepping, which only debug kernels have.

use super::tests;
use crate::api;
use crate::code::{self, reg, registers, words};
use crate::expect::{Outcome, eq, err, ok};
use crate::sys::{self, Answer, Cap, info, invoke, message};
use crate::worker::{Spec, Test};
use sel4_abi::invocation::InvocationLabel as L;

tests![
    breakpoint_stops_a_thread,
    watchpoint_stops_a_thread,
    breakpoints_are_read_and_removed,
    breakpoints_refuse,
    single_stepping,
    stepping_goes_on_as_the_reply_says,
    system_call_is_stepped_over_with_what_follows,
    watchpoint_reports_the_address_accessed,
    breakpoints_refuse_in_order,
];

fn set(tcb: Cap, number: u64, address: u64, kind: u64, size: u64, rw: u64) -> Answer {
    invoke(tcb, L::TCBSetBreakpoint, &[number, address, kind, size, rw], &[])
}

fn get(tcb: Cap, number: u64) -> Answer {
    invoke(tcb, L::TCBGetBreakpoint, &[number], &[])
}

fn unset(tcb: Cap, number: u64) -> Answer {
    invoke(tcb, L::TCBUnsetBreakpoint, &[number], &[])
}

fn step(tcb: Cap, number: u64, count: u64) -> Answer {
    invoke(tcb, L::TCBConfigureSingleStepping, &[number, count], &[])
}

fn breakpoint_stops_a_thread(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let pc = code::steps::address();
    let worker = t.program(Spec::priority(210).fault(ep), pc, &[0])?;
    ok!(set(worker.tcb, 0, pc + 8, 1, 0, 0));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::recv(ep, reply), message(0, 4, 0, 0, 4));
    eq!(words(), [pc + 8, 1, pc + 8, 0]);
    eq!(registers(worker.tcb)?[reg::X0], 3);
    ok!(unset(worker.tcb, 0));
    eq!(
        sys::nb_send_recv(reply, info(0, 0, 0), ep, reply),
        message(0, 3, 0, 0, 5)
    );
    eq!(registers(worker.tcb)?[reg::X0], 15);
    Ok(())
}

fn watchpoint_stops_a_thread(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let (_, address) = t.mapped()?;
    let pc = code::store::address();
    // Data breakpoints are numbered after the six for instructions. Writes of 8 bytes.
    let worker = t.program(Spec::priority(210).fault(ep), pc, &[address, 5])?;
    ok!(set(worker.tcb, 6, address, 0, 8, 1));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::recv(ep, reply), message(0, 4, 0, 0, 4));
    eq!(words(), [pc, 0, address, 6]);
    Ok(())
}

fn breakpoints_are_read_and_removed(t: &mut Test) -> Outcome {
    let tcb = t.make(sel4_abi::object::ObjectType::Tcb, 0)?;
    ok!(set(tcb, 2, 0x40_0000, 1, 0, 0));
    eq!(ok!(get(tcb, 2)).words(), [0x40_0000, 1, 0, 0, 1]);
    ok!(set(tcb, 7, 0x50_0000, 0, 4, 2));
    eq!(ok!(get(tcb, 7)).words(), [0x50_0000, 0, 4, 2, 1]);
    ok!(unset(tcb, 2));
    eq!(ok!(get(tcb, 2)).mr(4), 0);
    Ok(())
}

fn breakpoints_refuse(t: &mut Test) -> Outcome {
    let tcb = t.make(sel4_abi::object::ObjectType::Tcb, 0)?;
    err!(set(tcb, 10, 0x40_0000, 1, 0, 0), InvalidArgument, [2]);
    err!(set(tcb, 0, 0x40_0000, 1, 4, 0), InvalidArgument, [3]);
    err!(set(tcb, 6, 0x40_0000, 0, 3, 1), InvalidArgument, [3]);
    err!(set(tcb, 6, 0x40_0001, 0, 4, 1), AlignmentError, []);
    err!(set(tcb, 6, 0xffff_ff80_4000_0000, 0, 4, 1), InvalidArgument, [1]);
    // Measured: a message without words is not refused, but taken for zeroes left in the registers.
    ok!(invoke(tcb, L::TCBGetBreakpoint, &[], &[]));
    // Reading a breakpoint whose number is out of range halts the official kernel: not tried.
    Ok(())
}

fn single_stepping(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let pc = code::steps::address();
    let worker = t.program(Spec::priority(210).fault(ep), pc, &[0])?;
    // It says that a breakpoint was consumed.
    eq!(ok!(step(worker.tcb, 0, 1)).words(), [1]);
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::recv(ep, reply), message(0, 4, 0, 0, 2));
    eq!(words(), [pc + 4, 2]);
    eq!(registers(worker.tcb)?[reg::X0], 1);
    Ok(())
}

fn stepping_goes_on_as_the_reply_says(t: &mut Test) -> Outcome {
    for (reply_words, count) in [(0, 0), (1, 1), (1, 0)] {
        let (ep, reply) = (t.endpoint()?, t.reply()?);
        let pc = code::steps::address();
        let worker = t.program(Spec::priority(210).fault(ep), pc, &[0])?;
        ok!(step(worker.tcb, 0, 2));
        ok!(api::tcb_resume(worker.tcb));
        eq!(sys::recv(ep, reply), message(0, 4, 0, 0, 2));
        eq!(words(), [pc + 8, 2]);
        let at_rest = registers(worker.tcb)?;
        eq!(at_rest[reg::SPSR], code::SPSR);
        sys::set_mr(0, count);
        let next = sys::nb_send_recv(reply, info(0, 0, reply_words), ep, reply);
        if reply_words == 1 && count == 0 {
            // Stepping is over: the thread runs to its end.
            eq!(next, message(0, 3, 0, 0, 5));
            eq!(registers(worker.tcb)?[reg::X0], 15);
        } else {
            // After the first stop it is one instruction, unless the reply says otherwise.
            eq!(next, message(0, 4, 0, 0, 2));
            eq!(words(), [pc + 12, 2]);
        }
    }
    Ok(())
}

fn system_call_is_stepped_over_with_what_follows(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let pc = code::float_yield::address();
    let number = sel4_abi::syscall::Syscall::Yield as i64 as u64;
    let worker = t.program(Spec::priority(210).fault(ep), pc, &[0, 0, 0, 0, 0, 0, 0, number])?;
    ok!(step(worker.tcb, 0, 1));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::recv(ep, reply), message(0, 4, 0, 0, 2));
    eq!(words(), [pc + 4, 2]);
    let next = sys::nb_send_recv(reply, info(0, 0, 0), ep, reply);
    eq!(next, message(0, 4, 0, 0, 2));
    eq!(words(), [pc + 12, 2]);
    Ok(())
}

fn watchpoint_reports_the_address_accessed(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let (_, address) = t.mapped()?;
    let pc = code::load::address();
    let worker = t.program(Spec::priority(210).fault(ep), pc, &[address + 4])?;
    ok!(set(worker.tcb, 7, address, 0, 8, 2));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::recv(ep, reply), message(0, 4, 0, 0, 4));
    eq!(words(), [pc, 0, address + 4, 7]);
    Ok(())
}

fn breakpoints_refuse_in_order(t: &mut Test) -> Outcome {
    let tcb = t.make(sel4_abi::object::ObjectType::Tcb, 0)?;
    let kernel = 0x8000_0000_0000;
    err!(set(tcb, 11, kernel, 7, 3, 9), InvalidArgument, [1]);
    err!(set(tcb, 0, 0x40_0001, 2, 3, 9), InvalidArgument, [2]);
    err!(set(tcb, 6, 0x40_0001, 1, 3, 9), InvalidArgument, [3]);
    err!(set(tcb, 6, 0x40_0000, 1, 0, 9), InvalidArgument, [4]);
    err!(set(tcb, 6, 0x40_0000, 1, 0, 0), InvalidArgument, [2]);
    err!(set(tcb, 0, 0x40_0001, 0, 0, 9), InvalidArgument, [3]);
    err!(set(tcb, 0, 0x40_0001, 0, 3, 9), InvalidArgument, [2]);
    err!(set(tcb, 6, 0x40_0001, 0, 2, 9), InvalidArgument, [3]);
    err!(set(tcb, 6, 0x40_0001, 0, 2, 0), AlignmentError, []);
    err!(set(tcb, 10, 0x40_0000, 0, 1, 0), RangeError, [0, 5]);
    // A number has sixteen bits.
    ok!(set(tcb, 0x1_0003, 0x40_0000, 1, 0, 0));
    eq!(ok!(get(tcb, 3)).words(), [0x40_0000, 1, 0, 0, 1]);
    Ok(())
}
