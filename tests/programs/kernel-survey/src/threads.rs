//! Threads: configuration, registers, faults.

use core::arch::{asm, naked_asm};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

use sel4_abi::invocation::InvocationLabel as L;
use sel4_abi::user_context::LENGTH;

use crate::console::say;
use crate::sys::{self, Answer, Registers, invoke};
use crate::world::{CNODE, SC, TCB, VSPACE, World, cnode, delete, kind, show};

const STACK: usize = 8192;
const THREADS: usize = 8;

#[repr(C, align(4096))]
struct Pages<const N: usize>(UnsafeCell<[[u8; N]; THREADS]>);
// SAFETY: each thread uses its own entry.
unsafe impl<const N: usize> Sync for Pages<N> {}
static STACKS: Pages<STACK> = Pages(UnsafeCell::new([[0; STACK]; THREADS]));
static BUFFERS: Pages<4096> = Pages(UnsafeCell::new([[0; 4096]; THREADS]));

/// Words threads leave for the main one.
pub static MAIL: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];

pub fn mail(index: usize) -> u64 {
    MAIL[index].load(SeqCst)
}
pub fn post(index: usize, value: u64) {
    MAIL[index].store(value, SeqCst);
}

pub type Body = extern "C" fn(u64, u64, u64) -> !;

/// A thread of the test.
#[derive(Clone, Copy)]
pub struct Thread {
    pub tcb: u64,
    pub sc: u64,
    pub fault_ep: u64,
}

impl Thread {
    /// Thread number `n`: configured, not started. Without a period it is passive.
    pub fn new(w: &mut World<'_>, n: usize, priority: u64, budget: u64, period: u64) -> Self {
        let (tcb, sc) = (w.new_object(kind::TCB, 0), w.new_object(kind::SC, 8));
        let fault_ep = w.new_object(kind::ENDPOINT, 0);
        let t = Self { tcb, sc, fault_ep };
        let buffer = BUFFERS.0.get() as u64 + 4096 * n as u64;
        let frames = w.info.user_image_frames;
        let image = w.info.ipc_buffer - (frames.end - frames.start) * 4096;
        let frame = frames.start + (buffer - image) / 4096;
        let a = invoke(
            tcb,
            L::TCBConfigure as u64,
            &[0, 0, buffer],
            &[CNODE, VSPACE, frame],
        );
        assert_eq!(a.label, 0, "{a:?}");
        let mut context = 0;
        if period != 0 {
            let a = configure(w, sc, &[budget, period, 0, 0x77, 0]);
            assert_eq!(a.label, 0, "{a:?}");
            context = sc;
        }
        let a = invoke(
            tcb,
            L::TCBSetSchedParams as u64,
            &[255, priority],
            &[TCB, context, fault_ep],
        );
        assert_eq!(a.label, 0, "{a:?}");
        t.set_registers(n, park, [0; 3], false);
        t
    }

    pub fn set_registers(self, n: usize, body: Body, arguments: [u64; 3], resume: bool) {
        let mut r = [0; 2 + LENGTH];
        r[0] = resume as u64;
        r[1] = LENGTH as u64;
        r[2] = body as usize as u64;
        r[3] = STACKS.0.get() as u64 + (STACK * (n + 1)) as u64;
        r[5..8].copy_from_slice(&arguments);
        r[2 + 35] = BUFFERS.0.get() as u64 + 4096 * n as u64;
        let a = invoke(self.tcb, L::TCBWriteRegisters as u64, &r, &[]);
        assert_eq!(a.label, 0, "{a:?}");
    }

    pub fn start(self, n: usize, body: Body, arguments: [u64; 3]) {
        self.set_registers(n, body, arguments, true);
    }
}

pub fn configure(w: &World<'_>, sc: u64, words: &[u64]) -> Answer {
    invoke(
        w.info.sched_control.start,
        L::SchedControlConfigureFlags as u64,
        words,
        &[sc],
    )
}

pub extern "C" fn park(_: u64, _: u64, _: u64) -> ! {
    // A fault: the thread waits for its handler for ever.
    loop {
        sys::syscall(-7, Registers::default());
    }
}

pub fn run(w: &mut World<'_>) {
    settings(w);
    registers(w);
    faults(w);
}

