//! Instants at which a PD of a test build dies on demand. No product build contains this crate.
//!
//! The PDs of a test system share a page. Each counts there the instants that it passes; one instant is armed at a time, by control
//! on behalf of the test ([`ask`]), as the n-th that a party passes from then on. So a test needs no list of them: it counts on until
//! there is no n-th. Who reaches the armed instant disarms it first, so that its successor passes.
#![no_std]

use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::Relaxed};

/// Who counts instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Party {
    /// Before each effect, and before the links are published.
    Control = 0,
    /// Around a job, and around each call to root.
    Stager = 1,
    /// Around a reset, and around its word to root.
    Bus = 2,
    /// Before each store into what outlives it.
    Shadow = 3,
    /// Around all that it does for a call or an interrupt.
    Timer = 4,
    /// Around its notification.
    GuardClock = 5,
    /// Around all that it does for an interrupt or a notification.
    Command = 6,
    /// Around a call and a wake-up, around its questions to root, and before it writes a register of the SMMU.
    Iommu = 7,
}

impl Party {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Control,
        Self::Stager,
        Self::Bus,
        Self::Shadow,
        Self::Timer,
        Self::GuardClock,
        Self::Command,
        Self::Iommu,
    ];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// What is done at the armed instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Who reached it dies.
    Die,
    /// Who reached it does nothing else for ever.
    Hang,
    /// Who reached it dies, and so do its successors over it: root buries it in the end.
    DieForGood,
    /// Control's instants only: the driver that has the device is killed.
    KillDriver,
    /// This party dies, at the n-th instant of its own from then on.
    Let(Party, u8),
}

/// What to arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plan {
    /// Whose instant.
    pub party: Party,
    /// How many of its instants it passes before.
    pub passed: u32,
    /// What is done there.
    pub action: Action,
}

impl Plan {
    /// As one word.
    pub fn to_word(self) -> u64 {
        let [kind, party, later] = match self.action {
            Action::Die => [0, 0, 0],
            Action::DieForGood => [1, 0, 0],
            Action::KillDriver => [2, 0, 0],
            Action::Let(party, later) => [3, party as u8, later],
            Action::Hang => [4, 0, 0],
        };
        let [a, b, c, d] = self.passed.to_le_bytes();
        // No plan is 0.
        u64::from_le_bytes([a, b, c, d, self.party as u8 + 1, kind, party, later])
    }

    /// From that word; `None`: it is none.
    pub fn from_word(word: u64) -> Option<Self> {
        let [a, b, c, d, whose, kind, party, later] = word.to_le_bytes();
        Some(Self {
            party: Party::from_number(whose.checked_sub(1)?)?,
            passed: u32::from_le_bytes([a, b, c, d]),
            action: match kind {
                0 => Action::Die,
                1 => Action::DieForGood,
                2 => Action::KillDriver,
                3 => Action::Let(Party::from_number(party)?, later),
                4 => Action::Hang,
                _ => return None,
            },
        })
    }
}

/// What the page says, as words: for each party how many instants it passed since something was armed, and then for each
/// the armed instant that it reached plus 1, as that party names it; 0: none.
pub type Report = [u64; 2 * Party::ALL.len()];

/// Word of the page: the plan's; 0: none.
const PLAN: usize = size_of::<Report>() / 8;
const WORDS: usize = PLAN + 1;

/// The page; null: there is none, and nothing is ever reached.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());

/// Where the page is.
///
/// # Safety
/// `vaddr` is 0 (no page), or the address of a page that stays mapped, readable and writable, for as long as the program
/// runs and that is accessed through this crate only.
pub unsafe fn page_at(vaddr: usize) {
    PAGE.store(core::ptr::with_exposed_provenance_mut(vaddr), Relaxed);
}

fn words() -> Option<&'static [AtomicU64; WORDS]> {
    // SAFETY: null, or a page by the contract of `page_at`: aligned, mapped for ever, and accessed by atomics only.
    unsafe { PAGE.load(Relaxed).cast::<[AtomicU64; WORDS]>().as_ref() }
}

/// Arms a plan; all count from 0.
fn arm(word: u64) {
    let Some(words) = words() else { return };
    words.iter().for_each(|word| word.store(0, Relaxed));
    words[PLAN].store(word, Relaxed);
}

/// Number of the trace source, which no system has, at which control of a test build is asked ([`ask`]).
pub const SOURCE: u8 = u8::MAX;

