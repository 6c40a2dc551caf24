//! What root, bus, stager, shadows and drivers do when they are asked.

use driver_package::package;
use driver_package::package::signature::Distrust;
use supervision::bus::Presence;
use supervision::{Code, shadow, stager};
use zerocopy::FromZeros;

use super::{Behaviour, FakeWorld, Generation, HZ, Life, Mode, ROOM, Report};

impl FakeWorld {
    pub(super) fn behaviour(&self, package: u32) -> Behaviour {
        match self.store.get(package as usize).and_then(|bytes| bytes.first()) {
            Some(b'G') => Behaviour::Good,
            Some(b'L') => Behaviour::Lacking,
            Some(b'P') => Behaviour::NoProbe,
            Some(b'F') => Behaviour::Faulting,
            Some(b'H') => Behaviour::Hanging,
            Some(b'C') => Behaviour::Crashing,
            _ => Behaviour::Damaged,
        }
    }

    /// A started driver probes, reports, and the shadow decides.
    pub(super) fn probe(&mut self, slot: u32, generation: u32) {
        let device = self.device(slot);
        let behaviour = device.generations[&generation].behaviour;
        let Mode::Attached(expected, policy) = device.mode else {
            panic!("driver started while nobody expects it")
        };
        assert_eq!(
            expected, generation,
            "driver started that the shadow does not expect"
        );
        let lost =
            behaviour == Behaviour::Lacking && device.has_record && policy == shadow::Policy::Refuse as u32;
        match behaviour {
            _ if lost => {
                device.mode = Mode::Active(None);
                self.tell(slot, shadow::EventKind::Refused, generation, [4, 0, 0]);
            }
            Behaviour::Good | Behaviour::Lacking | Behaviour::Crashing => {
                device.mode = Mode::Passive(generation);
                device.has_record |= behaviour != Behaviour::Lacking;
                self.tell(
                    slot,
                    shadow::EventKind::Enabled,
                    generation,
                    [self.now - 100, self.now, 3 << 32 | 7],
                );
                if behaviour == Behaviour::Crashing {
                    self.driver_dies(slot);
                }
            }
            Behaviour::NoProbe => self.failed(slot, generation, shadow::Failure::Probe),
            Behaviour::Hanging => self.failed(slot, generation, shadow::Failure::ProbeDeadline),
            Behaviour::Faulting => self.driver_dies(slot),
            Behaviour::Damaged => panic!("damaged package was built"),
        }
    }

    pub(super) fn failed(&mut self, slot: u32, generation: u32, failure: shadow::Failure) {
        self.device(slot).mode = Mode::Active(None);
        self.tell(
            slot,
            shadow::EventKind::Failed,
            generation,
            [failure as u64, 9, 0],
        );
    }

    pub(super) fn start(&mut self, slot: u32, generation: u32) -> Code {
        assert!(self.running(slot).is_none(), "a second driver is started");
        let device = self.device(slot);
        assert!(!device.needs_reset, "started on a device that was not reset");
        assert!(!device.unguarded, "started on a device that reaches everything");
        match device.generations.get_mut(&generation) {
            Some(one) if one.life == Life::Staged => one.life = Life::Running,
            _ => return Code::WrongState,
        }
        if self.devices[&slot].presence == Presence::Absent {
            // It reads ones.
            self.failed(slot, generation, shadow::Failure::Probe);
        } else {
            self.probe(slot, generation);
        }
        Code::Ok
    }

    pub(super) fn cut(&mut self, slot: u32, generation: u32) -> Code {
        let device = self.device(slot);
        match device.generations.get_mut(&generation) {
            Some(one) if one.life == Life::Running => {
                one.life = Life::Cut;
                device.needs_reset = true;
                Code::Ok
            }
            Some(one) if one.life == Life::Cut => Code::Ok,
            Some(_) => Code::WrongState,
            None => Code::Invalid,
        }
    }

    pub(super) fn discard(&mut self, slot: u32, generation: u32) -> Code {
        let device = self.device(slot);
        let needs_reset = device.needs_reset;
        match device.generations.get_mut(&generation) {
            None => Code::Invalid,
            Some(one) if one.life == Life::Running => Code::WrongState,
            Some(one) if one.life == Life::Cut && needs_reset => Code::WrongState,
            Some(one) if one.portions > 0 => {
                one.portions -= 1;
                Code::Again
            }
            Some(_) => {
                device.generations.remove(&generation);
                Code::Ok
            }
        }
    }

