//! The loop: calls of control, bus, IOMMU and stager, faults of drivers and static PDs. Root never waits for anybody else.

mod dma;

use heapless::Vec;
use root::events::Events;
use root::request::{Request, Target, decode};
use root::restart::Cause;
use root::sender::Sender;
use root::urgency::{Scheduling, Urgency};
use sel4::{CapRights, Fault, MessageInfo, ObjectBlueprint, cap};
use sel4_root_task::debug_println;
use supervision::Code;
use supervision::root::{DOMAIN_WORDS, Event, EventKind, Part, SILENT};
use system_spec::spec::{Caller, Role, Spec};
use trace::Kind;

use super::Failure;
use super::driver::Drivers;
use super::lives::Lives;
use super::log::Log;
use super::memory::Memory;
use super::regions::Regions;
use super::system::Static;

/// Most words of a call.
const WORDS: usize = 32;
/// Words of an answer.
type Answer = Vec<u64, DOMAIN_WORDS>;

/// Who serves.
pub struct Server<'a> {
    spec: Spec<'a>,
    endpoint: cap::Endpoint,
    reply: cap::Reply,
    drivers: Drivers,
    events: Events,
    log: Log,
    /// Tells control that there is an event.
    control: Option<cap::Notification>,
    lives: Lives,
    urgency: Urgency,
    /// How the stager is scheduled; none: as its description says.
    stager: Option<Scheduling>,
}

impl<'a> Server<'a> {
    /// Ready to serve.
    pub fn new(
        spec: &Spec<'a>,
        regions: &Regions,
        system: &Static,
        drivers: Drivers,
        memory: &mut Memory,
    ) -> Result<Self, Failure> {
        let reply = memory.object(ObjectBlueprint::Reply)?;
        let control = match spec.callers().find(|caller| caller.role == Role::Control) {
            Some(caller) => {
                let notification = system.get(caller.pd)?.notification;
                let badged = memory.mint(notification, CapRights::write_only(), 1 << caller.channel)?;
                Some(cap::Notification::from_bits(badged))
            }
            None => None,
        };
        let lives = Lives::new(spec, system, drivers.sched_control);
        Ok(Self {
            spec: *spec,
            endpoint: cap::Endpoint::from_bits(system.endpoint),
            reply: cap::Reply::from_bits(reply),
            drivers,
            events: Events::new(),
            log: Log::new(spec, regions, memory)?,
            control,
            lives,
            urgency: Urgency::default(),
            stager: None,
        })
    }

    /// Serves for ever.
    pub fn serve(&mut self) -> ! {
        let (mut info, mut badge) = self.endpoint.recv(self.reply);
        loop {
            (info, badge) = match self.handle(&info, badge) {
                Some((code, words)) => {
                    sel4::with_ipc_buffer_mut(|buffer| {
                        buffer.msg_regs_mut()[..words.len()].copy_from_slice(&words)
                    });
                    let answer = MessageInfo::new(code as u64, 0, 0, words.len());
                    self.endpoint.reply_recv(answer, self.reply)
                }
                // Who faulted gets no answer: it stays blocked until it is suspended, which was done already.
                None => self.endpoint.recv(self.reply),
            }
        }
    }

    /// Handles a message; the answer, if it was a call.
    fn handle(&mut self, info: &MessageInfo, badge: u64) -> Option<(Code, Answer)> {
        match Sender::from_badge(badge)? {
            Sender::Caller(index) => {
                let Some(caller) = self.spec.callers().get(index) else {
                    return Some((Code::Denied, Answer::new()));
                };
                let mut words = [0; WORDS];
                let len = info.length().min(WORDS);
                sel4::with_ipc_buffer(|buffer| words[..len].copy_from_slice(&buffer.msg_regs()[..len]));
                Some(match self.call(caller, info.label(), &words[..len]) {
                    Ok(answer) => answer,
                    Err(code) => (code, Answer::new()),
                })
            }
            Sender::Driver { slot, place } => {
                let (detail, address, pc) = fault(info);
                if let Ok(generation) = self.drivers.stop(slot, place) {
                    debug_println!(
                        "root: generation {generation} faulted: {detail} at {address:#x}, pc {pc:#x}"
                    );
                    self.log.write(Kind::Fault, slot, generation, detail, address);
                    let slot = slot as u32;
                    self.tell(Event {
                        kind: EventKind::Fault,
                        slot,
                        generation,
                        detail,
                        address,
                        pc,
                    });
                }
                None
            }
            Sender::StaticPd(pd) => {
                self.static_pd(pd, info);
                None
            }
            Sender::OfDead(_) => Some((Code::Gone, Answer::new())),
        }
    }

