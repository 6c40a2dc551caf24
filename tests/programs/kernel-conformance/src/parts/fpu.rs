//! Floating-point registers, and threads that have none.

use super::tests;
use crate::api;
use crate::code::{self, SPSR, reg, registers, words};
use crate::expect::{Outcome, eq, ok};
use crate::sys::{self, info, message};
use crate::worker::{Spec, Test};
use sel4_abi::syscall::Syscall;

tests![
    registers_work,
    new_thread_has_zeroes,
    registers_are_switched,
    disabled_thread_faults,
    enabled_thread_goes_on,
    disabling_keeps_nobody_elses_registers,
];

fn registers_work(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.run(
        Spec::priority(210).fault(ep),
        code::float::address(),
        &[0x1234_5678_9abc],
    )?;
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    eq!(registers(worker.tcb)?[reg::X0 + 1], 0x1234_5678_9abc);
    Ok(())
}

fn new_thread_has_zeroes(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    t.run(Spec::priority(210).fault(ep), code::float::address(), &[0x5555])?;
    sys::recv(ep, reply);
    // The registers of another do not show through.
    let other = t.reply()?;
    let worker = t.run(
        Spec::priority(210).fault(ep),
        code::float_back::address(),
        &[1, 2],
    )?;
    sys::recv(ep, other);
    eq!(registers(worker.tcb)?[reg::X0 + 1], 0);
    Ok(())
}

fn registers_are_switched(t: &mut Test) -> Outcome {
    // Both set a register, give way to each other, and read it.
    let (ep, reply, other) = (t.endpoint()?, t.reply()?, t.reply()?);
    let number = Syscall::Yield.to_raw() as u64;
    let spec = Spec::priority(150).fault(ep);
    let a = t.run(
        spec,
        code::float_yield::address(),
        &[0xaaaa, 0, 0, 0, 0, 0, 0, number],
    )?;
    let b = t.run(
        spec,
        code::float_yield::address(),
        &[0xbbbb, 0, 0, 0, 0, 0, 0, number],
    )?;
    sys::recv(ep, reply);
    sys::recv(ep, other);
    eq!(registers(a.tcb)?[reg::X0 + 1], 0xaaaa);
    eq!(registers(b.tcb)?[reg::X0 + 1], 0xbbbb);
    Ok(())
}

fn disabled_thread_faults(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let pc = code::float::address();
    let worker = t.program(Spec::priority(210).fault(ep), pc, &[0x77])?;
    ok!(api::tcb_set_flags(worker.tcb, 0, 1));
    ok!(api::tcb_resume(worker.tcb));
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    eq!(words(), [pc, worker.stack, SPSR, 0x1fe0_0000, 0]);
    Ok(())
}

fn enabled_thread_goes_on(t: &mut Test) -> Outcome {
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let worker = t.program(Spec::priority(210).fault(ep), code::float::address(), &[0x77])?;
    ok!(api::tcb_set_flags(worker.tcb, 0, 1));
    ok!(api::tcb_resume(worker.tcb));
    sys::recv(ep, reply);
    ok!(api::tcb_set_flags(worker.tcb, 1, 0));
    eq!(
        sys::nb_send_recv(reply, info(0, 0, 0), ep, reply),
        message(0, 3, 0, 0, 5)
    );
    eq!(sys::mr(3), 0x0200_0000);
    eq!(registers(worker.tcb)?[reg::X0 + 1], 0x77);
    Ok(())
}

fn disabling_keeps_nobody_elses_registers(t: &mut Test) -> Outcome {
    let (ep, reply, other) = (t.endpoint()?, t.reply()?, t.reply()?);
    let a = t.run(Spec::priority(210).fault(ep), code::float::address(), &[0x99])?;
    sys::recv(ep, reply);
    // Disabled and enabled again, its registers are as they were.
    ok!(api::tcb_set_flags(a.tcb, 0, 1));
    t.run(Spec::priority(210).fault(ep), code::float::address(), &[0x11])?;
    sys::recv(ep, other);
    ok!(api::tcb_set_flags(a.tcb, 1, 0));
    let mut all = registers(a.tcb)?;
    all[reg::PC] = code::float_back::address();
    all[reg::X0 + 1] = 0;
    ok!(api::tcb_write_registers(a.tcb, true, &all));
    sys::recv(ep, reply);
    eq!(registers(a.tcb)?[reg::X0 + 1], 0x99);
    Ok(())
}
