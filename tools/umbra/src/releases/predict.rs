//! What must come of an update, said before it is tried.

use super::Record;
use control_protocol::record::{Outcome, Reason};

/// What must come of an update under policy `refuse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// The new release runs.
    Applied,
    /// The new release is started, found to lack these capabilities (`LOST_*`), and the old one runs again.
    RolledBack(u32),
    /// The new release does not come to an end with its probe, and the old one runs again.
    Hangs,
}

/// Of an update from a release with the record `from` to one with the record `to`, when clients were told the record `told`: it
/// is undone if it takes away something that clients were told of and that is still there.
pub fn forecast(told: &Record, from: &Record, to: &Record) -> Forecast {
    match told.lost(to) & from.lost(to) {
        0 => Forecast::Applied,
        lost => Forecast::RolledBack(lost),
    }
}

impl Forecast {
    /// The outcome that control must record.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Applied => Outcome::Done,
            Self::RolledBack(lost) => Outcome::RolledBack(Reason::CapabilityLost { fields: lost.into() }),
            Self::Hangs => Outcome::RolledBack(Reason::ProbeDeadline),
        }
    }

    /// In words.
    pub fn words(self) -> String {
        match self {
            Self::Applied => "applied".into(),
            Self::RolledBack(lost) => format!("rolled back, lost {lost:#x}"),
            Self::Hangs => "rolled back, hangs in probe".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use device_class::block::{
        BlockCapabilities, CAP_FLUSH, CAP_WRITE_BACK, LOST_CAPACITY, LOST_DURABILITY, LOST_MAX_TRANSFER,
    };
    use device_class::net::{LOST_MTU, NetCapabilities};

    const THROUGH: BlockCapabilities = BlockCapabilities {
        capacity: 131_072,
        block_size: 512,
        flags: CAP_FLUSH,
        max_transfer: 2048,
        queue_depth: 1,
    };
    const BACK: BlockCapabilities = BlockCapabilities {
        flags: CAP_FLUSH | CAP_WRITE_BACK,
        queue_depth: 16,
        ..THROUGH
    };

    fn forecast(told: &BlockCapabilities, from: &BlockCapabilities, to: &BlockCapabilities) -> Forecast {
        let [told, from, to] = [told, from, to].map(|record| Record::Block(*record));
        super::forecast(&told, &from, &to)
    }

    #[test]
    fn cache_is_a_loss_only_to_clients_that_were_told_of_none() {
        let lost = Forecast::RolledBack(LOST_DURABILITY);
        assert_eq!(forecast(&THROUGH, &THROUGH, &BACK), lost);
        assert_eq!(forecast(&BACK, &THROUGH, &BACK), Forecast::Applied);
        assert_eq!(forecast(&THROUGH, &BACK, &THROUGH), Forecast::Applied);
        assert_eq!(
            lost.outcome(),
            Outcome::RolledBack(Reason::CapabilityLost { fields: 8 })
        );
    }

    #[test]
    fn what_an_earlier_update_took_is_not_lost_again() {
        assert_eq!(forecast(&THROUGH, &BACK, &BACK), Forecast::Applied);
        let shorter = |max_transfer| BlockCapabilities { max_transfer, ..BACK };
        assert_eq!(forecast(&BACK, &shorter(64), &shorter(64)), Forecast::Applied);
        let lost = Forecast::RolledBack(LOST_MAX_TRANSFER);
        assert_eq!(forecast(&BACK, &shorter(64), &shorter(32)), lost);
    }

    #[test]
    fn with_clients_that_were_told_everything_the_two_records_decide() {
        let smaller = BlockCapabilities { capacity: 9, ..BACK };
        let best = THROUGH;
        for from in [THROUGH, BACK, smaller] {
            for to in [THROUGH, BACK, smaller] {
                let two = match from.lost(&to) {
                    0 => Forecast::Applied,
                    lost => Forecast::RolledBack(lost),
                };
                assert_eq!(forecast(&best, &from, &to), two);
            }
        }
        let lost = Forecast::RolledBack(LOST_CAPACITY);
        assert_eq!(forecast(&best, &BACK, &smaller), lost);
    }

    #[test]
    fn shorter_frames_are_a_loss_to_who_was_told_of_longer_ones() {
        let of = |mtu| {
            Record::Net(NetCapabilities {
                mtu,
                ..NetCapabilities::default()
            })
        };
        let lost = Forecast::RolledBack(LOST_MTU);
        assert_eq!(super::forecast(&of(1500), &of(1500), &of(1400)), lost);
        assert_eq!(
            super::forecast(&of(1400), &of(1500), &of(1400)),
            Forecast::Applied
        );
        assert_eq!(
            super::forecast(&of(1500), &of(1400), &of(1400)),
            Forecast::Applied
        );
    }
}
