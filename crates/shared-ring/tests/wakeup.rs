//! loom: in no interleaving that the memory model allows does a sleeper miss its notification.

use core::sync::atomic::Ordering;
use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
use loom::sync::{Arc, Notify};
use shared_ring::page::Page;
use shared_ring::{ASLEEP, ENTRIES, HEAD, Link, SendError, TAIL};

/// The words of a page that the protocol touches, as loom sees them.
#[derive(Clone)]
struct Model(Arc<Words>);

struct Words {
    tail: AtomicU32,
    head: AtomicU32,
    asleep: AtomicU32,
    entries: [AtomicU64; 2],
}

impl Model {
    fn new(tail: u32, head: u32) -> Self {
        let entries = [AtomicU64::new(0), AtomicU64::new(0)];
        let (tail, head, asleep) = (AtomicU32::new(tail), AtomicU32::new(head), AtomicU32::new(0));
        Self(Arc::new(Words {
            tail,
            head,
            asleep,
            entries,
        }))
    }
    fn word(&self, offset: usize) -> &AtomicU32 {
        match offset {
            TAIL => &self.0.tail,
            HEAD => &self.0.head,
            ASLEEP => &self.0.asleep,
            _ => unreachable!("the protocol touches no other word"),
        }
    }
}

impl Page for Model {
    fn load32(&self, offset: usize, order: Ordering) -> u32 {
        self.word(offset).load(order)
    }
    fn store32(&self, offset: usize, value: u32, order: Ordering) {
        self.word(offset).store(value, order);
    }
    fn load64(&self, offset: usize) -> u64 {
        self.0.entries[(offset - ENTRIES) / 8 % 2].load(Ordering::Relaxed)
    }
    fn store64(&self, offset: usize, value: u64) {
        self.0.entries[(offset - ENTRIES) / 8 % 2].store(value, Ordering::Relaxed);
    }
    fn load8(&self, _: usize) -> u8 {
        unreachable!()
    }
    fn store8(&self, _: usize, _: u8) {
        unreachable!()
    }
    fn fence() {
        fence(Ordering::SeqCst);
    }
}

/// A notification; a lost one shows as a deadlock, which loom reports.
#[derive(Clone)]
struct Notification(Arc<Notify>);

impl Notification {
    fn new() -> Self {
        Self(Arc::new(Notify::new()))
    }
    fn signal(&self) {
        self.0.notify();
    }
    fn wait(&self) {
        self.0.wait();
    }
}

type End = Link<u64, u64, Model>;

#[test]
fn receiver_never_sleeps_over_an_entry() {
    loom::model(|| {
        let (p, q) = (Model::new(0, 0), Model::new(0, 0));
        let bell = Notification::new();
        let mut sender: End = Link::over(p.clone(), q.clone());
        let mut receiver: End = Link::over(q, p);
        let ring = bell.clone();
        let thread = loom::thread::spawn(move || {
            for value in [11, 12] {
                sender.send(&value).unwrap();
                if sender.publish() {
                    ring.signal();
                }
            }
        });
        let mut expected = 11;
        while expected < 13 {
            receiver.awake();
            while let Some(value) = receiver.recv().unwrap() {
                assert_eq!(value, expected);
                expected += 1;
            }
            if expected < 13 && receiver.sleep().unwrap() {
                bell.wait();
            }
        }
        thread.join().unwrap();
    });
}

#[test]
fn sender_never_sleeps_over_space() {
    loom::model(|| {
        // The receiver has had the ring full of entries and has announced nothing yet.
        let (p, q) = (Model::new(0, 0), Model::new(0, 0));
        let bell = Notification::new();
        let mut sender: End = Link::over(p.clone(), q.clone());
        let mut receiver: End = Link::over(q, p);
        for value in 0..64 {
            sender.send(&value).unwrap();
        }
        assert!(!sender.publish());
        let ring = bell.clone();
        let thread = loom::thread::spawn(move || {
            receiver.recv().unwrap().unwrap();
            if receiver.publish() {
                ring.signal();
            }
        });
        loop {
            sender.awake();
            match sender.send(&64) {
                Ok(()) => break,
                Err(SendError::Full) => {
                    if sender.sleep().unwrap() {
                        bell.wait();
                    }
                }
                Err(SendError::Violation(violation)) => panic!("{violation:?}"),
            }
        }
        thread.join().unwrap();
    });
}
