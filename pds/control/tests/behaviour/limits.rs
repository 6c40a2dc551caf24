//! Security floors that rise and keys that are revoked bind every way in which a driver comes to run.

use crate::world::{COMMIT, DISCARD, DISK, KEYS, System, check, limited, manually, stage};
use control::fake::Fault;
use control_protocol::record::{Outcome, Reason};
use control_protocol::reply::{Condition, Error, TrustedKey};
use control_protocol::request::Policy;
use control_protocol::{PackageHash, PublicKey, Reply, Request};
use driver_package::package::signature::Distrust;

const REVOKED: Reason = Reason::Untrusted {
    why: Distrust::RevokedKey as u32,
};
const ROLLBACK: Request<'static> = Request::Rollback { device: DISK };
const KILL: Request<'static> = Request::Kill { device: DISK };

/// A system that runs this package.
fn running(package: &[u8]) -> System {
    let mut system = System::new(&[package]);
    system.settle();
    assert_eq!(system.condition(), Condition::Working);
    system
}

fn done(system: &mut System, request: &Request<'_>) -> Outcome {
    let job = system.order(request).expect("accepted");
    system.run();
    system.outcome(job)
}

fn floor(system: &mut System) -> u32 {
    system.ask(&Request::Status, |reply| match reply {
        Reply::Status(status) => status.devices[0].security_floor,
        other => panic!("{other:?}"),
    })
}

fn revoke(system: &mut System, key: PublicKey) -> Result<Vec<TrustedKey>, Error> {
    system.ask(&Request::Revoke { key }, |reply| match reply {
        Reply::Keys(keys) => Ok(keys.into_iter().collect()),
        Reply::Error(error) => Err(error),
        other => panic!("{other:?}"),
    })
}

/// Lets the driver that runs fail as often as it takes until the device is in another state.
fn fail_until(system: &mut System, over: impl Fn(&System) -> bool) {
    for _ in 0..8 {
        if over(system) {
            return;
        }
        system.world.driver_dies(0);
        system.run();
    }
    panic!("{:?}", system.condition());
}

#[test]
fn floor_rises_with_the_commit_and_not_before() {
    let mut system = running(&limited(b'G', 2, 0));
    assert_eq!(floor(&mut system), 2, "the first driver is there to stay");
    assert_eq!(system.update(&limited(b'G', 5, 0), Policy::Refuse), Outcome::Done);
    assert_eq!(floor(&mut system), 2);
    system.settle();
    assert_eq!(floor(&mut system), 5);
    let job = system
        .order_with(&limited(b'G', 7, 0), manually)
        .expect("accepted");
    system.run();
    assert_eq!((system.outcome(job), floor(&mut system)), (Outcome::Done, 5));
    assert_eq!(done(&mut system, &COMMIT), Outcome::Done);
    assert_eq!(floor(&mut system), 7);
}

#[test]
fn update_on_probation_that_is_undone_raises_no_floor() {
    let mut system = running(&limited(b'G', 2, 0));
    let job = system
        .order_with(&limited(b'G', 7, 0), manually)
        .expect("accepted");
    system.run();
    assert_eq!(system.outcome(job), Outcome::Done);
    assert_eq!(done(&mut system, &DISCARD), Outcome::Done);
    system.settle();
    assert_eq!(floor(&mut system), 2);
}

