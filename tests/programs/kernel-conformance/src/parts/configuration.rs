//! What only one kernel configuration has: debugging calls and breakpoints, benchmark calls; and that the others lack them.

use super::tests;
use crate::api;
use crate::code::{self, reg, registers, words};
use crate::expect::{Outcome, eq, ok};
use crate::sys::{self, info, message};
use crate::worker::{Spec, Test};
use sel4_abi::config::{DEBUG_BUILD, ENABLE_BENCHMARKS};

tests![
    calls_of_other_configurations_are_unknown,
    debug_kinds_of_capabilities,
    debug_breakpoint_stops_a_thread,
    debug_watchpoint_stops_a_thread,
    debug_breakpoints_are_read_and_removed,
    debug_breakpoints_refuse,
    debug_single_stepping,
    benchmark_calls,
    cycle_counter,
];

/// A system call with one argument; x0 afterwards.
fn simple(number: i64, argument: u64) -> u64 {
    let mut x = [argument, 0, 0, 0, 0, 0, 0, number as u64, 0];
    sys::svc(&mut x);
    x[0]
}

fn calls_of_other_configurations_are_unknown(t: &mut Test) -> Outcome {
    // Numbers do not move: each configuration has its own range, and what is another's is unknown.
    let unknown: [i64; 5] = if DEBUG_BUILD {
        [-18, -21, -25, -28, -100]
    } else if ENABLE_BENCHMARKS {
        [-12, -15, -20, -28, -100]
    } else {
        [-12, -15, -21, -25, -100]
    };
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    for number in unknown {
        let x = [0, 0, 0, 0, 0, 0, 0, number as u64];
        let worker = t.run(Spec::priority(210).fault(ep), code::system_call::address(), &x)?;
        eq!((number, sys::recv(ep, reply)), (number, message(0, 2, 0, 0, 13)));
        t.forget_worker(&worker)?;
    }
    Ok(())
}

fn debug_kinds_of_capabilities(t: &mut Test) -> Outcome {
    if !DEBUG_BUILD {
        return Ok(());
    }
    use sel4_abi::object::ObjectType as O;
    let empty = t.slot();
    let caps = [
        empty,
        t.untyped(12)?,
        t.endpoint()?,
        t.notification()?,
        t.reply()?,
        t.cnode(4)?,
        t.make(O::Tcb, 0)?,
        t.sched_context()?,
        t.frame()?,
        t.make(O::PageTable, 0)?,
        t.make(O::VSpace, 0)?,
        api::IRQ_CONTROL,
        api::ASID_CONTROL,
        api::ASID_POOL,
        api::DOMAIN,
        crate::arena::control(),
    ];
    let kinds = caps.map(|cap| simple(-15, cap));
    // Numbers of the kernel's own: part of the interface only as far as they tell kinds apart.
    eq!(
        kinds,
        [0, 2, 4, 6, 8, 0xa, 0xc, 0x16, 1, 3, 9, 0xe, 0xb, 0xd, 0x14, 0x18]
    );
    Ok(())
}

#[cfg(not(feature = "debug-build"))]
mod breakpoint {
    use super::{Outcome, Test};

    pub fn absent(_: &mut Test) -> Outcome {
        Ok(())
    }
    pub use absent as stops_a_thread;
    pub use absent as watches;
    pub use absent as are_read;
    pub use absent as refuse;
    pub use absent as single_stepping;
}

#[cfg(feature = "debug-build")]
mod breakpoint {
    use super::*;
    use crate::expect::err;
    use crate::sys::{Answer, Cap, invoke};
    use sel4_abi::invocation::InvocationLabel as L;

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

    pub fn stops_a_thread(t: &mut Test) -> Outcome {
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

    pub fn watches(t: &mut Test) -> Outcome {
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

    pub fn are_read(t: &mut Test) -> Outcome {
        let tcb = t.make(sel4_abi::object::ObjectType::Tcb, 0)?;
        ok!(set(tcb, 2, 0x40_0000, 1, 0, 0));
        eq!(ok!(get(tcb, 2)).words(), [0x40_0000, 1, 0, 0, 1]);
        ok!(set(tcb, 7, 0x50_0000, 0, 4, 2));
        eq!(ok!(get(tcb, 7)).words(), [0x50_0000, 0, 4, 2, 1]);
        ok!(unset(tcb, 2));
        eq!(ok!(get(tcb, 2)).mr(4), 0);
        Ok(())
    }

    pub fn refuse(t: &mut Test) -> Outcome {
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

    pub fn single_stepping(t: &mut Test) -> Outcome {
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
}

fn debug_breakpoint_stops_a_thread(t: &mut Test) -> Outcome {
    breakpoint::stops_a_thread(t)
}

fn debug_watchpoint_stops_a_thread(t: &mut Test) -> Outcome {
    breakpoint::watches(t)
}

fn debug_breakpoints_are_read_and_removed(t: &mut Test) -> Outcome {
    breakpoint::are_read(t)
}

fn debug_breakpoints_refuse(t: &mut Test) -> Outcome {
    breakpoint::refuse(t)
}

fn debug_single_stepping(t: &mut Test) -> Outcome {
    breakpoint::single_stepping(t)
}

fn benchmark_calls(t: &mut Test) -> Outcome {
    if !ENABLE_BENCHMARKS {
        return Ok(());
    }
    eq!(simple(-25, 0x1234), 0x1234);
    eq!(simple(-22, 0), 0);
    // Utilisation of a thread: cycles, and that it was scheduled.
    let worker = t.start(Spec::priority(210), |_| sys::spin(100), [0; 4])?;
    sys::set_mr(0, 0);
    simple(-26, worker.tcb);
    let seen: [u64; 4] = words();
    eq!((seen[0] > 0, seen[1]), (true, 1));
    simple(-27, worker.tcb);
    simple(-26, worker.tcb);
    eq!((sys::mr(0), sys::mr(1)), (0, 0));
    simple(-23, 0);
    Ok(())
}

fn cycle_counter(t: &mut Test) -> Outcome {
    // User level reads it in the benchmark configuration only.
    let (ep, reply) = (t.endpoint()?, t.reply()?);
    let pc = code::cycles::address();
    t.run(Spec::priority(210).fault(ep), pc, &[])?;
    eq!(sys::recv(ep, reply), message(0, 3, 0, 0, 5));
    let [at, _, _, syndrome] = words();
    if ENABLE_BENCHMARKS {
        eq!((at, syndrome), (pc + 4, 0x0200_0000));
    } else {
        eq!((at, syndrome), (pc, 0x6230_e41b));
    }
    Ok(())
}
