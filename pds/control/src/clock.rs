//! Ticks of the counter, and how long things may take.

/// Frequency of the counter, and time in its ticks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    hz: u64,
}

impl Clock {
    /// A counter that runs at `hz`; 0 counts as 1.
    pub fn new(hz: u64) -> Self {
        Self { hz: hz.max(1) }
    }

    /// Frequency in Hz.
    pub fn hz(self) -> u64 {
        self.hz
    }

    /// Ticks of so many microseconds.
    pub fn micros(self, micros: u64) -> u64 {
        let ticks = u128::from(self.hz) * u128::from(micros) / 1_000_000;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Microseconds of so many ticks.
    pub fn micros_of(self, ticks: u64) -> u64 {
        self.nanos(ticks) / 1000
    }

    /// Nanoseconds of so many ticks.
    pub fn nanos(self, ticks: u64) -> u64 {
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(self.hz);
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

/// How long each step may take, in microseconds. Control and the shadow both keep the deadlines that both know;
/// control's is later by a margin, so that it sees the shadow's reason rather than its own suspicion.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Building one generation below the clients. Who takes longer is kept from the processor by them.
    pub hurry_us: u64,
    /// The same from then on, before the clients.
    pub stage_us: u64,
    /// Draining, before the shadow goes on regardless; a request that the driver has had for so long is not waited for at all. About what
    /// the swap itself takes: whoever waits no longer than that loses at most as much again (`docs/design/002-drain.md`).
    pub drain_us: u64,
    /// The same when no driver follows who could be asked again.
    pub leave_us: u64,
    /// What an answer of the shadow may take beyond what was asked.
    pub shadow_us: u64,
    /// A driver's probe, until it reports.
    pub probe_us: u64,
    /// From the report to the first forwarded request: the shadow may read through the new driver.
    pub enable_us: u64,
    /// How long a new driver is watched before the old one's copy is given up.
    pub probation_us: u64,
    /// Pause between two portions of giving back memory that somebody waits for.
    pub reap_us: u64,
    /// The same when nobody does: a portion holds up all clients, and they come first.
    pub reap_idle_us: u64,
    /// How long clients' requests wait for a device that has no driver.
    pub patience_us: u64,
    /// Within which so many failures count together.
    pub failure_window_us: u64,
    /// Pause before a driver is started that failed twice; it doubles with each failure after that.
    pub back_off_us: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hurry_us: 500_000,
            stage_us: 5_000_000,
            drain_us: 80,
            leave_us: 5_000,
            shadow_us: 1_000_000,
            probe_us: 1_000_000,
            enable_us: 2_000_000,
            probation_us: 1_000_000,
            reap_us: 50,
            reap_idle_us: 200,
            patience_us: 1_000_000,
            failure_window_us: 60_000_000,
            back_off_us: 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn conversion_does_not_overflow() {
        assert_eq!(Clock::new(62_500_000).micros(5_000), 312_500);
        assert_eq!(Clock::new(62_500_000).nanos(5), 80);
        assert_eq!(Clock::new(u64::MAX).micros(u64::MAX), u64::MAX);
        assert_eq!(Clock::new(0).nanos(u64::MAX), u64::MAX);
    }
}
