//! When a static PD that faulted is started anew, and when it is left dead.

use supervision::root::DomainState;

/// Restarts that a PD has in reserve. One that faults over and over uses them up in an instant.
pub const RESERVE: u32 = 8;
/// Milliseconds in which it earns one back.
pub const EARN_MS: u64 = 250;

/// What a fault was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// seL4 fault label.
    pub label: u64,
    /// Faulting address, or 0.
    pub address: u64,
    /// Program counter, or 0.
    pub pc: u64,
}

/// What to do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it anew.
    Restart,
    /// Leave it dead, for good.
    Leave,
}

/// One static PD's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    restartable: bool,
    dead: bool,
    restarts: u32,
    reserve: u32,
    /// When the reserve was last counted, in ticks.
    counted: u64,
    cause: Cause,
}

impl Life {
    /// It begins. `restartable`: the description allows that it is started anew, and its image can be reloaded.
    pub const fn new(restartable: bool) -> Self {
        Self {
            restartable,
            dead: false,
            restarts: 0,
            reserve: RESERVE,
            counted: 0,
            cause: Cause {
                label: 0,
                address: 0,
                pc: 0,
            },
        }
    }

    /// It faulted at `now`, by a clock of `hz` ticks a second. Who is dead stays so.
    pub fn fault(&mut self, now: u64, hz: u64, cause: Cause) -> Verdict {
        self.cause = cause;
        self.earn(now, hz);
        match self.reserve.checked_sub(1) {
            Some(left) if self.restartable && !self.dead => {
                self.reserve = left;
                self.restarts = self.restarts.saturating_add(1);
                Verdict::Restart
            }
            _ => {
                self.dead = true;
                Verdict::Leave
            }
        }
    }

    /// It could not be started anew.
    pub fn give_up(&mut self) {
        self.dead = true;
    }

    /// For control, `name` included.
    pub fn state(&self, name: &str) -> DomainState {
        let mut state = DomainState {
            dead: self.dead,
            restarts: self.restarts,
            label: self.cause.label,
            address: self.cause.address,
            pc: self.cause.pc,
            ..DomainState::UNHARMED
        };
        for (to, from) in state.name.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        state
    }

    fn earn(&mut self, now: u64, hz: u64) {
        let each = (hz.saturating_mul(EARN_MS) / 1000).max(1);
        let earned = now.saturating_sub(self.counted) / each;
        if self.reserve == RESERVE {
            self.counted = now;
        } else if earned > 0 {
            self.counted += earned * each;
            let reserve = u64::from(self.reserve).saturating_add(earned);
            self.reserve = reserve.min(RESERVE.into()) as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HZ: u64 = 1_000_000;
    const EACH: u64 = HZ * EARN_MS / 1000;
    const CAUSE: Cause = Cause {
        label: 6,
        address: 0x1000,
        pc: 0x20_0000,
    };

    #[test]
    fn crash_loop_ends_and_stays_ended() {
        let mut life = Life::new(true);
        let restarts = (0..).take_while(|n| life.fault(5_000_000 + n, HZ, CAUSE) == Verdict::Restart);
        assert_eq!(restarts.count(), RESERVE as usize);
        assert_eq!(life.fault(u64::MAX, HZ, CAUSE), Verdict::Leave);
        let state = life.state("control");
        assert!(state.dead && state.name.starts_with(b"control\0"));
        assert_eq!((state.restarts, state.label, state.address), (RESERVE, 6, 0x1000));
    }

    #[test]
    fn seldom_faults_are_forgiven_for_ever() {
        let mut life = Life::new(true);
        for n in 0..100 {
            assert_eq!(life.fault(n * EACH, HZ, CAUSE), Verdict::Restart, "{n}");
        }
    }

    #[test]
    fn who_may_not_be_restarted_is_left_at_once() {
        let mut life = Life::new(false);
        assert_eq!(life.fault(0, HZ, CAUSE), Verdict::Leave);
        assert!(life.state("client").dead);
    }

    proptest! {
        /// In no stretch of time are there more restarts than the reserve and what was earned in it.
        #[test]
        fn restarts_are_bounded_in_every_stretch(gaps in prop::collection::vec(0u64..2 * EACH, 1..60)) {
            let mut life = Life::new(true);
            let (mut now, mut times) = (0, std::vec::Vec::new());
            for gap in gaps {
                now += gap;
                if life.fault(now, HZ, CAUSE) == Verdict::Restart {
                    times.push(now);
                }
            }
            for (first, from) in times.iter().enumerate() {
                for (last, to) in times.iter().enumerate().skip(first) {
                    prop_assert!((last - first) as u64 <= u64::from(RESERVE) + (to - from) / EACH);
                }
            }
        }
    }
}
