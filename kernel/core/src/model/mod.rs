//! The rules against small executable models of them, written from the manual.
//!
//! Rules of one data structure have their model beside the code (derivation in `cap/tree.rs`, ready and wait queues, refills). Here
//! are those that only hold of the whole kernel, and CSpace lookup, whose model is longer than its code.

mod budget;
mod cspace;
mod endpoint;
mod preemption;
mod turns;
mod untyped;
