//! An address by DHCP (RFC 2131).

use smoltcp::iface::SocketHandle;
use smoltcp::socket::dhcpv4::{Event, Socket};

use crate::Host;

/// Asks for an address for a host, and for more time.
#[derive(Debug)]
pub struct Dhcp(SocketHandle);

impl Dhcp {
    /// For this host, which has none yet.
    pub fn new(host: &mut Host) -> Self {
        Self(host.sockets.add(Socket::new()))
    }

    /// Gives the host what came, or takes from it what has run out. After each [`poll`](Host::poll).
    pub fn follow(&self, host: &mut Host) {
        let (address, router) = match host.sockets.get_mut::<Socket<'_>>(self.0).poll() {
            None => return,
            Some(Event::Configured(config)) => (Some(config.address), config.router),
            Some(Event::Deconfigured) => (None, None),
        };
        host.configure(address, router);
    }
}
