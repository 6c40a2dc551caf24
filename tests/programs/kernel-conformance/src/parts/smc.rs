//! Calls to firmware: the capability that allows them, and the calls where there is firmware.

use super::tests;
use crate::api::{self, ALL, SMC, root};
use crate::arena::{self, is_empty};
use crate::expect::{Outcome, eq, err, ok};
use crate::sys::{self, invoke};
use crate::worker::Test;
use sel4_abi::invocation::InvocationLabel as L;

tests![
    copies_are_siblings,
    badge_is_given_once,
    badged_capability_revokes_its_own_copies_only,
    equal_badges_do_not_revoke_each_other,
    badge_names_the_only_function,
    call_refuses,
    firmware_answers,
];

/// `PSCI_VERSION` (Arm DEN 0022, section 5.1.1).
const PSCI_VERSION: u64 = 0x8400_0000;
/// A function identifier of no service.
const UNASSIGNED: u64 = 0x8200_0000;
/// What firmware answers to it.
const NOT_SUPPORTED: u64 = u64::MAX;

fn copies_are_siblings(t: &mut Test) -> Outcome {
    let (copy, badged) = (t.copy(SMC)?, t.mint(SMC, ALL, 1)?);
    ok!(api::cnode_revoke(root(copy)));
    eq!([copy, badged].map(is_empty), [false, false]);
    Ok(())
}

fn badge_is_given_once(t: &mut Test) -> Outcome {
    let badged = t.mint(SMC, ALL, 1)?;
    let slot = t.slot();
    for badge in [0, 1, 2] {
        err!(
            api::cnode_mint(root(slot), root(badged), ALL, badge),
            IllegalOperation,
            []
        );
    }
    t.copy(badged)?;
    Ok(())
}

fn badged_capability_revokes_its_own_copies_only(t: &mut Test) -> Outcome {
    let (badged, other) = (t.mint(SMC, ALL, 1)?, t.mint(SMC, ALL, 2)?);
    let copy = t.copy(badged)?;
    ok!(api::cnode_revoke(root(badged)));
    eq!([badged, other, copy].map(is_empty), [false, false, true]);
    Ok(())
}

fn equal_badges_do_not_revoke_each_other(t: &mut Test) -> Outcome {
    // The second stands before the first in the derivation tree; endpoints and notifications behave alike.
    let (n, ep) = (t.notification()?, t.endpoint()?);
    for object in [SMC, n, ep] {
        let (first, second) = (t.mint(object, ALL, 1)?, t.mint(object, ALL, 1)?);
        let copy = t.copy(second)?;
        ok!(api::cnode_revoke(root(second)));
        eq!([first, second, copy].map(is_empty), [false, false, true]);
    }
    Ok(())
}

fn badge_names_the_only_function(t: &mut Test) -> Outcome {
    let badged = t.mint(SMC, ALL, PSCI_VERSION)?;
    err!(call(badged, UNASSIGNED), IllegalOperation, []);
    err!(call(badged, 0), IllegalOperation, []);
    Ok(())
}

fn call_refuses(_: &mut Test) -> Outcome {
    for length in 0..8 {
        err!(
            invoke(SMC, L::ARMSMCCall, &[PSCI_VERSION; 8][..length], &[]),
            TruncatedMessage,
            []
        );
    }
    err!(invoke(SMC, L::TCBResume, &[0; 8], &[]), IllegalOperation, []);
    Ok(())
}

fn firmware_answers(t: &mut Test) -> Outcome {
    if !arena::has_firmware() {
        return Ok(());
    }
    let badged = t.mint(SMC, ALL, PSCI_VERSION)?;
    for cap in [SMC, badged] {
        let answer = ok!(call(cap, PSCI_VERSION));
        // The version in the first word, the other arguments as they went in.
        eq!(answer.length(), 8);
        eq!((1..=3).contains(&(answer.mr(0) >> 16)), true);
        eq!(&answer.words()[1..], &[1, 2, 3, 4, 5, 6, 7]);
    }
    eq!(ok!(call(SMC, UNASSIGNED)).mr(0), NOT_SUPPORTED);
    Ok(())
}

/// Calls a function with the arguments 1 to 7.
fn call(cap: sys::Cap, function: u64) -> sys::Answer {
    invoke(cap, L::ARMSMCCall, &[function, 1, 2, 3, 4, 5, 6, 7], &[])
}
