//! Frames, time and interrupts.

use super::{Context, Outcome, ensure};
use crate::memory::path;
use core::arch::asm;
use sel4::init_thread::slot;
use sel4::{CapRights, VmAttributes, cap, cap_type};
use sel4_abi::{config::BOOT_THREAD_TIME_SLICE_MS, platform};

pub fn frames(context: &mut Context<'_, '_>) -> Outcome {
    let memory = &mut context.memory;
    let frame = memory.make::<cap_type::SmallPage>()?;
    let alias: cap::SmallPage = memory.slot();
    path(alias).copy(&path(frame), CapRights::all())?;
    let attributes = VmAttributes::DEFAULT | VmAttributes::EXECUTE_NEVER;
    let writable = memory.map(frame, CapRights::read_write(), attributes)? as *mut u64;
    let readable = memory.map(alias, CapRights::read_only(), attributes)? as *const u64;
    ensure!(frame.frame_get_address()? == alias.frame_get_address()?);
    // SAFETY: both addresses were just mapped to the same frame, which nothing else uses.
    unsafe {
        ensure!(readable.read_volatile() == 0);
        writable.write_volatile(0x5e14);
        ensure!(readable.read_volatile() == 0x5e14);
    }
    frame.frame_clean_invalidate_data(0, 4096)?;
    slot::VSPACE
        .cap()
        .vspace_clean_data(writable.addr(), writable.addr() + 64)?;
    frame.frame_unmap()?;
    alias.frame_unmap()?;
    Ok(())
}

/// The physical counter.
fn now() -> u64 {
    let count;
    // SAFETY: reads a counter.
    unsafe { asm!("isb", "mrs {}, cntpct_el0", out(reg) count, options(nomem, nostack)) }
    count
}

pub fn consumed_time(_: &mut Context<'_, '_>) -> Outcome {
    let sched_context = slot::SC.cap();
    // Begins with a new budget, and nothing that waits to be accounted.
    sel4::r#yield();
    let start = now();
    sched_context.sched_context_consumed()?;
    // What the present run of a thread takes is accounted when it ends: here, with the budget.
    let budget = BOOT_THREAD_TIME_SLICE_MS * 1000;
    let ticks_per_us = platform::TIMER_FREQUENCY / 1_000_000;
    while now() - start < ticks_per_us * 3 * budget {}
    let consumed = sched_context.sched_context_consumed()?;
    // The host may take the processor away for any time, so the elapsed time is the bound.
    ensure!((budget..=(now() - start) / ticks_per_us).contains(&consumed));
    Ok(())
}

pub fn timer_interrupt(context: &mut Context<'_, '_>) -> Outcome {
    let memory = &mut context.memory;
    let notification = memory.make::<cap_type::Notification>()?;
    let badged: cap::Notification = memory.slot();
    path(badged).mint(&path(notification), CapRights::all(), 0x40)?;
    let handler: cap::IrqHandler = memory.slot();
    slot::IRQ_CONTROL
        .cap()
        .irq_control_get(platform::USER_TIMER_IRQ as u64, &path(handler))?;
    handler.irq_handler_set_notification(badged)?;
    handler.irq_handler_ack()?;

    for _ in 0..3 {
        let delay = platform::TIMER_FREQUENCY / 1000;
        let start = now();
        // SAFETY: the physical timer is user level's, and this is its only user.
        unsafe {
            asm!("msr cntp_tval_el0, {}", "msr cntp_ctl_el0, {}", in(reg) delay, in(reg) 1u64, options(nostack));
        }
        ensure!(notification.wait().1 == 0x40);
        ensure!(now() - start >= delay);
        // SAFETY: as above.
        unsafe { asm!("msr cntp_ctl_el0, {}", in(reg) 0u64, options(nostack)) }
        handler.irq_handler_ack()?;
    }
    ensure!(notification.poll().1 == 0);
    handler.irq_handler_clear()?;
    path(handler).delete()?;
    Ok(())
}
