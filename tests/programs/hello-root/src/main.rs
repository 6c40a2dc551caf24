//! A root task.
#![no_std]
#![no_main]

use sel4_root_task::{debug_println, root_task};

#[root_task(stack_size = 4096 * 16)]
fn main(bootinfo: &sel4::BootInfoPtr) -> ! {
    debug_println!("hello {:?}", bootinfo.untyped());
    debug_println!("TEST_PASS");
    sel4::init_thread::suspend_self()
}
