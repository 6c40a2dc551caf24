//! Two operators at once, connections that are cut, and frames that come twice or in another order.

use super::booted;
use super::machine::{Bad, DISK, Machine, listening};
use crate::ctl::{Client, ClientError};
use control_protocol::frame::{self, Kind, MAX_FRAME};
use control_protocol::record::{Outcome, State};
use control_protocol::reply::{Error, Reply};
use control_protocol::request::{Commit, Policy};
use control_protocol::{Decoder, PackageHash, Request};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

fn connect(socket: &Path) -> Client {
    let mut client = Client::connect(socket).expect("connected");
    client.set_patience(Duration::from_secs(60));
    client
}

/// Puts packages of his own in, as often as it takes until the other one is not just doing so.
fn operate(socket: &Path, name: &str, rounds: usize) {
    let mut client = connect(socket);
    for round in 0..rounds {
        let package = [format!("G {name} {round}").as_bytes(), &[7; 3000]].concat();
        let hash = client.upload(&package, |_, _| {}).expect("uploaded");
        let job = loop {
            match client.update(DISK, hash, Policy::Refuse) {
                Ok(job) => break job,
                // The other one needed the room in the store meanwhile.
                Err(ClientError::Refused(Error::UnknownPackage)) => {
                    client.upload(&package, |_, _| {}).expect("uploaded");
                }
                Err(ClientError::Refused(Error::Busy { .. })) => client.pause(Duration::from_millis(30)),
                Err(error) => panic!("{error}"),
            }
        };
        let record = client.follow(job, |_| {}).expect("followed");
        assert_eq!(record.state, State::Done(Outcome::Done), "{name}");
        client.pause(Duration::from_millis(30));
    }
}

#[test]
fn two_operators_get_what_each_ordered() {
    const ROUNDS: usize = 4;
    let folder = tempfile::tempdir().expect("folder");
    let bad = Bad::default();
    let socket = listening(folder.path(), bad.clone());
    booted(&mut connect(&socket));
    thread::scope(|scope| {
        for name in ["one", "two"] {
            scope.spawn(|| operate(&socket, name, ROUNDS));
        }
    });
    connect(&socket).status().expect("an answer");
    assert_eq!(bad.updates.load(Relaxed) as usize, 2 * ROUNDS);
}

#[test]
fn connection_cut_anywhere_costs_a_repetition_and_executes_nothing_twice() {
    let folder = tempfile::tempdir().expect("folder");
    let bad = Bad::default();
    let socket = listening(folder.path(), bad.clone());
    let mut client = connect(&socket);
    booted(&mut client);
    let packages: Vec<PackageHash> = ["G one", "G two"]
        .iter()
        .map(|package| client.upload(package.as_bytes(), |_, _| {}).expect("uploaded"))
        .collect();
    // An order with its answer is some 120 bytes; what follows asks for the job.
    for (round, cut) in (1..260).step_by(9).enumerate() {
        bad.cut_after.store(cut, Relaxed);
        let hash = packages[round % 2];
        let job = client.update(DISK, hash, Policy::Refuse).expect("accepted");
        let record = client.follow(job, |_| {}).expect("followed");
        assert_eq!(record.state, State::Done(Outcome::Done), "cut after {cut}");
        bad.cut_after.store(0, Relaxed);
        let mut status = client.status().expect("an answer");
        while matches!(
            status.devices[0].condition,
            control_protocol::reply::Condition::Changing { .. }
        ) {
            status = client.status().expect("an answer");
        }
        assert_eq!(bad.updates.load(Relaxed) as usize, round + 1, "cut after {cut}");
    }
}

#[test]
fn upload_goes_on_where_the_connection_was_cut() {
    let folder = tempfile::tempdir().expect("folder");
    let bad = Bad::default();
    let socket = listening(folder.path(), bad.clone());
    let mut client = connect(&socket);
    booted(&mut client);
    for cut in [1, 60, 2000, 2100, 4300, 6000] {
        let package = [b"G".as_slice(), &[cut as u8; 6000]].concat();
        bad.cut_after.store(cut, Relaxed);
        let hash = client.upload(&package, |_, _| {}).expect("uploaded");
        let there = client.packages().expect("packages");
        assert!(
            there.iter().any(|package| package.sha256 == hash),
            "cut after {cut}"
        );
    }
}

