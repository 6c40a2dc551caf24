//! What control's core does to the world.

use control::state::SlotState;
use control::{Call, Consumed, World};
use control_protocol::vitals::Memory;
use sel4_microkit::get_mr;
use shared_ring::Area;
use supervision::bus::Presence;
use supervision::{Code, bus, root, shadow, stager};
use trace::clock::ticks;
use zerocopy::IntoBytes;

use super::attach::{call, channel};
use super::{LEDGER, Outside};
use crate::crash;

impl World for Outside {
    fn now(&mut self) -> u64 {
        ticks()
    }

    fn call(&mut self, slot: u32, what: Call) -> Code {
        let slot = u64::from(slot);
        let root = channel(self.config.root_channel);
        crash::point(self, crash::of_call(&what));
        match what {
            Call::Start(generation) => self.start(slot, generation),
            Call::Cut(generation) => call(root, root::Op::Cut as u64, &[slot, generation.into()]),
            Call::Discard(generation) => self.discard(slot, generation),
            Call::Kill => call(root, root::Op::Kill as u64, &[slot]),
            Call::Renew(part) => call(root, root::Op::Renew as u64, &[slot, part as u64]),
            Call::Hurry(hurry) => call(root, root::Op::Hurry as u64, &[slot, hurry.into()]),
            Call::Reset => self.reset(slot),
            Call::Release => call(channel(self.config.bus_channel), bus::Op::Release as u64, &[slot]),
        }
    }

    fn presence(&mut self, slot: u32) -> Presence {
        let to = channel(self.config.bus_channel);
        match call(to, bus::Op::Presence as u64, &[slot.into()]) {
            Code::Ok => Presence::from_word(get_mr(0)).unwrap_or_default(),
            // Who asks for its reset is told the same again.
            _ => Presence::Present,
        }
    }

    fn slot_state(&mut self, slot: u32) -> Option<root::SlotState> {
        let root = channel(self.config.root_channel);
        match call(root, root::Op::SlotState as u64, &[slot.into()]) {
            Code::Ok => Some(root::SlotState::from_words(core::array::from_fn(get_mr))),
            _ => None,
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

    fn counters(&mut self, slot: u32) -> Option<trace::Counters> {
        // A slot has one shadow, and nobody else counts it.
        let mut readers = self.traces.iter().flatten();
        readers.find_map(|reader| reader.counters(slot))
    }

    fn memory(&mut self, slot: u32) -> Option<Memory> {
        let root = channel(self.config.root_channel);
        match call(root, root::Op::SlotState as u64, &[slot.into()]) {
            Code::Ok => Some(Memory {
                generations: u32::try_from(get_mr(1)).unwrap_or(u32::MAX),
                room: u32::try_from(get_mr(2)).unwrap_or(u32::MAX),
                each: get_mr(3),
            }),
            _ => None,
        }
    }

    fn command(&mut self, command: shadow::Command) {
        crash::point(self, crash::of_command(&command));
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
    }

    fn job(&mut self, job: stager::Job) {
        // As with a shadow.
        crash::point(self, crash::JOB);
        let _ = self.stager.send(&job);
    }

    fn trace(&mut self, event: trace::Event) {
        self.trace.write(&event);
    }

    fn save(&mut self, index: usize, state: &SlotState) {
        crash::point(self, crash::of_save(state.step));
        let offset = size_of::<[u32; 2]>() + index * size_of::<SlotState>();
        // In range by the number of slots; else nothing survives.
        let _ = self.state.write(offset, state.as_bytes());
    }

    fn keep(&mut self, offset: usize, bytes: &[u8]) {
        // In range by the ledger's length, or the region is too short: then nothing survives.
        crash::point(self, crash::KEEP);
        let _ = self.state.write(LEDGER + offset, bytes);
    }

    fn kept(&mut self, offset: usize, buffer: &mut [u8]) {
        let _ = self.state.read(LEDGER + offset, buffer);
    }

    fn write_package(&mut self, slot: usize, offset: usize, bytes: &[u8]) {
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
        #[cfg(feature = "crash-points")]
        if source == usize::from(crash_points::SOURCE) {
            return Some(crash_points::ask(cursor, buffer));
        }
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
