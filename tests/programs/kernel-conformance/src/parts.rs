//! The suite, by part of the interface.

mod asid;
mod authority;
mod bootinfo;
#[cfg(feature = "debug-build")]
mod breakpoint;
mod cache;
mod chain;
mod cnode;
mod configuration;
mod coverage;
mod cspace;
mod domain;
mod fault;
mod fpu;
mod hostile;
mod ipc;
mod irq;
mod notification;
mod page;
mod preempt;
mod registers;
mod reply;
mod sched;
mod sched_context;
mod smc;
mod tcb;
mod transfer;
mod untyped;
mod vspace;

use crate::supervisor::TestFn;

/// `tests![a, b]`: the table of a part, names and functions.
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        /// The tests of this part, in order.
        pub const TESTS: &[(&str, $crate::supervisor::TestFn)] = &[$((stringify!($test), $test)),*];
    };
}

use tests;

/// A part and its tests.
pub type Part = (&'static str, &'static [(&'static str, TestFn)]);

/// Everything, in the order it runs.
pub const ALL: &[Part] = &[
    ("bootinfo", bootinfo::TESTS),
    ("untyped", untyped::TESTS),
    ("cnode", cnode::TESTS),
    ("cspace", cspace::TESTS),
    ("ipc", ipc::TESTS),
    ("transfer", transfer::TESTS),
    ("notification", notification::TESTS),
    ("reply", reply::TESTS),
    ("chain", chain::TESTS),
    ("fault", fault::TESTS),
    ("registers", registers::TESTS),
    ("tcb", tcb::TESTS),
    ("authority", authority::TESTS),
    ("sched", sched::TESTS),
    ("sched_context", sched_context::TESTS),
    ("vspace", vspace::TESTS),
    ("page", page::TESTS),
    ("cache", cache::TESTS),
    ("asid", asid::TESTS),
    ("irq", irq::TESTS),
    ("smc", smc::TESTS),
    ("domain", domain::TESTS),
    ("fpu", fpu::TESTS),
    ("hostile", hostile::TESTS),
    ("preempt", preempt::TESTS),
    ("configuration", configuration::TESTS),
    #[cfg(feature = "debug-build")]
    ("breakpoint", breakpoint::TESTS),
    ("coverage", coverage::TESTS),
];

/// Index of a part.
pub fn index(part: &str) -> u64 {
    ALL.iter().position(|(name, _)| *name == part).unwrap_or(0) as u64
}
