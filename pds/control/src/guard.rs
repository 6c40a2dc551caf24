//! Control and the guard clock watch each other: the guard clock asks control for a sign of life, and control notices when it is not
//! asked any more. That rests on the timer, whose interrupt a driver can stop: then it is noticed when control runs for another reason.

/// Seconds without a question after which the guard clock is taken for hung: it asks twice in each.
const PATIENCE_S: u64 = 2;

/// When the guard clock last asked.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    asked: u64,
    patience: u64,
}

impl Guard {
    /// Control starts at `now`, by a clock of `hz` ticks a second.
    pub fn new(now: u64, hz: u64) -> Self {
        Self {
            asked: now,
            patience: PATIENCE_S.saturating_mul(hz),
        }
    }

    /// It has asked, or was started anew.
    pub fn asked(&mut self, now: u64) {
        self.asked = now;
    }

    /// When it should have asked again.
    pub fn deadline(&self) -> u64 {
        self.asked.saturating_add(self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guard_that_asks_is_never_late() {
        let hz = 1000;
        let mut guard = Guard::new(7, hz);
        for now in (7..100_000).step_by(600) {
            assert!(now < guard.deadline());
            guard.asked(now);
        }
        assert_eq!(Guard::new(7, hz).deadline(), 2007);
    }
}
