//! An address, and sockets.

use alloc::vec::Vec;

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint, Ipv4Address, Ipv4Cidr};

/// Frames taken in one pass, and times that all sockets may send; a flood does not keep the sockets from being served.
const BATCH: usize = 64;

/// An interface with its sockets.
pub struct Host {
    interface: Interface,
    /// The sockets.
    pub sockets: SocketSet<'static>,
}

impl Host {
    /// With this Ethernet address, and no IP address yet. `seed`: what others should not be able to foresee.
    pub fn new(mac: [u8; 6], device: &mut impl Device, now: Instant, seed: u64) -> Self {
        let mut config = Config::new(EthernetAddress(mac).into());
        config.random_seed = seed;
        Self {
            interface: Interface::new(config, device, now),
            sockets: SocketSet::new(Vec::new()),
        }
    }

    /// With an IP address of its own.
    pub fn with_address(
        mac: [u8; 6],
        address: Ipv4Cidr,
        device: &mut impl Device,
        now: Instant,
        seed: u64,
    ) -> Self {
        let mut this = Self::new(mac, device, now, seed);
        this.configure(Some(address), None);
        this
    }

    /// The IP address, once there is one.
    pub fn address(&self) -> Option<Ipv4Address> {
        self.interface.ipv4_addr()
    }

    /// Takes frames that have come, and sends what there is room for. True: sockets have changed.
    pub fn poll(&mut self, now: Instant, device: &mut impl Device) -> bool {
        self.interface.poll_maintenance(now);
        let mut changed = false;
        for _ in 0..BATCH {
            match self.interface.poll_ingress_single(now, device, &mut self.sockets) {
                PollIngressSingleResult::None => break,
                PollIngressSingleResult::PacketProcessed => {}
                PollIngressSingleResult::SocketStateChanged => changed = true,
            }
        }
        // Each pass sends a packet of each socket at most; what is sent together costs the shadow and the driver one wake-up.
        for _ in 0..BATCH {
            match self.interface.poll_egress(now, device, &mut self.sockets) {
                PollResult::None => break,
                PollResult::SocketStateChanged => changed = true,
            }
        }
        changed
    }

    /// Begin a connection of a TCP socket.
    ///
    /// # Errors
    /// The library's.
    pub fn connect(
        &mut self,
        socket: SocketHandle,
        to: impl Into<IpEndpoint>,
        port: u16,
    ) -> Result<(), tcp::ConnectError> {
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(socket);
        socket.connect(self.interface.context(), to, port)
    }

    /// When to poll if nothing happens.
    pub fn deadline(&mut self, now: Instant) -> Option<Instant> {
        self.interface.poll_at(now, &self.sockets)
    }

    /// With this address from now on, and this router between its network and others.
    pub fn configure(&mut self, address: Option<Ipv4Cidr>, router: Option<Ipv4Address>) {
        self.interface.update_ip_addrs(|addresses| {
            addresses.clear();
            if let Some(address) = address {
                // It was emptied.
                let _ = addresses.push(IpCidr::Ipv4(address));
            }
        });
        let routes = self.interface.routes_mut();
        routes.remove_default_ipv4_route();
        if let Some(router) = router {
            // It was removed.
            let _ = routes.add_default_ipv4_route(router);
        }
    }
}

impl core::fmt::Debug for Host {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Host")
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}
