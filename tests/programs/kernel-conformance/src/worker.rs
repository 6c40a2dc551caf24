//! Test fixtures: objects, and threads beside the one that runs the test.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::api::{self, CNODE, INIT_TCB, Slot, VSPACE};
use crate::arena::{self, SCRATCH, WORKER_BUFFERS};
use crate::expect::{Failure, Line};
use crate::supervisor;
use crate::sys::{self, Answer, Cap};
use sel4_abi::object::ObjectType;

const STACK_BYTES: usize = 16 * 1024;
const WORKERS: usize = 12;

#[repr(align(16))]
struct Stack(UnsafeCell<[u8; STACK_BYTES]>);

// SAFETY: nothing but the stack pointer of the one thread started on it points into it.
unsafe impl Sync for Stack {}

static STACKS: [Stack; WORKERS] = [const { Stack(UnsafeCell::new([0; STACK_BYTES])) }; WORKERS];

/// What a thread does, with four arguments; it suspends itself afterwards.
pub type Body = fn([u64; 4]);

/// Parameters of a thread.
#[derive(Clone, Copy)]
pub struct Spec {
    /// Priority.
    pub priority: u64,
    /// Maximum controlled priority.
    pub mcp: u64,
    /// Budget in µs; 0: no scheduling context.
    pub budget: u64,
    /// Period in µs.
    pub period: u64,
    /// Refills beyond two.
    pub extra_refills: u64,
    /// Badge of the scheduling context.
    pub badge: u64,
    /// Flags of the scheduling context.
    pub flags: u64,
    /// Fault endpoint; `None`: the supervisor's, which ends the test.
    pub fault: Option<Cap>,
}

impl Spec {
    /// Round robin at that priority, with a budget that no test uses up.
    pub const fn priority(priority: u64) -> Self {
        Self {
            priority,
            mcp: 0,
            budget: 1_000_000,
            period: 1_000_000,
            extra_refills: 0,
            badge: 0,
            flags: 0,
            fault: None,
        }
    }

    /// The same without a scheduling context.
    pub const fn passive(priority: u64) -> Self {
        Self {
            budget: 0,
            ..Self::priority(priority)
        }
    }

    /// With that budget in that period.
    pub const fn budget(self, budget: u64, period: u64) -> Self {
        Self {
            budget,
            period,
            ..self
        }
    }

    /// With that fault endpoint (0: none).
    pub const fn fault(self, endpoint: Cap) -> Self {
        Self {
            fault: Some(endpoint),
            ..self
        }
    }
}

/// A thread that was made.
#[derive(Clone, Copy, Debug)]
pub struct Worker {
    /// Its TCB.
    pub tcb: Cap,
    /// Its scheduling context, 0 if it has none.
    pub sc: Cap,
    /// The frame of its IPC buffer.
    pub frame: Cap,
    /// The address of its IPC buffer.
    pub buffer: u64,
    /// First address above its stack.
    pub stack: u64,
}

/// What a test gets.
pub struct Test {
    /// The TCB of the thread that runs the test: priority 200, maximum controlled priority 220.
    pub tcb: Cap,
    workers: usize,
    pages: u64,
}

/// A value, or the reason why the fixture could not be made.
pub type Made<T> = Result<T, Failure>;

/// The answer of something that a fixture needs and a test is not about.
pub fn need(what: &str, answer: Answer) -> Made<Answer> {
    if answer.label == 0 {
        Ok(answer)
    } else {
        Err(Failure(Line::new(format_args!(
            "cannot prepare, {what}: {answer:?}"
        ))))
    }
}

impl Test {
    /// The context of the test that the calling thread runs.
    pub fn new(tcb: Cap) -> Self {
        Self {
            tcb,
            workers: 0,
            pages: 0,
        }
    }

    /// An empty slot of the root CNode.
    pub fn slot(&mut self) -> Cap {
        arena::slot()
    }

    /// `n` empty slots that follow each other; the first.
    pub fn slots(&mut self, n: u64) -> Cap {
        let first = arena::slot();
        for _ in 1..n {
            arena::slot();
        }
        first
    }

    /// A new object.
    pub fn make(&mut self, ty: ObjectType, size: u64) -> Made<Cap> {
        self.make_from(arena::memory(), ty, size)
    }

    /// A new object from that untyped.
    pub fn make_from(&mut self, untyped: Cap, ty: ObjectType, size: u64) -> Made<Cap> {
        arena::retype_from(untyped, ty, size).map_err(|answer| {
            Failure(Line::new(format_args!(
                "cannot prepare, retype to {ty:?}: {answer:?}"
            )))
        })
    }

    /// An untyped of `2^bits` bytes.
    pub fn untyped(&mut self, bits: u64) -> Made<Cap> {
        self.make(ObjectType::Untyped, bits)
    }

    /// An endpoint.
    pub fn endpoint(&mut self) -> Made<Cap> {
        self.make(ObjectType::Endpoint, 0)
    }

    /// A notification.
    pub fn notification(&mut self) -> Made<Cap> {
        self.make(ObjectType::Notification, 0)
    }

    /// A reply object.
    pub fn reply(&mut self) -> Made<Cap> {
        self.make(ObjectType::Reply, 0)
    }

    /// A CNode of `2^bits` slots, without a guard.
    pub fn cnode(&mut self, bits: u64) -> Made<Cap> {
        self.make(ObjectType::CNode, bits)
    }

