//! The world as it is: calls to root, bus and timer; links to shadows, stager and command; the regions.

use core::ptr::NonNull;

use crate::crash;
use control::state::{Saved, SlotState};
use control::{Call, Consumed, Control, World};
use sel4_microkit::{Channel, ChannelSet, MessageInfo, get_mr, set_mr};
use shared_ring::{Area, Link, Wish};
use supervision::command::Bytes;
use supervision::{Code, bus, root, shadow, stager, timer};
use system_spec::config::{ControlConfig, LinkConfig, MAX_REPORTS, MAX_SHADOWS, RegionConfig};
use trace::clock::ticks;
use zerocopy::IntoBytes;

/// Most trace sources: ours and those of others.
const TRACES: usize = system_spec::config::MAX_TRACES + 1;
/// Entries of the command link taken in one pass.
const COMMAND_ENTRIES: usize = 64;
/// Requests answered in one pass.
const REQUESTS: usize = 2;
/// Root's events taken at one notification; it signals again for more.
const ROOT_EVENTS: usize = 16;

/// How often a PD is called that dies over the call.
const CALLS: usize = 4;

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
}

/// Frequency of CNTPCT in Hz.
pub fn counter_hz() -> u64 {
    let hz: u64;
    // SAFETY: reads a register that EL0 may read in this kernel configuration; no memory, no flags.
    unsafe { core::arch::asm!("mrs {}, cntfrq_el0", out(reg) hz, options(nomem, nostack, preserves_flags)) };
    hz
}

fn channel(number: u64) -> Channel {
    Channel::new(number as usize)
}

fn area(region: &RegionConfig) -> Option<Area> {
    let base = NonNull::new(region.vaddr as *mut u8)?;
    // SAFETY: the description's compiler mapped `len` bytes here, page-aligned, for as long as this program runs: writable
    // where it is said so in `ControlConfig`. Each region of the blob is asked for once.
    Some(unsafe { Area::new(base, region.len as usize) })
}

fn link<T: IntoBytes + zerocopy::Immutable, R: zerocopy::FromBytes>(config: &LinkConfig) -> Link<T, R> {
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    unsafe { Link::attach(config.own as *mut u8, config.peer as *const u8) }
}

fn reader(region: &RegionConfig) -> Option<trace::Reader> {
    let base = NonNull::new(region.vaddr as *mut u8)?;
    // SAFETY: as `area`; a trace region is accessed through this crate only.
    Some(unsafe { trace::Reader::new(base, region.len as usize) })
}

