//! The static protection domains.

use heapless::Vec;
use root::sender::Sender;
use sel4::init_thread::slot as init;
use sel4::{
    CNodeCapData, CapRights, CapTypeForObjectOfFixedSize, ObjectBlueprint, UserContext, cap, cap_type,
};
use sel4_abi::microkit::{FAULT_BADGE, PD_CNODE_SIZE_BITS, slot};
use sel4_abi::object::max_extra_refills;
use system_spec::spec::{MAX_PDS, MAX_RELOAD, PAGE, Pd, Rights, Role, Segment, Spec};

use super::memory::{Memory, PAGE_BITS, path};
use super::regions::Regions;
use super::{Failure, wiring};

/// Size of a scheduling context in bits. A thread that often blocks splits its budget into many refills; with too few
/// of them it would lose budget.
pub const SCHED_CONTEXT_BITS: usize = 10;
/// Refills beyond the two that everybody has: as many as fit.
const EXTRA_REFILLS: u64 = max_extra_refills(SCHED_CONTEXT_BITS) as u64;

const NOT_EXECUTED: Rights = Rights {
    write: true,
    execute: false,
};

/// What root keeps of a PD: slots of its own CNode.
#[derive(Clone, Copy, Debug)]
pub struct PdCaps {
    /// Thread.
    pub tcb: u64,
    /// Scheduling context.
    pub sched_context: u64,
    /// CSpace.
    pub cnode: u64,
    /// Address space.
    pub vspace: u64,
    /// Notification.
    pub notification: u64,
    /// Endpoint on which it is called, and its children's faults arrive.
    pub endpoint: u64,
    /// Its reply object: who is answered by it while the PD lives can be answered by root when it died.
    pub reply: u64,
    /// What must be written to start it anew.
    pub written: Written,
}

/// Pages of a PD that change while it runs, as they are mapped here for good.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// The writable segments, one behind the other; null: none, or more than the tool lets pass ([`MAX_RELOAD`]).
    pub segments: *mut u8,
    /// IPC buffer.
    pub ipc_buffer: *mut u8,
}

impl PdCaps {
    /// The path of a slot of its CSpace.
    pub fn slot(&self, index: u64) -> sel4::AbsoluteCPtr {
        cap::CNode::from_bits(self.cnode).absolute_cptr_from_bits_with_depth(index, PD_CNODE_SIZE_BITS)
    }
}

/// All static PDs, and root's endpoint.
pub struct Static {
    /// PDs by index.
    pub pds: Vec<PdCaps, MAX_PDS>,
    /// Root's endpoint.
    pub endpoint: u64,
}

impl Static {
    /// Creates them, not running.
    pub fn create(
        spec: &Spec<'_>,
        regions: &Regions,
        memory: &mut Memory,
        bootinfo: &sel4::BootInfoPtr,
    ) -> Result<Self, Failure> {
        let endpoint = memory.object(ObjectBlueprint::Endpoint)?;
        let mut system = Self {
            pds: Vec::new(),
            endpoint,
        };
        for _ in spec.pds() {
            system
                .pds
                .push(create_objects(memory)?)
                .map_err(|_| Failure::TooMany)?;
        }
        for (index, pd) in spec.pds().enumerate() {
            let caps = system.get(index)?;
            let mut written = Written {
                segments: core::ptr::null_mut(),
                ipc_buffer: core::ptr::null_mut(),
            };
            let writable = spec.segments(&pd).filter(|segment| segment.rights.write);
            let reload = pd.restart && writable.map(|segment| segment.pages).sum::<u64>() <= MAX_RELOAD;
            for segment in spec.segments(&pd) {
                let kept = load(memory, caps, &segment, reload && segment.rights.write)?;
                if written.segments.is_null() {
                    written.segments = kept;
                }
            }
            system.pds.get_mut(index).ok_or(Failure::Reference)?.written = written;
            system.thread(memory, bootinfo, index, &pd)?;
            if spec
                .callers()
                .any(|caller| caller.role == Role::Bus && caller.pd == index)
            {
                system.watch(memory, index)?;
            }
        }
        wiring::maps(spec, regions, &system, memory)?;
        wiring::wire(spec, &system, memory)?;
        Ok(system)
    }

