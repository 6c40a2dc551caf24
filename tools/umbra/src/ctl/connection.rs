//! The connection to a machine's command channel: one question at a time, asked again until it is answered.
//!
//! A question that is not answered in time is asked again under the same number, so that it is answered, and not
//! executed twice. Before it go so many zero bytes that a frame which was cut off on the way is over. A connection that
//! breaks is made anew, to the same machine, and the question asked on it.
//!
//! The machine talks to one tool at a time; others wait in line. Who pauses between questions lets them have their turn
//! ([`Connection::release`]).

use control_protocol::frame::{self, Frame, MAX_FRAME};
use control_protocol::reply::Error;
use control_protocol::{Decoder, Reply, Request, VERSION};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::order::OrderId;

/// Why there is no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no machine answers at {}: is one running? (`cargo umbra run` starts one; `--socket` names another)", path.display())]
    NotUp {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke.
    #[error("the connection to the machine broke (it may have stopped): {0}")]
    Broken(#[source] io::Error),
    /// No answer in time.
    #[error(
        "the machine did not answer within {} s: another tool may be talking to it all the time, or its console tells why (`--timeout` waits longer)",
        .0.as_secs()
    )]
    Silent(Duration),
    /// The other side speaks another version.
    #[error(
        "the machine speaks version {theirs} of the control protocol, this tool version {VERSION}: use the tool of the checkout that the image was built from"
    )]
    OtherVersion {
        /// What it speaks.
        theirs: u16,
    },
    /// Control refuses.
    #[error("{}", super::text::error(.0))]
    Refused(Error),
    /// An order was sent, and what became of it is not known.
    #[error("{cause}; whether the order was carried out, `cargo umbra ctl ordered {order}` tells")]
    Unknown {
        /// The order, as [`Client::ordered`](super::Client::ordered) wants it.
        order: OrderId,
        /// Why its answer did not come.
        cause: Box<ClientError>,
    },
    /// An answer to something else.
    #[error("the machine's answer does not belong to the question (a fault of the control program)")]
    Nonsense,
}

pub(super) type Result<T> = std::result::Result<T, ClientError>;

/// How long to wait for an answer before asking again the first time; then twice as long each time, up to [`AGAIN`].
const FIRST_AGAIN: Duration = Duration::from_millis(200);
/// Longest wait before asking again.
const AGAIN: Duration = Duration::from_secs(1);
/// Pause between two attempts to connect.
const RETRY: Duration = Duration::from_millis(20);

/// A connection to a machine's command channel.
#[derive(Debug)]
pub struct Connection {
    /// Where the machine is; `None`: a connection that broke cannot be made anew.
    path: Option<PathBuf>,
    stream: Option<UnixStream>,
    decoder: Decoder,
    session: u64,
    last_request: u32,
    patience: Duration,
}

impl Connection {
    /// To the machine whose socket this is.
    ///
    /// # Errors
    /// Nobody there, or others are before us for too long.
    pub fn to(socket: &Path, patience: Duration) -> Result<Self> {
        let not_up = |source| ClientError::NotUp {
            path: socket.to_owned(),
            source,
        };
        // A link to the current machine may soon be one to another: what is asked twice is asked the same one.
        let path = socket.canonicalize().map_err(not_up)?;
        let stream = connect(&path, Instant::now() + patience)
            .map_err(not_up)?
            .ok_or(ClientError::Silent(patience))?;
        Ok(Self {
            path: Some(path),
            ..Self::over(stream, patience)
        })
    }

    /// Over a stream that exists.
    pub fn over(stream: UnixStream, patience: Duration) -> Self {
        // Not a secret: it only keeps two tools apart. A hasher's keys are the randomness that the standard library has.
        let mut seed = RandomState::new().build_hasher();
        seed.write_u32(std::process::id());
        Self {
            path: None,
            stream: Some(stream),
            decoder: Decoder::new(),
            session: seed.finish(),
            last_request: 0,
            patience,
        }
    }

    /// How long to wait for an answer in all.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Lets others have their turn until the next question.
    pub fn release(&mut self) {
        if self.path.is_some() {
            self.stream = None;
        }
    }

