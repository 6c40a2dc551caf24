//! Messages and notifications.

use super::{Context, Outcome, ensure};
use crate::memory::path;
use crate::thread;
use core::sync::atomic::{AtomicU64, Ordering};
use sel4::init_thread::slot;
use sel4::{CapRights, IpcBuffer, MessageInfo, MessageInfoBuilder, cap, cap_type};

pub fn notifications(context: &mut Context<'_, '_>) -> Outcome {
    let notification = context.memory.make::<cap_type::Notification>()?;
    let (one, two): (cap::Notification, cap::Notification) = (context.memory.slot(), context.memory.slot());
    path(one).mint(&path(notification), CapRights::write_only(), 0b01)?;
    path(two).mint(&path(notification), CapRights::write_only(), 0b10)?;

    ensure!(notification.poll().1 == 0);
    one.signal();
    two.signal();
    ensure!(notification.wait().1 == 0b11);
    one.signal();
    ensure!(notification.poll().1 == 0b01);
    ensure!(notification.poll().1 == 0);
    Ok(())
}

/// Pointers for the server: its endpoint and its reply object, as one argument.
fn pack(endpoint: cap::Endpoint, reply: cap::Reply) -> u64 {
    endpoint.bits() << 32 | reply.bits()
}

/// Answers each call with the same words, each plus one, and the label and badge.
extern "C" fn increment(buffer: &'static mut IpcBuffer, argument: u64) -> ! {
    let endpoint = cap::Endpoint::from_bits(argument >> 32);
    let reply = cap::Reply::from_bits(argument & 0xffff_ffff);
    let (mut info, mut badge) = endpoint.with(&mut *buffer).recv(reply);
    loop {
        for word in &mut buffer.msg_regs_mut()[..info.length()] {
            *word += 1;
        }
        let answer = MessageInfo::new(info.label() + badge, 0, 0, info.length());
        (info, badge) = endpoint.with(&mut *buffer).reply_recv(answer, reply);
    }
}

/// An endpoint on which a thread of a higher priority answers, badged 5; `n` is the thread's number.
fn server(context: &mut Context<'_, '_>, n: usize) -> sel4::Result<cap::Endpoint> {
    let memory = &mut *context.memory;
    let endpoint = memory.make::<cap_type::Endpoint>()?;
    let reply = memory.make_sized(sel4::ObjectBlueprint::Reply)?;
    let badged: cap::Endpoint = memory.slot();
    path(badged).mint(&path(endpoint), CapRights::all(), 5)?;
    let argument = pack(endpoint, reply);
    let no_handler = slot::NULL.cap().cast();
    thread::make(context.bootinfo, memory, n, increment, argument, 255, no_handler)?.start()?;
    Ok(badged)
}

pub fn call_and_reply(context: &mut Context<'_, '_>) -> Outcome {
    let endpoint = server(context, 0)?;
    for round in 0..3 {
        let answer = endpoint.call_with_mrs(
            MessageInfoBuilder::default().label(7).length(2).build(),
            [round, 20],
        );
        ensure!(answer.info.label() == 12);
        ensure!(answer.info.length() == 2);
        ensure!(answer.msg[..2] == [round + 1, 21]);
    }
    Ok(())
}

pub fn long_messages(context: &mut Context<'_, '_>) -> Outcome {
    let endpoint = server(context, 1)?;
    sel4::with_ipc_buffer_mut(|buffer| {
        for (i, word) in buffer.msg_regs_mut().iter_mut().enumerate() {
            *word = i as u64 * 3;
        }
    });
    let answer = endpoint.call(MessageInfo::new(0, 0, 0, sel4::NUM_MESSAGE_REGISTERS));
    ensure!(answer.length() == sel4::NUM_MESSAGE_REGISTERS);
    let all_there = sel4::with_ipc_buffer(|buffer| {
        buffer
            .msg_regs()
            .iter()
            .enumerate()
            .all(|(i, &word)| word == i as u64 * 3 + 1)
    });
    ensure!(all_there);
    Ok(())
}

/// What the receiver of a capability signals when it has it.
static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// Receives a notification capability into the slot in its IPC buffer and signals it.
extern "C" fn receiver(buffer: &'static mut IpcBuffer, argument: u64) -> ! {
    let endpoint = cap::Endpoint::from_bits(argument >> 32);
    let dest = cap::Notification::from_bits(argument & 0xffff_ffff);
    buffer.set_recv_slot(&path(dest));
    // A plain send is received without a reply object: by waiting, which the API has for notifications only.
    let endpoint = endpoint.cast::<cap_type::Notification>();
    let (info, _badge) = endpoint.with(&mut *buffer).wait();
    RECEIVED.store(info.extra_caps() as u64, Ordering::Relaxed);
    dest.with(&mut *buffer).signal();
    loop {
        let _ = endpoint.with(&mut *buffer).wait();
    }
}

pub fn capability_transfer(context: &mut Context<'_, '_>) -> Outcome {
    let memory = &mut *context.memory;
    let endpoint = memory.make::<cap_type::Endpoint>()?;
    let notification = memory.make::<cap_type::Notification>()?;
    let dest: cap::Notification = memory.slot();
    let argument = endpoint.bits() << 32 | dest.bits();
    let no_handler = slot::NULL.cap().cast();
    let mut thread = thread::make(context.bootinfo, memory, 2, receiver, argument, 255, no_handler)?;
    thread.start()?;
    // It has the same priority: give it time to wait.
    sel4::r#yield();

    sel4::with_ipc_buffer_mut(|buffer| buffer.caps_or_badges_mut()[0] = notification.bits());
    endpoint.send(MessageInfo::new(0, 0, 1, 0));
    ensure!(notification.wait().1 == 0);
    ensure!(RECEIVED.load(Ordering::Relaxed) == 1);
    thread.tcb.tcb_suspend()?;
    Ok(())
}
