//! Control dies between any two things that it writes down: every order is carried out once or not at all, and who asks again
//! is told which.

use crate::world::{BETTER, COMMIT, DISCARD, DISK, GOOD, System, check, manually, stage};
use control_protocol::record::{Kind, Outcome, Reason, Record, State};
use control_protocol::reply::{Device, Error};
use control_protocol::request::{Commit, Policy, Request};
use control_protocol::{PackageHash, Reply};

/// What is ordered, of a system that was brought there before.
#[derive(Clone, Copy, Debug)]
enum Order {
    Update,
    Stage,
    Check,
    Commit,
    DiscardStaged,
    DiscardUpdate,
    Rollback,
    Kill,
}

const ORDERS: [Order; 8] = [
    Order::Update,
    Order::Stage,
    Order::Check,
    Order::Commit,
    Order::DiscardStaged,
    Order::DiscardUpdate,
    Order::Rollback,
    Order::Kill,
];

impl Order {
    fn kind(self) -> Kind {
        match self {
            Self::Update => Kind::Update,
            Self::Stage => Kind::Stage,
            Self::Check => Kind::Check,
            Self::Commit => Kind::Commit,
            Self::DiscardStaged | Self::DiscardUpdate => Kind::Discard,
            Self::Rollback => Kind::Rollback,
            Self::Kill => Kind::Kill,
        }
    }

    fn request(self, package: PackageHash) -> Request<'static> {
        match self {
            Self::Update => Request::Update {
                device: DISK,
                package,
                policy: Policy::Refuse,
                commit: Commit::Manual,
                drain_us: None,
            },
            Self::Stage => stage(package),
            Self::Check => check(package),
            Self::Commit => COMMIT,
            Self::DiscardStaged | Self::DiscardUpdate => DISCARD,
            Self::Rollback => Request::Rollback { device: DISK },
            Self::Kill => Request::Kill { device: DISK },
        }
    }

    /// A system of which this can be ordered, and the package that it is about.
    fn prepared(self) -> (System, PackageHash) {
        let mut system = System::new(&[GOOD, BETTER]);
        system.settle();
        let package = system.upload(BETTER).expect("there");
        let before = match self {
            Self::Commit | Self::DiscardUpdate => Some(manually(package)),
            Self::DiscardStaged => Some(stage(package)),
            Self::Rollback => Some(Request::Update {
                device: DISK,
                package,
                policy: Policy::Refuse,
                commit: Commit::Timed,
                drain_us: None,
            }),
            _ => None,
        };
        if let Some(before) = before {
            system.order(&before).expect("accepted");
            system.settle();
        }
        (system, package)
    }

    /// What shows that it was carried out: who serves, what is held, whether an update awaits its commit, drivers killed.
    fn shows(system: &mut System) -> (Vec<u8>, bool, bool, u32) {
        let device = device(system);
        let serving = system.serving().expect("a driver serves").to_vec();
        (
            serving,
            device.staged.is_some(),
            device.awaits_commit,
            system.world.kills,
        )
    }
}

fn device(system: &mut System) -> Device {
    system.ask(&Request::Status, |reply| match reply {
        Reply::Status(status) => status.devices[0].clone(),
        other => panic!("{other:?}"),
    })
}

fn history(system: &mut System) -> Vec<Record> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let more = system.ask(&Request::History { device: DISK, after }, |reply| match reply {
            Reply::History { records, more } => {
                all.extend(records);
                more
            }
            other => panic!("{other:?}"),
        });
        match all.last() {
            Some(last) if more => after = last.id,
            _ => return all,
        }
    }
}

fn ordered(system: &mut System, request: u32) -> Result<Record, Error> {
    system.ask(&Request::Ordered { session: 42, request }, |reply| match reply {
        Reply::Job(record) => Ok(record),
        Reply::Error(error) => Err(error),
        other => panic!("{other:?}"),
    })
}

fn accepted(reply: Reply<'_>) -> u32 {
    match reply {
        Reply::Accepted { job } => job,
        other => panic!("{other:?}"),
    }
}

/// The number of the request that is asked again and again.
const REQUEST: u32 = 1000;

