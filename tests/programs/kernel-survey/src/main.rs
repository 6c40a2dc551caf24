//! Asks the kernel everything and prints what it answers: the output on two kernels can be compared line by line.
#![no_std]
#![no_main]

mod boot;
mod cnodes;
mod console;
mod ipc;
mod irqs;
mod pages;
mod sched;
#[cfg(feature = "speed")]
mod speed;
mod sys;
mod threads;
mod untypeds;
mod world;

use sel4_root_task::root_task;

#[root_task(stack_size = 4096 * 16)]
fn main(bootinfo: &sel4::BootInfoPtr) -> ! {
    // SAFETY: the kernel put the frame there, and it stays.
    let info = unsafe { &*bootinfo.ptr().cast::<sel4_abi::bootinfo::BootInfo>() };
    sys::set_main_buffer(info.ipc_buffer);
    let mut world = world::World::new(info);
    boot::run(&mut world);
    untypeds::run(&mut world);
    cnodes::run(&mut world);
    pages::run(&mut world);
    irqs::run(&mut world);
    threads::run(&mut world);
    sched::run(&mut world);
    ipc::run(&mut world);
    #[cfg(feature = "speed")]
    speed::run(&mut world);
    console::say!("TEST_PASS kernel-survey");
    sel4::init_thread::suspend_self()
}
