//! Nothing is left out: what every method has in common, stated for every method, and that the tests before these
//! stated every answer that is documented.

use super::tests;
use crate::api::{self, root};
use crate::arena;
use crate::console::println;
use crate::expect::{Failure, Outcome, eq};
use crate::methods::{self, Method, Service};
use crate::sys::{self, Cap};
use crate::worker::Test;
use sel4_abi::error::Error;
use sel4_abi::object::ObjectType as O;

tests![
    empty_slot_has_no_methods,
    methods_of_other_objects_are_refused,
    short_messages_are_refused,
    every_documented_answer_is_stated,
];

/// Invokes with words and capabilities that are as many as these, and of no use.
fn invoke(method: &Method, service: Cap, words: u64, caps: u64) -> (u64, usize) {
    (0..words as usize).for_each(|i| sys::set_mr(i, 0));
    (0..caps as usize).for_each(|i| sys::set_cap(i, api::CNODE));
    let message = sys::call(service, sys::info(method.label.to_raw(), caps, words));
    (message.info.label(), message.info.length() as usize)
}

fn empty_slot_has_no_methods(t: &mut Test) -> Outcome {
    let empty = t.slot();
    for method in methods::ALL {
        let answer = invoke(method, empty, method.words, method.caps);
        let expected = (Error::InvalidCapability.to_raw(), 1);
        eq!((method.label, answer, sys::mr(0)), (method.label, expected, 0));
    }
    Ok(())
}

/// An object that has the methods.
fn object(t: &mut Test, service: Service) -> Result<Cap, Failure> {
    Ok(match service {
        Service::Untyped => t.untyped(12)?,
        Service::Tcb => t.make(O::Tcb, 0)?,
        Service::CNode => t.cnode(4)?,
        Service::IrqControl => api::IRQ_CONTROL,
        Service::IrqHandler => {
            let handler = t.slot();
            eq!(api::irq_control_get(50, root(handler)).label, 0);
            handler
        }
        Service::Domain => api::DOMAIN,
        Service::SchedControl => arena::control(),
        Service::SchedContext => t.sched_context()?,
        Service::VSpace => api::VSPACE,
        Service::Smc => api::SMC,
        Service::PageTable => t.make(O::PageTable, 0)?,
        Service::Page => t.frame()?,
        Service::AsidControl => api::ASID_CONTROL,
        Service::AsidPool => api::ASID_POOL,
    })
}

fn methods_of_other_objects_are_refused(t: &mut Test) -> Outcome {
    let (tcb, cnode) = (object(t, Service::Tcb)?, object(t, Service::CNode)?);
    for method in methods::ALL {
        let other = if method.service == Service::Tcb {
            cnode
        } else {
            tcb
        };
        let answer = invoke(method, other, 8, 3);
        eq!(
            (method.label, answer),
            (method.label, (Error::IllegalOperation.to_raw(), 0))
        );
    }
    Ok(())
}

fn short_messages_are_refused(t: &mut Test) -> Outcome {
    let refused = (Error::TruncatedMessage.to_raw(), 0);
    let (mut service, mut object_of) = (0, None);
    for method in methods::ALL {
        if object_of != Some(method.service) {
            (service, object_of) = (object(t, method.service)?, Some(method.service));
        }
        if let Some(fewer) = method.words.checked_sub(1) {
            let answer = invoke(method, service, fewer, method.caps);
            eq!((method.label, "words", answer), (method.label, "words", refused));
        }
        if let Some(fewer) = method.caps.checked_sub(1) {
            let answer = invoke(method, service, method.words, fewer);
            eq!(
                (method.label, "capabilities", answer),
                (method.label, "capabilities", refused)
            );
        }
    }
    Ok(())
}

fn every_documented_answer_is_stated(_: &mut Test) -> Outcome {
    if crate::supervisor::ONLY.is_some() {
        return Ok(());
    }
    let mut missing = 0;
    for method in methods::ALL {
        let possible = method.service != Service::Smc || arena::has_firmware();
        if possible && !methods::is_stated(method.label, 0) {
            println!("not stated: {:?} succeeds", method.label);
            missing += 1;
        }
        for error in method.errors {
            if !methods::is_stated(method.label, error.to_raw()) {
                println!("not stated: {:?} {error:?}", method.label);
                missing += 1;
            }
        }
    }
    eq!(missing, 0);
    Ok(())
}
