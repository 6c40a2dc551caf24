//! A load on a driver's own link: what the driver costs without a shadow.
//!
//! To control it is the shadow of the slot, and brings the one driver up that the system has. It can do nothing else: no
//! sessions, no update, no recovery.

use core::convert::Infallible;
use core::sync::atomic::AtomicU64;

use device_class::report::{DriverReport, STATE_READY};
use sel4_microkit::{Channel, ChannelSet, DeferredAction, DeferredActionSlot, Handler};
use shared_ring::{Link, SendError, Violation};
use supervision::shadow::{Command, CommandKind, Event, EventKind};
use system_spec::config::{LinkConfig, ShadowConfig, ShadowSlot};
use trace::clock::ticks;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Makes a driver's link out of its configuration. That is asked for anew only when control attaches a generation, and the link
/// of the one before is dropped then.
pub type Open<L> = fn(&LinkConfig) -> Link<<L as Load>::Asked, <L as Load>::Answer>;

/// What a class's load makes of the driver that serves.
pub trait Load: Sized {
    /// To the driver.
    type Asked: IntoBytes + Immutable;
    /// From the driver.
    type Answer: FromBytes;

    /// On a driver that reports this record; `None`: there is nothing that could be done with it.
    fn begin(
        record: &[u8],
        generation: u32,
        slot: &'static ShadowSlot,
        figures: &'static [AtomicU64],
    ) -> Option<Self>;

    /// Take what was answered and ask for more, until there is nothing to do.
    ///
    /// # Errors
    /// The link's.
    fn turn(&mut self, link: &mut Link<Self::Asked, Self::Answer>) -> Result<(), SendError>;
}

/// The program.
pub struct Direct<L: Load> {
    config: &'static ShadowConfig,
    open: Open<L>,
    control: Link<Event, Command>,
    /// The attach order that is being carried out.
    attach: Option<Command>,
    driver: Option<Driver<L>>,
    /// The last notification goes into the kernel together with the wait that follows.
    last: DeferredActionSlot,
    figures: &'static [AtomicU64],
}

/// The driver that serves.
struct Driver<L: Load> {
    link: Link<L::Asked, L::Answer>,
    channel: Channel,
    load: L,
}

impl<L: Load> Direct<L> {
    /// Waits for control's orders on its link.
    pub fn new(
        config: &'static ShadowConfig,
        control: Link<Event, Command>,
        open: Open<L>,
        figures: &'static [AtomicU64],
    ) -> Self {
        let mut direct = Self {
            config,
            open,
            control,
            attach: None,
            driver: None,
            last: DeferredActionSlot::new(),
            figures,
        };
        let _ = direct.obey();
        direct
    }

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
                    (self.open)(self.side(&command)).reset();
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
        let link = (self.open)(side);
        let report = link.read_info::<DriverReport>();
        let Some(report) = report.filter(|report| report.state == STATE_READY) else {
            return;
        };
        let slot = &self.config.slots[0];
        let Some(load) = L::begin(&report.record, report.generation, slot, self.figures) else {
            return;
        };
        self.attach = None;
        self.tell(&command, EventKind::Enabled, [0, ticks(), 0]);
        self.driver = Some(Driver {
            link,
            channel: Channel::new(side.channel as usize),
            load,
        });
    }
}

impl<L: Load> Driver<L> {
    /// Take answers and send requests until there is nothing more to do.
    fn work(&mut self, last: &mut DeferredActionSlot) -> Result<(), SendError> {
        self.link.awake();
        loop {
            self.load.turn(&mut self.link)?;
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

impl<L: Load> Handler for Direct<L> {
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
