//! The kernel's own state: everything that is not in objects.

use sel4_abi::config::{NUM_DOMAIN_SCHEDULES, NUM_DOMAINS};

use crate::benchmark::Measurement;
use crate::fpu::Access;
use crate::machine::Machine;
use crate::object::{PhysAddr, SchedContext, Tcb};
use crate::sched::domain::Domains;
use crate::sched::ready::ReadyQueues;
use crate::vspace::asid::AsidTable;

/// Interrupt lines the kernel knows: 0 to `MAX_IRQ`.
pub const IRQ_LINES: usize = sel4_abi::platform::MAX_IRQ + 1;

/// What the scheduler has to do before the kernel is left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Nothing: the current thread goes on.
    Resume,
    /// Choose anew.
    Choose,
    /// Prefer this thread, which is in no queue.
    Switch(Tcb),
}

/// Who uses an interrupt line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IrqUse {
    /// Nobody; masked.
    Free,
    /// The kernel's own timer.
    Timer,
    /// Whoever holds the handler; signals the notification in the line's slot, if any.
    Handler,
    /// Never handed out.
    Reserved,
}

/// The kernel.
///
/// In the order of its fields what most entries look at lies within reach of a load's own offset, and tables come last.
#[cfg_attr(test, derive(Clone))]
#[repr(C)]
pub struct Kernel<M> {
    /// The machine below.
    pub m: M,
    /// The thread that entered the kernel or will leave it; `None` while idle.
    pub current: Option<Tcb>,
    /// The context that time is charged to.
    pub(crate) current_sc: Option<SchedContext>,
    /// See [`Action`].
    pub(crate) action: Action,
    /// Time of this kernel entry, ticks.
    pub(crate) now: u64,
    /// Time used by the current context and not yet charged, ticks.
    pub(crate) consumed: u64,
    /// The timer must be armed anew.
    pub(crate) reprogram: bool,
    /// First of the threads waiting for their next refill, by its time.
    pub(crate) release: Option<Tcb>,
    /// The earlier of the domain's end and the first release, ticks. Whoever changes either has the timer armed anew, which finds it out.
    pub(crate) horizon: u64,
    /// Where the slots of the interrupt lines (for their notifications) lie.
    pub irq_slots: PhysAddr,
    /// Thread whose floating-point registers are loaded.
    pub(crate) fpu_owner: Option<Tcb>,
    /// User level may use the floating-point registers now.
    pub(crate) fpu_access: Access,
    /// Head of the list of all threads, the newest.
    #[cfg(feature = "debug-build")]
    pub(crate) threads: Option<Tcb>,
    /// The thread that was there before the idle thread, while it lives.
    #[cfg(feature = "debug-build")]
    pub(crate) first_thread: Option<Tcb>,
    /// The debug registers hold something.
    #[cfg(feature = "debug-build")]
    pub(crate) debug_loaded: bool,
    /// Cycles accounted to threads (benchmark configuration).
    pub(crate) measurement: Measurement,
    /// Work done since the last preemption point.
    pub(crate) work: usize,
    /// Domain schedule.
    pub(crate) domains: Domains<NUM_DOMAINS, NUM_DOMAIN_SCHEDULES>,
    /// Address space identifiers.
    pub(crate) asids: AsidTable,
    /// Use of each interrupt line.
    pub irq_use: [IrqUse; IRQ_LINES],
    /// Threads that can run.
    pub(crate) ready: ReadyQueues,
}

impl<M: Machine> Kernel<M> {
    /// A kernel without threads.
    pub const fn new(m: M, irq_slots: PhysAddr) -> Self {
        Self {
            m,
            current: None,
            current_sc: None,
            action: Action::Choose,
            now: 0,
            consumed: 0,
            reprogram: true,
            ready: ReadyQueues::new(),
            release: None,
            horizon: 0,
            domains: Domains::new(),
            asids: AsidTable::new(),
            irq_use: [IrqUse::Free; IRQ_LINES],
            irq_slots,
            fpu_owner: None,
            fpu_access: Access::Off,
            #[cfg(feature = "debug-build")]
            threads: None,
            #[cfg(feature = "debug-build")]
            first_thread: None,
            #[cfg(feature = "debug-build")]
            debug_loaded: false,
            measurement: Measurement::new(),
            work: 0,
        }
    }
}
