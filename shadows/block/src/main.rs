//! The protection domain of the block shadow: joins the engine to channels, timer and memory.

#![no_std]
#![no_main]

use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use device_class::block::CallReply;
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, Infallible, MessageInfo,
    protection_domain, set_mr, var, with_msg_regs_mut,
};
use shadow::Env;
use shadow::engine::Shadow;
#[cfg(feature = "crash-points")]
use shadow::ledger::Part;
#[cfg(not(feature = "crash-points"))]
use shadow::ledger::SLOT_WORDS;
use shadow::slot::Times;
use shadow::state::kept_len;
#[cfg(not(feature = "crash-points"))]
use shadow::state::ledger_in;
use shadow_block::Block;
use shadow_block::assemble::{State, assemble};
use shared_ring::page::SharedPage;
use shared_ring::{Area, shared_words};
use supervision::timer::Op;
use system_spec::config::{LinkConfig, RegionConfig, ShadowConfig};
use trace::clock;

#[cfg(feature = "crash-points")]
mod mortal;

/// What outlives us of a slot.
#[cfg(not(feature = "crash-points"))]
type Kept = &'static [AtomicU64; SLOT_WORDS];
/// In a test: who writes it dies over it.
#[cfg(feature = "crash-points")]
type Kept = Part<mortal::Mortal>;

/// How long a driver may have a request, in seconds.
const REQUEST_DEADLINE_S: u64 = 1;

/// A driver that had nothing to do for so long is asked for a sign of life, in milliseconds. As everybody above a driver may
/// keep the processor from it for a while (`command` does), this is no shorter.
const WATCH_MS: u64 = 500;

struct World {
    timer: Channel,
    /// The last notification of a wake-up goes into the kernel together with the wait for the next.
    last: DeferredActionSlot,
    trace: trace::Writer,
}

impl Env for World {
    fn now(&self) -> u64 {
        clock::ticks()
    }
    fn notify(&mut self, channel: u64) {
        self.last.defer_notify(Channel::new(channel as usize));
    }
    fn set_timeout(&mut self, deadline: u64) {
        set_mr(0, deadline);
        self.timer.pp_call(MessageInfo::new(Op::SetTimeout as u64, 1));
    }
    fn trace(&mut self, event: &trace::Event) {
        self.trace.write(event);
    }
    #[inline]
    fn tally(&mut self, slot: u32, tally: trace::Tally) {
        self.trace.tally(slot, tally);
    }
    #[inline]
    fn stand(&mut self, slot: u32, standing: trace::Standing) {
        self.trace.stand(slot, standing);
    }
}
const _: () = assert!(trace::SLOTS == system_spec::config::MAX_SLOTS);

struct Pd {
    world: World,
    shadow: Shadow<'static, Block<Area>, SharedPage, Kept>,
}

impl Handler for Pd {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if channels.contains(self.world.timer) {
            self.shadow.timeout();
        }
        let bits = channels
            .iter()
            .fold(0, |bits, channel| bits | 1 << channel.index());
        self.shadow.wake(bits, &mut self.world);
        Ok(())
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        let answer = self.shadow.call(channel.index() as u64, message.label(), [0; 2]);
        let (label, words) = answer.unwrap_or((CallReply::Denied as u64, [0; 4]));
        with_msg_regs_mut(|registers| registers[..words.len()].copy_from_slice(&words));
        Ok(MessageInfo::new(label, words.len()))
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.world.last.take()
    }
}

fn address(vaddr: u64) -> NonNull<u8> {
    NonNull::new(vaddr as *mut u8).expect("an address in the configuration")
}

fn pages(link: &LinkConfig) -> (SharedPage, SharedPage) {
    // SAFETY: the description's compiler mapped these two pages for this link and for nothing else, the first writable.
    unsafe {
        (
            SharedPage::new(address(link.own)),
            SharedPage::new(address(link.peer)),
        )
    }
}

/// The part of the state region that outlives us, and the part to work in.
fn state(region: &RegionConfig, slots: usize) -> (&'static [AtomicU64], &'static mut [u8]) {
    let (len, kept) = (region.len as usize, kept_len(slots));
    assert!(kept <= len, "a state region that is long enough");
    let base = address(region.vaddr);
    // SAFETY: the description's compiler mapped `len` bytes for the shadow, writable, page-aligned, for ever; these are the
    // only references to them, they are made once, and they meet at `kept`, a multiple of 8 that is not beyond `len`.
    unsafe {
        let work = core::slice::from_raw_parts_mut(base.as_ptr().add(kept), len - kept);
        (shared_words(base, kept), work)
    }
}

fn area(region: &RegionConfig) -> Area {
    // SAFETY: the description's compiler mapped `len` bytes here, page-aligned, for the shadow's reads alone.
    unsafe { Area::new(address(region.vaddr), region.len as usize) }
}

#[protection_domain]
fn init() -> Pd {
    const NOTHING: ShadowConfig = zerocopy::transmute!([0u8; size_of::<ShadowConfig>()]);
    let config: &ShadowConfig = var!(umbra_config: ShadowConfig = NOTHING);
    // SAFETY: the test's description maps a page there for this, or says 0.
    #[cfg(feature = "crash-points")]
    unsafe {
        crash_points::page_at(*var!(crash_plan: usize = 0));
    }
    let (kept, work) = state(&config.state, config.slot_count as usize);
    #[cfg(not(feature = "crash-points"))]
    let ledger = |slot| ledger_in(kept, slot);
    #[cfg(feature = "crash-points")]
    let kept = mortal::Mortal(kept);
    #[cfg(feature = "crash-points")]
    let ledger = |slot| Some(shadow::state::ledger(kept, slot));
    let trace = match config.trace.vaddr {
        0 => trace::Writer::nowhere(),
        // SAFETY: mapped for this PD's events, which nobody else writes.
        vaddr => unsafe { trace::Writer::new(address(vaddr), config.trace.len as usize) },
    };
    let mut world = World {
        timer: Channel::new(config.timer_channel as usize),
        last: DeferredActionSlot::new(),
        trace,
    };
    let times = Times {
        request_deadline: REQUEST_DEADLINE_S * clock::hz(),
        patience: config.patience,
        watch: WATCH_MS * clock::hz() / 1000,
    };
    let memory = State {
        region: &kept,
        ledger,
        work,
    };
    let (shadow, again) =
        assemble(config, memory, pages, area, times, clock::ticks()).expect("a configuration that can be");
    world
        .trace
        .write(&trace::Event::new(clock::ticks(), trace::Kind::Started, 0, 0));
    let mut pd = Pd { world, shadow };
    pd.shadow.begin(again, &mut pd.world);
    if let Some(action) = pd.world.last.take() {
        action.execute_now();
    }
    pd
}
