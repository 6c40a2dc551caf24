//! Devices that are taken out and put in.

use crate::world::{BETTER, GOOD, System};
use control::fake::{Fault, HZ, Mode};
use control_protocol::record::{Kind, Outcome, Reason, State};
use control_protocol::reply::Condition;
use control_protocol::request::Policy;
use supervision::Code;
use supervision::bus::Presence;

const REMOVED: Condition = Condition::Offline(Reason::Removed);

fn tell(system: &mut System, presence: Presence) {
    system.world.devices.get_mut(&0).unwrap().presence = presence;
    system.control.devices_changed(&mut system.world);
}

fn changes(system: &mut System, presence: Presence) {
    tell(system, presence);
    system.settle();
}

fn releases(system: &System) -> u32 {
    system.world.devices[&0].releases
}

#[test]
fn device_that_would_go_past_the_iommu_gets_no_driver() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    changes(&mut system, Presence::Leaving);
    system.world.devices.get_mut(&0).unwrap().unguarded = true;
    changes(&mut system, Presence::Present);
    assert_eq!(system.condition(), Condition::Offline(Reason::Unguarded));
    assert_eq!((system.serving(), system.world.alive(0)), (None, 0));
    changes(&mut system, Presence::Leaving);
    assert_eq!(system.condition(), REMOVED);
    system.world.devices.get_mut(&0).unwrap().unguarded = false;
    changes(&mut system, Presence::Present);
    assert_eq!(system.condition(), Condition::Working);
}

#[test]
fn device_that_leaves_is_drained_and_released_and_its_successor_gets_the_same_driver() {
    let mut system = System::new(&[GOOD, BETTER]);
    system.settle();
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
    system.settle();
    changes(&mut system, Presence::Leaving);
    assert_eq!(system.condition(), REMOVED);
    assert_eq!(
        (system.serving(), releases(&system), system.world.alive(0)),
        (None, 1, 0)
    );
    assert_eq!(system.world.devices[&0].mode, Mode::Offline);
    let removal = system.job(3).unwrap();
    assert_eq!(
        (removal.kind, removal.cause),
        (Kind::Removal, Some(Reason::Removed))
    );
    assert_eq!(removal.figures.in_flight, 32, "it was drained");
    let (most, age) = system.world.devices[&0].drained;
    assert!(most > HZ / 1000 && age == 0, "nobody else can be asked again");
    // What the bus says again changes nothing.
    changes(&mut system, Presence::Absent);
    assert_eq!(system.condition(), REMOVED);
    changes(&mut system, Presence::Present);
    assert_eq!(
        (system.serving(), system.condition()),
        (Some(BETTER), Condition::Working)
    );
    let addition = system.job(4).unwrap();
    assert_eq!(
        (addition.kind, addition.state),
        (Kind::Addition, State::Done(Outcome::Done))
    );
    assert!(system.job(5).is_none());
}

#[test]
fn device_that_is_torn_out_is_offline_at_once_and_nothing_stays_in_quarantine() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    changes(&mut system, Presence::Absent);
    assert_eq!((system.condition(), system.serving()), (REMOVED, None));
    assert_eq!(
        (
            system.world.alive(0),
            system.world.quarantined(0),
            releases(&system)
        ),
        (0, 0, 0)
    );
    changes(&mut system, Presence::Present);
    assert_eq!(system.serving(), Some(GOOD));
}

#[test]
fn device_that_is_put_in_where_none_was_served_is_reset_before_it_is_given_to_anybody() {
    let mut system = System::new(&[b"C", GOOD]);
    system.settle();
    assert_eq!(system.condition(), Condition::Offline(Reason::TooManyFailures));
    changes(&mut system, Presence::Absent);
    let resets = system.world.devices[&0].resets;
    // The one that was there had been reset, but this is another.
    tell(&mut system, Presence::Present);
    assert_eq!(system.world.devices[&0].resets, resets + 1);
}

#[test]
fn driver_that_is_lost_before_the_bus_tells_is_not_tried_again() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    system.world.devices.get_mut(&0).unwrap().presence = Presence::Absent;
    system.world.driver_dies(0);
    system.settle();
    assert_eq!(system.condition(), REMOVED);
    assert_eq!(system.world.jobs, 1, "no other generation was built");
    system.world.devices.get_mut(&0).unwrap().presence = Presence::Present;
    // An order finds it there as well.
    assert_eq!(system.update(BETTER, Policy::Refuse), Outcome::Done);
}

#[test]
fn system_that_starts_without_device_waits_for_one() {
    let mut system = System::new(&[GOOD]);
    system.world.devices.get_mut(&0).unwrap().presence = Presence::Absent;
    system.settle();
    if system.condition() == Condition::Working {
        // It was started with the world.
        changes(&mut system, Presence::Absent);
    }
    assert_eq!(system.condition(), REMOVED);
    assert!(matches!(
        system.update(BETTER, Policy::Refuse),
        Outcome::Offline(Reason::Removed)
    ));
    system.settle();
    changes(&mut system, Presence::Present);
    assert_eq!(system.serving(), Some(GOOD));
}

#[test]
fn device_that_leaves_amid_an_update_leaves_behind_it() {
    let mut system = System::new(&[GOOD]);
    system.settle();
    let job = system.begin_update(BETTER, Policy::Refuse).unwrap();
    tell(&mut system, Presence::Leaving);
    system.settle();
    assert_eq!(system.outcome(job), Outcome::Done);
    assert_eq!((system.condition(), releases(&system)), (REMOVED, 1));
    changes(&mut system, Presence::Present);
    assert_eq!(system.serving(), Some(BETTER));
}

/// Wherever a device is torn out, control dies, or a call fails on the way: in the end nobody serves, and one that is put in is served.
#[test]
fn removal_ends_whatever_goes_wrong() {
    let faults = [
        Fault::ControlDies,
        Fault::DriverDies,
        Fault::AnswerLost,
        Fault::Fails(Code::DeviceFailed),
    ];
    for fault in faults {
        for at in 0..14 {
            let mut system = System::new(&[GOOD]);
            system.settle();
            system.world.faults.insert(system.world.interactions + at, fault);
            tell(&mut system, Presence::Leaving);
            system.settle();
            if system.world.control_is_dead {
                system.restart_control();
                system.settle();
            }
            let story = system.story();
            if fault == Fault::Fails(Code::DeviceFailed) {
                // What fails by chance is done when the bus tells again.
                let presence = system.world.devices[&0].presence;
                tell(&mut system, presence);
                system.settle();
            }
            assert_eq!(system.serving(), None, "{fault:?} at {at}: {story}");
            assert_eq!(releases(&system), 1, "{fault:?} at {at}: {story}");
            changes(&mut system, Presence::Present);
            assert_eq!(system.serving(), Some(GOOD), "{fault:?} at {at}: {story}");
        }
    }
}