    /// Whoever calls this PD waits until it answers, and it outranks them: one that hangs is known by its budget, which is far more than it
    /// needs in a period. That it is spent counts as a fault.
    fn watch(&self, memory: &mut Memory, index: usize) -> Result<(), Failure> {
        let timeouts = memory.mint(self.endpoint, CapRights::all(), Sender::StaticPd(index).badge())?;
        let tcb = cap::Tcb::from_bits(self.get(index)?.tcb);
        tcb.tcb_set_timeout_endpoint(cap::Endpoint::from_bits(timeouts))?;
        Ok(())
    }

    /// A PD's capabilities.
    pub fn get(&self, pd: usize) -> Result<PdCaps, Failure> {
        self.pds.get(pd).copied().ok_or(Failure::Reference)
    }

    /// Starts them all.
    pub fn start(&self, spec: &Spec<'_>) -> Result<(), Failure> {
        for (caps, pd) in self.pds.iter().zip(spec.pds()) {
            run(caps, &pd)?;
        }
        Ok(())
    }

    /// Stack, IPC buffer, fault handler and scheduling of a PD.
    fn thread(
        &mut self,
        memory: &mut Memory,
        bootinfo: &sel4::BootInfoPtr,
        index: usize,
        pd: &Pd<'_>,
    ) -> Result<(), Failure> {
        let caps = self.get(index)?;
        let vspace = cap::VSpace::from_bits(caps.vspace);
        let stack = memory.frames(PAGE_BITS, pd.stack_pages)?.slot;
        let bottom = pd.stack_top - pd.stack_pages * PAGE;
        for page in 0..pd.stack_pages {
            memory.map(
                stack + page,
                vspace,
                (bottom + page * PAGE) as usize,
                NOT_EXECUTED,
                true,
            )?;
        }
        let ipc_buffer = memory.frames(PAGE_BITS, 1)?.slot;
        memory.map(ipc_buffer, vspace, pd.ipc_buffer as usize, NOT_EXECUTED, true)?;
        if pd.restart {
            let copy = memory.copy(ipc_buffer)?;
            let written = &mut self.pds.get_mut(index).ok_or(Failure::Reference)?.written;
            written.ipc_buffer = memory.keep(copy)?;
        }
        let fault_ep = match pd.parent {
            Some((parent, id)) => {
                let parent = self.get(parent)?;
                parent
                    .slot(slot::BASE_TCB + u64::from(id))
                    .copy(&path(caps.tcb), CapRights::all())?;
                memory.mint(parent.endpoint, CapRights::all(), FAULT_BADGE | u64::from(id))?
            }
            None => memory.mint(self.endpoint, CapRights::all(), Sender::StaticPd(index).badge())?,
        };
        caps.slot(slot::FAULT_EP)
            .copy(&path(fault_ep), CapRights::all())?;
        if pd.passive {
            let ask = memory.mint(self.endpoint, CapRights::all(), Sender::StaticPd(index).badge())?;
            caps.slot(slot::MONITOR_EP).copy(&path(ask), CapRights::all())?;
        }
        let thread = Thread {
            tcb: caps.tcb,
            sched_context: caps.sched_context,
            fault_ep,
        };
        thread.schedule(bootinfo, pd.priority, pd.budget_us, pd.period_us, index as u64)?;
        let tcb = cap::Tcb::from_bits(caps.tcb);
        tcb.tcb_configure(
            cap::CNode::from_bits(caps.cnode),
            CNodeCapData::skip_high_bits(PD_CNODE_SIZE_BITS),
            vspace,
            pd.ipc_buffer,
            cap::Granule::from_bits(ipc_buffer),
        )?;
        tcb.tcb_bind_notification(cap::Notification::from_bits(caps.notification))?;
        if pd.fpu_off {
            tcb.tcb_set_flags(0, sel4::TcbFlagsBuilder::new().fpu_disabled(true).build())?;
        }
        name(tcb, pd.name);
        Ok(())
    }
}

/// Starts a PD from its entry point.
pub fn run(caps: &PdCaps, pd: &Pd<'_>) -> sel4::Result<()> {
    let mut registers = UserContext::default();
    *registers.pc_mut() = pd.entry;
    *registers.sp_mut() = pd.stack_top;
    cap::Tcb::from_bits(caps.tcb).tcb_write_all_registers(true, &mut registers)
}

/// A thread's scheduling.
pub struct Thread {
    /// The thread.
    pub tcb: u64,
    /// Its scheduling context.
    pub sched_context: u64,
    /// Where its faults go.
    pub fault_ep: u64,
}

