//! An address by DHCP, and sockets.

use alloc::vec::Vec;

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::{dhcpv4, tcp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint, Ipv4Address, Ipv4Cidr};

/// Frames taken in one pass, and times that all sockets may send; a flood does not keep the sockets from being served.
const BATCH: usize = 64;

/// An interface with its sockets.
pub struct Host {
    interface: Interface,
    /// The sockets.
    pub sockets: SocketSet<'static>,
    dhcp: Option<SocketHandle>,
}

impl Host {
    /// With this Ethernet address; its IP address comes by DHCP. `seed`: what others should not be able to foresee.
    pub fn new(mac: [u8; 6], device: &mut impl Device, now: Instant, seed: u64) -> Self {
        let mut config = Config::new(EthernetAddress(mac).into());
        config.random_seed = seed;
        let mut sockets = SocketSet::new(Vec::new());
        let dhcp = sockets.add(dhcpv4::Socket::new());
        Self {
            interface: Interface::new(config, device, now),
            sockets,
            dhcp: Some(dhcp),
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
        if let Some(dhcp) = this.dhcp.take() {
            this.sockets.remove(dhcp);
        }
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
        self.follow_dhcp();
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

    fn follow_dhcp(&mut self) {
        let Some(dhcp) = self.dhcp else { return };
        let event = self.sockets.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll();
        let (address, router) = match event {
            None => return,
            Some(dhcpv4::Event::Configured(config)) => (Some(config.address), config.router),
            Some(dhcpv4::Event::Deconfigured) => (None, None),
        };
        self.configure(address, router);
    }

    fn configure(&mut self, address: Option<Ipv4Cidr>, router: Option<Ipv4Address>) {
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
