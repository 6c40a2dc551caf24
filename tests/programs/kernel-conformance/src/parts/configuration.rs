//! What only one kernel configuration has, debugging and benchmark calls; and that the others lack them.

use super::tests;
use crate::api;
use crate::code::{self, words};
use crate::expect::{Outcome, eq};
use crate::sys::{self, message};
use crate::worker::{Spec, Test};
use sel4_abi::config::{DEBUG_BUILD, ENABLE_BENCHMARKS};

tests![
    calls_of_other_configurations_are_unknown,
    debug_kinds_of_capabilities,
    debug_calls_change_no_register,
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

fn debug_calls_change_no_register(t: &mut Test) -> Outcome {
    if !DEBUG_BUILD {
        return Ok(());
    }
    let worker = t.worker_without_registers(Spec::priority(1))?;
    // A name of two words, and the table of threads, which has it; snapshots come to no end on the official kernel.
    sys::set_mr(0, u64::from_le_bytes(*b"conforma"));
    sys::set_mr(1, u64::from_le_bytes(*b"nce\0\0\0\0\0"));
    for (number, argument) in [(-17i64, worker.tcb), (-13, 9), (-12, b'\n' as u64)] {
        let before = [argument, 1, 2, 3, 4, 5, 6, number as u64, 8];
        let mut x = before;
        sys::svc(&mut x);
        eq!(x, before);
    }
    Ok(())
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