fn settings(w: &mut World<'_>) {
    let t = w.new_object(kind::TCB, 0);
    let page = w.new_object(kind::PAGE, 0);
    let (ep, ntfn) = (
        w.new_object(kind::ENDPOINT, 0),
        w.new_object(kind::NOTIFICATION, 0),
    );
    let (sc, v) = (w.new_object(kind::SC, 7), w.new_object(kind::VSPACE, 0));
    let call = |label: L, words: &[u64], caps: &[u64]| invoke(t, label as u64, words, caps);
    show("tcb label", call(L::CNodeCopy, &[], &[]));
    show(
        "configure short",
        call(L::TCBConfigure, &[0, 0], &[CNODE, VSPACE, page]),
    );
    show(
        "configure caps",
        call(L::TCBConfigure, &[0, 0, 0], &[CNODE, VSPACE]),
    );
    show(
        "configure cspace",
        call(L::TCBConfigure, &[0, 0, 0], &[ep, VSPACE, 0]),
    );
    show(
        "configure guard",
        call(L::TCBConfigure, &[63, 0, 0], &[CNODE, VSPACE, 0]),
    );
    show(
        "configure vspace",
        call(L::TCBConfigure, &[0, 0, 0], &[CNODE, v, 0]),
    );
    show(
        "configure vspace ep",
        call(L::TCBConfigure, &[0, 0, 0], &[CNODE, ep, 0]),
    );
    show(
        "configure buffer",
        call(L::TCBConfigure, &[0, 0, 0x1008], &[CNODE, VSPACE, page]),
    );
    show(
        "configure buffer cap",
        call(L::TCBConfigure, &[0, 0, 0x1000], &[CNODE, VSPACE, ep]),
    );
    show(
        "configure buffer both",
        call(L::TCBConfigure, &[0, 0, 0x1008], &[CNODE, VSPACE, ep]),
    );
    show(
        "configure",
        call(L::TCBConfigure, &[0, 0, 0x1000], &[CNODE, VSPACE, page]),
    );
    show("buffer short", call(L::TCBSetIPCBuffer, &[], &[page]));
    show("buffer no cap", call(L::TCBSetIPCBuffer, &[0x1000], &[]));
    show("buffer none", call(L::TCBSetIPCBuffer, &[0], &[0]));
    show("space short", call(L::TCBSetSpace, &[0], &[ep, CNODE, VSPACE]));
    show("space caps", call(L::TCBSetSpace, &[0, 0], &[ep, CNODE]));
    show(
        "space handler",
        call(L::TCBSetSpace, &[0, 0], &[ntfn, CNODE, VSPACE]),
    );
    let weak = w.mint(ep, 1, 0);
    let call = |label: L, words: &[u64], caps: &[u64]| invoke(t, label as u64, words, caps);
    show(
        "space weak handler",
        call(L::TCBSetSpace, &[0, 0], &[weak, CNODE, VSPACE]),
    );
    show(
        "space bad both",
        call(L::TCBSetSpace, &[0, 0], &[ntfn, ep, VSPACE]),
    );
    show(
        "space null handler",
        call(L::TCBSetSpace, &[0, 0], &[0, CNODE, VSPACE]),
    );
    show("space", call(L::TCBSetSpace, &[0, 0], &[ep, CNODE, VSPACE]));
    show("timeout ep", call(L::TCBSetTimeoutEndpoint, &[], &[ep]));
    show("timeout none", call(L::TCBSetTimeoutEndpoint, &[], &[]));
    show("timeout null", call(L::TCBSetTimeoutEndpoint, &[], &[0]));
    show("timeout bad", call(L::TCBSetTimeoutEndpoint, &[], &[ntfn]));
    show("prio short", call(L::TCBSetPriority, &[], &[TCB]));
    show("prio cap", call(L::TCBSetPriority, &[3], &[ep]));
    show("prio high", call(L::TCBSetPriority, &[256], &[TCB]));
    show("prio", call(L::TCBSetPriority, &[200], &[TCB]));
    show("prio self auth", call(L::TCBSetPriority, &[200], &[t]));
    show("mcp", call(L::TCBSetMCPriority, &[100], &[TCB]));
    show("mcp over own", call(L::TCBSetMCPriority, &[101], &[t]));
    show("mcp huge", call(L::TCBSetMCPriority, &[!0], &[TCB]));
    show("params short", call(L::TCBSetSchedParams, &[1], &[TCB, sc, ep]));
    show("params caps", call(L::TCBSetSchedParams, &[1, 1], &[TCB, sc]));
    show("params auth", call(L::TCBSetSchedParams, &[1, 1], &[ep, sc, ep]));
    show(
        "params mcp",
        call(L::TCBSetSchedParams, &[256, 1], &[TCB, sc, ep]),
    );
    show(
        "params prio",
        call(L::TCBSetSchedParams, &[1, 256], &[TCB, sc, ep]),
    );
    show("params sc", call(L::TCBSetSchedParams, &[1, 1], &[TCB, ep, ep]));
    show(
        "params handler",
        call(L::TCBSetSchedParams, &[1, 1], &[TCB, sc, ntfn]),
    );
    show(
        "params sc taken",
        call(L::TCBSetSchedParams, &[1, 1], &[TCB, SC, ep]),
    );
    show("params", call(L::TCBSetSchedParams, &[1, 1], &[TCB, sc, ep]));
    show("params same", call(L::TCBSetSchedParams, &[1, 1], &[TCB, sc, ep]));
    show(
        "params unbind",
        call(L::TCBSetSchedParams, &[1, 1], &[TCB, 0, ep]),
    );
    show(
        "params self",
        invoke(TCB, L::TCBSetSchedParams as u64, &[255, 255], &[TCB, 0, 0]),
    );
    let read_only = w.mint(ntfn, 1, 0);
    let call = |label: L, words: &[u64], caps: &[u64]| invoke(t, label as u64, words, caps);
    show("unbind none", call(L::TCBUnbindNotification, &[], &[]));
    show("bind no cap", call(L::TCBBindNotification, &[], &[]));
    show("bind ep", call(L::TCBBindNotification, &[], &[ep]));
    show("bind write only", call(L::TCBBindNotification, &[], &[read_only]));
    show("bind", call(L::TCBBindNotification, &[], &[ntfn]));
    show("bind again", call(L::TCBBindNotification, &[], &[ntfn]));
    show(
        "bind to other",
        invoke(TCB, L::TCBBindNotification as u64, &[], &[ntfn]),
    );
    show("unbind", call(L::TCBUnbindNotification, &[], &[]));
    show("tls short", call(L::TCBSetTLSBase, &[], &[]));
    show("tls", call(L::TCBSetTLSBase, &[0x1234], &[]));
    show("flags short", call(L::TCBSetFlags, &[0], &[]));
    show("flags", call(L::TCBSetFlags, &[0, 1], &[]));
    show("flags unknown", call(L::TCBSetFlags, &[0, 6], &[]));
    show("flags both", call(L::TCBSetFlags, &[1, 1], &[]));
    show("flags clear", call(L::TCBSetFlags, &[1, 0], &[]));
    show("suspend", call(L::TCBSuspend, &[], &[]));
    show("delete tcb", delete(t));
    show("sc again", invoke(sc, L::SchedContextBind as u64, &[], &[ntfn]));
}

