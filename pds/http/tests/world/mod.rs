//! The server, its clients, the wire between them, and time.

mod files;

use std::ptr::NonNull;

use file_service::FileClient;
use http::Server;
use http::files::{Files, data_len};
use http::server::Tally;
use ip_session::Host;
use ip_session::wire::{End, wire};
use shared_ring::page::HostPage;
use shared_ring::requests::Nobody;
use shared_ring::{Area, Link};
use smoltcp::iface::SocketHandle;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{
    IpProtocol, Ipv4Address, Ipv4Cidr, Ipv4Packet, Ipv4Repr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
};

pub use files::File;
use files::FileServer;

/// Places for connections.
pub const CONNECTIONS: usize = 12;
const PAGE: &str = "<!doctype html>the page";
const ADDRESS: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

/// A client.
#[derive(Clone, Copy)]
pub struct Client(usize);

struct State {
    socket: SocketHandle,
    got: Vec<u8>,
    to_say: Vec<u8>,
    /// So many bytes are read, and no more.
    ears: usize,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub length: usize,
    pub body: Vec<u8>,
    pub keep_alive: bool,
    pub broken_off: bool,
}

/// All of it.
pub struct World {
    now: u64,
    ends: [End; 2],
    clients_host: Host,
    server_host: Host,
    server: Server,
    files: Files<HostPage>,
    file_server: FileServer,
    clients: Vec<State>,
    heads_only: bool,
}

/// A request for a path.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 10.0.0.2\r\nUser-Agent: test\r\n\r\n")
}

impl World {
    pub fn new(files: &[(&str, usize)]) -> Self {
        let mut ends = wire();
        let start = Instant::from_millis(0);
        let cidr = |last| Ipv4Cidr::new(Ipv4Address::new(10, 0, 0, last), 24);
        let clients_host = Host::with_address([2, 0, 0, 0, 0, 1], cidr(1), &mut ends[0], start, 1);
        let mut server_host = Host::with_address([2, 0, 0, 0, 0, 2], cidr(2), &mut ends[1], start, 2);
        let (ours, theirs) = (HostPage::zeroed(), HostPage::zeroed());
        let len = data_len(CONNECTIONS);
        let base = NonNull::from(Box::leak(vec![0u64; len / 8].into_boxed_slice())).cast::<u8>();
        // SAFETY: aligned, as long as it says, leaked, and accessed by areas only.
        let [data, theirs_data] = unsafe { [Area::new(base, len), Area::new(base, len)] };
        let client = FileClient::new(Link::over(ours.clone(), theirs.clone()), data);
        let server = Server::new(&mut server_host.sockets, CONNECTIONS, 80, PAGE);
        Self {
            now: 0,
            ends,
            clients_host,
            server_host,
            server,
            files: Files::new(client, CONNECTIONS).unwrap(),
            file_server: FileServer::new(Link::over(theirs, ours), theirs_data, files),
            clients: Vec::new(),
            heads_only: false,
        }
    }

    /// One turn of everybody, at this moment. True: something happened.
    pub fn turn(&mut self) -> bool {
        let now = Instant::from_millis(self.now as i64);
        for client in &mut self.clients {
            let socket = self
                .clients_host
                .sockets
                .get_mut::<tcp::Socket<'_>>(client.socket);
            if socket.can_send() && !client.to_say.is_empty() {
                let said = socket.send_slice(&client.to_say).unwrap();
                client.to_say.drain(..said);
            }
            while client.ears > 0 && socket.can_recv() {
                let State { got, ears, .. } = client;
                socket
                    .recv(|bytes| {
                        let now = bytes.len().min(*ears);
                        got.extend_from_slice(&bytes[..now]);
                        *ears -= now;
                        (now, ())
                    })
                    .unwrap();
            }
        }
        let mut any = self.clients_host.poll(now, &mut self.ends[0]);
        any |= self.server_host.poll(now, &mut self.ends[1]);
        let sockets = &mut self.server_host.sockets;
        let status = |_| "{\"made\":true}".into();
        for _ in 0..10_000 {
            if !self.server.serve(self.now, sockets, &mut self.files, &status) {
                break;
            }
            any = true;
        }
        let deadline = self.server.deadline();
        assert!(
            deadline.is_none_or(|deadline| deadline > self.now),
            "it would never sleep"
        );
        self.files.commit(&mut Nobody);
        any | self.file_server.serve()
    }

    /// ms since the beginning.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Time passes, and nobody looks.
    pub fn sleep(&mut self, ms: u64) {
        self.now += ms;
    }

