//! Prints the capability record that this release reports of a network device described by the arguments.

fn main() {
    driver_runtime::virtio::fake::print_net_record::<virtio_net_0_13::Driver>();
}
