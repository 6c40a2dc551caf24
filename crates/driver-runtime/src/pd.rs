//! The driver as a protection domain: start, event loop, end.
//!
//! Root maps image, stack, heap, registers, resources page and link pages, and starts the thread at `_start` with its
//! stack set; what is where is [`driver_package::resources`].

use driver_package::resources::{
    BADGE_IRQ, DriverResources, IPC_BUFFER_VADDR, LINK_OWN_VADDR, LINK_PEER_VADDR, MAX_IRQS, RESOURCES_VADDR,
    SLOT_IRQ, SLOT_NOTIFICATION, SLOT_SHADOW,
};
use sel4::MessageInfo;
use sel4::cap::{IrqHandler, Notification};
use shared_ring::Link;

use crate::dma;
use crate::engine::{Class, Engine};
use crate::resources::Resources;

mod end;
mod heap;

/// Makes a program of a driver of the block class: `block_driver!(MyDriver);` is all of its `main.rs`.
#[macro_export]
macro_rules! block_driver {
    ($driver:ty) => {
        $crate::driver!($crate::block::Block<$driver>);
    };
}

/// The same for a driver of the network class.
#[macro_export]
macro_rules! net_driver {
    ($driver:ty) => {
        $crate::driver!($crate::net::Net<$driver>);
    };
}

/// Makes a program of a driver that the engine can serve.
#[macro_export]
macro_rules! driver {
    ($class:ty) => {
        /// Where root starts the thread, with its stack set.
        // SAFETY: no other item of this name: it is the program's only entry.
        #[unsafe(no_mangle)]
        pub extern "C" fn _start() -> ! {
            // SAFETY: this is the entry that root starts, once.
            unsafe { $crate::pd::run::<$class>() }
        }
    };
}

/// Probes the device and serves the shadow for ever.
///
/// # Safety
/// Called once, as the first thing of a program that root started as a driver.
pub unsafe fn run<C: Class>() -> ! {
    // SAFETY: root mapped a page of this form here before it started us, and does not write it any more.
    let page =
        unsafe { core::ptr::with_exposed_provenance::<DriverResources>(RESOURCES_VADDR as usize).read() };
    let Ok(resources) = Resources::check(&page, C::ID as u32) else {
        end::fault()
    };
    // SAFETY: the kernel's IPC buffer of this thread is mapped here for as long as it runs; called once.
    sel4::set_ipc_buffer(unsafe { &mut *core::ptr::with_exposed_provenance_mut(IPC_BUFFER_VADDR as usize) });
    let (heap, len) = resources.heap();
    // SAFETY: checked to lie in our window; root keeps image, guard and stack out of it; called once.
    unsafe { heap::init(heap, len) };
    dma::set_regions(&resources);
    let own = core::ptr::with_exposed_provenance_mut(LINK_OWN_VADDR as usize);
    let peer = core::ptr::with_exposed_provenance(LINK_PEER_VADDR as usize);
    // SAFETY: root mapped the link's pages here, the first writable, both for as long as we run; this is the only access.
    let link: Link<C::Answer, C::Asked> = unsafe { Link::new(own, peer) };

    let engine = Engine::<C>::start(link, &resources);
    // With GICv2 a line that the predecessor's last interrupt masked stays so until somebody acknowledges it.
    acknowledge(u64::MAX, resources.irq_count());
    Notification::from_bits(SLOT_SHADOW).signal();
    match engine {
        Ok(engine) => serve(engine, resources.irq_count()),
        // Reported. What follows is the shadow's decision and root's deed.
        Err(_) => loop {
            Notification::from_bits(SLOT_NOTIFICATION).wait();
        },
    }
}

fn serve<C: Class>(mut engine: Engine<'_, C>, irqs: u32) -> ! {
    let (notification, shadow) = (
        Notification::from_bits(SLOT_NOTIFICATION),
        Notification::from_bits(SLOT_SHADOW),
    );
    // Lines that the kernel keeps masked until they are acknowledged.
    let (mut badge, mut masked) = (0, 0);
    // The shadow is to be notified of what the turn before did.
    let mut late = false;
    loop {
        let interrupted = badge & IRQ_BADGES;
        masked |= interrupted;
        let Ok(notify) = engine.turn(interrupted != 0) else {
            end::fault()
        };
        let Ok(wait) = engine.rest() else { end::fault() };
        if !wait {
            // As we look at the device ourselves, its lines stay masked. The shadow, which would take the processor at once, is
            // notified of two turns together; not of more, so that what has ended does not wait for what has not.
            if late {
                shadow.signal();
            }
            late = notify && !late;
            badge = 0;
            continue;
        }
        let notify = core::mem::take(&mut late) || notify;
        // A device that has nothing to do has nothing to tell: its line stays masked until it is given something.
        let listen = masked != 0 && !engine.is_idle();
        let alone = masked.count_ones() == 1;
        if listen && (notify || !alone) {
            acknowledge(masked, irqs);
        }
        // One message goes into the kernel with the wait.
        badge = if notify {
            shadow.nb_send_wait(MessageInfo::new(0, 0, 0, 0), notification).1
        } else if listen && alone {
            line(masked).irq_handler_ack_and_wait(notification).1
        } else {
            notification.wait().1
        };
        if listen {
            masked = 0;
        }
    }
}

/// The interrupt that is the lowest in `badge`.
fn line(badge: u64) -> IrqHandler {
    IrqHandler::from_bits(SLOT_IRQ + u64::from((badge / BADGE_IRQ).trailing_zeros()))
}

/// All interrupts' badge bits.
const IRQ_BADGES: u64 = ((1 << MAX_IRQS) - 1) * BADGE_IRQ;

/// Unmask the interrupts whose bits are set in `badge`.
fn acknowledge(badge: u64, irqs: u32) {
    for irq in (0..u64::from(irqs)).filter(|irq| badge & (BADGE_IRQ << irq) != 0) {
        // The only error is that the capability is gone, and then we are being cut.
        let _ = IrqHandler::from_bits(SLOT_IRQ + irq).irq_handler_ack();
    }
}
