//! Places for TCP connections: a socket that serves one peer after the other.
//!
//! The library keeps a socket that closed first in TIME-WAIT for 10 s. With few sockets that is a server that nobody can reach after as
//! many short connections as it has places. Who came late was guarded against by it; here the random first numbers of the next
//! connection have to do (RFC 9293, section 3.4.1), as wherever ports are scarce.

use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::Duration;

/// What a peer says is acknowledged after this at the latest, and by then usually together with an answer. The library's own choice.
const ACK_DELAY: Duration = Duration::from_millis(10);

/// Says nothing more. What the peer says from now on is acknowledged at once: its end must be, before the place is another's.
pub fn close(socket: &mut Socket<'_>) {
    socket.set_ack_delay(None);
    socket.close();
}

/// The connection is over, and the peer knows. One that was aborted has still to be told, which takes a frame: somebody `patient` waits
/// for that. Nobody may be so for ever, because a peer that nobody can reach is never told.
pub fn is_free(socket: &Socket<'_>, patient: bool) -> bool {
    match socket.state() {
        // Both ends have said everything, and the last acknowledgement went out with the poll that took us here.
        State::TimeWait => true,
        State::Closed => !patient || socket.remote_endpoint().is_none(),
        _ => false,
    }
}

/// Waits for the next peer, if the place [is free](is_free). True: it waits now, and did not before.
pub fn listen_again(socket: &mut Socket<'_>, port: u16, patient: bool) -> bool {
    if !is_free(socket, patient) {
        return false;
    }
    socket.set_ack_delay(Some(ACK_DELAY));
    socket.listen(port).is_ok()
}