#[test]
fn nothing_below_the_floor_is_built_by_any_order() {
    let old = limited(b'G', 1, 0);
    let mut system = running(&old);
    assert_eq!(system.update(&limited(b'G', 2, 0), Policy::Refuse), Outcome::Done);
    system.settle();
    let refused = Outcome::Refused(Reason::BelowFloor { floor: 2 });
    assert_eq!(done(&mut system, &ROLLBACK), refused);
    assert_eq!(system.update(&old, Policy::Force), refused);
    let orders: [fn(PackageHash) -> Request<'static>; 2] = [stage, check];
    for request in orders {
        let job = system.order_with(&old, request).expect("accepted");
        system.run();
        assert_eq!(system.outcome(job), refused);
    }
    assert_eq!(
        done(&mut system, &KILL),
        Outcome::Done,
        "what runs may be restarted"
    );
    system.check_settled();
}

#[test]
fn last_good_version_below_the_floor_is_not_fallen_back_to() {
    let mut system = running(&limited(b'G', 1, 0));
    assert_eq!(system.update(&limited(b'G', 2, 0), Policy::Refuse), Outcome::Done);
    system.settle();
    fail_until(&mut system, |system| {
        matches!(system.condition(), Condition::Offline(_))
    });
    assert_eq!(
        system.condition(),
        Condition::Offline(Reason::BelowFloor { floor: 2 }),
        "status says why"
    );
    assert_eq!(system.update(&limited(b'G', 3, 0), Policy::Refuse), Outcome::Done);
    system.settle();
    system.check_settled();
}

#[test]
fn control_that_is_restarted_remembers_floor_and_revocation() {
    let mut system = running(&limited(b'G', 4, 0));
    revoke(&mut system, KEYS[1]).expect("known");
    system.restart_control();
    system.settle();
    assert_eq!(floor(&mut system), 4);
    let refused = |reason| Outcome::Refused(reason);
    assert_eq!(
        system.update(&limited(b'G', 9, 1), Policy::Refuse),
        refused(REVOKED)
    );
    let below = Reason::BelowFloor { floor: 4 };
    assert_eq!(
        system.update(&limited(b'G', 3, 0), Policy::Refuse),
        refused(below)
    );
}

#[test]
fn revoked_key_binds_update_and_rollback_and_leaves_the_driver_that_runs() {
    let old = limited(b'G', 0, 0);
    let mut system = running(&old);
    assert_eq!(system.update(&limited(b'G', 0, 1), Policy::Refuse), Outcome::Done);
    system.settle();
    let keys = revoke(&mut system, KEYS[0]).expect("known");
    let told: Vec<_> = keys
        .iter()
        .map(|key| (key.key, key.revoked, key.drivers))
        .collect();
    assert_eq!(told, [(KEYS[0], true, 0), (KEYS[1], false, 1)]);
    assert_eq!(revoke(&mut system, KEYS[0]), Ok(keys), "once more does no more");
    assert_eq!(done(&mut system, &ROLLBACK), Outcome::Refused(REVOKED));
    assert_eq!(system.update(&old, Policy::Force), Outcome::Refused(REVOKED));
    assert_eq!(revoke(&mut system, [1; 32]), Err(Error::UnknownKey));
    assert_eq!(system.condition(), Condition::Working);
    system.check_settled();
}

#[test]
fn driver_of_a_revoked_key_is_not_restarted_but_replaced_by_the_last_good_one() {
    let good = limited(b'G', 0, 0);
    let mut system = running(&good);
    assert_eq!(system.update(&limited(b'G', 0, 1), Policy::Refuse), Outcome::Done);
    system.settle();
    revoke(&mut system, KEYS[1]).expect("known");
    assert_eq!(system.condition(), Condition::Working, "it is let run");
    system.world.driver_dies(0);
    system.settle();
    assert_eq!(system.condition(), Condition::Working);
    assert_eq!(
        system.control.machine(0).and_then(|machine| machine.package()),
        Some(0)
    );
    system.check_settled();
}

#[test]
fn driver_of_a_revoked_key_without_another_is_given_up_at_its_first_failure() {
    let mut system = running(&limited(b'G', 0, 1));
    revoke(&mut system, KEYS[1]).expect("known");
    system.world.driver_dies(0);
    system.settle();
    assert_eq!(system.condition(), Condition::Offline(REVOKED));
    system.check_settled();
}

#[test]
fn revoking_gives_up_what_is_staged_and_what_an_update_would_go_back_to() {
    let mut system = running(&limited(b'G', 0, 0));
    let job = system.order_with(&limited(b'G', 0, 1), stage).expect("accepted");
    system.run();
    assert_eq!(system.outcome(job), Outcome::Done);
    revoke(&mut system, KEYS[1]).expect("known");
    system.settle();
    assert_eq!(system.control.machine(0).and_then(|machine| machine.held()), None);
    system.check_settled();

    let mut system = running(&limited(b'G', 0, 0));
    let job = system
        .order_with(&limited(b'G', 3, 1), manually)
        .expect("accepted");
    system.run();
    assert_eq!(system.outcome(job), Outcome::Done);
    revoke(&mut system, KEYS[0]).expect("known");
    system.settle();
    assert_eq!(system.order(&DISCARD), Err(Error::NothingToDiscard));
    assert_eq!(floor(&mut system), 3, "so the update is final");
    system.check_settled();
}

#[test]
fn revocation_interrupted_by_the_death_of_control_is_completed_by_asking_again() {
    let packages = [limited(b'G', 0, 0), limited(b'G', 0, 1)];
    let packages: Vec<&[u8]> = packages.iter().map(|package| &package[..]).collect();
    let mut system = System::with_devices(2, &packages);
    system.settle();
    let job = system.order_with(packages[1], stage).expect("accepted");
    system.run();
    assert_eq!(system.outcome(job), Outcome::Done);
    let next = system.world.interactions;
    system.world.faults.insert(next, Fault::ControlDies);
    let _ = revoke(&mut system, KEYS[1]);
    let keys = revoke(&mut system, KEYS[1]).expect("known");
    assert!(keys[1].revoked);
    system.settle();
    assert_eq!(
        system.update(packages[1], Policy::Refuse),
        Outcome::Refused(REVOKED)
    );
    system.check_settled();
}
