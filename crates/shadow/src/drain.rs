//! How long a drain may last: `docs/design/002-drain.md`.

/// Answers that a mean is made of.
const WINDOW: u32 = 32;

/// How long the driver had what it answered lately: a mean over its last 32 answers or so, of which older ones count ever less. Until
/// anything is answered it is nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// [`WINDOW`] times the mean, in ticks.
    sum: u64,
}

impl Pace {
    /// So many requests were answered just now, which the driver had had for `waited` ticks together.
    #[inline]
    pub fn answered(&mut self, count: u32, waited: u64) {
        self.sum = match count {
            0 => self.sum,
            1..WINDOW => {
                let gone = self.sum / u64::from(WINDOW) * u64::from(count);
                (self.sum - gone).saturating_add(waited)
            }
            count => (waited / u64::from(count)).saturating_mul(WINDOW.into()),
        };
    }

    /// The mean, in ticks.
    pub fn mean(&self) -> u64 {
        self.sum / u64::from(WINDOW)
    }
}

/// What control says of a drain. Times in ticks of CNTPCT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// When it ends at the latest.
    pub deadline: u64,
    /// What the driver has had for so long is not waited for; 0: however old.
    pub age: u64,
}

impl Order {
    /// When a drain that is ordered `now` ends, if `last` is when a request was last handed over. At once, if lately answers took
    /// longer than `age`: then those to the last requests are not to be expected before these are too old.
    pub fn end(&self, now: u64, last: u64, pace: &Pace) -> u64 {
        let until = match self.age {
            0 => u64::MAX,
            age if pace.mean() > age => now,
            age => last.saturating_add(age),
        };
        self.deadline.min(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORDER: Order = Order {
        deadline: 10_000,
        age: 80,
    };

    fn after(answers: impl IntoIterator<Item = (u32, u64)>) -> Pace {
        let mut pace = Pace::default();
        for (count, each) in answers {
            pace.answered(count, each * u64::from(count));
        }
        pace
    }

    #[test]
    fn driver_of_which_nothing_is_known_is_waited_for() {
        assert_eq!(ORDER.end(1_000, 990, &Pace::default()), 1_070);
    }

    #[test]
    fn quick_answers_are_waited_for_and_slow_ones_are_not() {
        assert_eq!(ORDER.end(1_000, 990, &after([(1, 80); 300])), 1_070);
        assert_eq!(ORDER.end(1_000, 990, &after([(1, 90); 300])), 1_000);
        assert_eq!(ORDER.end(1_000, 990, &after([(32, 90)])), 1_000);
    }

    #[test]
    fn what_is_to_be_drained_however_old_is() {
        let order = Order { age: 0, ..ORDER };
        assert_eq!(order.end(1_000, 10, &after([(64, 5_000)])), 10_000);
    }

    #[test]
    fn first_of_a_batch_do_not_hide_how_long_batches_take() {
        let batch = (1..=32).map(|place| (1, 12 * place));
        let begun = (1..=6).map(|place| (1, 12 * place));
        assert!(after(batch.clone().chain(batch).chain(begun)).mean() > 80);
    }

    #[test]
    fn few_slow_answers_are_forgotten_with_the_next_batch() {
        assert_eq!(after([(40, 9_000), (1, 9_000), (32, 7)]).mean(), 7);
        assert!(after([(40, 9_000)].into_iter().chain([(1, 7); 300])).mean() < 12);
    }

    proptest! {
        #[test]
        fn no_driver_makes_a_drain_longer_than_its_order_says(
            answers in prop::collection::vec((any::<u32>(), any::<u64>()), 0..20),
            (deadline, age, now, last) in any::<(u64, u64, u64, u64)>(),
        ) {
            let mut pace = Pace::default();
            for (count, waited) in answers {
                pace.answered(count, waited);
            }
            let order = Order { deadline, age };
            let unasked = if age == 0 { u64::MAX } else { last.saturating_add(age) };
            let end = order.end(now, last, &pace);
            prop_assert!(end <= deadline);
            prop_assert!(end <= unasked.max(now));
            prop_assert!(age != 0 || end == deadline);
        }

        #[test]
        fn mean_lies_between_the_answers(each in prop::collection::vec((1u32..=64, 0u64..1 << 40), 1..100)) {
            let pace = after([(32, each[0].1)].into_iter().chain(each.clone()));
            let (least, most) = each.iter().fold((u64::MAX, 0), |(l, m), &(_, e)| (l.min(e), m.max(e)));
            // Each step rounds down by less than one, and so does the mean.
            prop_assert!(pace.mean() <= most && pace.mean() + 4 >= least, "{} {}", pace.mean(), least);
        }
    }
}
