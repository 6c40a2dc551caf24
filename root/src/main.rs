//! The root task: builds the static system from the payload behind its image, then serves control, bus and stager.
//!
//! Everything that is decided is decided in the library; what is here makes system calls.
#![no_std]
#![no_main]

mod shell;

use sel4_root_task::{debug_println, root_task};
use system_spec::spec::Spec;

use shell::driver::Drivers;
use shell::memory::Memory;
use shell::regions::Regions;
use shell::serve::Server;
use shell::system::Static;
use shell::{Failure, payload};

#[root_task(stack_size = 256 * 1024)]
fn main(bootinfo: &sel4::BootInfoPtr) -> ! {
    match boot(bootinfo) {
        Ok(mut server) => server.serve(),
        Err(failure) => {
            debug_println!("root: cannot build the system: {failure:?}");
            sel4::init_thread::suspend_self()
        }
    }
}

/// Builds everything, starts the PDs, and returns who serves them. Root outranks them all: none runs before it serves.
fn boot(bootinfo: &sel4::BootInfoPtr) -> Result<Server<'static>, Failure> {
    let spec = Spec::parse(payload::bytes()).map_err(Failure::Spec)?;
    let mut memory = Memory::new(bootinfo)?;
    let regions = Regions::create(&spec, &mut memory)?;
    let system = Static::create(&spec, &regions, &mut memory, bootinfo)?;
    let drivers = Drivers::create(&spec, &regions, &system, &mut memory, bootinfo)?;
    let server = Server::new(&spec, &regions, &system, drivers, &mut memory)?;
    system.start(&spec)?;
    debug_println!(
        "root: {} protection domains, {} device slots",
        spec.pds().len(),
        spec.slots().len()
    );
    Ok(server)
}