    fn tell(&mut self, event: Event) {
        self.events.push(event);
        if let Some(control) = self.control {
            control.signal();
        }
    }

    fn call(&mut self, caller: Caller, label: u64, words: &[u64]) -> Result<(Code, Answer), Code> {
        let request = decode(caller.role, label, words, self.drivers.slots.len())?;
        let done = |done: bool| Ok((if done { Code::Ok } else { Code::Again }, Answer::new()));
        match request {
            Request::BuildBegin {
                slot,
                side,
                entry,
                heap_pages,
                segments,
            } => {
                let [generation, pages] = self.drivers.begin(slot, side, entry, heap_pages, &segments)?;
                self.log.write(Kind::Build, slot, generation as u32, pages, 0);
                Ok((Code::Ok, answer(&[generation, pages])))
            }
            Request::BuildStep(target) => {
                let words = self
                    .drivers
                    .step(target.slot, target.generation, self.urgency.step_pages())?;
                let code = if words[0] == words[1] {
                    Code::Ok
                } else {
                    Code::Again
                };
                Ok((code, answer(&words)))
            }
            Request::BuildFinish(Target { slot, generation }) => {
                let pages = self.urgency.step_pages();
                done(self.drivers.finish(slot, generation, pages)?)
            }
            Request::Start(Target { slot, generation }) => {
                self.drivers.start(slot, generation)?;
                self.log.write(Kind::Start, slot, generation, 0, 0);
                self.urgency.started(slot);
                self.schedule_stager();
                done(true)
            }
            Request::Cut(Target { slot, generation }) => {
                if self.drivers.cut(slot, generation)? {
                    self.log.write(Kind::Cut, slot, generation, 0, 0);
                    self.urgency.cut(slot);
                    self.schedule_stager();
                }
                done(true)
            }
            Request::Discard(Target { slot, generation }) => {
                let complete = self.drivers.discard(slot, generation)?;
                if complete {
                    self.log.write(Kind::Reap, slot, generation, 0, 0);
                }
                done(complete)
            }
            Request::DeviceReset(slot) => {
                self.drivers.slot(slot)?.generations.device_reset()?;
                self.log.write(Kind::Reset, slot, 0, 1, 0);
                done(true)
            }
            Request::NextEvent(dealt_with) => {
                let next = self.events.next(dealt_with).ok_or(Code::Empty)?;
                let mut words = answer(&next.event.to_words());
                // Seven words.
                let _ = words.push(next.number);
                Ok((Code::Ok, words))
            }
            Request::SlotState(slot) => Ok((Code::Ok, self.state(slot)?)),
            Request::Kill(slot) => self.kill(slot).and_then(|()| done(true)),
            Request::Consumed(slot) => Ok((Code::Ok, answer(&self.drivers.consumed(slot)?))),
            Request::DomainState(pd) => {
                let state = self.lives.state(&self.spec, pd).ok_or(Code::Empty)?;
                Ok((Code::Ok, answer(&state.to_words())))
            }
            Request::Silent(pd) => self.silent(pd).and_then(|()| done(true)),
            Request::Renew(slot, part) => self.renew(slot, part).and_then(|()| done(true)),
            Request::Hurry(slot, hurry) => {
                self.urgency.hurry(slot, hurry);
                self.schedule_stager();
                done(true)
            }
            Request::Dma(request) => self.dma(request),
        }
    }

    /// Running generation or 0, generations alive, free untypeds, bytes of one; the one that is being built or 0; all alive.
    fn state(&mut self, slot: usize) -> Result<Answer, Code> {
        let generations = &self.drivers.slot(slot)?.generations;
        let alive = generations.alive();
        let building = generations
            .building()
            .and_then(|place| generations.at(place))
            .map_or(0, |g| g.number);
        let free = (root::generation::PLACES - alive) as u64;
        let bytes = 1 << root::chunks::GENERATION_BITS;
        let mut words = answer(&[
            generations.running().into(),
            alive as u64,
            free,
            bytes,
            building.into(),
        ]);
        for place in 0..root::generation::PLACES {
            let number = generations.at(place).map_or(0, |g| g.number);
            // Eight words at most.
            let _ = words.push(number.into());
        }
        Ok(words)
    }

