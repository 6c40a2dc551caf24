//! Prints the capability record that this release reports of a disk described by the arguments.

fn main() {
    driver_runtime::virtio::fake::print_record::<virtio_blk_0_8::Driver>();
}