/// Plays an order, in which control dies before its `at`th write. False: it has fewer.
fn play(order: Order, at: usize) -> bool {
    println!("{order:?} {at}");
    let (mut system, package) = order.prepared();
    let before = Order::shows(&mut system);
    let records = history(&mut system).len();
    system.world.dies_at_write = Some(system.world.writes + at);
    let first = system.ask_as(REQUEST, &order.request(package), accepted);
    system.settle();
    let died = system.world.dies_at_write < Some(system.world.writes);
    system.check_settled();
    // Asked once more, when it is long over.
    let again = system.ask_as(REQUEST, &order.request(package), accepted);
    assert_eq!(first, again, "the same job");
    assert_eq!(ordered(&mut system, REQUEST).map(|record| record.id), Ok(again));
    let all = history(&mut system);
    let of_order = all[records..].iter().filter(|record| record.kind == order.kind());
    assert_eq!(of_order.count(), 1, "{all:?}");
    let open = all.iter().find(|record| !matches!(record.state, State::Done(_)));
    assert_eq!(open, None, "a record that says nothing");
    let mut undisturbed = order.prepared().0;
    undisturbed.order(&order.request(package)).expect("accepted");
    undisturbed.settle();
    let done = Order::shows(&mut undisturbed);
    let after = Order::shows(&mut system);
    match system.outcome(again) {
        Outcome::Done => assert_eq!(after, done, "done"),
        Outcome::Refused(Reason::ControlRestarted) => {
            // An update on probation begins its probation anew, or ends it with a driver that was restarted.
            assert_eq!(
                (&after.0, after.1, after.3),
                (&before.0, before.1, before.3),
                "not done"
            );
        }
        Outcome::RolledBack(Reason::ControlRestarted) => assert_eq!(after.0, before.0, "undone"),
        other => panic!("{other:?}"),
    }
    died
}

#[test]
fn order_is_carried_out_once_whenever_control_dies() {
    for order in ORDERS {
        let writes = (0..).take_while(|at| play(order, *at)).count();
        assert!(writes > 2, "{order:?}: {writes} writes");
    }
}

#[test]
fn order_that_was_never_begun_is_not_known() {
    let (mut system, _) = Order::Update.prepared();
    assert_eq!(ordered(&mut system, 77), Err(Error::UnknownJob));
}

#[test]
fn failures_and_their_causes_outlive_control() {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    for _ in 0..2 {
        system.world.driver_dies(0);
        system.settle();
    }
    let before = device(&mut system);
    assert_eq!((before.failures, before.tried[0].times), (2, 2));
    system.restart_control();
    system.settle();
    let after = device(&mut system);
    assert_eq!(
        (after.updates, after.failures, after.causes),
        (before.updates, 2, before.causes)
    );
    assert_eq!(after.tried, before.tried);
    // The third within a minute is one too many, whoever counts.
    system.world.driver_dies(0);
    system.settle();
    assert!(system.serving().is_none());
}

#[test]
fn crash_loop_of_driver_and_control_together_has_an_end() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    for _ in 0..2 {
        assert!(system.serving().is_some());
        system.world.driver_dies(0);
        // Before anything that it does about that is written down.
        system.world.dies_at_write = Some(system.world.writes);
        system.settle();
    }
    system.world.driver_dies(0);
    system.restart_control();
    system.settle();
    assert!(system.serving().is_none(), "{:?}", device(&mut system).tried);
}

#[test]
fn generation_that_nobody_owns_is_given_back() {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    // Built, reported to a control that died, and lost with it.
    system.world.stray(0);
    assert_eq!(system.world.alive(0), 2);
    system.restart_control();
    system.settle();
    system.check_settled();
    assert_eq!(system.world.alive(0), 1);
}

#[test]
fn upload_that_control_died_over_is_refused_with_a_remedy_and_begins_anew() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    let package = BETTER;
    let sha256: PackageHash =
        sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(package)).into();
    let begin = Request::UploadBegin {
        len: package.len() as u32,
        sha256,
    };
    let slot = system.ask(&begin, |reply| match reply {
        Reply::Upload(upload) => upload.slot,
        other => panic!("{other:?}"),
    });
    let chunk = |offset: usize, len: usize| Request::UploadChunk {
        slot,
        offset: offset as u32,
        bytes: &package[offset..offset + len],
    };
    system.ask(&chunk(0, 2), |reply| assert!(matches!(reply, Reply::Upload(_))));
    system.restart_control();
    system.ask(&chunk(2, 3), |reply| {
        assert!(matches!(reply, Reply::Error(Error::NoUpload)), "{reply:?}");
    });
    assert_eq!(system.upload(package), Ok(sha256));
}
