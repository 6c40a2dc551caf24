//! Waits that end. A function takes its time with some of what it is told, or never does it.

use core::cell::Cell;

/// How long somebody waits.
pub trait Patience {
    /// Whether there is some left. Not for ever, however often that is asked.
    fn lasts(&self) -> bool;

    /// As much of it again, from now on.
    fn renewed(&self) -> Self;

    /// Whether what is waited for comes while patience lasts. It is looked for once at least, and once after the end, so that who was kept from
    /// looking does not take that for the function's fault.
    fn until(&self, done: impl Fn() -> bool) -> bool {
        while self.lasts() {
            if done() {
                return true;
            }
        }
        done()
    }
}

/// Looks so often, for who has no clock: tests.
#[derive(Clone, Debug)]
pub struct Times {
    all: usize,
    left: Cell<usize>,
}

impl Times {
    /// So many looks before the last.
    pub fn new(times: usize) -> Self {
        Self {
            all: times,
            left: Cell::new(times),
        }
    }
}

impl Patience for Times {
    fn lasts(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
    fn renewed(&self) -> Self {
        Self::new(self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_time_is_seen_and_what_never_comes_is_given_up() {
        let looks = Cell::new(0);
        let comes_at = |look| {
            looks.set(0);
            move |looks: &Cell<usize>| {
                looks.set(looks.get() + 1);
                looks.get() == look
            }
        };
        for (look, comes) in [(1, true), (3, true), (4, true), (5, false)] {
            let come = comes_at(look);
            assert_eq!(Times::new(3).until(|| come(&looks)), comes, "{look}");
        }
        let come = comes_at(1);
        assert!(Times::new(0).until(|| come(&looks)), "nobody could look before");
    }
}
