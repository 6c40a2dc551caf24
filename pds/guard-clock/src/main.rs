//! The protection domain of the guard clock.

#![no_std]
#![no_main]
#![cfg_attr(not(feature = "crash-points"), forbid(unsafe_code))]

use guard_clock::Watch;
use sel4::cap;
use sel4_abi::microkit::slot;
use sel4_microkit::{Channel, MessageInfo, NullHandler, protection_domain, set_mr, var};
use supervision::Code;
use supervision::root::Op;
use system_spec::config::GuardConfig;
use trace::clock;

/// An instant at which a test lets the guard clock die.
#[cfg(feature = "crash-points")]
fn crash_point(number: u32) {
    crash_points::point(crash_points::Party::GuardClock, number);
}

/// In this build nothing happens there.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
fn crash_point(_: u32) {}

/// Root starts it anew, and answers at once: it outranks everybody.
fn start_anew(root: Channel, pd: u64) -> Code {
    set_mr(0, pd);
    Code::from_label(root.pp_call(MessageInfo::new(Op::Silent as u64, 1)).label())
}

#[protection_domain]
fn init() -> NullHandler {
    const NOTHING: GuardConfig = zerocopy::transmute!([0u8; size_of::<GuardConfig>()]);
    let timer = Channel::new(*var!(timer_channel: usize = 0));
    let config: &'static GuardConfig = var!(umbra_config: GuardConfig = NOTHING);
    let root = Channel::new(config.root_channel as usize);
    let mut watch = Watch::new(config, clock::hz());
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    loop {
        crash_point(0);
        timer.notify();
        // Nobody calls us, so what we wait at is our notification.
        let (_, notified) = cap::Notification::from_bits(slot::INPUT).poll();
        if let Some(round) = watch.period(clock::ticks(), notified) {
            if let Some(pd) = round.hangs
                && start_anew(root, pd) == Code::Gone
            {
                watch.forget(pd);
            }
            watch
                .everybody()
                .for_each(|channel| Channel::new(channel).notify());
        }
        crash_point(1);
        sel4::r#yield();
    }
}
