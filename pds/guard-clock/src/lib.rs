//! The guard clock: wakes the timer PD once per period of its own scheduling context, and finds parts of the system that hang.
//!
//! Every PD can write the comparator of the physical timer in the contract's kernel configuration, so a hostile driver can
//! stop or delay its interrupt. A scheduling context's period is the kernel's and nobody else's: this PD yields what is
//! left of its budget, is run again a period later, and makes the timer look at its deadlines then. So a deadline is late by
//! at most this period, whatever is done to the comparator; in all other cases the comparator is more exact.
//!
//! With the role `guard` it also asks parts of the system for a sign of life, by a notification each, and looks a round later whose answer
//! has come ([`Watch`]). It waits for nobody.
//!
//! The period is the description's (`period`, with a `budget` below it), and so is the channel to the timer.

#![no_std]
#![forbid(unsafe_code)]

use system_spec::config::{GuardConfig, MAX_WATCHED, Watched};

/// Periods that a round has at least.
const PERIODS: u64 = 20;

/// Who is watched, and who of them has answered.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    watched: [Option<Watched>; MAX_WATCHED],
    /// Ticks that a round lasts.
    round: u64,
    /// When the next begins, and how many periods there are until then at least.
    next: u64,
    left: u64,
    /// They were asked at the beginning of the round.
    asked: bool,
    /// Channels on which somebody answered in it.
    answered: u64,
}

impl Watch {
    /// Of those that the description's compiler names, the highest priority first, by a clock of `hz` ticks a second.
    pub fn new(config: &GuardConfig, hz: u64) -> Self {
        let count = usize::try_from(config.watched_count).unwrap_or(0);
        let mut watched = [None; MAX_WATCHED];
        for (entry, described) in watched.iter_mut().zip(&config.watched).take(count) {
            *entry = Some(*described);
        }
        Self {
            watched,
            round: config.round_us.saturating_mul(hz) / 1_000_000,
            next: 0,
            left: 0,
            asked: false,
            answered: 0,
        }
    }

    /// A period has passed, it is `now`, and these channels were notified in it. At the end of a round: who hangs, if somebody does; then all are to be
    /// asked ([`everybody`](Self::everybody)).
    ///
    /// Calls go to higher priorities only, so who is silent because he waits for another, or because another keeps the processor from him, has
    /// the lower priority of the two. Therefore only the first one that is silent hangs for sure; the others have another round.
    ///
    /// A round is a matter of time: our periods are longer where the processor is slow, as in a machine that its host lets starve. But it has
    /// some of them: if nobody ran for a while, those who were asked did not either.
    pub fn period(&mut self, now: u64, notified: u64) -> Option<Round> {
        self.answered |= notified;
        self.left = self.left.saturating_sub(1);
        if self.left > 0 || now < self.next {
            return None;
        }
        let (asked, answered) = (self.asked, self.answered);
        let silent = |one: &&Watched| asked && answered & channel(one) == 0;
        let hangs = self.watched.iter().flatten().find(silent).map(|one| one.pd);
        (self.left, self.next) = (PERIODS, now.saturating_add(self.round));
        (self.asked, self.answered) = (true, 0);
        Some(Round { hangs })
    }

    /// Channels of all that are to be asked.
    pub fn everybody(&self) -> impl Iterator<Item = usize> {
        self.watched.iter().flatten().map(|one| one.channel as usize)
    }

    /// Root has buried this PD: it is not asked any more.
    pub fn forget(&mut self, pd: u64) {
        for entry in &mut self.watched {
            *entry = entry.filter(|one| one.pd != pd);
        }
    }
}

/// A round is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Root's number of the PD that hangs.
    pub hangs: Option<u64>,
}

fn channel(one: &Watched) -> u64 {
    1u64.checked_shl(one.channel as u32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// PDs 10, 11 and 12 on channels 0, 1 and 2; 10 is the highest.
    fn watch() -> Watch {
        let mut config = GuardConfig {
            round_us: 30,
            watched_count: 3,
            ..GuardConfig::default()
        };
        for (channel, entry) in (0..3).zip(&mut config.watched) {
            *entry = Watched {
                channel,
                pd: 10 + channel,
            };
        }
        Watch::new(&config, 1_000_000)
    }

    /// A round in which these channels answer, at a period in its middle; each takes a tick.
    fn round(watch: &mut Watch, answers: u64) -> Option<u64> {
        let began = watch.next - 30;
        (1..30).for_each(|n| assert_eq!(watch.period(began + n, if n == 15 { answers } else { 0 }), None));
        watch.period(began + 30, 0).expect("the end of a round").hangs
    }

    #[test]
    fn nobody_is_silent_who_was_not_asked() {
        assert_eq!(watch().period(0, 0), Some(Round { hangs: None }));
    }

    #[test]
    fn who_answers_within_a_round_is_left_alone() {
        let mut watch = watch();
        watch.period(0, 0);
        for _ in 0..5 {
            assert_eq!(round(&mut watch, 0b111), None);
        }
    }

    #[test]
    fn round_has_its_time_and_its_periods() {
        let mut watch = watch();
        watch.period(0, 0);
        assert_eq!(
            (1..20).find_map(|now| watch.period(10 * now, 0b111)),
            None,
            "late: nobody had his turn"
        );
        assert!(watch.period(200, 0).is_some());
        assert_eq!((1..30).find_map(|n| watch.period(200 + n, 0)), None, "early");
        assert!(watch.period(230, 0).is_some());
    }

    #[test]
    fn of_the_silent_the_highest_hangs_and_the_others_get_another_round() {
        let mut watch = watch();
        watch.period(0, 0);
        assert_eq!(round(&mut watch, 0b001), Some(11));
        assert_eq!(
            round(&mut watch, 0b111),
            None,
            "it kept the lowest from the processor"
        );
        assert_eq!(round(&mut watch, 0b011), Some(12));
        assert_eq!(round(&mut watch, 0), Some(10));
    }

    #[test]
    fn the_dead_are_not_asked() {
        let mut watch = watch();
        watch.period(0, 0);
        watch.forget(10);
        assert_eq!(watch.everybody().collect::<std::vec::Vec<_>>(), [1, 2]);
        assert_eq!(round(&mut watch, 0b110), None);
    }

    #[test]
    fn without_the_role_nobody_is_watched() {
        let mut watch = Watch::new(&GuardConfig::default(), 1);
        assert_eq!(watch.everybody().count(), 0);
        let rounds = (0..100).filter_map(|now| watch.period(now, 0));
        assert_eq!(
            rounds.map(|round| round.hangs).collect::<std::vec::Vec<_>>(),
            [None; 5]
        );
    }
}
