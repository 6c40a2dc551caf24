//! What clients, and what they left behind, say of a run.

use crate::disk::{self, Header, State};

/// What came of it for clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Requests of all clients; of a network, echoes that came.
    pub requests: u64,
    /// Requests that did not succeed; of a network, frames and buffers answered otherwise than sent or received.
    pub client_errors: u64,
    /// Acknowledged content that is not there; of a network, frames that were taken from a client and had no answer when it stopped.
    pub lost: u64,
    /// Content that nobody wrote, or nobody sent.
    pub corrupt: u64,
    /// Older content that came back; of a network, frames of somebody else.
    pub stale: u64,
    /// Something cannot be decided, or there was no load.
    pub undecided: bool,
    /// What else was counted, in words.
    pub counted: String,
    /// The first faults, in words.
    pub findings: Vec<String>,
}

impl Verdict {
    /// All was tried, and no client was harmed.
    pub fn holds(&self) -> bool {
        !self.undecided
            && self.requests > 0
            && [self.client_errors, self.lost, self.corrupt, self.stale] == [0; 4]
    }

    /// Of two `net-check` that have stopped. One that could not stop in order has frames that nobody answered.
    ///
    /// Echoes that were asked for again are counted and no fault: a network loses what is in a device's ring when it is cut
    /// (`docs/design/028-net-class.md`), and an echo may only have been late.
    pub fn of_network(reports: &[Header; 2]) -> Self {
        let sum = |count: fn(&Header) -> u64| reports.iter().map(count).sum();
        let unstopped = |report: &&Header| report.state != State::Stopped;
        let again: u64 = sum(|report| report.lost);
        let findings = reports
            .iter()
            .filter_map(|report| report.first_violation().map(|violation| violation.to_string()));
        Self {
            requests: sum(|report| report.requests),
            client_errors: sum(|report| report.client_errors),
            lost: reports.iter().filter(unstopped).count() as u64,
            corrupt: sum(|report| report.corrupt),
            stale: sum(|report| report.stale),
            undecided: reports.iter().any(|report| report.requests == 0),
            counted: format!("echoes asked for again: {again}"),
            findings: findings.collect(),
        }
    }
}

impl From<disk::Verdict> for Verdict {
    fn from(verdict: disk::Verdict) -> Self {
        Self {
            requests: verdict.requests,
            client_errors: verdict.client_errors,
            lost: verdict.lost,
            corrupt: verdict.corrupt,
            stale: verdict.stale,
            undecided: verdict.undecided > 0 || verdict.blocks == 0 || verdict.files == 0,
            counted: format!(
                "checked on the image: {} blocks, {} files",
                verdict.blocks, verdict.files
            ),
            findings: verdict.findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report with these words of its header, by their number (`docs/formats/client-report.md`).
    fn report(changes: &[(usize, u64)]) -> Header {
        let mut words = [0u64; 512];
        words[..3].copy_from_slice(&[u64::from_le_bytes(*b"UMBRARPT"), 1 | 3 << 32, 3]);
        words[5] = 100;
        for (at, value) in changes {
            words[*at] = *value;
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        Header::parse(&bytes).unwrap()
    }

    fn holds(changes: &[(usize, u64)]) -> bool {
        Verdict::of_network(&[report(&[]), report(changes)]).holds()
    }

    #[test]
    fn echo_that_was_asked_for_again_is_no_fault_and_anything_else_is() {
        let (state, requests, errors, corrupt, stale, again) = (2, 5, 7, 8, 9, 10);
        assert!(holds(&[]));
        assert!(holds(&[(again, 7)]));
        for fault in [(errors, 1), (corrupt, 1), (stale, 1), (requests, 0), (state, 1)] {
            assert!(!holds(&[fault]), "{fault:?}");
        }
        let both = Verdict::of_network(&[report(&[(again, 1)]), report(&[(again, 2)])]);
        assert_eq!(
            (both.requests, both.counted.as_str()),
            (200, "echoes asked for again: 3")
        );
    }
}
