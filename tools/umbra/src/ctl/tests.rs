//! The client against the real core of control, over a socket, in a fake world; and against bad company.

use super::{Client, ClientError, OrderId};
use control::fake::HZ;
use control_protocol::frame::{self, MAX_FRAME};
use control_protocol::record::{Kind, Outcome, Reason, State};
use control_protocol::reply::{Condition, Error};
use control_protocol::request::{Commit, Policy};
use machine::{Bad, DISK, Machine, machine};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

mod company;
pub(crate) mod machine;

fn booted(client: &mut Client) {
    while client.status().expect("an answer").devices[0].condition != Condition::Working {}
}

#[test]
fn a_machine_says_what_packages_must_match() {
    let slots = machine(Bad::default()).slots().expect("slots");
    let [disk] = slots.slots.as_slice() else {
        panic!("{slots:?}");
    };
    assert_eq!((slots.configuration, disk.name.as_str()), (1, DISK));
    assert_eq!(disk.class_abi, Some(device_class::abi::BLOCK));
    assert_eq!(
        (disk.device.virtio_id, disk.device.pci),
        (2, Some((0x1af4, 0x1042)))
    );
}

#[test]
fn update_uploads_follows_and_tells() {
    let mut client = machine(Bad::default());
    booted(&mut client);
    // Several chunks.
    let package = [b"G".as_slice(), &[7; 5000]].concat();
    let mut seen = Vec::new();
    let hash = client
        .upload(&package, |done, all| seen.push((done, all)))
        .expect("uploaded");
    assert_eq!(seen.first(), Some(&(0, 5001)));
    assert_eq!(seen.last(), Some(&(5001, 5001)));
    assert!(
        client
            .packages()
            .expect("packages")
            .iter()
            .any(|package| package.sha256 == hash && package.len == 5001)
    );
    // It is there: nothing is sent again.
    assert_eq!(
        client
            .upload(&package, |done, all| assert_eq!(done, all))
            .expect("there"),
        hash
    );
    let job = client.update(DISK, hash, Policy::Refuse).expect("accepted");
    let record = client.follow(job, |_| {}).expect("followed");
    assert_eq!(
        (record.kind, record.state),
        (Kind::Update, State::Done(Outcome::Done))
    );
    assert_eq!(record.figures.resubmitted, 3);
    let history = client.history(DISK).expect("history");
    assert_eq!(
        history.iter().map(|record| record.kind).collect::<Vec<_>>(),
        [Kind::Boot, Kind::Update]
    );
}

