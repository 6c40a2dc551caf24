//! System calls as the registers go: nothing between the test and the kernel.

use core::arch::asm;

use sel4_abi::ipc_buffer::IpcBuffer;
use sel4_abi::message::MessageInfo;

/// What a system call takes and leaves: x0 to x8.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Registers(pub [u64; 9]);

/// Makes system call `number`.
pub fn syscall(number: i64, r: Registers) -> Registers {
    let mut x = r.0;
    // SAFETY: the tests name only capabilities whose use does not break this program.
    unsafe {
        asm!("svc #0",
            inout("x0") x[0], inout("x1") x[1], inout("x2") x[2], inout("x3") x[3], inout("x4") x[4],
            inout("x5") x[5], inout("x6") x[6], inout("x7") number as u64 => x[7], inout("x8") x[8]);
    }
    Registers(x)
}

/// This thread's IPC buffer.
pub fn buffer() -> &'static mut IpcBuffer {
    let at: u64;
    // SAFETY: every thread of this program keeps the address of its buffer in its thread pointer's companion; the
    // reference does not outlive the statement it is used in.
    unsafe {
        asm!("mrs {}, tpidrro_el0", out(reg) at, options(nomem, nostack));
        let at = if at == 0 { MAIN_BUFFER } else { at };
        &mut *(at as *mut IpcBuffer)
    }
}

static mut MAIN_BUFFER: u64 = 0;

/// Says where the first thread's buffer is.
pub fn set_main_buffer(at: u64) {
    // SAFETY: done once, before there is another thread.
    unsafe { MAIN_BUFFER = at }
}

/// The answer to an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    pub label: u64,
    pub length: usize,
    pub words: [u64; 6],
    pub badge: u64,
}

/// Invokes a capability by Call.
pub fn invoke(cptr: u64, label: u64, words: &[u64], caps: &[u64]) -> Answer {
    let mut r = Registers::default();
    let b = buffer();
    for (i, &word) in words.iter().enumerate() {
        if i < 4 {
            r.0[2 + i] = word;
        }
        b.msg[i] = word;
    }
    b.caps_or_badges[..caps.len()].copy_from_slice(caps);
    r.0[0] = cptr;
    r.0[1] = MessageInfo::new(label, 0, caps.len() as u64, words.len() as u64).into_word();
    answer(syscall(-1, r))
}

/// What came back in the registers and the buffer.
pub fn answer(r: Registers) -> Answer {
    let info = MessageInfo::from_word(r.0[1]);
    let b = buffer();
    let words = core::array::from_fn(|i| match i {
        _ if i as u64 >= info.length() => 0,
        0..4 => r.0[2 + i],
        _ => b.msg[i],
    });
    Answer {
        label: info.label(),
        length: info.length() as usize,
        words,
        badge: r.0[0],
    }
}

/// Sends without waiting for an answer.
pub fn send(cptr: u64, words: &[u64]) {
    let mut r = Registers::default();
    r.0[0] = cptr;
    r.0[2..2 + words.len()].copy_from_slice(words);
    r.0[1] = MessageInfo::new(0, 0, 0, words.len() as u64).into_word();
    syscall(-5, r);
}

/// Receives with system call `number` (Recv, NBRecv, Wait, NBWait).
pub fn receive(number: i64, cptr: u64, reply: u64) -> Answer {
    let mut r = Registers::default();
    r.0[0] = cptr;
    r.0[6] = reply;
    r.0[1] = 0x5a5a_0000;
    answer(syscall(number, r))
}