impl Thread {
    /// Configures budget and period (µs), priority and fault handler. `badge` comes with timeout faults.
    pub fn schedule(
        &self,
        bootinfo: &sel4::BootInfoPtr,
        priority: u8,
        budget_us: u64,
        period_us: u64,
        badge: u64,
    ) -> sel4::Result<()> {
        self.schedule_by(
            bootinfo.sched_control().index(0).cap(),
            priority,
            budget_us,
            period_us,
            badge,
        )
    }
    /// The same with the control capability itself.
    pub fn schedule_by(
        &self,
        control: cap::SchedControl,
        priority: u8,
        budget_us: u64,
        period_us: u64,
        badge: u64,
    ) -> sel4::Result<()> {
        let sched_context = cap::SchedContext::from_bits(self.sched_context);
        configure(control, sched_context, budget_us, period_us, badge)?;
        let (priority, fault_ep) = (u64::from(priority), cap::Endpoint::from_bits(self.fault_ep));
        let tcb = cap::Tcb::from_bits(self.tcb);
        tcb.tcb_set_sched_params(init::TCB.cap(), priority, priority, sched_context, fault_ep)
    }
}

/// Gives a scheduling context its budget and period (µs). `badge` comes with timeout faults.
pub fn configure(
    control: cap::SchedControl,
    sched_context: cap::SchedContext,
    budget_us: u64,
    period_us: u64,
    badge: u64,
) -> sel4::Result<()> {
    // A full budget is a time slice, which has no refills.
    let refills = if budget_us < period_us { EXTRA_REFILLS } else { 0 };
    control.sched_control_configure_flags(sched_context, budget_us, period_us, refills, badge, 0)
}

/// Names a thread for the debug kernel's messages.
pub fn name(tcb: cap::Tcb, text: &str) {
    #[cfg(feature = "debug-build")]
    tcb.debug_name(text.as_bytes());
    #[cfg(not(feature = "debug-build"))]
    let _ = (tcb, text);
}

fn create_objects(memory: &mut Memory) -> Result<PdCaps, Failure> {
    let caps = PdCaps {
        tcb: memory.object(ObjectBlueprint::Tcb)?,
        sched_context: memory.object(ObjectBlueprint::SchedContext {
            size_bits: SCHED_CONTEXT_BITS,
        })?,
        cnode: memory.object(ObjectBlueprint::CNode {
            size_bits: PD_CNODE_SIZE_BITS,
        })?,
        vspace: memory.object(cap_type::VSpace::object_blueprint())?,
        notification: memory.object(ObjectBlueprint::Notification)?,
        endpoint: memory.object(ObjectBlueprint::Endpoint)?,
        reply: memory.object(ObjectBlueprint::Reply)?,
        written: Written {
            segments: core::ptr::null_mut(),
            ipc_buffer: core::ptr::null_mut(),
        },
    };
    init::ASID_POOL
        .cap()
        .asid_pool_assign(cap::VSpace::from_bits(caps.vspace))?;
    caps.slot(slot::VSPACE)
        .copy(&path(caps.vspace), CapRights::all())?;
    caps.slot(slot::REPLY).copy(&path(caps.reply), CapRights::all())?;
    if sel4_abi::config::BENCHMARK_TRACK_UTILISATION {
        caps.slot(slot::TCB).copy(&path(caps.tcb), CapRights::all())?;
    }
    Ok(caps)
}

/// Creates, fills and maps the pages of a segment; its address here if it is kept.
fn load(memory: &mut Memory, caps: PdCaps, segment: &Segment<'_>, keep: bool) -> Result<*mut u8, Failure> {
    let mut kept = core::ptr::null_mut();
    let frames = memory.frames(PAGE_BITS, segment.pages)?.slot;
    let vspace = cap::VSpace::from_bits(caps.vspace);
    let mut content = segment.content.chunks(PAGE as usize);
    for page in 0..segment.pages {
        if let Some(bytes) = content.next() {
            memory.fill(frames + page, PAGE_BITS, 0, bytes, segment.rights.execute)?;
        }
        memory.map(
            frames + page,
            vspace,
            (segment.vaddr + page * PAGE) as usize,
            segment.rights,
            true,
        )?;
        if keep {
            let copy = memory.copy(frames + page)?;
            // One page is kept behind the other.
            let here = memory.keep(copy)?;
            if page == 0 {
                kept = here;
            }
        }
    }
    Ok(kept)
}
