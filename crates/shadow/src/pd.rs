//! A shadow's protection domain, whatever its class: joins the engine to channels, timer and trace.

use device_class::{block, net};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, Infallible, MessageInfo, set_mr, var,
    with_msg_regs_mut,
};
use shared_ring::page::SharedPage;
use supervision::timer::Op;
use system_spec::config::{NO_CHANNEL, ShadowConfig};
use trace::clock;

use crate::assemble::{Assembled, Misconfigured};
use crate::engine::Shadow;
use crate::ledger::Region;
use crate::slot::Times;
use crate::{Class, Env};

/// How long a driver may have a request, in seconds.
const REQUEST_DEADLINE_S: u64 = 1;

/// A driver that had nothing to do for so long is asked for a sign of life, in milliseconds. As everybody above a driver may
/// keep the processor from it for a while (`command` does), this is no shorter.
const WATCH_MS: u64 = 500;

/// Label of the answer to who has no session.
const DENIED: u64 = block::CallReply::Denied as u64;
const _: () = assert!(DENIED == net::CallReply::Denied as u64);

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
    #[inline]
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
    fn step(&mut self, slot: u32, tally: Option<trace::Tally>, live_and_sent: [u64; 2]) {
        self.trace.step(slot, tally, live_and_sent);
    }
    #[inline]
    fn stand(&mut self, slot: u32, standing: trace::Standing) {
        self.trace.stand(slot, standing);
    }
}
const _: () = assert!(trace::SLOTS == system_spec::config::MAX_SLOTS);

/// The program.
pub struct Pd<C: Class, R: 'static> {
    world: World,
    /// Channel of the guard clock, if there is one.
    guard: Option<Channel>,
    shadow: Shadow<'static, C, SharedPage, R>,
}

impl<C: Class, R: Region> Pd<C, R> {
    /// Begin a life: events go to `trace`, and `build` makes the shadow, or goes on from what a predecessor left.
    ///
    /// # Errors
    /// What `build` says.
    pub fn begin(
        config: &ShadowConfig,
        trace: trace::Writer,
        build: impl FnOnce(Times, u64) -> Result<Assembled<'static, C, SharedPage, R>, Misconfigured>,
    ) -> Result<Self, Misconfigured> {
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
        let (shadow, again) = build(times, clock::ticks())?;
        world
            .trace
            .write(&trace::Event::new(clock::ticks(), trace::Kind::Started, 0, 0));
        let guard = *var!(umbra_guard: usize = NO_CHANNEL);
        let guard = (guard != NO_CHANNEL).then(|| Channel::new(guard));
        let mut pd = Self { world, guard, shadow };
        pd.shadow.begin(again, &mut pd.world);
        pd.flush();
        Ok(pd)
    }

    /// Outside a wake-up nobody takes the last notification along.
    fn flush(&mut self) {
        if let Some(action) = self.world.last.take() {
            action.execute_now();
        }
    }
}

impl<C: Class, R: Region> Handler for Pd<C, R> {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        // Neither timer nor guard clock is a peer.
        if self.shadow.wake_for_one(channels.bits(), &mut self.world) {
            return Ok(());
        }
        if channels.contains(self.world.timer) {
            self.shadow.timeout();
        }
        self.shadow.go_round(channels.bits(), &mut self.world);
        // The guard clock asks who goes round his loop: last, as who hangs in a wake-up does not come here.
        if let Some(guard) = self.guard
            && channels.contains(guard)
        {
            guard.notify();
        }
        Ok(())
    }

    fn protected(&mut self, channel: Channel, message: MessageInfo) -> Result<MessageInfo, Infallible> {
        let words = with_msg_regs_mut(|registers| [registers[0], registers[1]]);
        let answer = self.shadow.call(channel.index() as u64, message.label(), words);
        if self.shadow.is_restless() {
            self.shadow.wake(0, &mut self.world);
            self.flush();
        }
        let (label, words) = answer.unwrap_or((DENIED, [0; 4]));
        with_msg_regs_mut(|registers| registers[..words.len()].copy_from_slice(&words));
        Ok(MessageInfo::new(label, words.len()))
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.world.last.take()
    }
}