    /// A scheduling context with room for eight extra refills, not configured.
    pub fn sched_context(&mut self) -> Made<Cap> {
        self.make(ObjectType::SchedContext, 8)
    }

    /// A scheduling context with that budget and period in µs.
    pub fn budget(&mut self, budget: u64, period: u64) -> Made<Cap> {
        let sc = self.sched_context()?;
        let answer = api::sched_control_configure(arena::control(), sc, budget, period, 0, 0, 0);
        need("configure", answer)?;
        Ok(sc)
    }

    /// A 4 KiB frame.
    pub fn frame(&mut self) -> Made<Cap> {
        self.make(ObjectType::SmallPage, 0)
    }

    /// An address in the window where nothing is mapped, with tables.
    pub fn page_address(&mut self) -> u64 {
        self.pages += 1;
        SCRATCH + (self.pages - 1) * 0x2000
    }

    /// A new frame mapped read-write; it and its address.
    pub fn mapped(&mut self) -> Made<(Cap, u64)> {
        let frame = self.frame()?;
        let address = self.page_address();
        need("map", api::page_map(frame, VSPACE, address, 3, 7))?;
        Ok((frame, address))
    }

    /// A badged (or guarded) copy with these rights.
    pub fn mint(&mut self, cap: Cap, rights: u64, badge: u64) -> Made<Cap> {
        let copy = self.slot();
        need(
            "mint",
            api::cnode_mint(api::root(copy), api::root(cap), rights, badge),
        )?;
        Ok(copy)
    }

    /// A copy.
    pub fn copy(&mut self, cap: Cap) -> Made<Cap> {
        let copy = self.slot();
        need("copy", api::cnode_copy(api::root(copy), api::root(cap), api::ALL))?;
        Ok(copy)
    }

    /// A thread in this address space and CSpace; it does not run yet.
    pub fn worker(&mut self, spec: Spec, body: Body, arguments: [u64; 4]) -> Made<Worker> {
        let worker = self.worker_without_registers(spec)?;
        let mut registers = [0; 11];
        registers[0] = entry as *const () as u64;
        registers[1] = worker.stack;
        registers[3] = worker.buffer;
        registers[4] = body as *const () as u64;
        registers[5..9].copy_from_slice(&arguments);
        registers[9] = worker.tcb;
        need(
            "write registers",
            api::tcb_write_registers(worker.tcb, false, &registers),
        )?;
        Ok(worker)
    }

    /// The same, without a program.
    pub fn worker_without_registers(&mut self, spec: Spec) -> Made<Worker> {
        let n = self.workers;
        self.workers += 1;
        let tcb = self.make(ObjectType::Tcb, 0)?;
        let frame = self.frame()?;
        let buffer = WORKER_BUFFERS + 0x1000 * n as u64;
        need("map buffer", api::page_map(frame, VSPACE, buffer, 3, 7))?;
        need(
            "configure",
            api::tcb_configure(tcb, CNODE, 0, VSPACE, buffer, frame),
        )?;
        let sc = if spec.budget == 0 {
            0
        } else {
            let sc = self.sched_context()?;
            let Spec {
                budget,
                period,
                extra_refills,
                badge,
                flags,
                ..
            } = spec;
            need(
                "budget",
                api::sched_control_configure(
                    arena::control(),
                    sc,
                    budget,
                    period,
                    extra_refills,
                    badge,
                    flags,
                ),
            )?;
            sc
        };
        let fault = spec.fault.unwrap_or(supervisor::worker_fault_endpoint());
        need(
            "sched params",
            api::tcb_set_sched_params(tcb, INIT_TCB, spec.mcp, spec.priority, sc, fault),
        )?;
        Ok(Worker {
            tcb,
            sc,
            frame,
            buffer,
            stack: STACKS[n].0.get() as u64 + STACK_BYTES as u64,
        })
    }

    /// A thread that runs as soon as its priority lets it.
    pub fn start(&mut self, spec: Spec, body: Body, arguments: [u64; 4]) -> Made<Worker> {
        let worker = self.worker(spec, body, arguments)?;
        need("resume", api::tcb_resume(worker.tcb))?;
        Ok(worker)
    }

    /// Takes the last worker back, so that its stack and buffer address serve the next one.
    pub fn forget_worker(&mut self, worker: &Worker) -> Made<()> {
        self.workers -= 1;
        need("suspend", api::tcb_suspend(worker.tcb))?;
        need("unmap", api::page_unmap(worker.frame))?;
        Ok(())
    }

    /// Lets every thread below this one's priority run until they all block: sleeps in a lower-priority idle wait.
    pub fn settle(&mut self) -> Made<()> {
        let done = self.notification()?;
        let idle = self.start(Spec::priority(1), |[done, ..]| sys::signal(done), [done, 0, 0, 0])?;
        sys::wait(done);
        self.forget_worker(&idle)
    }
}

static NEVER: AtomicU64 = AtomicU64::new(0);

#[allow(improper_ctypes_definitions)] // Both sides are this program.
extern "C" fn entry(buffer: u64, body: Body, a: u64, b: u64, c: u64, d: u64, tcb: Cap) -> ! {
    sys::enter(buffer);
    body([a, b, c, d]);
    loop {
        let _ = api::tcb_suspend(tcb);
        NEVER.fetch_add(1, Relaxed);
    }
}

/// A slot in the root CNode where `untyped_retype` puts objects: the CNode itself.
pub const HERE: Slot = Slot(CNODE, 0, 0);
