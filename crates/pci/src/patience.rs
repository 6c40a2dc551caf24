//! Waits that end. A function takes its time with some of what it is told, or never does it.

/// How long somebody waits.
pub trait Patience {
    /// Whether there is some left. Not for ever, however often that is asked.
    fn lasts(&self) -> bool;

    /// As much of it again, from now on.
    fn renewed(&self) -> Self;

    /// Whether what is waited for comes while patience lasts. It is looked for once at least, and once after the end, so that who was kept
    /// from looking does not take that for the function's fault.
    fn until(&self, done: impl Fn() -> bool) -> bool {
        while self.lasts() {
            if done() {
                return true;
            }
        }
        done()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Times;
    use core::cell::Cell;

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
