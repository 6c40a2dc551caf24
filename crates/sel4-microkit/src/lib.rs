//! A runtime for Microkit protection domains (PDs), under the API of rust-sel4 5.0's crate of that name.
//!
//! ```ignore
//! #[protection_domain]
//! fn init() -> impl Handler { todo!() }
//! ```
//!
//! A program is linked by this crate's script; its build script names it:
//!
//! ```no_run
//! // build.rs
//! if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("none") {
//!     println!("cargo::rustc-link-arg-bins=-Tprotection-domain.ld");
//! }
//! ```
//!
//! # What a PD finds when it starts
//!
//! The interface is Microkit 2.3's; its numbers are [`sel4_abi::microkit`], for the creator to use too.
//!
//! | | |
//! |---|---|
//! | image | linked at 0x200000; code, constants, data on pages of their own; data is in the image, the rest zero |
//! | entry | ELF entry point, no arguments |
//! | stack pointer | 0x7fff_ffff_e000, top of a stack the creator mapped; the pages above and below it unmapped |
//! | IPC buffer | at 0x7fff_ffff_f000, the last page of the address space |
//! | priority | maximum controlled priority = priority |
//! | notification | bound to the TCB |
//! | scheduling context | bound to the TCB; refills beyond two if the PD is sporadic |
//! | FPU | off unless the PD asks for it |
//!
//! CSpace: pointers below 512 resolve by their lowest 9 bits.
//!
//! | slot | capability | rights, badge |
//! |---|---|---|
//! | 1 | input: its endpoint if somebody may call it or it has children, else its notification | all |
//! | 2 | its fault endpoint | badge chosen by the handler |
//! | 3 | its VSpace | |
//! | 4 | its reply object | |
//! | 5 | passive only: signalled after `init`, the creator then binds the scheduling context to the notification | |
//! | 6 | benchmark configuration only: its TCB | |
//! | 7 | if granted: SMC | |
//! | 10 + channel | notification of the other end | badge `1 << (channel of the other end)` |
//! | 74 + channel | endpoint of the other end | write, grant-reply (Microkit: all); badge `1 << 63 \| channel of the other end` |
//! | 138 + channel | interrupt handler, notification set, badge `1 << channel` | |
//! | 202 + child | TCB of a child; its fault endpoint is ours, badge `1 << 62 \| child` | |
//!
//! Channels are 0 to 61, numbered by each end for itself.
//!
//! Symbols that the tool writes into the image (all exist in every PD): `microkit_name` (64 bytes),
//! `microkit_passive` (1 byte), `microkit_irqs`, `microkit_notifications`, `microkit_pps`, `microkit_ioports`
//! (words: bit sets of valid channels), and those a program declares by [`var!`] (words, for `setvar`). They lie in
//! the writable data segment.
//!
//! # What it does
//!
//! It calls `init`, then acknowledges every interrupt channel once, then loops: receive on 1 with reply object 4;
//! after a protected procedure or a fault that is answered, reply and receive; after a deferred action, send it and receive. A passive PD's first receive carries a
//! message to 5, in one system call.
//!
//! # What differs from upstream
//!
//! Only notifications can be deferred. No heap option (feature `heap` has a type for a static), no unwinding. A panic prints (debug configuration) and faults, in every
//! configuration. `stack_size` is not taken: the creator makes the stack. [`ipc`] is there to be used.

#![no_std]

mod channel;
mod defer;
mod handler;
#[cfg(feature = "heap")]
mod heap;
mod message;
mod symbols;

#[cfg(target_os = "none")]
mod entry;

pub mod ipc;

pub use channel::{Channel, Child};
pub use core::convert::Infallible;
pub use defer::{DeferredAction, DeferredActionSlot};
pub use handler::{Handler, NullHandler};
#[cfg(feature = "heap")]
pub use heap::{Heap, HeapMemory};
pub use ipc::ChannelSet;
pub use message::{MessageInfo, get_mr, set_mr, with_msg_regs_mut};
pub use sel4::{debug_print, debug_println};
pub use symbols::{pd_is_passive, pd_name};

/// Makes a function the one that a protection domain starts with: it takes nothing and returns a [`Handler`].
pub use sel4_macros::protection_domain;

#[doc(hidden)]
#[macro_export]
macro_rules! protection_domain_starts_with {
    ($init:ident) => {
        // SAFETY: a program has one such function, and nothing else is called so.
        #[unsafe(no_mangle)]
        fn __microkit_init_and_serve() -> ! {
            $crate::_private::serve($init())
        }
    };
}

/// What the macros of this crate need where they are used.
#[doc(hidden)]
pub mod _private {
    #[cfg(target_os = "none")]
    pub use crate::entry::serve;
    pub use crate::symbols::Patched;
}