    pub(super) fn reset(&mut self, slot: u32) -> Code {
        assert!(
            self.running(slot).is_none(),
            "device reset under a running driver"
        );
        let device = self.device(slot);
        if device.presence != Presence::Absent && device.unguarded {
            return Code::Unguarded;
        }
        device.needs_reset = false;
        if device.presence == Presence::Absent {
            return Code::Empty;
        }
        device.resets += 1;
        Code::Ok
    }

    pub(super) fn release(&mut self, slot: u32) -> Code {
        assert!(
            self.running(slot).is_none(),
            "power is taken under a running driver"
        );
        let device = self.device(slot);
        if device.presence != Presence::Leaving {
            return Code::WrongState;
        }
        device.presence = Presence::Absent;
        device.releases += 1;
        Code::Ok
    }

    pub(super) fn obey(&mut self, command: shadow::Command, answer: bool) {
        use shadow::{CommandKind as C, EventKind as E};
        if command.kind == C::Flow as u32 {
            return;
        }
        let (slot, now) = (command.slot, self.now);
        let before = self.reports.len();
        let device = self.device(slot);
        device.transaction = command.transaction;
        let current = match device.mode {
            Mode::Passive(generation) | Mode::Active(Some(generation)) => Some(generation),
            _ => None,
        };
        if command.kind == C::Quiesce as u32 {
            device.drained = (command.a.saturating_sub(now), command.b);
            device.mode = Mode::Active(current);
            self.tell(slot, E::Quiesced, current.unwrap_or(0), [32, 1, HZ / 1000]);
        } else if command.kind == C::Impersonate as u32 {
            device.mode = Mode::Active(None);
            self.tell(slot, E::Quiesced, current.unwrap_or(0), [32, 32, 0]);
        } else if command.kind == C::Resume as u32 {
            if let Some(generation) = current {
                device.mode = Mode::Passive(generation);
                self.tell(slot, E::Enabled, generation, [0, 0, 0]);
            }
        } else if command.kind == C::Attach as u32 {
            let deaf = self.shadow_deaf;
            let device = self.device(slot);
            assert!(
                deaf || !matches!(device.mode, Mode::Passive(_)),
                "attached while passive"
            );
            let generation = command.a as u32;
            let side = device.generations.get(&generation).map(|one| one.side);
            assert_eq!(side, Some(command.b), "attached to the wrong side");
            device.mode = Mode::Attached(generation, command.policy);
            self.tell(slot, E::Attached, generation, [0, 0, 0]);
        } else if command.kind == C::Offline as u32 {
            device.mode = Mode::Offline;
        } else if command.kind == C::EndGap as u32 {
            self.tell(slot, E::Gap, 0, [5000, 77, 0]);
        }
        if !answer {
            self.reports.truncate(before);
        }
    }

    /// Why a package may not be built, as far as the job says it.
    fn forbidden(&self, job: &stager::Job) -> Option<(stager::Refusal, u32)> {
        let head = self.store.get(job.package as usize)?;
        let (floor, signer) = package::stated_limits(head)?;
        let known = signer.and_then(|signer| self.keys.iter().position(|key| *key == signer));
        if known.is_some_and(|at| job.revoked_keys & 1 << at != 0) {
            return Some((stager::Refusal::Signature, Distrust::RevokedKey as u32));
        }
        (floor < job.security_floor).then_some((stager::Refusal::Floor, job.security_floor))
    }

    pub(super) fn build(&mut self, job: stager::Job) {
        let behaviour = self.behaviour(job.package);
        let mut outcome = stager::Outcome {
            id: job.id,
            ..stager::Outcome::new_zeroed()
        };
        let forbidden = self.forbidden(&job);
        let device = self.device(job.slot);
        if behaviour == Behaviour::Damaged || job.len == 0 {
            outcome.refusal = stager::Refusal::Damaged as u32;
        } else if let Some((refusal, detail)) = forbidden {
            outcome.refusal = refusal as u32;
            outcome.detail = detail;
        } else if device.generations.len() >= ROOM {
            outcome.refusal = stager::Refusal::NoMemory as u32;
        } else {
            outcome.generation = device.next;
            let generation = Generation {
                life: Life::Staged,
                side: job.side.into(),
                behaviour,
                portions: 5,
                stopped: false,
            };
            device.generations.insert(device.next, generation);
            device.next += 1;
        }
        self.reports.push_back(Report::Stager(outcome));
    }
}