fn registers(w: &mut World<'_>) {
    let (t, o) = (w.new_object(kind::TCB, 0), w.new_object(kind::TCB, 0));
    let call = |label: L, words: &[u64], caps: &[u64]| invoke(t, label as u64, words, caps);
    show("read short", call(L::TCBReadRegisters, &[0], &[]));
    show("read 0", call(L::TCBReadRegisters, &[0, 0], &[]));
    show("read 37", call(L::TCBReadRegisters, &[0, 37], &[]));
    show(
        "read self",
        invoke(TCB, L::TCBReadRegisters as u64, &[0, 36], &[]),
    );
    show(
        "write self",
        invoke(TCB, L::TCBWriteRegisters as u64, &[0, 1, 0], &[]),
    );
    show("write short", call(L::TCBWriteRegisters, &[0], &[]));
    show("write truncated", call(L::TCBWriteRegisters, &[0, 3, 1, 2], &[]));
    show("fresh", call(L::TCBReadRegisters, &[0, 4], &[]));
    let mut all = [0; 2 + 40];
    all[1] = 40;
    for (i, word) in all[2..].iter_mut().enumerate() {
        *word = !0 - i as u64 * 0x1001;
    }
    show("write many", call(L::TCBWriteRegisters, &all, &[]));
    show("read", call(L::TCBReadRegisters, &[0, 36], &[]));
    say!("rest {:x?}", &sys::buffer().msg[6..36]);
    show("copy none", invoke(o, L::TCBCopyRegisters as u64, &[], &[t]));
    show("copy no cap", invoke(o, L::TCBCopyRegisters as u64, &[4], &[]));
    show("copy bad", invoke(o, L::TCBCopyRegisters as u64, &[4], &[CNODE]));
    show("copy frame", invoke(o, L::TCBCopyRegisters as u64, &[4], &[t]));
    show("read", invoke(o, L::TCBReadRegisters as u64, &[0, 36], &[]));
    say!("rest {:x?}", &sys::buffer().msg[6..36]);
    show("copy integer", invoke(o, L::TCBCopyRegisters as u64, &[8], &[t]));
    show("read", invoke(o, L::TCBReadRegisters as u64, &[0, 36], &[]));
    say!("rest {:x?}", &sys::buffer().msg[6..36]);
}

