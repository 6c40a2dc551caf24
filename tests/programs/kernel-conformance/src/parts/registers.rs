//! Registers of threads: read, written, copied; thread pointer and flags.

use super::tests;
use crate::api::{self, INIT_TCB};
use crate::code::{self, SPSR, reg, registers, words};
use crate::expect::{Outcome, eq, err, ok};
use crate::log::{self, logged};
use crate::sys::{self, info, invoke};
use crate::worker::{Spec, Test};
use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::object::ObjectType as O;

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
