//! System calls as the machine sees them: registers in, registers out.
//!
//! Nothing here checks or corrects an argument: the suite sends what no library would.

use core::arch::asm;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use sel4_abi::error::Error;
use sel4_abi::invocation::InvocationLabel;
use sel4_abi::ipc_buffer::IpcBuffer;
use sel4_abi::message::MessageInfo;
use sel4_abi::syscall::Syscall;

/// A capability pointer.
pub type Cap = u64;

/// Registers x0 to x8 around an SVC.
pub type Registers = [u64; 9];

/// Executes an SVC with these registers.
pub fn svc(x: &mut Registers) {
    // SAFETY: the kernel changes no register but those named here, and no memory but the thread's IPC buffer, which
    // is only reached through raw pointers. What the called object does is what the test is about.
    unsafe {
        asm!(
            "svc #0",
            inlateout("x0") x[0],
            inlateout("x1") x[1],
            inlateout("x2") x[2],
            inlateout("x3") x[3],
            inlateout("x4") x[4],
            inlateout("x5") x[5],
            inlateout("x6") x[6],
            inlateout("x7") x[7],
            inlateout("x8") x[8],
            options(nostack),
        );
    }
}

/// The calling thread's IPC buffer: its address is the thread pointer, which [`enter`] set.
pub fn buffer() -> *mut IpcBuffer {
    let address: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, tpidr_el0", out(reg) address, options(nomem, nostack, preserves_flags)) };
    address as *mut IpcBuffer
}

/// Makes `buffer` the calling thread's IPC buffer as this module sees it.
pub fn enter(buffer: u64) {
    // SAFETY: writes a register that nothing else in this program uses.
    unsafe { asm!("msr tpidr_el0, {}", in(reg) buffer, options(nomem, nostack, preserves_flags)) };
}

/// Message word `i` in the IPC buffer.
pub fn mr(i: usize) -> u64 {
    // SAFETY: the buffer is mapped and written by this thread and, during its system calls, the kernel.
    unsafe { (&raw const (*buffer()).msg).cast::<u64>().add(i).read_volatile() }
}

/// Sets message word `i` in the IPC buffer.
pub fn set_mr(i: usize, value: u64) {
    // SAFETY: as in `mr`.
    unsafe {
        (&raw mut (*buffer()).msg)
            .cast::<u64>()
            .add(i)
            .write_volatile(value);
    }
}

/// Capability or badge `i` in the IPC buffer.
pub fn cap_or_badge(i: usize) -> u64 {
    // SAFETY: as in `mr`.
    unsafe {
        (&raw const (*buffer()).caps_or_badges)
            .cast::<u64>()
            .add(i)
            .read_volatile()
    }
}

/// Sets capability `i` in the IPC buffer.
pub fn set_cap(i: usize, cap: Cap) {
    // SAFETY: as in `mr`.
    unsafe {
        (&raw mut (*buffer()).caps_or_badges)
            .cast::<u64>()
            .add(i)
            .write_volatile(cap);
    }
}

/// Sets where received capabilities go.
pub fn set_receive_slot(cnode: Cap, index: u64, depth: u64) {
    // SAFETY: as in `mr`.
    unsafe {
        (&raw mut (*buffer()).receive_cnode).write_volatile(cnode);
        (&raw mut (*buffer()).receive_index).write_volatile(index);
        (&raw mut (*buffer()).receive_depth).write_volatile(depth);
    }
}

/// What a receiving system call returned; its words are in the IPC buffer, all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message {
    /// Badge register.
    pub badge: u64,
    /// Message info register.
    pub info: MessageInfo,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.info;
        write!(
            f,
            "(badge {:#x} label {:#x} unwrapped {} caps {} length {})",
            self.badge,
            info.label(),
            info.caps_unwrapped(),
            info.extra_caps(),
            info.length()
        )
    }
}

/// A message descriptor.
pub const fn info(label: u64, caps: u64, length: u64) -> MessageInfo {
    MessageInfo::new(label, 0, caps, length)
}

/// The descriptor a message arrives with.
pub const fn message(badge: u64, label: u64, unwrapped: u64, caps: u64, length: u64) -> Message {
    Message {
        badge,
        info: MessageInfo::new(label, unwrapped, caps, length),
    }
}

/// Any system call: the first message words go from the IPC buffer to registers and back.
pub fn raw(number: i64, x0: u64, info: MessageInfo, x6: u64, x8: u64) -> Message {
    let mut x = [
        x0,
        info.into_word(),
        mr(0),
        mr(1),
        mr(2),
        mr(3),
        x6,
        number as u64,
        x8,
    ];
    svc(&mut x);
    for i in 0..4 {
        set_mr(i, x[2 + i]);
    }
    Message {
        badge: x[0],
        info: MessageInfo::from_word(x[1]),
    }
}

