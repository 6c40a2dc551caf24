//! The world as it is: calls to root, bus and timer; links to shadows, stager and command; the regions.

use core::ptr::NonNull;

mod attach;
mod device;
mod world;

use control::Control;
use control::state::Saved;
use sel4_microkit::{ChannelSet, get_mr};
use shared_ring::{Area, Link, Wish};
use supervision::command::Bytes;
use supervision::{Code, root, shadow, stager, timer};
use system_spec::config::{ControlConfig, LinkConfig, MAX_REPORTS, MAX_SHADOWS};
use trace::clock::{hz, ticks};
use zerocopy::IntoBytes;

use crate::crash;
use attach::{area, call, channel, link, reader};

/// Most trace sources: ours and those of others.
const TRACES: usize = system_spec::config::MAX_TRACES + 1;
/// Entries of the command link taken in one pass.
const COMMAND_ENTRIES: usize = 64;
/// Requests answered in one pass.
const REQUESTS: usize = 2;
/// Root's events taken at one notification; it signals again for more.
const ROOT_EVENTS: usize = 16;

/// Where the ledger lies in the state region.
const LEDGER: usize = 4096;
const _: () = assert!(size_of::<Saved>() <= LEDGER);

/// A channel that the description's compiler did not make.
const NO_CHANNEL: u64 = u64::MAX;

/// Everything outside the core.
pub struct Outside {
    config: &'static ControlConfig,
    shadows: [Option<Link<shadow::Command, shadow::Event>>; MAX_SHADOWS],
    stager: Link<stager::Job, stager::Outcome>,
    command: Link<Bytes, Bytes>,
    /// An entry of which the core has not taken all bytes.
    partial: (Bytes, usize),
    /// There may be requests that were not looked at.
    more: bool,
    store: Area,
    state: Area,
    reports: [Option<Area>; MAX_REPORTS],
    traces: [Option<trace::Reader>; TRACES],
    trace: trace::Writer,
    timeout: Option<u64>,
    /// Number of root's last event that the core has dealt with.
    root_events: u64,
}

impl Outside {
    /// The world that the configuration describes.
    pub fn new(config: &'static ControlConfig) -> Self {
        let mut shadows = [const { None }; MAX_SHADOWS];
        for (link_to, described) in shadows
            .iter_mut()
            .zip(&config.shadows)
            .take(config.shadow_count as usize)
        {
            *link_to = Some(link(described));
        }
        let mut reports = [const { None }; MAX_REPORTS];
        for (region, described) in reports
            .iter_mut()
            .zip(&config.reports)
            .take(config.report_count as usize)
        {
            *region = area(&described.region);
        }
        let mut traces = [const { None }; TRACES];
        let regions = config
            .traces
            .iter()
            .take(config.trace_count as usize)
            .map(|trace| &trace.region);
        for (source, region) in traces
            .iter_mut()
            .zip(core::iter::once(&config.trace).chain(regions))
        {
            *source = reader(region);
        }
        let trace = match NonNull::new(config.trace.vaddr as *mut u8) {
            // SAFETY: mapped for this PD's events, which nobody else writes.
            Some(base) => unsafe { trace::Writer::new(base, config.trace.len as usize) },
            None => trace::Writer::nowhere(),
        };
        let mut this = Self {
            config,
            shadows,
            stager: link(&config.stager),
            command: link(&config.command),
            partial: (Bytes::NONE, 0),
            more: false,
            store: area(&config.store).expect("a package store in the description"),
            state: area(&config.state).expect("a state region in the description"),
            reports,
            traces,
            trace,
            timeout: None,
            root_events: 0,
        };
        this.trace
            .write(&trace::Event::new(ticks(), trace::Kind::Started, 0, 0));
        this
    }

    /// What a predecessor left. If it is nothing of our version, the region is made one in which nothing has happened.
    pub fn saved(&mut self) -> Option<Saved> {
        let mut bytes = [0; size_of::<Saved>()];
        let saved = self
            .state
            .read(0, &mut bytes)
            .then(|| Saved::read(&bytes))
            .flatten();
        if saved.is_none() {
            // In range, or the region is too short for any state: then nothing survives.
            let _ = self.state.write(0, Saved::fresh().as_bytes());
        }
        saved
    }

    /// What a notification says beside "look": root has events, a client has stopped.
    pub fn notified(&mut self, channels: ChannelSet, control: &mut Control) {
        if channels.contains(channel(self.config.timer_channel)) {
            self.timeout = None;
        }
        for report in 0..self.config.report_count as usize {
            if self
                .config
                .reports
                .get(report)
                .is_some_and(|one| channels.contains(channel(one.channel)))
            {
                control.stopped(report);
            }
        }
        if channels.contains(channel(self.config.root_channel)) {
            self.take_root_events(control);
        }
        if channels.contains(channel(self.config.bus_channel)) {
            control.devices_changed(self);
        }
    }

    /// Events that root keeps for us.
    pub fn take_root_events(&mut self, control: &mut Control) {
        for _ in 0..ROOT_EVENTS {
            let Some((event, number)) = self.next_root_event() else {
                break;
            };
            control.root_event(self, &event);
            // What came of it is saved: a successor need not see it.
            self.root_events = number;
        }
    }

