//! Which updates are tried: up, down, and random pairs.

/// What a run does, beyond oldest to newest and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Random pairs.
    pub pairs: usize,
    /// Seed of their choice.
    pub seed: u64,
}

/// `choice.pairs` pairs of different releases of `releases`, the same for the same seed.
pub fn pairs(releases: usize, choice: Choice) -> Vec<(usize, usize)> {
    if releases < 2 {
        return Vec::new();
    }
    let mut state = choice.seed;
    let mut below = |end: usize| (mixed(&mut state) % end as u64) as usize;
    (0..choice.pairs)
        .map(|_| {
            let from = below(releases);
            // Any of the others, each as likely as the next.
            (from, (from + 1 + below(releases - 1)) % releases)
        })
        .collect()
}

/// The pairs, but begun with releases that come up: in place of one that does not, the next that does, unless that is the other one.
pub fn beginnable(pairs: Vec<(usize, usize)>, comes_up: &[bool]) -> Vec<(usize, usize)> {
    let count = comes_up.len();
    let begin = |(from, to): (usize, usize)| {
        let mut all = (from..count).chain(0..from);
        Some((all.find(|at| comes_up[*at] && *at != to)?, to))
    };
    pairs.into_iter().filter_map(begin).collect()
}

/// splitmix64: any seed is as good as another, and neighbours have nothing in common.
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = *state;
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn seed_decides_and_nobody_is_paired_with_himself() {
        let choice = Choice { pairs: 2000, seed: 7 };
        let chosen = pairs(13, choice);
        assert_eq!(chosen, pairs(13, choice));
        assert_ne!(chosen, pairs(13, Choice { seed: 8, ..choice }));
        assert!(
            chosen
                .iter()
                .all(|(from, to)| from != to && *from < 13 && *to < 13)
        );
        let different: BTreeSet<_> = chosen.into_iter().collect();
        assert_eq!(different.len(), 13 * 12, "all there are");
        assert_eq!(pairs(1, choice), []);
    }

    #[test]
    fn no_pair_begins_with_a_release_that_does_not_come_up() {
        let all = vec![(0, 1), (0, 2), (1, 0), (2, 1)];
        assert_eq!(beginnable(all.clone(), &[true; 3]), all);
        assert_eq!(
            beginnable(all.clone(), &[false, true, true]),
            [(2, 1), (1, 2), (1, 0), (2, 1)]
        );
        assert_eq!(beginnable(vec![(0, 1)], &[false, true]), [], "there is no other");
    }
}
