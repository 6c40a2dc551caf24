//! The protection domain: joins the services to a network session.

#![no_std]
#![no_main]

use core::ptr::NonNull;

use device_class::net::{InfoError, NetClient, NetRequest, NetResponse};
use echo::{Datagrams, Echo};
use ip_session::pd::{Channels, now};
use ip_session::{Host, Session};
use sel4_microkit::{Heap, HeapMemory, NullHandler, protection_domain, var};
use shared_ring::{Area, Link};
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};
use system_spec::config::{ClientConfig, LinkConfig};

const HEAP_BYTES: usize = 2 << 20;
static MEMORY: HeapMemory<HEAP_BYTES> = HeapMemory::new();
#[global_allocator]
// SAFETY: the only heap of this memory.
static HEAP: Heap<HEAP_BYTES> = unsafe { Heap::of(&MEMORY) };

/// TCP connections of each service.
const CONNECTIONS: usize = 16;

fn link(config: &LinkConfig) -> Link<NetRequest, NetResponse> {
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    unsafe { Link::new(config.own as *mut u8, config.peer as *const u8) }
}

fn run(config: &ClientConfig, channels: &mut Channels) -> Result<(), InfoError> {
    let data = NonNull::new(config.data.vaddr as *mut u8).ok_or(InfoError::Refused)?;
    // SAFETY: the description's compiler mapped the region there, readable and writable, for this purpose only.
    let data = unsafe { Area::new(data, config.data.len as usize) };
    let client = NetClient::new(link(&config.link), link(&config.deliveries));
    let info = client.wait_for_info(channels)?;
    let mac = info.address.0;
    // Measuring wants to know the address beforehand: its last number is that of the Ethernet address.
    let address = Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, mac[5]), 24);
    let session = Session::answering(client, data, &info, address.address(), Datagrams);
    let mut session = session.ok_or(InfoError::Refused)?;
    session.tell_no_segment_size();
    let mut host = Host::with_address(mac, address, &mut session, now(), trace::clock::ticks());
    let mut echo = Echo::new(&mut host.sockets, CONNECTIONS);
    while !channels.is_told_to_stop() {
        session.awake();
        let changed = host.poll(now(), &mut session);
        let busy = echo.serve(now(), &mut host.sockets);
        session.commit(channels);
        if session.waits_for_device() && session.client().info(channels).is_ok() {
            session.device_works();
        }
        if !changed && !busy && session.sleep() {
            let deadline = host.deadline(now()).filter(|_| session.has_room());
            channels.wait_until(deadline);
        }
    }
    Ok(())
}

#[protection_domain]
fn init() -> NullHandler {
    const NOTHING: ClientConfig = zerocopy::transmute!([0u8; size_of::<ClientConfig>()]);
    let config: &ClientConfig = var!(umbra_config: ClientConfig = NOTHING);
    let mut channels = Channels::new(config);
    // Without a session there is nothing to do but to stop when told.
    let _ = run(config, &mut channels);
    loop {
        channels.stopped();
        while !channels.is_told_to_stop() {
            channels.wait_until(None);
        }
    }
}
