//! Requests under way.

/// Requests under way at most: the release's queue of completions has 16 places, one of which stays free.
pub const DEPTH: usize = 15;

/// Requests under way in the order in which they were begun.
pub struct Waiting<T> {
    places: [Option<T>; DEPTH + 1],
    first: usize,
    len: usize,
}

impl<T: Copy> Waiting<T> {
    /// None.
    pub fn new() -> Self {
        Self {
            places: [None; DEPTH + 1],
            first: 0,
            len: 0,
        }
    }

    /// How many there are, at most [`DEPTH`].
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The place that is so many behind the first.
    #[inline]
    fn place(&mut self, behind: usize) -> &mut Option<T> {
        &mut self.places[(self.first + behind) % (DEPTH + 1)]
    }

    /// One more, of which there is room.
    #[inline]
    pub fn push(&mut self, asked: T) {
        *self.place(self.len) = Some(asked);
        self.len += 1;
    }

    /// Lets go of those that `has_ended`: from the first on until one has not, or `all`.
    #[inline]
    pub fn let_go(&mut self, all: bool, mut has_ended: impl FnMut(T) -> bool) {
        while self.len > 0 {
            if self.place(0).is_some_and(|asked| !has_ended(asked)) {
                break;
            }
            self.first = (self.first + 1) % (DEPTH + 1);
            self.len -= 1;
        }
        if !all || self.len == 0 {
            return;
        }
        // The first is under way. Who has not ended moves up, so that who has keeps no place while the first is slow.
        let mut kept = 1;
        for behind in 1..self.len {
            let Some(asked) = *self.place(behind) else {
                continue;
            };
            if !has_ended(asked) {
                *self.place(kept) = Some(asked);
                kept += 1;
            }
        }
        self.len = kept;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        /// Whatever ends in which order: in the order of requests each is let go of once, when it has ended, at the latest when all are asked; and
        /// who was let go of keeps no place.
        #[test]
        fn who_has_ended_is_let_go_of_once_and_keeps_no_place(
            steps in prop::collection::vec((0..=DEPTH, any::<u16>(), any::<bool>()), 0..40),
        ) {
            let (mut waiting, mut next) = (Waiting::new(), 0u32);
            let mut under_way: Vec<(u32, bool)> = Vec::new();
            for (begun, ends, all) in steps {
                for _ in 0..begun.min(DEPTH - waiting.len()) {
                    waiting.push(next);
                    under_way.push((next, false));
                    next += 1;
                }
                for (index, (_, ended)) in under_way.iter_mut().enumerate() {
                    *ended |= ends >> index & 1 != 0;
                }
                let mut gone = Vec::new();
                waiting.let_go(all, |id| {
                    let ended = under_way.contains(&(id, true));
                    if ended {
                        gone.push(id);
                    }
                    ended
                });
                let expected: Vec<u32> = match all {
                    true => under_way.iter().filter(|(_, ended)| *ended).map(|(id, _)| *id).collect(),
                    false => under_way.iter().take_while(|(_, ended)| *ended).map(|(id, _)| *id).collect(),
                };
                prop_assert_eq!(&gone, &expected);
                under_way.retain(|(id, _)| !gone.contains(id));
                prop_assert_eq!(waiting.len(), under_way.len());
            }
        }
    }
}