fn call(channel: Channel, operation: u64, arguments: &[u64]) -> Code {
    let once = || {
        arguments
            .iter()
            .enumerate()
            .for_each(|(register, word)| set_mr(register, *word));
        let answer = channel.pp_call(MessageInfo::new(operation, arguments.len()));
        Code::from_label(answer.label())
    };
    // Everything that is asked of bus and timer may be asked again.
    let again = (0..CALLS).map(|_| once()).find(|code| *code != Code::Restarted);
    again.unwrap_or(Code::Restarted)
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
    }

    /// Events that root keeps for us.
    pub fn take_root_events(&mut self, control: &mut Control) {
        for _ in 0..ROOT_EVENTS {
            let Some(event) = self.next_root_event() else {
                break;
            };
            control.root_event(self, &event);
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

    fn next_root_event(&mut self) -> Option<root::Event> {
        match call(channel(self.config.root_channel), root::Op::NextEvent as u64, &[]) {
            Code::Ok => root::Event::from_words(core::array::from_fn(get_mr)),
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

    /// Publishes what was done, sets the timer and says whether there is nothing more to do now.
    pub fn rest(&mut self, control: &Control) -> bool {
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
        crash::point(self, crash::PUBLISH + 1);
        let deadline = control.deadline();
        quiet &= deadline.is_none_or(|deadline| deadline > ticks());
        if quiet {
            self.set_timeout(deadline);
        }
        quiet
    }

    /// There is more to do, but others must have their turn.
    pub fn come_back_soon(&mut self) {
        self.set_timeout(Some(ticks().saturating_add(counter_hz() / 20_000)));
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

impl World for Outside {
    fn now(&mut self) -> u64 {
        ticks()
    }

    fn call(&mut self, slot: u32, what: Call) -> Code {
        let slot = u64::from(slot);
        let root = channel(self.config.root_channel);
        let point = crash::of_call(&what);
        crash::point(self, point);
        let code = match what {
            Call::Start(generation) => call(root, root::Op::Start as u64, &[slot, generation.into()]),
            Call::Cut(generation) => call(root, root::Op::Cut as u64, &[slot, generation.into()]),
            Call::Discard(generation) => call(root, root::Op::Discard as u64, &[slot, generation.into()]),
            Call::Kill => call(root, root::Op::Kill as u64, &[slot]),
            Call::Reset => call(channel(self.config.bus_channel), bus::Op::Reset as u64, &[slot]),
        };
        crash::point(self, point + 1);
        code
    }

    fn running_generation(&mut self, slot: u32) -> u32 {
        let root = channel(self.config.root_channel);
        match call(root, root::Op::SlotState as u64, &[slot.into()]) {
            Code::Ok => u32::try_from(get_mr(0)).unwrap_or(0),
            _ => 0,
        }
    }

    fn domain(&mut self, index: u32) -> Option<root::DomainState> {
        let to = channel(self.config.root_channel);
        match call(to, root::Op::DomainState as u64, &[index.into()]) {
            Code::Ok => Some(root::DomainState::from_words(core::array::from_fn(get_mr))),
            _ => None,
        }
    }

    fn consumed(&mut self, slot: u32) -> Option<Consumed> {
        let root = channel(self.config.root_channel);
        match call(root, root::Op::Consumed as u64, &[slot.into()]) {
            Code::Ok => Some(Consumed {
                taken_us: get_mr(0),
                budget_us: get_mr(1),
                period_us: get_mr(2),
            }),
            _ => None,
        }
    }

    fn command(&mut self, command: shadow::Command) {
        let point = crash::of_command(&command);
        crash::point(self, point);
        let slot = self
            .config
            .slots
            .iter()
            .take(self.config.slot_count as usize)
            .find(|one| one.slot == command.slot);
        let link = slot
            .and_then(|slot| self.shadows.get_mut(slot.shadow as usize))
            .and_then(Option::as_mut);
        // A full link is a shadow that does not run: it misses its deadline.
        let _ = link.map(|link| link.send(&command));
        crash::point(self, point + 1);
    }

    fn job(&mut self, job: stager::Job) {
        // As with a shadow.
        crash::point(self, crash::JOB);
        let _ = self.stager.send(&job);
        crash::point(self, crash::JOB + 1);
    }

    fn trace(&mut self, event: trace::Event) {
        self.trace.write(&event);
    }

    fn save(&mut self, index: usize, state: &SlotState) {
        let point = crash::of_save(state.step);
        crash::point(self, point);
        let offset = size_of::<[u32; 2]>() + index * size_of::<SlotState>();
        // In range by the number of slots; else nothing survives.
        let _ = self.state.write(offset, state.as_bytes());
        crash::point(self, point + 1);
    }

    fn keep(&mut self, offset: usize, bytes: &[u8]) {
        // In range by the ledger's length, or the region is too short: then nothing survives.
        crash::point(self, crash::KEEP);
        let _ = self.state.write(LEDGER + offset, bytes);
        crash::point(self, crash::KEEP + 1);
    }

    fn kept(&mut self, offset: usize, buffer: &mut [u8]) {
        let _ = self.state.read(LEDGER + offset, buffer);
    }

    fn write_package(&mut self, slot: usize, offset: usize, bytes: &[u8]) {
        #[cfg(feature = "crash-points")]
        if offset == 0 && crash_points::arm(bytes) {
            return;
        }
        // In range by the store's checks.
        let _ = self
            .store
            .write(slot * self.config.package_size as usize + offset, bytes);
    }

    fn read_package(&mut self, slot: usize, offset: usize, buffer: &mut [u8]) {
        let base = slot * self.config.package_size as usize + offset;
        let len = buffer.len().min(self.store.len().saturating_sub(base));
        let _ = self.store.read(base, &mut buffer[..len]);
    }

    fn read_trace(&mut self, source: usize, cursor: u64, buffer: &mut [u8]) -> Option<(usize, u64, u64)> {
        let reader = self.traces.get(source)?.as_ref()?;
        let mut cursor = trace::Cursor::at(cursor);
        let mut len = 0;
        while let Some(room) = buffer.get_mut(len..len + size_of::<trace::Event>()) {
            let Some(event) = reader.read(&mut cursor) else {
                break;
            };
            room.copy_from_slice(event.as_bytes());
            len += room.len();
        }
        Some((len, cursor.next(), cursor.lost()))
    }

    fn report_len(&mut self, report: usize) -> u32 {
        let len = self
            .reports
            .get(report)
            .and_then(Option::as_ref)
            .map_or(0, Area::len);
        u32::try_from(len).unwrap_or(u32::MAX)
    }

    fn read_report(&mut self, report: usize, offset: usize, buffer: &mut [u8]) {
        if let Some(region) = self.reports.get(report).and_then(Option::as_ref) {
            // In range by `report_len`.
            let _ = region.read(offset, buffer);
        }
    }

    fn ask_to_stop(&mut self, report: usize) {
        if let Some(described) = self.config.reports.get(report) {
            channel(described.channel).notify();
        }
    }
}
