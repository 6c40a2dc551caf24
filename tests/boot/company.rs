//! Two operators at once, a connection that is cut in the middle of a frame, and frames that come twice and in another order.

use crate::running::Running;
use anyhow::{Context, Result, ensure};
use control_protocol::frame::{self, Kind, MAX_FRAME};
use control_protocol::record;
use control_protocol::reply::{Error, Reply};
use control_protocol::request::Policy;
use control_protocol::{Decoder, Request};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use umbra::build::Config;
use umbra::ctl::ClientError;
use umbra::demo::{self, DEVICE};
use umbra::pack;

/// Longest wait for bytes, on the host's clock.
const PATIENCE: Duration = Duration::from_secs(60);

/// Both work on a machine whose last update is final.
pub fn run(running: &mut Running, config: Config) -> Result<()> {
    let before = changes(running)?.len();
    at_once(running, config)?;
    cut(running)?;
    twice_and_late(running)?;
    let changes = changes(running)?;
    let kinds: Vec<record::Kind> = changes[before..].to_vec();
    use record::Kind::{Rollback, Update};
    ensure!(kinds == [Rollback, Update, Rollback], "{kinds:?}");
    Ok(())
}

/// What happened to the device so far, when nothing happens any more.
fn changes(running: &mut Running) -> Result<Vec<record::Kind>> {
    running.operate(|client, patience| {
        demo::settled(client, DEVICE, patience.transaction)?;
        Ok(client.history(DEVICE)?.iter().map(|record| record.kind).collect())
    })
}

/// One goes back; the other, who does not know, puts the same driver in again as soon as he may.
fn at_once(running: &mut Running, config: Config) -> Result<()> {
    let mut other = running.another()?;
    let package = pack::pack(&pack::find("virtio-blk-0.12.0")?, config)?.bytes;
    let package = other.upload(&package, |_, _| {})?;
    let back = other.rollback(DEVICE)?;
    other.release();
    running.operate(|client, patience| {
        let job = demo::wait(patience.transaction, "the other operator", || {
            match client.update(DEVICE, package, Policy::Refuse) {
                Ok(job) => Ok(Some(job)),
                Err(ClientError::Refused(Error::Busy { .. })) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })?;
        client.release();
        for (client, job) in [(&mut other, back), (client, job)] {
            let record = demo::finished(client, job, patience.transaction)?;
            ensure!(
                record.state == record::State::Done(record::Outcome::Done),
                "{record:?}"
            );
            client.release();
        }
        Ok(())
    })
}

/// The asker of all that follows.
const SESSION: u64 = 0x5eed;

fn rollback(number: u32) -> Result<Vec<u8>> {
    let mut buffer = [0; MAX_FRAME];
    let request = Request::Rollback { device: DEVICE };
    let frame = frame::encode(&mut buffer, Kind::Request, SESSION, number, &request);
    Ok(frame.context("a frame")?.to_vec())
}

fn raw(running: &mut Running) -> Result<UnixStream> {
    let stream = UnixStream::connect(running.socket())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Half an order is none; who comes next is heard all the same.
fn cut(running: &mut Running) -> Result<()> {
    let order = rollback(1)?;
    raw(running)?.write_all(&order[..order.len() / 2])?;
    changes(running)?;
    Ok(())
}

/// An order, the same again, and one that was given before it.
fn twice_and_late(running: &mut Running) -> Result<()> {
    let mut stream = raw(running)?;
    let mut orders = vec![0; MAX_FRAME];
    for number in [7, 7, 5] {
        orders.extend(rollback(number)?);
    }
    stream.write_all(&orders)?;
    let (mut decoder, mut input, mut answers) = (Decoder::new(), [0; 256], Vec::new());
    while answers.len() < 3 {
        let len = stream
            .read(&mut input)
            .context("answers to orders that came twice")?;
        ensure!(len > 0, "the machine ended the connection");
        decoder.feed(&input[..len]);
        while let Some(frame) = decoder.next_frame() {
            answers.push(match frame.message::<Reply<'_>>() {
                Some(Reply::Accepted { job }) => Ok(job),
                Some(Reply::Error(error)) => Err(error),
                other => anyhow::bail!("{other:?}"),
            });
        }
    }
    let first = answers[0];
    ensure!(first.is_ok() && answers[1] == first, "{answers:?}");
    ensure!(answers[2] == Err(Error::Stale), "{answers:?}");
    Ok(())
}