/// A trace is read there: arms the plan whose word stands for the cursor; 0: nothing is armed
/// any more. What became of the plan before comes as the
/// trace's bytes; how many there are, the next cursor and how many were lost.
pub fn ask(cursor: u64, buffer: &mut [u8]) -> (usize, u64, u64) {
    let bytes = report().map(u64::to_le_bytes);
    let bytes = bytes.as_flattened();
    let len = bytes.len().min(buffer.len());
    buffer[..len].copy_from_slice(&bytes[..len]);
    match (cursor, words()) {
        (0, Some(words)) => words[PLAN].store(0, Relaxed),
        _ => arm(cursor),
    }
    (len, 0, 0)
}

/// From the bytes of [`ask`]; `None`: they are none.
pub fn reported(bytes: &[u8]) -> Option<Report> {
    let (words, rest) = bytes.as_chunks::<8>();
    let words: &[[u8; 8]; 2 * Party::ALL.len()] = words.try_into().ok()?;
    rest.is_empty().then(|| words.map(u64::from_le_bytes))
}

fn report() -> Report {
    let word = |at: usize| words().map_or(0, |words| words[at].load(Relaxed));
    core::array::from_fn(word)
}

/// `party` is at an instant that it names so. What is to be done, if it is the armed one.
pub fn reached(party: Party, instant: u32) -> Option<Action> {
    let words = words()?;
    let at = party as usize;
    let passed = words[at].load(Relaxed);
    words[at].store(passed + 1, Relaxed);
    let plan = Plan::from_word(words[PLAN].load(Relaxed))?;
    if plan.party != party || passed < u64::from(plan.passed) {
        return None;
    }
    words[Party::ALL.len() + at].store(u64::from(instant) + 1, Relaxed);
    let next = match plan.action {
        Action::DieForGood => return Some(plan.action),
        Action::Die | Action::Hang | Action::KillDriver => 0,
        Action::Let(victim, later) => {
            let passed = words[victim as usize].load(Relaxed) as u32;
            let passed = passed.saturating_add(later.into());
            let (party, action) = (victim, Action::Die);
            Plan {
                party,
                passed,
                action,
            }
            .to_word()
        }
    };
    words[PLAN].store(next, Relaxed);
    Some(plan.action)
}

/// An instant at which this party dies or hangs if it is the armed one.
///
/// # Panics
/// That is how it dies.
pub fn point(party: Party, instant: u32) {
    match reached(party, instant) {
        Some(Action::Die | Action::DieForGood) => panic!("{party:?}, instant {instant}"),
        Some(Action::Hang) => loop {
            core::hint::spin_loop();
        },
        Some(Action::KillDriver | Action::Let(..)) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_survives_its_word() {
        let actions = [
            Action::Die,
            Action::Hang,
            Action::DieForGood,
            Action::KillDriver,
            Action::Let(Party::Command, 255),
        ];
        for (party, action) in Party::ALL.into_iter().zip(actions.into_iter().cycle()) {
            let plan = Plan {
                party,
                passed: u32::MAX,
                action,
            };
            assert_eq!(Plan::from_word(plan.to_word()), Some(plan));
        }
        assert_eq!(Plan::from_word(u64::MAX), None);
    }

    #[test]
    fn armed_instant_is_reached_once_and_hands_on_to_another_party() {
        static WORDS_OF_TEST: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
        assert_eq!(reached(Party::Control, 7), None, "no page");
        // SAFETY: a static, of as many words as are used, that nobody else knows.
        unsafe { page_at((&raw const WORDS_OF_TEST).expose_provenance()) };
        let (party, passed) = (Party::Control, 1);
        let action = Action::Let(Party::Timer, 1);
        arm(Plan {
            party,
            passed,
            action,
        }
        .to_word());
        assert_eq!(reached(Party::Timer, 1), None);
        assert_eq!(reached(Party::Control, 7), None);
        assert_eq!(reached(Party::Control, 8), Some(action));
        assert_eq!(reached(Party::Control, 8), None);
        assert_eq!(reached(Party::Timer, 2), None);
        assert_eq!(reached(Party::Timer, 3), Some(Action::Die));
        assert_eq!(reached(Party::Timer, 3), None);
        let report = report();
        let mut bytes = [0; 200];
        let (len, ..) = ask(0, &mut bytes);
        assert_eq!(reported(&bytes[..len]), Some(report));
        assert_eq!((report[0], report[4]), (3, 4));
        assert_eq!((report[8], report[12]), (9, 4));
    }
}