    /// Tells everybody with a link that we are there: a predecessor may have died before it did so.
    pub fn announce(&self) {
        let config = self.config;
        let shadows = config.shadows.iter().take(config.shadow_count as usize);
        for link in shadows.chain([&config.stager, &config.command]) {
            if link.channel != NO_CHANNEL {
                channel(link.channel).notify();
            }
        }
    }

    fn next_root_event(&mut self) -> Option<(root::Event, u64)> {
        let root = channel(self.config.root_channel);
        match call(root, root::Op::NextEvent as u64, &[self.root_events]) {
            Code::Ok => Some((root::Event::from_words(core::array::from_fn(get_mr))?, get_mr(6))),
            _ => None,
        }
    }

    /// Messages of shadows and stager. A peer that breaks the rules of its link is trusted and broken: it is not listened
    /// to in this pass, and shows as a missed deadline.
    pub fn take_messages(&mut self, control: &mut Control) {
        for index in 0..MAX_SHADOWS {
            while let Some(Ok(Some(event))) = self.shadows[index].as_mut().map(Link::recv) {
                control.shadow_event(self, &event);
            }
        }
        while let Ok(Some(outcome)) = self.stager.recv() {
            control.stager_outcome(self, &outcome);
        }
    }

    /// Bytes from and to the operator, a bounded number of them.
    pub fn take_commands(&mut self, control: &mut Control) {
        self.send_output(control);
        for _ in 0..COMMAND_ENTRIES {
            let (entry, from) = self.partial;
            let Some(left) = entry.as_slice().get(from..).filter(|left| !left.is_empty()) else {
                match self.command.recv() {
                    Ok(Some(entry)) => self.partial = (entry, 0),
                    _ => break,
                }
                continue;
            };
            let taken = control.feed(left);
            self.partial.1 += taken;
            if taken == 0 {
                break;
            }
        }
        self.more = true;
        for _ in 0..REQUESTS {
            if !control.serve(self) {
                self.more = false;
                break;
            }
            self.send_output(control);
        }
    }

    fn send_output(&mut self, control: &mut Control) {
        while !control.output().is_empty() {
            let entry = Bytes::take(control.output());
            if self.command.send(&entry).is_err() {
                return;
            }
            control.sent(entry.as_slice().len());
        }
    }

    /// Has root start the guard clock anew.
    pub fn renew_guard(&self) -> Code {
        let root = channel(self.config.root_channel);
        // It is no slot's.
        call(root, root::Op::Renew as u64, &[0, root::Part::Guard as u64])
    }

    /// Publishes what was done, sets the timer, for `another` deadline too, and says whether there is nothing more to do now.
    pub fn rest(&mut self, control: &Control, another: Option<u64>) -> bool {
        crash::point(self, crash::PUBLISH);
        let config = self.config;
        let mut quiet = !self.more;
        for (link, described) in self.shadows.iter_mut().zip(&config.shadows) {
            if let Some(link) = link {
                quiet &= settle(link, described, Wish::Entries);
            }
        }
        quiet &= settle(&mut self.stager, &config.stager, Wish::Entries);
        // While a reply waits to leave, no more requests are taken.
        let wish = if control.output().is_empty() {
            Wish::Entries
        } else {
            Wish::Space
        };
        quiet &= settle(&mut self.command, &config.command, wish);
        let deadline = control.deadline().into_iter().chain(another).min();
        quiet &= deadline.is_none_or(|deadline| deadline > ticks());
        if quiet {
            self.set_timeout(deadline);
        }
        quiet
    }

    /// There is more to do, but others must have their turn.
    pub fn come_back_soon(&mut self) {
        self.set_timeout(Some(ticks().saturating_add(hz() / 20_000)));
    }

    /// As the operator would, for a test.
    #[cfg(feature = "crash-points")]
    pub fn kill_drivers(&self) {
        for slot in self.config.slots.iter().take(self.config.slot_count as usize) {
            call(
                channel(self.config.root_channel),
                root::Op::Kill as u64,
                &[slot.slot.into()],
            );
        }
    }

    fn set_timeout(&mut self, deadline: Option<u64>) {
        let timer = channel(self.config.timer_channel);
        match deadline {
            // An early timeout is harmless; none is set twice.
            Some(deadline) if self.timeout.is_none_or(|set| deadline < set) => {
                call(timer, timer::Op::SetTimeout as u64, &[deadline]);
                self.timeout = Some(deadline);
            }
            _ => {}
        }
    }
}

/// Publishes a link's entries and sleeps on it. A broken peer has nothing to say.
fn settle<T: IntoBytes + zerocopy::Immutable, R: zerocopy::FromBytes>(
    link: &mut Link<T, R>,
    described: &LinkConfig,
    wish: Wish,
) -> bool {
    if link.publish() && described.channel != NO_CHANNEL {
        channel(described.channel).notify();
    }
    link.sleep_for(wish).unwrap_or(true)
}