    /// Schedules the stager as is due.
    fn schedule_stager(&mut self) {
        let Some(stager) = self.caller(Role::Stager) else {
            return;
        };
        let priority = |pd: usize| self.spec.pds().get(pd).map_or(0, |pd| pd.priority);
        let shadows = self.spec.slots().map(|slot| priority(slot.shadow));
        let Some(given) = self.spec.pds().get(stager).map(|pd| Scheduling {
            priority: pd.priority,
            budget_us: pd.budget_us,
            period_us: pd.period_us,
        }) else {
            return;
        };
        let due = self.urgency.stager(given, shadows);
        let before = self.stager.replace(due).unwrap_or(given);
        if before.priority != due.priority {
            self.lives.set_priority(stager, due.priority);
        }
        if (before.budget_us, before.period_us) != (due.budget_us, due.period_us) {
            self.lives.set_budget(stager, due.budget_us, due.period_us);
        }
    }

    fn kill(&mut self, slot: usize) -> Result<(), Code> {
        let place = self
            .drivers
            .slot(slot)?
            .generations
            .holder()
            .ok_or(Code::WrongState)?;
        let generation = self.drivers.stop(slot, place)?;
        self.log.write(Kind::Kill, slot, generation, 0, 0);
        let slot = slot as u32;
        self.tell(Event {
            kind: EventKind::Killed,
            slot,
            generation,
            detail: 0,
            address: 0,
            pc: 0,
        });
        Ok(())
    }

    /// Starts the part anew that control has waited for in vain.
    fn renew(&mut self, slot: usize, part: Part) -> Result<(), Code> {
        let pd = match part {
            Part::Stager => self.caller(Role::Stager),
            Part::Guard => self.caller(Role::Guard),
            Part::Shadow => self.spec.slots().nth(slot).map(|slot| slot.shadow),
        };
        self.silent(pd.ok_or(Code::Invalid)?)
    }

    /// The PD that calls root in this role.
    fn caller(&self, role: Role) -> Option<usize> {
        let caller = self.spec.callers().find(|caller| caller.role == role);
        caller.map(|caller| caller.pd)
    }

    /// Starts a static PD anew that does not answer.
    fn silent(&mut self, pd: usize) -> Result<(), Code> {
        let state = self.lives.state(&self.spec, pd).ok_or(Code::Invalid)?;
        if state.dead {
            return Err(Code::Gone);
        }
        let cause = Cause {
            label: SILENT,
            ..Cause::default()
        };
        self.stopped(pd, cause);
        Ok(())
    }

    /// A fault of a static PD, or a passive one that has finished `init`.
    fn static_pd(&mut self, pd: usize, info: &MessageInfo) {
        let (label, address, pc) = fault(info);
        if label == 0 {
            self.lives.passive(&self.spec, pd);
            return;
        }
        self.stopped(pd, Cause { label, address, pc });
    }

    /// A static PD is not to go on as it is: it is started anew, or buried.
    fn stopped(&mut self, pd: usize, cause: Cause) {
        let restarted = self.lives.fault(&self.spec, pd, cause);
        self.log
            .write(Kind::DomainFault, pd, restarted, cause.label, cause.address);
        if self.caller(Role::Control) == Some(pd) {
            // Its successor gives up the job, and does not know what we were told.
            self.urgency.nobody_hurries();
            self.schedule_stager();
        }
        if let Some(control) = self.control {
            // What it must know it asks for; a control that was just started anew looks at everything anyway.
            control.signal();
        }
    }
}

fn answer(words: &[u64]) -> Answer {
    words.iter().copied().take(DOMAIN_WORDS).collect()
}

/// Label, address and program counter of a fault.
fn fault(info: &MessageInfo) -> (u64, u64, u64) {
    let (address, pc) = sel4::with_ipc_buffer(|buffer| match Fault::new(buffer, info) {
        Fault::VmFault(fault) => (fault.addr(), fault.ip()),
        Fault::UnknownSyscall(fault) => (fault.syscall(), fault.fault_ip()),
        Fault::UserException(fault) => (0, fault.inner().get_FaultIP()),
        Fault::CapFault(fault) => (fault.inner().get_Addr(), fault.inner().get_IP()),
        _ => (0, 0),
    });
    (info.label(), address, pc)
}
