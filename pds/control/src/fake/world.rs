//! The world as control calls it.

use control_protocol::vitals::Memory;
use supervision::bus::Presence;
use supervision::{Code, root, shadow, stager};

use super::{FakeWorld, Fault, HZ, Mode, ROOM};
use crate::state::SlotState;
use crate::world::{Call, Consumed, World};

impl World for FakeWorld {
    fn now(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn call(&mut self, slot: u32, call: Call) -> Code {
        let fault = self.fault(slot);
        match (fault, call) {
            _ if self.control_is_dead => Code::Denied,
            (Some(Fault::Fails(code)), call) => {
                self.cut_refused |= matches!(call, Call::Cut(_));
                self.discard_refused |= matches!(call, Call::Discard(_));
                // Root may refuse to cut, but it does not claim that what runs does not.
                if matches!(call, Call::Cut(_)) {
                    Code::Denied
                } else {
                    code
                }
            }
            (_, Call::Start(generation)) => self.start(slot, generation),
            (_, Call::Cut(generation)) => self.cut(slot, generation),
            (_, Call::Discard(generation)) => self.discard(slot, generation),
            (_, Call::Reset) => self.reset(slot),
            (_, Call::Release) => self.release(slot),
            (_, Call::Hurry(hurry)) => {
                self.hurries += u32::from(hurry);
                self.hurried = hurry;
                Code::Ok
            }
            (_, Call::Renew(part)) => {
                self.renewed.push(part);
                Code::Ok
            }
            (_, Call::Kill) => match self.running(slot) {
                Some(_) => {
                    self.kills += 1;
                    self.driver_dies(slot);
                    Code::Ok
                }
                None => Code::WrongState,
            },
        }
    }

    fn presence(&mut self, slot: u32) -> Presence {
        self.devices[&slot].presence
    }

    fn slot_state(&mut self, slot: u32) -> Option<root::SlotState> {
        let holder = self.running(slot);
        let stands = |generation: &u32| !self.devices[&slot].generations[generation].stopped;
        let mut alive = self.devices[&slot].generations.keys();
        Some(root::SlotState {
            running: holder.filter(stands).unwrap_or(0),
            building: 0,
            places: core::array::from_fn(|_| alive.next().copied().unwrap_or(0)),
        })
    }

    fn domain(&mut self, index: u32) -> Option<root::DomainState> {
        self.domains.get(index as usize).copied()
    }

    fn consumed(&mut self, slot: u32) -> Option<Consumed> {
        self.running(slot)?;
        // Of the second that `idle` speaks of, half is the budget.
        Some(Consumed {
            taken_us: self.busy_permille * 500,
            budget_us: 5,
            period_us: 10,
        })
    }

    fn command(&mut self, command: shadow::Command) {
        match self.fault(command.slot) {
            _ if self.control_is_dead => {}
            Some(Fault::Fails(_)) => {
                let gone = [
                    shadow::CommandKind::Offline as u32,
                    shadow::CommandKind::Impersonate as u32,
                ];
                self.shadow_deaf |= gone.contains(&command.kind);
            }
            fault => self.obey(command, fault != Some(Fault::AnswerLost)),
        }
    }

    fn job(&mut self, job: stager::Job) {
        match self.fault(job.slot) {
            _ if self.control_is_dead => {}
            Some(Fault::Fails(_)) => self.hung.push(job),
            fault => {
                self.jobs += 1;
                self.build(job);
                if fault == Some(Fault::AnswerLost) {
                    // Late, not lost: by then the job was given up.
                    self.now += 40 * HZ;
                }
            }
        }
    }

    fn trace(&mut self, event: trace::Event) {
        self.trace.push(event);
    }

    fn save(&mut self, index: usize, state: &SlotState) {
        self.writes();
        if !self.control_is_dead {
            self.saved.slots[index] = *state;
        }
    }

    fn keep(&mut self, offset: usize, bytes: &[u8]) {
        self.writes();
        if !self.control_is_dead {
            self.ledger[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }

    fn kept(&mut self, offset: usize, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.ledger[offset..offset + buffer.len()]);
    }

    fn write_package(&mut self, slot: usize, offset: usize, bytes: &[u8]) {
        self.store[slot][offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn read_package(&mut self, slot: usize, offset: usize, buffer: &mut [u8]) {
        let Some(bytes) = self.store.get(slot).and_then(|bytes| bytes.get(offset..)) else {
            return;
        };
        let len = buffer.len().min(bytes.len());
        buffer[..len].copy_from_slice(&bytes[..len]);
    }

    fn counters(&mut self, slot: u32) -> Option<trace::Counters> {
        let (mode, generation) = match self.devices.get(&slot)?.mode {
            Mode::Offline => (0, 0),
            Mode::Attached(generation, _) => (1, generation),
            Mode::Passive(generation) => (2, generation),
            Mode::Active(generation) => (4, generation.unwrap_or(0)),
        };
        // As much traffic as time.
        let total = trace::Tally {
            answered: self.now,
            bytes: 4096 * self.now,
            waited: 50 * self.now,
        };
        let standing = trace::Standing {
            live: 0b111,
            sent: if mode == 2 { 0b011 } else { 0 },
            mode,
            generation,
        };
        Some(trace::Counters { total, standing })
    }

    fn memory(&mut self, slot: u32) -> Option<Memory> {
        let generations = self.devices.get(&slot)?.generations.len();
        Some(Memory {
            generations: generations as u32,
            room: ROOM.saturating_sub(generations) as u32,
            each: 1 << 20,
        })
    }

    fn read_trace(&mut self, source: usize, cursor: u64, buffer: &mut [u8]) -> Option<(usize, u64, u64)> {
        if source != 0 {
            return None;
        }
        let mut next = cursor;
        let mut len = 0;
        while let Some(event) = self.trace.get(next as usize) {
            let Some(room) = buffer.get_mut(len..len + size_of::<trace::Event>()) else {
                break;
            };
            room.copy_from_slice(zerocopy::IntoBytes::as_bytes(event));
            len += room.len();
            next += 1;
        }
        Some((len, next, 0))
    }

    fn report_len(&mut self, report: usize) -> u32 {
        self.report_regions
            .get(report)
            .map_or(0, |region| region.len() as u32)
    }

    fn read_report(&mut self, report: usize, offset: usize, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.report_regions[report][offset..offset + buffer.len()]);
    }

    fn ask_to_stop(&mut self, report: usize) {
        self.asked_to_stop.push(report);
    }
}
