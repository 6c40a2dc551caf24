//! A booted kernel on the fake machine, for tests: its root task makes what system calls a test wants.

use sel4_abi::invocation::InvocationLabel;
use sel4_abi::ipc_buffer::word;
use sel4_abi::message::MessageInfo;
use sel4_abi::object::ObjectType;
use sel4_abi::platform::BootRegisters;

use crate::boot::Machinery;
use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::fake::FakeMachine;
use crate::kernel::Kernel;
use crate::machine::Memory;
use crate::object::slot::nth;
use crate::object::tcb::{self, TcbSlot};
use crate::object::{Fields, SchedContext, Slot, Tcb};

const RAM: u64 = 32 << 20;
/// log2 of an untyped that has room for all that a test makes.
pub const LARGE: u8 = 23;
const IMAGE: u64 = 0x4020_0000;

/// The root task's capabilities, as the kernel lays them out.
pub const ROOT_TCB: u64 = 1;
/// Its CNode.
pub const ROOT_CNODE: u64 = 2;
/// Authority over scheduling contexts.
pub const SCHED_CONTROL: u64 = 19;

/// Where every system call stands in the root task's program.
const CALL_AT: u64 = 0x40_0100;

/// A kernel with its root task.
pub struct Booted {
    pub kernel: Kernel<FakeMachine>,
    /// The root task's thread.
    pub thread: Tcb,
    /// Its scheduling context.
    pub context: SchedContext,
    /// Address of its CNode's slots.
    pub root: u64,
}

impl Booted {
    pub fn new() -> Self {
        Self::with_ram(RAM)
    }

    /// A machine with that many bytes of RAM.
    pub fn with_ram(ram: u64) -> Self {
        let machine = FakeMachine::new(ram);
        let ram = machine.ram();
        let mut kernel = Kernel::new(machine, ram.start);
        let registers = BootRegisters {
            user_image_start: IMAGE,
            user_image_end: IMAGE + 0x4000,
            phys_virt_offset: IMAGE - 0x40_0000,
            user_entry: 0x40_0000,
            dtb: 0,
            dtb_size: 0,
        };
        let own = ram.start..ram.start + 0x2000;
        kernel
            .boot(&Machinery {
                registers,
                ram,
                kernel: own,
            })
            .unwrap();
        let thread = kernel.current.unwrap();
        let Cap::CNode { at, .. } = kernel.m.cap(thread.slot(TcbSlot::CSpace)) else {
            panic!()
        };
        let context = kernel.m.get(thread, tcb::SCHED_CONTEXT).unwrap();
        assert_eq!(kernel.m.cap(nth(at, SCHED_CONTROL)), Cap::SchedControl);
        Self {
            kernel,
            thread,
            context,
            root: at,
        }
    }

    /// A slot of the root task's CNode.
    pub fn slot(&self, index: u64) -> Slot {
        nth(self.root, index)
    }

    /// What it holds.
    pub fn cap(&self, index: u64) -> Cap {
        self.kernel.m.cap(self.slot(index))
    }

    /// The first untyped of RAM that has at least `2^bits` bytes.
    pub fn untyped(&self, bits: u8) -> u64 {
        let large = |cap| matches!(cap, Cap::Untyped { device: false, bits: have, .. } if have >= bits);
        (16..).find(|&index| large(self.cap(index))).unwrap()
    }

    /// The current thread invokes; the answer.
    pub fn call(&mut self, cptr: u64, label: u64, words: &[u64], caps: &[u64]) -> MessageInfo {
        let thread = self.kernel.current.unwrap();
        let info = MessageInfo::new(label, 0, caps.len() as u64, words.len() as u64);
        self.prepare(thread, cptr, info, words, caps);
        self.enter(-1);
        MessageInfo::from_word(self.kernel.m.get(thread, tcb::x(1)))
    }

