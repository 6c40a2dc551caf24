//! What an update cost, measured with CNTPCT.

/// The longest time without a completion, over a transaction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gap {
    measuring: bool,
    last: u64,
    longest: u64,
    completions: u64,
}

impl Gap {
    /// Measure from now.
    pub fn begin(&mut self, now: u64) {
        *self = Self {
            measuring: true,
            last: now,
            longest: 0,
            completions: 0,
        };
    }

    /// So many completions went to clients just now.
    #[inline]
    pub fn completed(&mut self, count: u32, now: u64) {
        if self.measuring && count > 0 {
            self.longest = self.longest.max(now.saturating_sub(self.last));
            self.last = now;
            self.completions += u64::from(count);
        }
    }

    /// Ticks since the last completion that was counted, or since it began; also when it has ended.
    pub fn silence(&self, now: u64) -> u64 {
        now.saturating_sub(self.last)
    }

    /// It is being measured.
    pub fn is_measuring(&self) -> bool {
        self.measuring
    }

    /// For a successor: the last completion, the longest gap so far, completions.
    pub fn so_far(&self) -> (u64, u64, u64) {
        (self.last, self.longest, self.completions)
    }

    /// Go on from what a predecessor measured.
    pub fn resume(last: u64, longest: u64, completions: u64) -> Self {
        Self {
            measuring: true,
            last,
            longest,
            completions,
        }
    }

    /// The figures: ticks of the longest gap, completions. Without `begin` both are 0.
    pub fn end(&mut self, now: u64) -> (u64, u64) {
        if !self.measuring {
            return (0, 0);
        }
        self.measuring = false;
        (self.longest.max(now.saturating_sub(self.last)), self.completions)
    }
}

/// Why a driver gets no more requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was told to stop: until then every request would have been handed over at once.
    Ordered,
    /// It was lost. Whether it served after its last request, nobody knows.
    Lost,
}

/// When requests were last handed to a driver, or could have been: where a blackout begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Handing {
    last: u64,
    before: u64,
}

impl Handing {
    /// Requests were handed over just now.
    #[inline]
    pub fn handed(&mut self, now: u64) {
        self.last = now;
    }

    /// Feeding stops now with so many in flight. A driver that was lost with nothing to do is missed from now on, not since it last
    /// had work.
    pub fn stopped(&mut self, why: Stop, in_flight: u32, now: u64) {
        self.before = now.saturating_sub(self.last);
        if why == Stop::Ordered || in_flight == 0 {
            self.last = self.last.max(now);
        }
    }

    /// Go on from what a predecessor handed over last.
    pub fn resume(last: u64) -> Self {
        Self { last, before: 0 }
    }

    /// Ticks from the last request handed over until feeding stopped.
    pub fn before(&self) -> u64 {
        self.before
    }

    /// The last request handed over, or the order to stop.
    pub fn last(&self) -> u64 {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gap_is_the_longest_silence_including_the_open_one() {
        let mut gap = Gap::default();
        gap.begin(100);
        gap.completed(3, 110);
        gap.completed(0, 150);
        gap.completed(1, 170);
        assert_eq!(gap.end(180), (60, 4));
        assert_eq!(gap.end(999), (0, 0));
        gap.begin(200);
        assert_eq!(gap.end(300), (100, 0));
    }

    #[test]
    fn blackout_begins_with_the_order_and_that_of_a_loss_with_the_last_request() {
        let mut handing = Handing::default();
        handing.handed(10);
        handing.stopped(Stop::Lost, 1, 50);
        assert_eq!((handing.last(), handing.before()), (10, 40));
        handing.stopped(Stop::Ordered, 1, 60);
        assert_eq!((handing.last(), handing.before()), (60, 50));
    }

    #[test]
    fn idle_driver_that_is_lost_is_missed_from_then_on() {
        let mut handing = Handing::default();
        handing.handed(10);
        handing.stopped(Stop::Lost, 0, 50);
        assert_eq!(handing.last(), 50);
    }
}
