//! A root task that shows in a second whether a kernel can be lived with.
//!
//! It prints what it was given, then does once what every larger program does all the time: retype, map, start a
//! thread, call it, signal, take an interrupt, catch a fault, revoke. It ends with `TEST_PASS` or `TEST_FAIL`. Where
//! the kernel does not print (release, benchmark) it maps the UART and prints itself.

#![no_std]
#![no_main]

mod check;
mod console;
mod memory;
mod thread;

use console::println;
use sel4::init_thread;
use sel4_root_task::root_task;

#[root_task(stack_size = 128 * 1024)]
fn main(bootinfo: &sel4::BootInfoPtr) -> ! {
    let mut memory = memory::Memory::new(bootinfo);
    console::init(&mut memory);
    print_facts(bootinfo);

    match check::all(bootinfo, &mut memory) {
        Ok(()) => println!("TEST_PASS"),
        Err(failure) => println!("TEST_FAIL {failure}"),
    }
    init_thread::suspend_self()
}

fn print_facts(bootinfo: &sel4::BootInfoPtr) {
    println!("hello-root, {} configuration", sel4::config::consts::NAME);
    println!("empty slots      {:?}", bootinfo.empty().range());
    println!("image frames     {:?}", bootinfo.user_image_frames().range());
    println!("untypeds         {:?}", bootinfo.untyped().range());
    println!("scheduling       {:?}", bootinfo.sched_control().range());
    for untyped in &bootinfo.untyped_list()[bootinfo.kernel_untyped_range()] {
        println!(
            "memory           {:#x} + 2^{}",
            untyped.paddr(),
            untyped.size_bits()
        );
    }
    for extra in bootinfo.extra() {
        println!("extra            {:?}, {} bytes", extra.id, extra.content().len());
    }
}