macro_rules! body {
    ($name:ident: $($line:literal),* $(,)?) => {
        #[unsafe(naked)]
        extern "C" fn $name(_: u64, _: u64, _: u64) -> ! {
            naked_asm!($($line,)* "1: b 1b")
        }
    };
}

body!(read_null: "mov x1, #0x40", "ldr x0, [x1]", "mov x9, #1");
body!(write_null: "mov x1, #0x44", "str x0, [x1]");
body!(jump_null: "mov x1, #0x80", "br x1");
body!(read_kernel: "mov x1, #0xffffff8000000000", "ldr x0, [x1]");
body!(read_kernel_ram: "mov x1, #0xffffff8000000000", "movk x1, #0xc000, lsl #16", "ldr x0, [x1]");
body!(read_kernel_high: "mov x1, #0xffffffc000000000", "ldr x0, [x1]");
body!(read_kernel_top: "mov x1, #0xffff000000000000", "ldr x0, [x1]");
body!(read_hole: "mov x1, #0x0001000000000000", "ldr x0, [x1]");
body!(unknown: "mov x0, #10", "mov x1, #11", "mov x2, #12", "mov x3, #13", "mov x4, #14", "mov x5, #15",
    "mov x6, #16", "mov x7, #-100", "mov x30, #30", "svc #0", "svc #0");
body!(unknown_positive: "mov x7, #3", "svc #7");
body!(undefined: ".inst 0x00000000", "nop");
body!(breakpoint: "brk #5", "nop");
body!(privileged: "mrs x0, sctlr_el1");
body!(virtual_counter: "mrs x0, cntvct_el0", "mov x1, #0x8c", "ldr x0, [x1]");
body!(physical_counter: "mrs x0, cntpct_el0", "mrs x0, cntp_ctl_el0", "mrs x0, cntfrq_el0", "mov x1, #0x48", "ldr x0, [x1]");
body!(virtual_timer: "mrs x0, cntv_ctl_el0", "mov x1, #0x90", "ldr x0, [x1]");
body!(caches: "adr x1, .", "mrs x0, ctr_el0", "dc cvac, x1", "dc civac, x1", "dc cvau, x1", "ic ivau, x1",
    "mrs x0, dczid_el0", "mov x1, #0x50", "ldr x0, [x1]");
body!(performance: "mrs x0, pmccntr_el0", "mov x1, #0x94", "ldr x0, [x1]");
body!(wait: "wfe", "wfi", "mov x1, #0x58", "ldr x0, [x1]");
body!(stack_unaligned: "mov x0, sp", "add x0, x0, #4", "mov sp, x0", "ldr x1, [sp]", "mov x1, #0x94", "ldr x0, [x1]");
body!(float: ".arch_extension fp", "fmov d0, #1.0", "mov x1, #0x60", "ldr x0, [x1]");
body!(mask: "msr daifset, #15", "mov x1, #0x94", "ldr x0, [x1]");
body!(send_nowhere: "movz x0, #0x8000, lsl #32", "mov x1, #0", "mov x7, #-5", "svc #0", "mov x1, #0x68", "ldr x0, [x1]");
body!(call_nowhere: "movz x0, #0x8000, lsl #32", "mov x1, #0", "mov x7, #-1", "svc #0");
body!(nbsend_nowhere: "movz x0, #0x8000, lsl #32", "mov x1, #0", "mov x7, #-6", "svc #0", "mov x1, #0x70", "ldr x0, [x1]");
body!(recv_null: "mov x0, #0", "mov x6, #0", "mov x7, #-7", "svc #0");
body!(recv_nowhere: "movz x0, #0x8000, lsl #32", "mov x6, #0", "mov x7, #-7", "svc #0");
body!(nbrecv_null: "mov x0, #0", "mov x6, #0", "mov x7, #-8", "svc #0");
body!(wait_tcb: "mov x0, #1", "mov x6, #0", "mov x7, #-9", "svc #0");
body!(send_null: "mov x0, #0", "mov x1, #0", "mov x7, #-5", "svc #0", "mov x1, #0x78", "ldr x0, [x1]");
body!(replyrecv_null: "mov x0, #0", "mov x1, #0", "mov x6, #0", "mov x7, #-2", "svc #0");
body!(smc: ".inst 0xd4000003", "mov x1, #0x94", "ldr x0, [x1]");
body!(hvc: ".inst 0xd4000002", "mov x1, #0x94", "ldr x0, [x1]");

