//! Sees its child fault, and tells the client where.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use microkit_probe::NOWHERE;
use sel4_microkit::{
    Channel, Child, Handler, Infallible, MessageInfo, debug_println, get_mr, protection_domain, var,
};

/// Label of a fault by an address that is not mapped.
const VM_FAULT: u64 = 6;

struct Parent {
    child: usize,
    client: Channel,
}

impl Handler for Parent {
    type Error = Infallible;

    fn fault(&mut self, child: Child, message: MessageInfo) -> Result<Option<MessageInfo>, Infallible> {
        let address = get_mr(1);
        if child.index() == self.child && message.label() == VM_FAULT && address == NOWHERE {
            self.client.notify();
        } else {
            debug_println!(
                "microkit-probe: failed: child {child:?}, label {}, {address:#x}",
                message.label()
            );
        }
        let stopped = child.tcb().tcb_suspend();
        assert!(stopped.is_ok(), "a parent may suspend its child");
        Ok(None)
    }
}

#[protection_domain]
fn init() -> Parent {
    Parent {
        child: *var!(child_id: usize = 0),
        client: Channel::new(*var!(client: usize = 0)),
    }
}