#[test]
fn refusals_come_with_their_reason() {
    let mut client = machine(Bad::default());
    booted(&mut client);
    let refused = |result: Result<u32, ClientError>| match result {
        Err(ClientError::Refused(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(client.rollback(DISK)), Error::NothingToRollBack);
    assert_eq!(refused(client.kill("nothing")), Error::UnknownDevice);
    assert_eq!(
        refused(client.update(DISK, [0; 32], Policy::Refuse)),
        Error::UnknownPackage
    );
    let damaged = client.upload(b"damaged", |_, _| {}).expect("uploaded");
    let job = client.update(DISK, damaged, Policy::Refuse).expect("accepted");
    let record = client.follow(job, |_| {}).expect("followed");
    assert_eq!(
        record.state,
        State::Done(Outcome::Refused(Reason::Damaged { detail: 0 }))
    );
}

#[test]
fn lost_answer_is_asked_for_again_and_the_order_executed_once() {
    let bad = Bad::default();
    let mut client = machine(bad.clone());
    booted(&mut client);
    let hash = client.upload(b"G two", |_, _| {}).expect("uploaded");
    bad.swallow.store(2, Relaxed);
    let job = client
        .update(DISK, hash, Policy::Refuse)
        .expect("accepted at the third time");
    let record = client.follow(job, |_| {}).expect("followed");
    assert_eq!(record.state, State::Done(Outcome::Done));
    client.status().expect("an answer");
    assert_eq!(bad.updates.load(Relaxed), 1);
}

#[test]
fn orders_that_put_no_driver_in() {
    let mut client = machine(Bad::default());
    booted(&mut client);
    let outcome = |client: &mut Client, job| match client.follow(job, |_| {}).expect("followed").state {
        State::Done(outcome) => outcome,
        state => panic!("{state:?}"),
    };
    let label = |client: &mut Client| {
        let device = client.status().expect("an answer").devices[0].clone();
        let hash = |label: Option<control_protocol::record::PackageLabel>| label.map(|label| label.hash);
        (hash(device.package), hash(device.staged), device.awaits_commit)
    };
    let first: &[_] = &label(&mut client).0.expect("a driver");
    let first = first.to_vec();
    let hash = client.upload(b"G two", |_, _| {}).expect("uploaded");
    let job = client.check(DISK, hash).expect("accepted");
    assert_eq!(outcome(&mut client, job), Outcome::Done);
    assert_eq!(label(&mut client).1, None);
    let job = client.stage(DISK, hash).expect("accepted");
    assert_eq!(outcome(&mut client, job), Outcome::Done);
    assert_eq!(label(&mut client).1.as_ref().map(|hash| &hash[..]), hash.get(..8));
    let job = client
        .update_until(DISK, hash, Policy::Refuse, Commit::Manual, None)
        .expect("accepted");
    assert_eq!(outcome(&mut client, job), Outcome::Done);
    let (runs, staged, awaits_commit) = label(&mut client);
    assert_eq!(
        (runs.as_ref().map(|hash| &hash[..]), staged, awaits_commit),
        (hash.get(..8), None, true)
    );
    let job = client.discard(DISK).expect("accepted");
    assert_eq!(outcome(&mut client, job), Outcome::Done);
    assert_eq!(label(&mut client).0.map(|hash| hash.to_vec()), Some(first));
    assert!(matches!(
        client.commit(DISK),
        Err(ClientError::Refused(Error::NothingToCommit))
    ));
    let kinds: Vec<_> = client
        .history(DISK)
        .expect("history")
        .iter()
        .map(|record| record.kind)
        .collect();
    assert_eq!(
        kinds,
        [Kind::Boot, Kind::Check, Kind::Stage, Kind::Update, Kind::Discard]
    );
}

#[test]
fn rubbish_before_a_question_does_not_hurt() {
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    thread::spawn(move || Machine::new().serve(theirs, &Bad::default()));
    let mut buffer = [0; MAX_FRAME];
    let frame = frame::encode_bytes(&mut buffer, frame::Kind::Request, 1, 1, &[0; 1000]).expect("fits");
    let mut raw = ours.try_clone().expect("a clone");
    raw.write_all(b"not a frame").expect("written");
    raw.write_all(&frame[..500]).expect("written");
    let mut client = Client::over(ours);
    assert_eq!(client.hello().expect("an answer").counter_hz, HZ);
    assert!(client.status().expect("an answer").skipped_bytes >= 511);
}

#[test]
fn reports_traces_and_stop() {
    let mut client = machine(Bad::default());
    booted(&mut client);
    assert_eq!(client.reports().expect("names"), ["client"]);
    assert_eq!(
        client.report("client", 0, usize::MAX).expect("report"),
        b"report of the first"
    );
    assert_eq!(client.report("client", 7, 2).expect("report"), b"of");
    let (events, next, lost) = client.trace(0, 0).expect("trace");
    assert_eq!(
        (events.len(), lost),
        (next as usize * size_of::<trace::Event>(), 0)
    );
    assert!(next > 5);
    while !client.stop().expect("stop").halted {}
    assert!(matches!(client.rollback(DISK), Err(ClientError::Refused(_))));
}

#[test]
fn other_version_silence_and_absence_have_messages_that_help() {
    let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
    thread::spawn(move || {
        let mut input = [0; 4096];
        let mut decoder = control_protocol::Decoder::new();
        loop {
            let len = theirs.read(&mut input).expect("read");
            decoder.feed(&input[..len]);
            if let Some(asked) = decoder.next_frame() {
                let mut buffer = [0; MAX_FRAME];
                let answer = frame::encode_other_version(&mut buffer, asked.session, asked.request);
                theirs.write_all(answer).expect("written");
                return;
            }
        }
    });
    let error = Client::over(ours).hello().expect_err("another version");
    assert!(error.to_string().contains("version"), "{error}");

    let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
    let mut client = Client::over(ours);
    client.set_patience(Duration::from_millis(50));
    assert!(matches!(client.hello(), Err(ClientError::Silent(_))));

    let folder = tempfile::tempdir().expect("folder");
    let error = Client::connect(&folder.path().join("none.sock")).expect_err("nobody");
    assert!(error.to_string().contains("cargo umbra run"), "{error}");

    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    drop(theirs);
    assert!(matches!(Client::over(ours).hello(), Err(ClientError::Broken(_))));
}

#[test]
fn order_whose_answer_got_lost_can_be_asked_after() {
    let bad = Bad::default();
    let mut client = machine(bad.clone());
    let package = client.upload(b"G better", |_, _| {}).expect("uploaded");
    bad.swallow.store(u32::MAX, Relaxed);
    client.set_patience(Duration::from_millis(300));
    let error = client
        .update(DISK, package, Policy::Refuse)
        .expect_err("no answer");
    bad.swallow.store(0, Relaxed);
    client.set_patience(Duration::from_secs(20));
    let ClientError::Unknown { order, .. } = error else {
        panic!("{error}")
    };
    assert!(
        error.to_string().contains(&format!("ctl ordered {order}")),
        "{error}"
    );
    let named = order.to_string().parse().expect("as it is written");
    assert_eq!(order, named);
    assert_eq!(client.ordered(named).expect("known").kind, Kind::Update);
    let never = OrderId {
        request: order.request + 7,
        ..order
    };
    assert!(matches!(
        client.ordered(never),
        Err(ClientError::Refused(Error::UnknownJob))
    ));
}