    /// Time passes.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let mut quiet = 0;
            while quiet < 3 {
                quiet = if self.turn() { 0 } else { quiet + 1 };
            }
            if self.now >= end {
                return;
            }
            self.now += if end - self.now > 1000 { 50 } else { 1 };
            self.now = self.now.min(end);
        }
    }

    pub fn try_connect(&mut self) -> Client {
        let client = self.begin_connecting();
        self.pass(5);
        client
    }

    pub fn begin_connecting(&mut self) -> Client {
        let buffer = || tcp::SocketBuffer::new(vec![0; 16384]);
        let socket = self
            .clients_host
            .sockets
            .add(tcp::Socket::new(buffer(), buffer()));
        let number = self.clients.len();
        self.clients_host
            .connect(socket, (ADDRESS, 80), 40_000 + number as u16)
            .unwrap();
        self.clients.push(State {
            socket,
            got: Vec::new(),
            to_say: Vec::new(),
            ears: usize::MAX,
        });
        Client(number)
    }

    pub fn connect(&mut self) -> Client {
        let client = self.try_connect();
        for _ in 0..3000 {
            if self.socket(client).may_send() {
                return client;
            }
            self.pass(10);
        }
        panic!("not connected");
    }

    fn socket(&mut self, client: Client) -> &mut tcp::Socket<'static> {
        let handle = self.clients[client.0].socket;
        self.clients_host.sockets.get_mut(handle)
    }

    pub fn say(&mut self, client: Client, text: &str) {
        self.say_bytes(client, text.as_bytes());
    }

    pub fn say_bytes(&mut self, client: Client, bytes: &[u8]) {
        self.heads_only = bytes.starts_with(b"HEAD");
        self.clients[client.0].to_say.extend_from_slice(bytes);
    }

    pub fn ask(&mut self, client: Client, text: &str) -> Answer {
        self.say(client, text);
        self.answer(client)
    }

    /// The next answer on a connection.
    pub fn answer(&mut self, client: Client) -> Answer {
        self.clients[client.0].ears = usize::MAX;
        for _ in 0..20_000 {
            if let Some(answer) = self.whole_answer(client) {
                return answer;
            }
            if !self.socket(client).is_active() {
                let (status, keep_alive) = (0, false);
                return Answer {
                    status,
                    length: 0,
                    body: Vec::new(),
                    keep_alive,
                    broken_off: true,
                };
            }
            self.pass(1);
        }
        panic!(
            "no answer: {:?}",
            String::from_utf8_lossy(&self.clients[client.0].got)
        );
    }

    fn whole_answer(&mut self, client: Client) -> Option<Answer> {
        let got = &mut self.clients[client.0].got;
        let end = got.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = std::str::from_utf8(&got[..end]).expect("a head is text");
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let status = head[9..12].parse().unwrap();
        let length: usize = field("Content-Length: ").expect("a length").parse().unwrap();
        let keep_alive = field("Connection: ") == Some("keep-alive");
        let body_len = if self.heads_only { 0 } else { length };
        let body = got.get(end..end + body_len)?.to_vec();
        got.drain(..end + body_len);
        Some(Answer {
            status,
            length,
            body,
            keep_alive,
            broken_off: false,
        })
    }

    pub fn is_closed(&mut self, client: Client) -> bool {
        self.pass(20);
        !self.socket(client).may_recv()
    }

    /// There is no connection.
    pub fn is_gone(&mut self, client: Client) -> bool {
        !self.socket(client).is_active()
    }

    pub fn hang_up(&mut self, client: Client, abruptly: bool) {
        let socket = self.socket(client);
        if abruptly { socket.abort() } else { socket.close() }
    }

    pub fn stop_reading(&mut self, client: Client) {
        self.clients[client.0].ears = 0;
    }

    /// So many bytes more, and the others wait.
    pub fn read_a_little(&mut self, client: Client, bytes: usize) {
        self.clients[client.0].ears = bytes;
        self.pass(20);
    }

    pub fn disturb(&mut self, lose: u32, repeat: u32) {
        for end in &mut self.ends {
            (end.lose, end.repeat) = (lose, repeat);
        }
    }

    /// Every so many frames of the clients'; 0: none.
    pub fn lose_what_is_asked(&mut self, every: u32) {
        self.ends[0].lose = every;
    }

    /// What was counted; `connections`: places that are taken, by those who came in and those who did not.
    pub fn tally(&mut self) -> Tally {
        self.pass(20);
        self.server.tally()
    }

    /// Somebody wants to connect from an address that nobody has.
    pub fn knock(&mut self, number: u16) {
        self.knock_from(Ipv4Address::new(10, 0, 0, 200), number);
    }

    /// The clients' host is said to want to connect, knows nothing of it, and says so.
    pub fn knock_and_leave(&mut self, number: u16) {
        self.knock_from(Ipv4Address::new(10, 0, 0, 1), number);
    }

    fn knock_from(&mut self, from: Ipv4Address, number: u16) {
        let sums = ChecksumCapabilities::default();
        let tcp = TcpRepr {
            src_port: 1000 + number,
            dst_port: 80,
            control: TcpControl::Syn,
            seq_number: TcpSeqNumber(7),
            ack_number: None,
            window_len: 1000,
            window_scale: None,
            max_seg_size: Some(1000),
            sack_permitted: false,
            sack_ranges: [None; 3],
            timestamp: None,
            payload: &[],
        };
        let ip = Ipv4Repr {
            src_addr: from,
            dst_addr: ADDRESS,
            next_header: IpProtocol::Tcp,
            payload_len: tcp.buffer_len(),
            hop_limit: 64,
        };
        let mut payload = vec![0; ip.buffer_len() + tcp.buffer_len()];
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut payload[..]), &sums);
        let mut segment = TcpPacket::new_unchecked(&mut payload[ip.buffer_len()..]);
        tcp.emit(&mut segment, &from.into(), &ADDRESS.into(), &sums);
        self.inject(payload);
        self.pass(2);
    }

    /// A frame with anything in it.
    pub fn inject(&mut self, mut payload: Vec<u8>) {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
        frame.append(&mut payload);
        self.ends[0].inject(frame);
    }

    pub fn open_handles(&mut self) -> usize {
        self.pass(20);
        self.file_server.open()
    }

    pub fn most_handles(&self) -> usize {
        self.file_server.most
    }

    pub fn opened(&self) -> usize {
        self.file_server.opened
    }

    pub fn restart_files(&mut self) {
        self.file_server.restart();
    }

    pub fn replace(&mut self, path: &str, file: File) {
        self.file_server.files.insert(path.to_owned(), file);
    }

    pub fn lie(&mut self, how: u32) {
        self.file_server.lie = Some(how);
    }
}
