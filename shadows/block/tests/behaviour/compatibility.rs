//! What a driver lacks that clients were told of, under each policy.

use device_class::block::*;
use shadow::slot::Mode;
use supervision::shadow::{EventKind, Policy};

use crate::world::*;

#[test]
fn lost_capability_is_refused_and_the_old_driver_serves_on() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..4);
    let lossy = BlockCapabilities {
        flags: RECORD.flags & !CAP_FLUSH,
        ..RECORD
    };
    machine.update(lossy, Policy::Refuse);
    let refused = machine.expect(EventKind::Refused);
    assert_eq!(refused.a, u64::from(LOST_FLUSH | LOST_DURABILITY));
    assert_eq!(machine.mode(), Mode::Active);
    assert!(
        machine.driver.as_ref().unwrap().taken.is_empty(),
        "it gets no request"
    );
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(RECORD);
    assert_eq!(machine.expect(EventKind::Enabled).c, 4 << 32);
    machine.work_until_idle();
    assert_eq!(machine.clients[0].statuses(), [Status::Ok; 4]);
}

#[test]
fn degraded_driver_fails_only_what_reveals_the_loss() {
    let mut machine = Machine::running(&["raw"]);
    load(&mut machine, 0, 0..2);
    machine.submit(0, Op::Flush, 0, 0);
    machine.submit(0, Op::Read, 20, 8);
    machine.exchange();
    let lossy = BlockCapabilities {
        flags: RECORD.flags & !CAP_FLUSH,
        max_transfer: 8,
        ..RECORD
    };
    machine.update(lossy, Policy::Degrade);
    assert_eq!(
        machine.expect(EventKind::Enabled).c >> 32,
        3,
        "the flush is not resubmitted"
    );
    machine.work_until_idle();
    machine.submit(0, Op::Flush, 0, 0);
    machine.submit(0, Op::Write, 0, 1);
    machine.work_until_idle();
    let mut answered = machine.clients[0].answered.clone();
    answered.sort_by_key(|(op, _)| *op as u8);
    let (ok, lost) = (Status::Ok, Status::CapabilityLost);
    let writes = [(Op::Write, ok); 3];
    assert_eq!(
        answered,
        [&[(Op::Read, ok)][..], &writes, &[(Op::Flush, lost); 2]].concat()
    );
    // Better again: clients were told so all the time.
    machine.update(RECORD, Policy::Refuse);
    machine.expect(EventKind::Enabled);
    machine.submit(0, Op::Flush, 0, 0);
    machine.work_until_idle();
    assert_eq!(machine.clients[0].answered.last(), Some(&(Op::Flush, Status::Ok)));
}

/// Of a driver that writes through.
const THROUGH: BlockCapabilities = BlockCapabilities {
    flags: RECORD.flags & !CAP_WRITE_BACK,
    ..RECORD
};

fn accepted(machine: &mut Machine, record: BlockCapabilities, policy: Policy) {
    machine.update(record, policy);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
}

/// The update loses durability: the driver of before comes back.
fn refused(machine: &mut Machine, new: BlockCapabilities, old: BlockCapabilities) {
    machine.update(new, Policy::Refuse);
    assert_eq!(machine.expect(EventKind::Refused).a, u64::from(LOST_DURABILITY));
    machine.cut();
    machine.attach(Policy::Refuse);
    machine.start(old);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
}

#[test]
fn what_clients_were_never_told_of_is_not_lost() {
    let mut machine = Machine::running(&["raw", "files"]);
    accepted(&mut machine, THROUGH, Policy::Refuse);
    accepted(&mut machine, RECORD, Policy::Refuse);
    accepted(&mut machine, THROUGH, Policy::Refuse);
    // One of them asks again, and may rely on the answer from then on.
    machine.open(1);
    refused(&mut machine, RECORD, THROUGH);
    // By force it is so, and it asks once more.
    accepted(&mut machine, RECORD, Policy::Force);
    machine.open(1);
    accepted(&mut machine, THROUGH, Policy::Refuse);
    accepted(&mut machine, RECORD, Policy::Refuse);
}

#[test]
fn what_an_update_took_by_force_is_not_lost_again_until_it_has_been_back() {
    let mut machine = Machine::new(&["raw"]);
    machine.attach(Policy::First);
    machine.start(THROUGH);
    machine.expect(EventKind::Enabled);
    machine.work_until_idle();
    machine.open(0);
    refused(&mut machine, RECORD, THROUGH);
    accepted(&mut machine, RECORD, Policy::Force);
    accepted(&mut machine, RECORD, Policy::Refuse);
    accepted(&mut machine, THROUGH, Policy::Refuse);
    refused(&mut machine, RECORD, THROUGH);
}

#[test]
fn client_that_asks_a_degraded_driver_is_told_what_there_is() {
    let mut machine = Machine::running(&["raw"]);
    let lossy = BlockCapabilities {
        flags: RECORD.flags & !CAP_FLUSH,
        ..RECORD
    };
    accepted(&mut machine, lossy, Policy::Degrade);
    let flush = |machine: &mut Machine| {
        machine.submit(0, Op::Flush, 0, 0);
        machine.work_until_idle();
        machine.clients[0].answered.last().copied()
    };
    assert_eq!(flush(&mut machine), Some((Op::Flush, Status::CapabilityLost)));
    machine.open(0);
    assert_eq!(flush(&mut machine), Some((Op::Flush, Status::Unsupported)));
}

#[test]
fn no_policy_accepts_another_block_size() {
    for policy in [Policy::Refuse, Policy::Degrade, Policy::Force, Policy::First] {
        let mut machine = Machine::running(&["raw"]);
        machine.update(
            BlockCapabilities {
                block_size: 4096,
                ..RECORD
            },
            policy,
        );
        assert_eq!(machine.expect(EventKind::Refused).a, u64::from(LOST_BLOCK_SIZE));
    }
}
