//! Control's records: what it has in its hands, and what of them survives it (the ledger). The code's own, with its bytes.
//!
//! A history is large, and there are few different ones: equal ones are kept once.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::still::Still;
use control::history::{self, History};
use control::ledger;
use control_protocol::Record;

/// Written bytes, by where they lie.
pub type Bytes = BTreeMap<usize, Vec<u8>>;

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
        if let Some((record, _)) = ledger::read_record(&mut Still(&bytes), place) {
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
        let mut history = History::default();
        history.restore(&mut Still(&self.content));
        history
    }
}
