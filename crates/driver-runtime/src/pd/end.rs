//! How a driver ends itself: by a fault, which root sees, and the shadow before its deadlines.

use core::panic::PanicInfo;

pub(super) use sel4::trap as fault;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    sel4::debug_println!("driver: {info}");
    fault()
}
