//! A root task that does anything: whatever it asks for, the kernel's structures stay sound.
//!
//! The kernel is booted on the fake machine, then every thread that gets to run makes random system calls. Memory
//! outside RAM, a misaligned access, an overflow or an index out of range end the test, and so does a broken invariant.

mod calls;
mod check;
mod paths;
mod world;

use proptest::prelude::*;
use sel4_abi::message::MessageInfo;
use sel4_abi::object::ObjectType;
use sel4_abi::syscall::Syscall;

use crate::booted::{ROOT_CNODE, label};
use crate::cap::Cap;
use crate::cap::tree::Tree;
use crate::machine::Memory;
use crate::object::slot::nth;
use crate::object::tcb::{self, Queued, State};
use crate::object::{Fields, Tcb};
use world::World;

/// Slots of the root CNode that the test uses.
const SLOTS: u64 = 160;
/// Interrupts that somebody may wait for, and the slots of their handlers.
const LINES: [u32; 2] = [150, 151];
const HANDLERS: u64 = 88;
/// Authority over domains, and the first notification of [`World::furnish`].
const DOMAIN: u64 = 11;
const NTFN: u64 = 100;

#[test]
fn what_a_preempted_retype_passed_over_is_handed_out_to_nobody_unzeroed() {
    let mut world = World::new(1);
    let big = |cap| {
        matches!(
            cap,
            Cap::Untyped {
                device: false,
                bits: 16..,
                ..
            }
        )
    };
    let from = (16..SLOTS)
        .find(|&index| big(world.kernel.m.cap(nth(world.root, index))))
        .unwrap();
    let Cap::Untyped { at, .. } = world.kernel.m.cap(nth(world.root, from)) else {
        panic!()
    };
    assert_eq!(
        world.call(from, 1, &[2, 0, 0, 0, 90, 1], &[2]).label(),
        0,
        "an endpoint"
    );
    // What an earlier owner left behind it: capabilities of his choice.
    for offset in (16..4096).step_by(8) {
        world.kernel.m.store(at, offset, 0x5555_5555_5555_5555);
    }
    let frame = ObjectType::SmallPage as u64;
    world.kernel.m.pending.push(100);
    world.call(from, 1, &[frame, 0, 0, 0, 91, 12], &[2]);
    assert!(
        world.kernel.m.is_empty(nth(world.root, 91)),
        "the interrupt preempts it"
    );
    assert_eq!(
        world.call(from, 1, &[4, 1, 0, 0, 91, 1], &[2]).label(),
        0,
        "a CNode"
    );
    let Cap::CNode { at: node, .. } = world.kernel.m.cap(nth(world.root, 91)) else {
        panic!()
    };
    for slot in 0..2 {
        assert_eq!(
            world.kernel.m.cap(nth(node, slot)),
            Cap::Null,
            "slot {slot} of a new CNode"
        );
    }
}

#[test]
fn fast_paths_do_what_the_general_path_does() {
    // Little memory, as each comparison copies it; and short lives: what random calls leave of a world is at odds with itself.
    let mut taken = [0; 4];
    for seed in 1..120 {
        let mut world = World::new(seed);
        world.furnish();
        if seed % 2 == 0 {
            world.share_out();
        }
        world.listen();
        for step in 0..60 {
            match step % 3 {
                0 => world.step(),
                _ => world.hand_on(),
            }
            world.check();
        }
        taken = core::array::from_fn(|kind| taken[kind] + world.fast[kind]);
    }
    assert!(
        taken.iter().all(|&count| count > 20),
        "{taken:?} of them say little"
    );
}