/// `Send`.
pub fn send(dest: Cap, info: MessageInfo) {
    raw(Syscall::Send.to_raw(), dest, info, 0, 0);
}

/// `NBSend`.
pub fn nb_send(dest: Cap, info: MessageInfo) {
    raw(Syscall::NBSend.to_raw(), dest, info, 0, 0);
}

/// `Call`.
pub fn call(dest: Cap, info: MessageInfo) -> Message {
    raw(Syscall::Call.to_raw(), dest, info, 0, 0)
}

/// `Recv`.
pub fn recv(src: Cap, reply: Cap) -> Message {
    raw(Syscall::Recv.to_raw(), src, info(0, 0, 0), reply, 0)
}

/// `ReplyRecv`.
pub fn reply_recv(src: Cap, message: MessageInfo, reply: Cap) -> Message {
    raw(Syscall::ReplyRecv.to_raw(), src, message, reply, 0)
}

/// `NBSendRecv`.
pub fn nb_send_recv(dest: Cap, message: MessageInfo, src: Cap, reply: Cap) -> Message {
    raw(Syscall::NBSendRecv.to_raw(), src, message, reply, dest)
}

/// `NBSendWait`: the destination is in the reply register.
pub fn nb_send_wait(dest: Cap, message: MessageInfo, src: Cap) -> Message {
    raw(Syscall::NBSendWait.to_raw(), src, message, dest, 0)
}

/// `Wait`.
pub fn wait(src: Cap) -> Message {
    raw(Syscall::Wait.to_raw(), src, info(0, 0, 0), 0, 0)
}

/// `NBWait`.
pub fn nb_wait(src: Cap) -> Message {
    raw(Syscall::NBWait.to_raw(), src, info(0, 0, 0), 0, 0)
}

/// `Yield`.
pub fn r#yield() {
    raw(Syscall::Yield.to_raw(), 0, info(0, 0, 0), 0, 0);
}

/// Signals a notification.
pub fn signal(notification: Cap) {
    send(notification, info(0, 0, 0));
}

/// Answer of an invocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// 0 or an error code.
    pub label: u64,
    /// The label that was invoked.
    pub invoked: u64,
    length: usize,
    mrs: [u64; 8],
}

impl Answer {
    /// Message words of the answer, eight at most.
    pub fn words(&self) -> &[u64] {
        &self.mrs[..self.length.min(8)]
    }

    /// Length the answer claimed.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Message word `i`, whatever the length says.
    pub fn mr(&self, i: usize) -> u64 {
        self.mrs[i]
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Error::from_raw(self.label) {
            Some(error) => write!(f, "{error:?} {:x?}", self.words()),
            None if self.label == 0 => write!(f, "success {:x?}", self.words()),
            None => write!(f, "label {:#x} {:x?}", self.label, self.words()),
        }
    }
}

/// Invokes with a raw label and any message length.
pub fn invoke_raw(service: Cap, label: u64, words: &[u64], caps: &[Cap]) -> Answer {
    for (i, &word) in words.iter().enumerate() {
        set_mr(i, word);
    }
    for (i, &cap) in caps.iter().enumerate() {
        set_cap(i, cap);
    }
    let message = call(service, info(label, caps.len() as u64, words.len() as u64));
    Answer {
        label: message.info.label(),
        invoked: label,
        length: message.info.length() as usize,
        mrs: core::array::from_fn(mr),
    }
}

/// Invokes.
pub fn invoke(service: Cap, label: InvocationLabel, words: &[u64], caps: &[Cap]) -> Answer {
    invoke_raw(service, label.to_raw(), words, caps)
}

/// The architected counter.
pub fn now() -> u64 {
    let ticks: u64;
    // SAFETY: the contract lets user level read the physical counter.
    unsafe { asm!("isb", "mrs {}, cntpct_el0", out(reg) ticks, options(nostack)) };
    ticks
}

/// Counter ticks of a number of microseconds.
pub const fn ticks(microseconds: u64) -> u64 {
    microseconds * sel4_abi::platform::TIMER_FREQUENCY / 1_000_000
}

static EXACT: AtomicBool = AtomicBool::new(false);

/// Finds out whether the clock counts instructions, as under QEMU's `-icount`: then the same loop always takes the same
/// time. On a simulator that shares its processor with others, times mean nothing.
pub fn examine_clock() {
    let mut first = 0;
    let exact = (0..8).all(|i| {
        let start = now();
        for n in 0..20_000u64 {
            core::hint::black_box(n);
        }
        let ticks = now() - start;
        if i == 0 {
            first = ticks;
        }
        ticks.abs_diff(first) <= 1
    });
    EXACT.store(exact, Relaxed);
}

/// Whether the clock counts instructions.
pub fn exact_clock() -> bool {
    EXACT.load(Relaxed)
}

/// Spins for that many microseconds of the counter.
pub fn spin(microseconds: u64) {
    let start = now();
    while now() - start < ticks(microseconds) {}
}
