//! What a debug kernel prints of threads and capabilities.

use sel4_abi::ipc_buffer::word;
use sel4_abi::message::MessageInfo;

use crate::booted::{Booted, ROOT_CNODE, ROOT_TCB};
use crate::machine::Memory;
use crate::object::tcb;
use crate::object::{Fields, Tcb};

const DUMP_SCHEDULER: i64 = -13;
const SNAPSHOT: i64 = -16;
const NAME_THREAD: i64 = -17;
const WAIT: i64 = -9;

/// What the current thread's system call prints. It changes none of its registers.
fn printed(booted: &mut Booted, number: i64, argument: u64) -> String {
    let thread = booted.kernel.current.unwrap();
    booted.kernel.m.printed.clear();
    let registers = |booted: &Booted| {
        (1..31)
            .map(|n| booted.kernel.m.get(thread, tcb::x(n)))
            .collect::<Vec<_>>()
    };
    booted.kernel.m.set(thread, tcb::x(0), argument);
    let before = registers(booted);
    booted.enter(number);
    assert_eq!(before, registers(booted));
    assert_eq!(booted.kernel.m.get(thread, tcb::x(0)), argument);
    String::from_utf8(booted.kernel.m.printed.clone()).unwrap()
}

fn name(booted: &mut Booted, cptr: u64, name: &[u8]) {
    let thread = booted.kernel.current.unwrap();
    let buffer = booted.kernel.buffer(thread, true).unwrap();
    for (index, bytes) in name.chunks(8).enumerate() {
        let mut text = [0; 8];
        text[..bytes.len()].copy_from_slice(bytes);
        let offset = 8 * (word::MSG + index) as u64;
        booted.kernel.m.store(buffer, offset, u64::from_le_bytes(text));
    }
    assert_eq!(printed(booted, NAME_THREAD, cptr), "");
}

/// The table as the official kernel prints it.
fn table(rows: &[(&str, &str, &str, u64, u8)]) -> String {
    let mut text = "Dumping all tcbs!\r\nName                                    \tState          \tIP                  \t Prio \t Core\t InReleaseQueue\r\n--------------------------------------------------------------------------------------\r\n".to_owned();
    for (name, state, ip, priority, waits) in rows {
        text += &format!("{name:>40}\t{state:>15}\t{ip}\t{priority:>20}\t0\t{waits}\r\n");
    }
    text
}

const IDLE: (&str, &str, &str, u64, u8) = ("idle_thread", "idle", "0", 0, 0);

#[test]
fn threads_are_listed_with_name_and_state_newest_first() {
    let mut booted = Booted::new();
    let threads: Vec<Tcb> = (0..3)
        .map(|n| booted.make_thread(100 + 2 * n, 255, 1_000, 9_000))
        .collect();
    name(&mut booted, 102, b"server");
    booted.must(102, "TCBResume", &[], &[]);
    booted.kernel.m.set(threads[2], tcb::RESTART_PC, 0x1234);
    let root = ("rootserver", "running", "0x400100", 255, 0);
    let rows = [
        ("child of: 'rootserver'", "inactive", "0x1234", 255, 0),
        ("server", "restart", "0", 255, 0),
        ("child of: 'rootserver'", "inactive", "0", 255, 0),
        IDLE,
        root,
    ];
    assert_eq!(printed(&mut booted, DUMP_SCHEDULER, 9), table(&rows));
    booted.must(ROOT_CNODE, "CNodeDelete", &[102, 64], &[]);
    let rows = [rows[0], rows[2], IDLE, root];
    assert_eq!(printed(&mut booted, DUMP_SCHEDULER, 9), table(&rows));
}

#[test]
fn list_survives_the_first_thread() {
    let mut booted = Booted::new();
    let thread = booted.make_thread(100, 254, 1_000, 1_000);
    booted.must(100, "TCBResume", &[], &[]);
    let info = MessageInfo::new(0, 0, 0, 2);
    let root = booted.thread;
    // The root task deletes its own thread.
    let delete = crate::booted::label("CNodeDelete");
    booted.prepare(
        root,
        ROOT_CNODE,
        MessageInfo::new(delete, 0, 0, info.length()),
        &[ROOT_TCB, 64],
        &[],
    );
    booted.enter(-1);
    assert_eq!(booted.kernel.current, Some(thread));
    let rows = [("child of: 'rootserver'", "running", "0x400100", 254, 0), IDLE];
    assert_eq!(printed(&mut booted, DUMP_SCHEDULER, 0), table(&rows));
}

#[test]
fn names_are_cut_to_what_fits() {
    let mut booted = Booted::new();
    booted.make_thread(100, 254, 1_000, 1_000);
    name(&mut booted, 100, &[b'x'; 8 * sel4_abi::message::MSG_MAX_LENGTH]);
    let text = printed(&mut booted, DUMP_SCHEDULER, 0);
    assert!(text.contains(&format!("\n{}\t", "x".repeat(960))));
    // Whoever it makes is named after it.
    let crate::cap::Cap::Tcb(maker) = booted.cap(100) else {
        panic!()
    };
    let made = booted.make_thread(102, 254, 1_000, 1_000);
    booted.kernel.unlist_thread(made);
    booted.kernel.current = Some(maker);
    booted.kernel.list_thread(made);
    booted.kernel.current = Some(booted.thread);
    let text = printed(&mut booted, DUMP_SCHEDULER, 0);
    assert!(text.contains(&format!("\nchild of: '{}'\t", "x".repeat(960))));
}

#[test]
fn snapshot_names_each_object_once_and_says_who_holds_it() {
    let mut booted = Booted::new();
    let thread = booted.make_thread(100, 254, 1_000, 1_000);
    booted.make(sel4_abi::object::ObjectType::Endpoint, 0, 110, 1);
    booted.must(ROOT_CNODE, "CNodeMint", &[111, 64, 110, 64, 15, 7], &[ROOT_CNODE]);
    let crate::cap::Cap::Endpoint { ep, .. } = booted.cap(110) else {
        panic!()
    };
    let text = printed(&mut booted, SNAPSHOT, 5);
    let root = booted.thread;
    let begin = format!(
        "Debug snapshot syscall from user thread {root:?} \"rootserver\"\r\narch aarch64\r\nobjects {{\r\n"
    );
    assert!(text.starts_with(&begin), "{text}");
    let (objects, caps) = text.split_once("\r\n}\r\ncaps {\r\n").unwrap();
    assert_eq!(objects.matches(&format!("{ep:?}_ep = ep\r\n")).count(), 1);
    for thread in [thread, root] {
        assert_eq!(
            objects
                .matches(&format!("\n{thread:?}_tcb = tcb (addr: "))
                .count(),
            1
        );
    }
    assert!(caps.contains(&format!("\n0x6e: {ep:?}_ep\r\n0x6f: {ep:?}_ep (badge: 0x7)\r\n")));
    assert!(caps.ends_with("}\r\n}\r\n"));
}

#[test]
fn line_feed_is_preceded_by_a_carriage_return() {
    let mut booted = Booted::new();
    assert_eq!(printed(&mut booted, -12, b'\n' as u64), "\r\n");
    assert_eq!(printed(&mut booted, -12, b'a' as u64), "a");
}

#[test]
fn unhandled_fault_is_reported_under_the_threads_name() {
    let mut booted = Booted::new();
    name(&mut booted, ROOT_TCB, b"victim");
    let text = printed(&mut booted, WAIT, 77_777);
    assert!(text.contains("victim"), "{text}");
}
