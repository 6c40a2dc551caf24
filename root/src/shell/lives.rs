//! Static PDs that faulted: their callers are answered, they are started anew, or buried.

use heapless::Vec;
use root::restart::{Cause, Life, Verdict};
use root::sender::Sender;
use sel4::init_thread::slot as init;
use sel4::{CapRights, MessageInfo, cap};
use sel4_abi::microkit::slot;
use sel4_root_task::debug_println;
use supervision::Code;
use supervision::root::DomainState;
use system_spec::spec::{MAX_PDS, PAGE, Pd, Spec};
use trace::clock;

use super::memory::path;
use super::system::{PdCaps, Static, configure, run};

/// All static PDs.
pub struct Lives {
    pds: Vec<PdCaps, MAX_PDS>,
    lives: Vec<Life, MAX_PDS>,
    endpoint: u64,
    sched_control: cap::SchedControl,
}

impl Lives {
    /// They all live.
    pub fn new(spec: &Spec<'_>, system: &Static, sched_control: cap::SchedControl) -> Self {
        let lives = system.pds.iter().zip(spec.pds()).map(|(caps, pd)| {
            // A child's faults are its parent's business; a passive PD has no time of its own to start anew on.
            let can = pd.parent.is_none() && !pd.passive && !caps.written.segments.is_null();
            Life::new(pd.restart && can)
        });
        Self {
            pds: system.pds.clone(),
            lives: lives.collect(),
            endpoint: system.endpoint,
            sched_control,
        }
    }

    /// How PD number `pd` fared.
    pub fn state(&self, spec: &Spec<'_>, pd: usize) -> Option<DomainState> {
        Some(self.lives.get(pd)?.state(spec.pds().get(pd)?.name))
    }

    /// A PD faulted. Its fault message is not answered: it is suspended, then started anew or buried. Answers how often it
    /// was started anew.
    pub fn fault(&mut self, spec: &Spec<'_>, pd: usize, cause: Cause) -> u32 {
        let (Some(caps), Some(described), Some(life)) =
            (self.pds.get(pd), spec.pds().get(pd), self.lives.get_mut(pd))
        else {
            return 0;
        };
        let Cause { label, address, pc } = cause;
        debug_println!(
            "root: {} faulted: {label} at {address:#x}, pc {pc:#x}",
            described.name
        );
        let _ = cap::Tcb::from_bits(caps.tcb).tcb_suspend();
        if life.fault(clock::ticks(), clock::hz(), cause) == Verdict::Restart {
            answer_caller(caps, Code::Restarted);
            if let Err(error) = restart(spec, caps, &described) {
                debug_println!("root: {} cannot be started anew: {error:?}", described.name);
                life.give_up();
            }
        }
        let state = life.state("");
        if state.dead {
            answer_caller(caps, Code::Gone);
            self.bury(spec, pd);
        }
        state.restarts
    }

    /// Runs a PD at this priority from now on.
    pub fn set_priority(&self, pd: usize, priority: u8) {
        if let Some(caps) = self.pds.get(pd) {
            // Root may give any priority, and the thread exists.
            let _ = cap::Tcb::from_bits(caps.tcb).tcb_set_priority(init::TCB.cap(), priority.into());
        }
    }

    /// Gives a PD this budget and period (µs) from now on.
    pub fn set_budget(&self, pd: usize, budget_us: u64, period_us: u64) {
        if let Some(caps) = self.pds.get(pd) {
            let sched_context = cap::SchedContext::from_bits(caps.sched_context);
            // The same as when it was created.
            let _ = configure(self.sched_control, sched_context, budget_us, period_us, pd as u64);
        }
    }

    /// A passive PD has finished `init`: it runs on its callers' time from now on.
    pub fn passive(&self, spec: &Spec<'_>, pd: usize) {
        let (Some(caps), Some(described)) = (self.pds.get(pd), spec.pds().get(pd)) else {
            return;
        };
        if !described.passive {
            return;
        }
        let sched_context = cap::SchedContext::from_bits(caps.sched_context);
        let tcb = cap::Tcb::from_bits(caps.tcb);
        let notification = cap::Notification::from_bits(caps.notification);
        let moved = sched_context
            .sched_context_unbind_object(tcb.cptr())
            .and_then(|()| sched_context.sched_context_bind(notification.cptr()));
        if moved.is_err() {
            debug_println!("root: {} cannot become passive: {moved:?}", described.name);
        }
    }

    /// Nobody shall wait for the dead: calls to it come to us from now on. With its endpoint's last capability the waiting
    /// ones are sent to try again, and then they find ours.
    fn bury(&self, spec: &Spec<'_>, pd: usize) {
        let Some(dead) = self.pds.get(pd) else { return };
        let ends = || spec.channels().flat_map(|[a, b]| [(a, b), (b, a)]);
        let callers = || ends().filter(|(from, to)| to.pd == pd && from.call);
        let slot_of = |caller: usize, id: u32| {
            let caps = self.pds.get(caller)?;
            Some(caps.slot(slot::BASE_ENDPOINT + u64::from(id)))
        };
        let _ = path(dead.endpoint).revoke();
        let _ = path(dead.endpoint).delete();
        let call_only = CapRights::new(true, false, false, true);
        for (from, _) in callers() {
            if let Some(slot) = slot_of(from.pd, from.id) {
                let _ = slot.delete();
                let _ = slot.mint(
                    &path(self.endpoint),
                    call_only.clone(),
                    Sender::OfDead(pd).badge(),
                );
            }
        }
    }
}

/// Who waits for an answer of the PD gets this one. Nobody waits: nothing happens.
fn answer_caller(caps: &PdCaps, code: Code) {
    cap::Reply::from_bits(caps.reply).send(MessageInfo::new(code as u64, 0, 0, 0));
}

/// As it was when the system was built. Regions and link pages stay as they are: from them it goes on. The stack is not
/// cleared: nothing reads there what it did not write.
fn restart(spec: &Spec<'_>, caps: &PdCaps, pd: &Pd<'_>) -> sel4::Result<()> {
    let mut target = caps.written.segments;
    for segment in spec.segments(pd).filter(|segment| segment.rights.write) {
        let (len, content) = ((segment.pages * PAGE) as usize, segment.content);
        // SAFETY: the writable segments of this PD were mapped here for writing, one behind the other and for good
        // (`Static::create`), with as many pages as they have now; content is not longer than its pages (`Spec::parse`).
        // Their only other user, the PD, is suspended.
        unsafe {
            core::ptr::copy_nonoverlapping(content.as_ptr(), target, content.len());
            core::ptr::write_bytes(target.add(content.len()), 0, len - content.len());
            target = target.add(len);
        }
    }
    if !caps.written.ipc_buffer.is_null() {
        // SAFETY: the PD's IPC buffer, a page that was mapped here for writing and for good; the PD is suspended.
        unsafe { core::ptr::write_bytes(caps.written.ipc_buffer, 0, PAGE as usize) };
    }
    run(caps, pd)
}
