//! The load on a driver's own link: what the driver costs without a shadow.
//!
//! To control it is the shadow of the slot, and brings the one driver up that the system has. It can do nothing else: no
//! sessions, no update, no recovery.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use device_class::block::{BlockCapabilities, BlockRequest, BlockResponse, Status};
use device_class::report::{DriverReport, STATE_READY};
use disk_bench::{BLOCK_SIZE, Load};
use sel4_microkit::{
    Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler, protection_domain, var,
};
use shared_ring::{Link, SendError, Violation, shared_words};
use supervision::shadow::{Command, CommandKind, Event, EventKind};
use system_spec::config::{LinkConfig, ShadowConfig};
use trace::clock::ticks;
use zerocopy::FromBytes;

type DriverLink = Link<BlockRequest, BlockResponse>;

struct Direct {
    config: &'static ShadowConfig,
    control: Link<Event, Command>,
    /// The attach order that is being carried out.
    attach: Option<Command>,
    driver: Option<Driver>,
    /// The last notification goes into the kernel together with the wait that follows.
    last: DeferredActionSlot,
    figures: &'static [AtomicU64],
}

/// The driver that serves.
struct Driver {
    link: DriverLink,
    channel: Channel,
    generation: u32,
    region: u16,
    load: Load<'static>,
    /// Device blocks per block of ours.
    factor: u32,
}

fn link<Tx, Rx>(config: &LinkConfig) -> Link<Tx, Rx>
where
    Tx: zerocopy::IntoBytes + zerocopy::Immutable,
    Rx: FromBytes,
{
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable. A driver's link
    // is made anew only when control attaches a generation, and the one before is dropped then.
    unsafe { Link::new(config.own as *mut u8, config.peer as *const u8) }
}

impl Direct {
    fn side(&self, command: &Command) -> &'static LinkConfig {
        &self.config.slots[0].sides[(command.b & 1) as usize]
    }

    fn tell(&mut self, command: &Command, kind: EventKind, words: [u64; 3]) {
        let event = Event {
            kind: kind as u32,
            slot: command.slot,
            generation: command.a as u32,
            transaction: command.transaction,
            a: words[0],
            b: words[1],
            c: words[2],
        };
        // Control has few orders under way: there is room.
        let _ = self.control.send(&event);
    }

    fn obey(&mut self) -> Result<(), Violation> {
        self.control.awake();
        while let Some(command) = self.control.recv()? {
            match command.kind {
                x if x == CommandKind::Attach as u32 => {
                    self.driver = None;
                    link::<BlockRequest, BlockResponse>(self.side(&command)).reset();
                    self.attach = Some(command);
                    self.tell(&command, EventKind::Attached, [0; 3]);
                }
                x if x == CommandKind::EndGap as u32 => self.tell(&command, EventKind::Gap, [0; 3]),
                _ => {}
            }
        }
        self.look_for_report();
        if self.control.publish() {
            Channel::new(self.config.control.channel as usize).notify();
        }
        self.control.sleep().map(|_| ())
    }

    /// The generation that is attached serves as soon as it has reported.
    fn look_for_report(&mut self) {
        let Some(command) = self.attach else { return };
        let side = self.side(&command);
        let link: DriverLink = link(side);
        let report = link.read_info::<DriverReport>();
        let Some(report) = report.filter(|report| report.state == STATE_READY) else {
            return;
        };
        let Ok((record, _)) = BlockCapabilities::read_from_prefix(&report.record) else {
            return;
        };
        let slot = &self.config.slots[0];
        let factor = BLOCK_SIZE as u32 / record.block_size.max(1);
        let (blocks, depth) = (
            record.capacity / u64::from(factor.max(1)),
            slot.scratch.len as usize / BLOCK_SIZE,
        );
        self.attach = None;
        self.tell(&command, EventKind::Enabled, [0, ticks(), 0]);
        self.driver = Some(Driver {
            link,
            channel: Channel::new(side.channel as usize),
            generation: report.generation,
            region: slot.scratch_region as u16,
            load: Load::new(self.figures, blocks, depth),
            factor,
        });
    }
}

impl Driver {
    /// Take answers and send requests until there is nothing more to do.
    fn work(&mut self, last: &mut DeferredActionSlot) -> Result<(), SendError> {
        self.link.awake();
        loop {
            while let Some(answer) = self.link.recv()? {
                self.load
                    .completed(answer.id, answer.status == Status::Ok as u8, ticks);
            }
            while let Some(request) = self.load.next_request() {
                self.link.send(&BlockRequest {
                    id: request.slot,
                    generation: self.generation,
                    op: request.op as u8,
                    flags: 0,
                    region: self.region,
                    count: self.factor,
                    block: request.block * u64::from(self.factor),
                    offset: u64::from(request.slot) * BLOCK_SIZE as u64,
                })?;
            }
            if self.link.publish() {
                last.defer_notify(self.channel);
            }
            if self.link.sleep()? {
                return Ok(());
            }
            self.link.awake();
        }
    }
}

impl Handler for Direct {
    type Error = Infallible;

    fn notified(&mut self, channels: ChannelSet) -> Result<(), Infallible> {
        if self.attach.is_some() || channels.contains(Channel::new(self.config.control.channel as usize)) {
            // Control and driver are this system's own: a link that breaks shows as a load that stands still.
            let _ = self.obey();
        }
        if let Some(driver) = &mut self.driver {
            let _ = driver.work(&mut self.last);
        }
        Ok(())
    }

    fn take_deferred_action(&mut self) -> Option<DeferredAction> {
        self.last.take()
    }
}

#[protection_domain]
fn init() -> Direct {
    const NOTHING: ShadowConfig = zerocopy::transmute!([0u8; size_of::<ShadowConfig>()]);
    let config: &'static ShadowConfig = var!(umbra_config: ShadowConfig = NOTHING);
    // SAFETY: the description maps a page for the figures at this address, for this program to write.
    let figures = NonNull::new(*var!(figures: usize = 0) as *mut u8)
        .map_or(&[][..], |base| unsafe { shared_words(base, BLOCK_SIZE) });
    let mut direct = Direct {
        config,
        control: link(&config.control),
        attach: None,
        driver: None,
        last: DeferredActionSlot::new(),
        figures,
    };
    let _ = direct.obey();
    direct
}