    /// Asks, waits, and hands the reply to `read`.
    ///
    /// # Errors
    /// As [`ClientError`] says, and those of `read`.
    pub fn ask<R>(&mut self, request: &Request<'_>, read: impl FnOnce(Reply<'_>) -> Result<R>) -> Result<R> {
        self.last_request = self.last_request.wrapping_add(1);
        let order = OrderId {
            session: self.session,
            request: self.last_request,
        };
        self.ask_as(order, request, read).map_err(|error| match error {
            ClientError::Silent(_) | ClientError::Broken(_) if request.has_effect() => ClientError::Unknown {
                order,
                cause: Box::new(error),
            },
            other => other,
        })
    }

    fn ask_as<R>(
        &mut self,
        order: OrderId,
        request: &Request<'_>,
        read: impl FnOnce(Reply<'_>) -> Result<R>,
    ) -> Result<R> {
        let (session, number) = (order.session, order.request);
        let mut buffer = [0; MAX_FRAME];
        let question = frame::encode(&mut buffer, frame::Kind::Request, session, number, request)
            .ok_or(ClientError::Nonsense)?;
        let end = Instant::now() + self.patience;
        self.ensure_connected(end)?;
        let mut pause = FIRST_AGAIN;
        let mut again = Instant::now();
        let mut first = true;
        loop {
            while let Some(frame) = self.decoder.next_frame() {
                if (frame.session, frame.request) == (session, number)
                    && let Some(reply) = reply(&frame)
                {
                    return read(reply?);
                }
            }
            let now = Instant::now();
            if now >= end {
                return Err(ClientError::Silent(self.patience));
            }
            let step = if now >= again {
                again = now + pause;
                pause = (2 * pause).min(AGAIN);
                self.put(question, std::mem::take(&mut first), end)
            } else {
                self.take(again.duration_since(now))
            };
            match step {
                Err(ClientError::Broken(why)) => {
                    self.reconnect(why, end)?;
                    again = Instant::now();
                }
                other => other?,
            }
        }
    }

    fn ensure_connected(&mut self, end: Instant) -> Result<()> {
        match self.stream {
            Some(_) => Ok(()),
            None => self.reconnect(ErrorKind::NotConnected.into(), end),
        }
    }

    /// Connects again after the connection broke, if the machine is still there.
    fn reconnect(&mut self, why: io::Error, end: Instant) -> Result<()> {
        let Some(path) = &self.path else {
            return Err(ClientError::Broken(why));
        };
        self.stream = None;
        // What came before belongs to a stream that ended in the middle of anything.
        self.decoder = Decoder::new();
        match connect(path, end) {
            Ok(Some(stream)) => self.stream = Some(stream),
            Ok(None) => return Err(ClientError::Silent(self.patience)),
            Err(_) => return Err(ClientError::Broken(why)),
        }
        Ok(())
    }

    /// Sends the question; when it is not the first time, behind what ends a frame that was cut off.
    fn put(&mut self, question: &[u8], first: bool, end: Instant) -> Result<()> {
        if !first {
            self.send(&[0; MAX_FRAME], end)?;
        }
        self.send(question, end)
    }

    fn stream(&mut self) -> Result<&mut UnixStream> {
        let none = || ClientError::Broken(ErrorKind::NotConnected.into());
        self.stream.as_mut().ok_or_else(none)
    }

    /// Reads what comes within `wait` into the decoder.
    fn take(&mut self, wait: Duration) -> Result<()> {
        // A timeout of zero would mean none.
        let wait = wait.max(Duration::from_millis(1));
        let mut input = [0; 4096];
        let stream = self.stream()?;
        stream.set_read_timeout(Some(wait)).map_err(ClientError::Broken)?;
        let len = match stream.read(&mut input) {
            Ok(0) => return Err(ClientError::Broken(ErrorKind::UnexpectedEof.into())),
            Ok(len) => len,
            Err(error) if is_timeout(&error) => return Ok(()),
            Err(error) => return Err(ClientError::Broken(error)),
        };
        let mut bytes = &input[..len];
        while !bytes.is_empty() {
            let taken = self.decoder.feed(bytes);
            if taken == 0 {
                // Full of frames that nobody waits for: older answers.
                while self.decoder.next_frame().is_some() {}
            }
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// Writes all bytes; a machine that takes none for too long is silent.
    fn send(&mut self, mut bytes: &[u8], end: Instant) -> Result<()> {
        let patience = self.patience;
        let stream = self.stream()?;
        stream
            .set_write_timeout(Some(AGAIN))
            .map_err(ClientError::Broken)?;
        while !bytes.is_empty() {
            match stream.write(bytes) {
                Ok(len) => bytes = &bytes[len..],
                Err(error) if is_timeout(&error) && Instant::now() < end => {}
                Err(error) if is_timeout(&error) => return Err(ClientError::Silent(patience)),
                Err(error) => return Err(ClientError::Broken(error)),
            }
        }
        Ok(())
    }
}

/// Connects, or says `None` when there were others before us until `end`. A plain `connect` would wait for them for ever.
fn connect(path: &Path, end: Instant) -> io::Result<Option<UnixStream>> {
    let address = SocketAddrUnix::new(path)?;
    loop {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        match rustix::net::connect(&socket, &address) {
            Ok(()) => {
                let stream = UnixStream::from(socket);
                stream.set_nonblocking(false)?;
                return Ok(Some(stream));
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) if Instant::now() < end => {
                std::thread::sleep(RETRY);
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

/// What a frame that belongs to the question says; `None`: no answer after all (an echo).
fn reply<'a>(frame: &Frame<'a>) -> Option<Result<Reply<'a>>> {
    match frame.kind {
        frame::Kind::Request => None,
        frame::Kind::OtherVersion => Some(Err(ClientError::OtherVersion {
            theirs: frame.version,
        })),
        frame::Kind::Reply => Some(frame.message().ok_or(ClientError::Nonsense)),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
