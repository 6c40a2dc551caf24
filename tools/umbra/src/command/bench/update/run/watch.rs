//! Updates, and what clients saw of them.

use super::Update;
use crate::ctl::traces::Traces;
use crate::ctl::{Client, ClientError};
use crate::demo::{self, DEVICE, Patience};
use anyhow::{Result, ensure};
use control_protocol::record::{Outcome, Record, State};
use control_protocol::reply::{Condition, Error};
use control_protocol::request::{Commit, Policy};
use std::thread::sleep;
use std::time::{Duration, Instant};
use trace::{Event, Kind};

/// Looks at a machine while drivers are updated.
pub struct Watch {
    traces: Traces,
    /// Between two questions, on the host's clock.
    pause: Duration,
    patience: Duration,
}

impl Watch {
    /// From now on.
    pub fn begin(client: &mut Client, pause: Duration) -> Result<Self> {
        let mut traces = Traces::of(client)?;
        traces.read(client, |_, _| {})?;
        Ok(Self {
            traces,
            pause,
            patience: Patience::default().transaction,
        })
    }

    /// Stages and checks a package, and replaces no driver: the longest time without a completion meanwhile.
    pub fn dry_run(&self, client: &mut Client, package: &[u8]) -> Result<Option<u64>> {
        let device = demo::settled(client, DEVICE, self.patience)?;
        if device.condition == Condition::Probation {
            if let Some(job) = made_final(client.commit(DEVICE))? {
                self.done(client, job)?;
            }
            demo::settled(client, DEVICE, self.patience)?;
        }
        let hash = client.upload(package, |_, _| {})?;
        let job = client.check(DEVICE, hash)?;
        Ok(self.done(client, job)?.figures.client_gap_ns)
    }

    /// An update from a device at rest to a device that answers.
    pub fn update(&mut self, client: &mut Client, package: &[u8], drain_us: Option<u32>) -> Result<Update> {
        demo::settled(client, DEVICE, self.patience)?;
        let hash = client.upload(package, |_, _| {})?;
        self.traces.read(client, |_, _| {})?;
        let job = client.update_until(DEVICE, hash, Policy::Refuse, Commit::Timed, drain_us)?;
        let figures = self.done(client, job)?.figures;
        let first = self.first_answer(client)?;
        let nanos =
            |ticks: u64| (u128::from(ticks) * 1_000_000_000 / u128::from(self.traces.hz().max(1))) as u64;
        Ok(Update {
            figures,
            dry_gap_ns: None,
            first_answer_ns: Some(nanos(first.a)),
            silence_ns: Some(nanos(first.b)),
        })
    }

    fn first_answer(&mut self, client: &mut Client) -> Result<Event> {
        let deadline = Instant::now() + self.patience;
        loop {
            let events = self.traces.read(client, |_, _| {})?;
            let mut answers = events.iter().map(|written| written.event);
            if let Some(first) = answers.rfind(|event| event.kind == Kind::FirstCompletion as u16) {
                return Ok(first);
            }
            ensure!(Instant::now() < deadline, "the new driver answers nothing");
            sleep(self.pause);
        }
    }

    fn done(&self, client: &mut Client, job: u32) -> Result<Record> {
        let deadline = Instant::now() + self.patience;
        loop {
            sleep(self.pause);
            let record = client.job(job)?;
            if matches!(record.state, State::Done(_)) {
                ensure!(record.state == State::Done(Outcome::Done), "{record:?}");
                return Ok(record);
            }
            ensure!(Instant::now() < deadline, "job {job} does not end");
        }
    }
}

/// The job of an order to make the update on probation final. `None`: its time was over before the order came, and it is final, or about
/// to be.
fn made_final(order: Result<u32, ClientError>) -> Result<Option<u32>, ClientError> {
    match order {
        Err(ClientError::Refused(Error::NothingToCommit | Error::Busy { .. })) => Ok(None),
        order => order.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_that_the_end_of_the_probation_overtakes_is_no_error() {
        assert_eq!(made_final(Ok(7)).unwrap(), Some(7));
        for late in [Error::NothingToCommit, Error::Busy { job: 7 }] {
            assert_eq!(made_final(Err(ClientError::Refused(late))).unwrap(), None);
        }
        assert!(made_final(Err(ClientError::Refused(Error::UnknownDevice))).is_err());
        assert!(made_final(Err(ClientError::Nonsense)).is_err());
    }
}
