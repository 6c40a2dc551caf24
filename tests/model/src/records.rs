//! Control's records: what it has in its hands, and what of them survives it (the ledger). The code's own, with its bytes.
//!
//! A history is large, and there are few different ones: equal ones are kept once.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use control::history::{self, History};
use control::ledger;
use control::state::SlotState;
use control::{Call, Consumed, World};
use control_protocol::Record;
use supervision::{Code, root, shadow, stager};

/// Written bytes, by where they lie.
type Bytes = BTreeMap<usize, Vec<u8>>;

/// What is kept once; two with the same digest do the same to control.
#[derive(Clone, Debug)]
pub struct Shared<T> {
    digest: u64,
    content: Arc<T>,
}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

type Pool<T> = LazyLock<Mutex<HashMap<u64, Arc<T>>>>;

fn share<T>(pool: &Pool<T>, digest: u64, content: T) -> Shared<T> {
    let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
    let content = Arc::clone(pool.entry(digest).or_insert_with(|| Arc::new(content)));
    Shared { digest, content }
}

/// Control's history.
pub type Records = Shared<History>;
/// What survives of it.
pub type Ledger = Shared<Bytes>;

/// The history, kept.
pub fn records(history: History) -> Records {
    static POOL: Pool<History> = LazyLock::new(Mutex::default);
    let mut hasher = DefaultHasher::new();
    history.hash(&mut hasher);
    share(&POOL, hasher.finish(), history)
}

fn ledger(bytes: Bytes) -> Ledger {
    static POOL: Pool<Bytes> = LazyLock::new(Mutex::default);
    let mut hasher = DefaultHasher::new();
    for place in 0..history::KEPT {
        if let Some((record, _)) = ledger::read_record(&mut Reader(&bytes), place) {
            history::identity(&record, &mut hasher);
        }
    }
    share(&POOL, hasher.finish(), bytes)
}

impl Default for Records {
    fn default() -> Self {
        records(History::default())
    }
}

impl Default for Ledger {
    fn default() -> Self {
        ledger(Bytes::new())
    }
}

impl Records {
    /// To work on.
    pub fn take(&self) -> History {
        History::clone(&self.content)
    }

    /// The records, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Record> {
        self.content.records()
    }
}

impl Ledger {
    /// With these bytes written too.
    pub fn with(&self, offset: usize, written: &[u8]) -> Self {
        let mut bytes = Bytes::clone(&self.content);
        bytes.insert(offset, written.to_vec());
        ledger(bytes)
    }

    /// The history that a successor of control finds.
    pub fn restore(&self) -> History {
        History::restore(&mut Reader(&self.content))
    }
}

/// A world in which there is nothing but the ledger to read. Each record is written at one place, whole.
struct Reader<'a>(&'a Bytes);

impl World for Reader<'_> {
    fn kept(&mut self, offset: usize, buffer: &mut [u8]) {
        if let Some(bytes) = self.0.get(&offset) {
            let len = bytes.len().min(buffer.len());
            buffer[..len].copy_from_slice(&bytes[..len]);
        }
    }
    fn now(&mut self) -> u64 {
        0
    }
    fn call(&mut self, _: u32, _: Call) -> Code {
        Code::Denied
    }
    fn domain(&mut self, _: u32) -> Option<root::DomainState> {
        None
    }
    fn consumed(&mut self, _: u32) -> Option<Consumed> {
        None
    }
    fn slot_state(&mut self, _: u32) -> Option<root::SlotState> {
        None
    }
    fn command(&mut self, _: shadow::Command) {}
    fn job(&mut self, _: stager::Job) {}
    fn trace(&mut self, _: trace::Event) {}
    fn save(&mut self, _: usize, _: &SlotState) {}
    fn keep(&mut self, _: usize, _: &[u8]) {}
    fn write_package(&mut self, _: usize, _: usize, _: &[u8]) {}
    fn read_package(&mut self, _: usize, _: usize, _: &mut [u8]) {}
    fn read_trace(&mut self, _: usize, _: u64, _: &mut [u8]) -> Option<(usize, u64, u64)> {
        None
    }
    fn report_len(&mut self, _: usize) -> u32 {
        0
    }
    fn read_report(&mut self, _: usize, _: usize, _: &mut [u8]) {}
    fn ask_to_stop(&mut self, _: usize) {}
}
