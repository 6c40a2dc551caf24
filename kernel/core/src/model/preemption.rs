//! Long operations look at the interrupts after a bounded amount of work, whatever they work on, and are then resumed (manual, section
//! "Preemption points" of the contract: a limit of work units between two of them).

use sel4_abi::object::ObjectType;

use crate::booted::{Booted, LARGE, ROOT_CNODE, ROOT_TCB, label};
use crate::cap::Cap;
use sel4_abi::message::MessageInfo;

/// Words that may be written between two looks: the work limit of the contract, at the most that one unit of work writes here.
const MOST: u64 = 100 * 50;
const MANY: u64 = 4_000;
/// Threads that wait at one object.
const CROWD: u64 = 1_000;
/// Where a CNode of many slots is, and what they hold copies of.
const NODE: u64 = 100;
const OBJECT: u64 = 101;
const RADIX: u64 = 12;

fn furnished() -> Booted {
    let mut booted = Booted::new();
    booted.make(ObjectType::CNode, RADIX, NODE, 1);
    booted.make(ObjectType::Endpoint, 0, OBJECT, 1);
    booted
}

/// The operation takes long, looks at the interrupts often enough, and once there is one it is left and taken up again.
fn holds(mut booted: Booted, operation: (u64, &str, &[u64], &[u64])) -> Booted {
    let (cptr, name, words, caps) = operation;
    booted.kernel.m.take_most_written();
    booted.kernel.m.pending.push(100);
    let mut times = 0;
    booted.call(cptr, label(name), words, caps);
    while booted.kernel.current == Some(booted.thread) && booted.was_preempted() {
        times += 1;
        if times < 10 {
            booted.kernel.m.pending.push(100);
        }
        booted.enter(-1);
    }
    assert!(times >= 5, "{name} was preempted {times} times");
    let most = booted.kernel.m.take_most_written();
    assert!(most <= MOST, "{name} wrote {most} words without a look");
    booted
}

fn copies(booted: &mut Booted) {
    for index in 0..MANY {
        let words = [index, RADIX, OBJECT, 64, 15, index + 1];
        booted.must(NODE, "CNodeMint", &words, &[ROOT_CNODE]);
    }
}

#[test]
fn revoke_looks_at_interrupts() {
    let mut booted = furnished();
    copies(&mut booted);
    let booted = holds(booted, (ROOT_CNODE, "CNodeRevoke", &[OBJECT, 64], &[]));
    assert_ne!(booted.cap(OBJECT), Cap::Null);
}

#[test]
fn delete_of_a_cnode_looks_at_interrupts() {
    let mut booted = furnished();
    copies(&mut booted);
    let booted = holds(booted, (ROOT_CNODE, "CNodeDelete", &[NODE, 64], &[]));
    assert_eq!(booted.cap(NODE), Cap::Null);
}

#[test]
fn retype_of_large_objects_looks_at_interrupts() {
    for (kind, size, count) in [(ObjectType::CNode, 15, 1), (ObjectType::SmallPage, 0, 200)] {
        let booted = furnished();
        let from = booted.untyped(LARGE);
        let words = [kind as u64, size, 0, 0, OBJECT + 1, count];
        holds(booted, (from, "UntypedRetype", &words, &[ROOT_CNODE]));
    }
}

/// Many threads that wait at an endpoint, as senders with one of two badges or as receivers.
fn crowd(number: i64) -> Booted {
    let mut booted = furnished();
    for badge in 0..2 {
        let words = [OBJECT + 1 + badge, 64, OBJECT, 64, 15, badge + 1];
        booted.must(ROOT_CNODE, "CNodeMint", &words, &[ROOT_CNODE]);
    }
    let threads: Vec<_> = (0..CROWD)
        .map(|n| booted.make_thread(200 + 2 * n, 100, 1_000_000, 1_000_000))
        .collect();
    booted.must(ROOT_TCB, "TCBSetPriority", &[1], &[ROOT_TCB]);
    for (n, &thread) in threads.iter().enumerate() {
        booted.must(200 + 2 * n as u64, "TCBResume", &[], &[]);
        assert_eq!(booted.kernel.current, Some(thread));
        booted.prepare(
            thread,
            OBJECT + 1 + n as u64 / (CROWD / 2),
            MessageInfo::new(0, 0, 0, 0),
            &[],
            &[],
        );
        booted.enter(number);
    }
    booted.kernel.set_priority(booted.thread, 255);
    booted.kernel.schedule();
    booted
}

const SEND: i64 = -5;
const WAIT: i64 = -9;

#[test]
fn cancelling_a_queue_looks_at_interrupts() {
    for number in [SEND, WAIT] {
        let booted = crowd(number);
        let from = booted.untyped(LARGE);
        let booted = holds(booted, (ROOT_CNODE, "CNodeRevoke", &[from, 64], &[]));
        assert_eq!(booted.cap(OBJECT), Cap::Null);
    }
    let booted = holds(
        crowd(SEND),
        (ROOT_CNODE, "CNodeCancelBadgedSends", &[OBJECT + 2, 64], &[]),
    );
    assert_ne!(booted.cap(OBJECT), Cap::Null);
}
