//! Prints the capability record that this release reports of a disk described by the arguments.

fn main() {
    driver_runtime::nvme::fake::print_record::<nvme_0_5::Driver>();
}