fn faults(w: &mut World<'_>) {
    let t = Thread::new(w, 0, 254, 5000, 5000);
    let reply = w.new_object(kind::REPLY, 0);
    let bodies: [(&str, Body); 33] = [
        ("read null", read_null),
        ("write null", write_null),
        ("jump null", jump_null),
        ("read kernel", read_kernel),
        ("read hole", read_hole),
        ("read kernel ram", read_kernel_ram),
        ("read kernel high", read_kernel_high),
        ("read kernel top", read_kernel_top),
        ("unknown", unknown),
        ("unknown positive", unknown_positive),
        ("undefined", undefined),
        ("breakpoint", breakpoint),
        ("privileged", privileged),
        ("virtual counter", virtual_counter),
        ("physical counter", physical_counter),
        ("virtual timer", virtual_timer),
        ("caches", caches),
        ("performance", performance),
        ("wait", wait),
        ("stack", stack_unaligned),
        ("float", float),
        ("mask", mask),
        ("send nowhere", send_nowhere),
        ("call nowhere", call_nowhere),
        ("nbsend nowhere", nbsend_nowhere),
        ("recv null", recv_null),
        ("recv nowhere", recv_nowhere),
        ("nbrecv null", nbrecv_null),
        ("wait tcb", wait_tcb),
        ("send null", send_null),
        ("replyrecv null", replyrecv_null),
        ("smc", smc),
        ("hvc", hvc),
    ];
    for (name, body) in bodies {
        invoke(t.tcb, L::TCBSuspend as u64, &[], &[]);
        t.start(0, body, [0; 3]);
        fault(name, t, reply, body);
    }
    fpu_disabled(t, reply);
    replies(t, reply);
}

/// Receives and prints the fault of a thread that runs `body`.
fn fault(name: &str, t: Thread, reply: u64, body: Body) -> Answer {
    let a = sys::receive(-7, t.fault_ep, reply);
    let base = body as usize as u64;
    say!("fault {name}: badge {:x} {} {}", a.badge, a.label, a.length);
    for i in 0..a.length {
        let word = if i < 4 { a.words[i] } else { sys::buffer().msg[i] };
        if word.wrapping_sub(base) < 4096 {
            say!("  {i} body+{:x}", word - base);
        } else {
            say!("  {i} {word:x}");
        }
    }
    a
}

fn fpu_disabled(t: Thread, reply: u64) {
    invoke(t.tcb, L::TCBSuspend as u64, &[], &[]);
    show("fpu off", invoke(t.tcb, L::TCBSetFlags as u64, &[0, 1], &[]));
    t.start(0, float, [0; 3]);
    fault("float off", t, reply, float);
    show("fpu on", invoke(t.tcb, L::TCBSetFlags as u64, &[1, 0], &[]));
    sys::send(reply, &[]);
    fault("float on again", t, reply, float);
}

body!(twice: "mov x7, #-100", "svc #0", "mov x7, #-101", "svc #0", "mov x7, #-102", "svc #0");

fn replies(t: Thread, reply: u64) {
    invoke(t.tcb, L::TCBSuspend as u64, &[], &[]);
    t.start(0, twice, [0; 3]);
    fault("twice", t, reply, twice);
    // Go on behind the call, with other registers.
    let b = sys::buffer();
    let words: [u64; 12] = [
        100,
        101,
        102,
        103,
        104,
        105,
        106,
        !0 - 100,
        twice as *const () as u64 + 8,
        0x7000,
        0x8000,
        !0,
    ];
    b.msg[..12].copy_from_slice(&words);
    let mut r = Registers::default();
    r.0[0] = t.fault_ep;
    r.0[6] = reply;
    r.0[1] = 12;
    r.0[2..6].copy_from_slice(&words[..4]);
    sys::syscall(-2, r);
    say!("replied");
    let b = sys::buffer();
    for i in 4..13 {
        let word = b.msg[i];
        let base = twice as *const () as u64;
        if word.wrapping_sub(base) < 4096 {
            say!("  {i} body+{:x}", word - base)
        } else {
            say!("  {i} {word:x}")
        }
    }
    // A reply with a label stops the thread.
    let mut r = Registers::default();
    r.0[0] = reply;
    r.0[1] = 1 << 12;
    sys::syscall(-5, r);
    let a = invoke(t.tcb, L::TCBReadRegisters as u64, &[0, 4], &[]);
    say!(
        "stopped: {:x} {:x?}",
        a.words[0].wrapping_sub(twice as *const () as u64),
        &a.words[1..4]
    );
    let poll = sys::receive(-8, t.fault_ep, reply);
    say!("nothing more: badge {:x}", poll.badge);
    let _ = cnode(L::CNodeRevoke, t.tcb, &[], &[]);
    // SAFETY: reads a register.
    unsafe { asm!("nop") };
}