#[test]
fn acknowledgement_lets_the_thread_go_on() {
    let mut world = World::new(1);
    world.furnish();
    world.listen();
    let thread = world.kernel.current.unwrap();
    let acknowledge = |world: &mut World, extra| {
        world.kernel.m.unmasked.remove(&LINES[0]);
        let info = MessageInfo::new(label("IRQAckIRQ"), 0, extra, 0);
        for (register, word) in [(0, HANDLERS), (1, info.into_word())] {
            world.kernel.m.set(thread, tcb::x(register), word);
        }
        world.kernel.fast_ack()
    };
    assert!(acknowledge(&mut world, 0) && world.kernel.m.unmasked.contains(&LINES[0]));
    let answer = [0, 1].map(|register| world.kernel.m.get(thread, tcb::x(register)));
    assert_eq!((answer, world.kernel.current), ([0; 2], Some(thread)));
    assert!(
        !acknowledge(&mut world, 1),
        "what it names has to be looked up first"
    );
}

#[cfg(feature = "debug-build")]
#[test]
fn acknowledgement_lets_a_stepping_thread_step_on() {
    use crate::breakpoint::SPSR_STEP;
    use crate::kernel::Kernel;

    let mut world = World::new(1);
    world.furnish();
    world.listen();
    let thread = world.kernel.current.unwrap();
    world.kernel.set_stepping(thread, 5);
    let info = MessageInfo::new(label("IRQAckIRQ"), 0, 0, 0);
    for (register, word) in [(0, HANDLERS), (1, info.into_word())] {
        world.kernel.m.set(thread, tcb::x(register), word);
    }
    // The processor clears the bit when it takes the exception.
    let state = world.kernel.m.get(thread, tcb::SPSR);
    world.kernel.m.set(thread, tcb::SPSR, state & !SPSR_STEP);
    assert!(world.on_both_paths(1, Kernel::fast_ack, |k| k.syscall(Syscall::Call as i64)));
    assert_ne!(world.kernel.m.get(thread, tcb::SPSR) & SPSR_STEP, 0);
}

/// The current thread moves itself to a domain and, in the same system call, waits at a notification.
fn move_and_wait(world: &mut World, domain: u64) -> Tcb {
    let thread = world.kernel.current.unwrap();
    let info = MessageInfo::new(label("DomainSetSet"), 0, 1, 1);
    world.prepare(thread, NTFN, info, &[domain], &[1]);
    world.kernel.m.set(thread, tcb::x(6), DOMAIN);
    world.enter(Syscall::NBSendWait as i64);
    thread
}

#[test]
fn whoever_changes_his_domain_and_waits_is_not_ready() {
    for domain in [0, 1] {
        let mut world = World::new(1);
        world.furnish();
        let root = move_and_wait(&mut world, domain);
        assert_eq!(world.kernel.m.get(root, tcb::DOMAIN), domain);
        assert_eq!(world.kernel.state(root), State::Waiting);
        assert_eq!(world.kernel.m.get(root, tcb::QUEUED), Queued::Not);
        world.check();
    }
}

#[test]
fn whoever_changes_his_domain_and_waits_waits_once() {
    let mut world = World::new(1);
    world.furnish();
    let root = move_and_wait(&mut world, 0);
    // Whoever runs next makes a call, after which the kernel takes him for running, and waits there, too.
    world.call(ROOT_CNODE, 0, &[], &[]);
    let next = world.kernel.current.unwrap();
    world.kernel.m.set(next, tcb::x(0), NTFN);
    world.enter(Syscall::Wait as i64);
    let (mut at, mut waiting) = (Some(root), vec![]);
    while let Some(thread) = at {
        assert!(!waiting.contains(&thread), "the queue ends");
        waiting.push(thread);
        at = world.kernel.m.get(thread, tcb::WAIT_NEXT);
    }
    assert_eq!(waiting, [root, next]);
    world.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn structures_stay_sound_whatever_user_level_does(seed: u64) {
        let mut world = World::new(seed);
        world.furnish();
        if seed % 2 == 0 {
            world.share_out();
        }
        world.check();
        for _ in 0..1_500 {
            world.step();
            world.check();
        }
    }
}