    /// The current thread invokes and, as user level does without knowing, repeats the call as often as it is preempted.
    pub fn call_to_end(&mut self, cptr: u64, label: u64, words: &[u64], caps: &[u64]) -> MessageInfo {
        let mut answer = self.call(cptr, label, words, caps);
        while self.was_preempted() {
            self.enter(-1);
            answer = MessageInfo::from_word(self.kernel.m.get(self.thread, tcb::x(1)));
        }
        answer
    }

    /// Whether the root task's last system call has to be repeated.
    pub fn was_preempted(&self) -> bool {
        self.kernel.m.get(self.thread, tcb::PC) == CALL_AT
    }

    /// The current thread makes the system call that its registers hold.
    pub fn enter(&mut self, number: i64) {
        let thread = self.kernel.current.unwrap();
        self.kernel.m.set(thread, tcb::RESTART_PC, CALL_AT);
        self.kernel.m.set(thread, tcb::PC, CALL_AT + 4);
        self.kernel.syscall(number);
    }

    /// The first message word that the root task got.
    pub fn first_word(&self) -> u64 {
        self.kernel.m.get(self.thread, tcb::x(2))
    }

    /// The same by name, and it succeeds.
    pub fn must(&mut self, cptr: u64, name: &str, words: &[u64], caps: &[u64]) {
        let answer = self.call(cptr, label(name), words, caps);
        assert_eq!(answer.label(), 0, "{name} of {cptr} with {words:?} {caps:?}");
    }

    /// `count` new objects from the first untyped that is large enough, in the slots from `to` on.
    pub fn make(&mut self, kind: ObjectType, size: u64, to: u64, count: u64) {
        let from = self.untyped(LARGE);
        let words = [kind as u64, size, 0, 0, to, count];
        self.must(from, "UntypedRetype", &words, &[ROOT_CNODE]);
    }

    /// Makes a thread that can be resumed: TCB in slot `at`, its scheduling context in the next one. Times in µs.
    pub fn make_thread(&mut self, at: u64, priority: u64, budget: u64, period: u64) -> Tcb {
        self.make(ObjectType::Tcb, 0, at, 1);
        self.make(ObjectType::SchedContext, 9, at + 1, 1);
        let words = [budget, period, 8, 0, 0];
        self.must(SCHED_CONTROL, "SchedControlConfigureFlags", &words, &[at + 1]);
        self.must(at, "TCBConfigure", &[0, 0, 0], &[ROOT_CNODE, 3, 0]);
        self.must(at, "TCBSetSchedParams", &[255, priority], &[ROOT_TCB, at + 1, 0]);
        let Cap::Tcb(thread) = self.cap(at) else { panic!() };
        thread
    }

    /// Fills in the registers and the IPC buffer for a system call. Capabilities are received beside the first that is sent.
    pub fn prepare(&mut self, thread: Tcb, cptr: u64, info: MessageInfo, words: &[u64], caps: &[u64]) {
        let k = &mut self.kernel;
        k.m.set(thread, tcb::x(0), cptr);
        k.m.set(thread, tcb::x(1), info.into_word());
        let buffer = k.buffer(thread, true);
        for (index, &value) in words.iter().enumerate() {
            k.set_message_word(thread, buffer, index, value);
        }
        if let Some(buffer) = buffer {
            for (index, &cap) in caps.iter().enumerate() {
                k.m.store(buffer, 8 * (word::CAPS_OR_BADGES + index) as u64, cap);
            }
            k.m.store(buffer, 8 * word::RECEIVE_CNODE as u64, ROOT_CNODE);
            k.m.store(
                buffer,
                8 * word::RECEIVE_INDEX as u64,
                caps.first().map_or(0, |cap| cap ^ 1),
            );
            k.m.store(buffer, 8 * word::RECEIVE_DEPTH as u64, 64);
        }
    }
}

/// The number of an invocation.
pub fn label(name: &str) -> u64 {
    InvocationLabel::ALL
        .iter()
        .find(|label| format!("{label:?}") == name)
        .map(|&label| label as u64)
        .unwrap()
}