/// A machine without a socket, and what one asker sends it.
struct Wire {
    machine: Machine,
}

const ASKER: u64 = 77;

impl Wire {
    fn booted() -> Self {
        let mut machine = Machine::new();
        (0..100).for_each(|_| machine.step());
        Self { machine }
    }

    fn frame(number: u32, request: &Request<'_>) -> Vec<u8> {
        let mut buffer = [0; MAX_FRAME];
        let frame = frame::encode(&mut buffer, Kind::Request, ASKER, number, request);
        frame.expect("fits").to_vec()
    }

    /// Sends a frame, lets what it began end, and gives the answer.
    fn send(&mut self, frame: &[u8]) -> Option<Result<u32, Error>> {
        let answers = self.machine.exchange(frame);
        (0..3000).for_each(|_| self.machine.step());
        let mut decoder = Decoder::new();
        decoder.feed(answers.first()?);
        match decoder.next_frame()?.message::<Reply<'_>>()? {
            Reply::Accepted { job } => Some(Ok(job)),
            Reply::Error(error) => Some(Err(error)),
            _ => None,
        }
    }
}

/// Frames of a session that are the upload.
const UPLOAD: usize = 3;

/// Frames of a session: an upload, an update, a rollback, and so on in turn.
fn session(orders: usize) -> Vec<Vec<u8>> {
    let package = b"G new";
    let sha256: PackageHash = Sha256::digest(package).into();
    let len = package.len() as u32;
    let mut requests = vec![
        Request::UploadBegin { len, sha256 },
        Request::UploadChunk {
            slot: 1,
            offset: 0,
            bytes: package,
        },
        Request::UploadEnd { slot: 1 },
    ];
    for order in 0..orders {
        requests.push(match order % 2 {
            0 => Request::Update {
                device: DISK,
                package: sha256,
                policy: Policy::Refuse,
                commit: Commit::Timed,
                drain_us: None,
            },
            _ => Request::Rollback { device: DISK },
        });
    }
    let numbered = requests.iter().zip(1..);
    numbered
        .map(|(request, number)| Wire::frame(number, request))
        .collect()
}

#[test]
fn overtaken_order_is_refused() {
    let frames = session(2);
    let mut wire = Wire::booted();
    frames[..3]
        .iter()
        .for_each(|frame| assert_eq!(wire.send(frame), None));
    // The rollback comes first: there is nothing to go back to. Then the update that it should have undone.
    assert_eq!(wire.send(&frames[4]), Some(Err(Error::NothingToRollBack)));
    assert_eq!(wire.send(&frames[3]), Some(Err(Error::Stale)));
    assert_eq!(wire.machine.updates(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// More orders than answers are kept, then any of the frames again, in any order: each is answered as before or refused,
    /// and no driver is put in.
    #[test]
    fn replayed_frames_change_nothing(replay in prop::collection::vec(any::<prop::sample::Index>(), 1..60)) {
        const ORDERS: usize = 24;
        let frames = session(ORDERS);
        let mut wire = Wire::booted();
        let answers: Vec<_> = frames.iter().map(|frame| wire.send(frame)).collect();
        prop_assert_eq!(wire.machine.updates() as usize, ORDERS);
        for index in replay {
            let at = index.index(frames.len());
            let again = wire.send(&frames[at]);
            // Parts of an upload are no orders: they put something into the store again, or find no upload.
            let refused = again == Some(Err(Error::Stale)) || at < UPLOAD;
            prop_assert!(again == answers[at] || refused, "{:?}", again);
        }
        prop_assert_eq!(wire.machine.updates() as usize, ORDERS);
    }
}
