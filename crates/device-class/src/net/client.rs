//! The client library: asks for frames to be sent, posts buffers for those that come. How it is used: [`Requests`], twice.

use shared_ring::Link;
use shared_ring::page::{Page, SharedPage};
use shared_ring::requests::{Peer, RequestError, Requests};

use super::{
    CallReply, ClientCall, ClientInfo, Drops, Filter, NetRequest, NetResponse, Op, Status, Strays, Traffic,
};

/// What the library needs of its PD: the shadow as its peer.
pub trait Port: Peer {
    /// Call the shadow: label and two words; the answer's label and first four words.
    fn call(&mut self, label: u64, words: [u64; 2]) -> (u64, [u64; 4]);
}

/// Why a call was not answered with what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfoError {
    /// Not yet: wait for a notification and ask again.
    NotReady,
    /// The device does not take frames for the session's address.
    NoAddress,
    /// The device, or the description, does not allow such a filter.
    Unsupported,
    /// The session was ended, or the shadow's answer makes no sense.
    Refused,
}

/// A frame that was sent, or was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// As submitted.
    pub id: u32,
    /// How it ended.
    pub status: Status,
}

/// A buffer with a frame in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// As posted.
    pub id: u32,
    /// How it ended.
    pub status: Status,
    /// Bytes of the frame; it begins where the buffer does.
    pub length: u32,
    /// [`FLAG_VERIFIED`](super::FLAG_VERIFIED) or 0.
    pub flags: u8,
}

/// A client's end of a session.
#[derive(Debug)]
pub struct NetClient<P = SharedPage> {
    transmit: Requests<NetRequest, NetResponse, P>,
    receive: Requests<NetRequest, NetResponse, P>,
}

impl<P: Page> NetClient<P> {
    /// A client over its links. What a predecessor asked for is still in flight on them.
    pub fn new(
        transmit: Link<NetRequest, NetResponse, P>,
        receive: Link<NetRequest, NetResponse, P>,
    ) -> Self {
        Self {
            transmit: Requests::new(transmit),
            receive: Requests::new(receive),
        }
    }

    /// Ask what the session gives access to.
    ///
    /// # Errors
    /// See [`InfoError`].
    pub fn info(&self, port: &mut impl Port) -> Result<ClientInfo, InfoError> {
        let words = ask(port, ClientCall::Info, [0; 2])?;
        ClientInfo::from_words(words).ok_or(InfoError::Refused)
    }

    /// As [`info`](Self::info), waiting until there is an answer.
    ///
    /// # Errors
    /// Never [`InfoError::NotReady`].
    pub fn wait_for_info(&self, port: &mut impl Port) -> Result<ClientInfo, InfoError> {
        loop {
            match self.info(port) {
                Err(InfoError::NotReady) => port.wait(),
                answer => return answer,
            }
        }
    }

    /// Receive what this filter says from now on.
    ///
    /// # Errors
    /// See [`InfoError`]; the filter stays as it was.
    pub fn set_filter(&self, port: &mut impl Port, filter: Filter) -> Result<(), InfoError> {
        ask(port, ClientCall::SetFilter, filter.to_words()).map(|_| ())
    }

    /// What was sent and received.
    ///
    /// # Errors
    /// See [`InfoError`].
    pub fn traffic(&self, port: &mut impl Port) -> Result<Traffic, InfoError> {
        ask(port, ClientCall::Traffic, [0; 2]).map(Traffic::from_words)
    }

    /// What was not sent and not received.
    ///
    /// # Errors
    /// See [`InfoError`].
    pub fn drops(&self, port: &mut impl Port) -> Result<Drops, InfoError> {
        ask(port, ClientCall::Drops, [0; 2]).map(Drops::from_words)
    }

    /// What the device received that nobody got.
    ///
    /// # Errors
    /// See [`InfoError`].
    pub fn strays(&self, port: &mut impl Port) -> Result<Strays, InfoError> {
        ask(port, ClientCall::Strays, [0; 2]).map(Strays::from_words)
    }

    /// Ask for the frame of `length` bytes at `offset` of the data region to be sent; the
    /// [`HEADROOM`](super::HEADROOM) bytes before it are the driver's. `id` is unique among the frames not polled yet.
    /// Nothing happens before [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`RequestError::Full`], and nothing was submitted; or the shadow misbehaves.
    pub fn transmit(&mut self, id: u32, offset: u64, length: u32) -> Result<(), RequestError> {
        self.transmit_offloaded(NetRequest {
            id,
            offset,
            length,
            ..NetRequest::default()
        })
    }

    /// As [`transmit`](Self::transmit), with the request's flags and the fields that go with them.
    ///
    /// # Errors
    /// As `transmit`.
    pub fn transmit_offloaded(&mut self, request: NetRequest) -> Result<(), RequestError> {
        self.transmit.submit(&NetRequest {
            op: Op::Transmit as u8,
            ..request
        })
    }

    /// Post a buffer of `length` bytes at `offset` of the data region. `id` is unique among the buffers not polled yet.
    /// Nothing happens before [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`RequestError::Full`], and nothing was posted; or the shadow misbehaves.
    pub fn post(&mut self, id: u32, offset: u64, length: u32) -> Result<(), RequestError> {
        self.receive.submit(&NetRequest {
            id,
            op: Op::Receive as u8,
            offset,
            length,
            ..NetRequest::default()
        })
    }

    /// Hand over what was submitted, and give back what was polled; notifies the shadow if it sleeps. For buffers it never
    /// does: it looks for one when a frame has come.
    pub fn commit(&mut self, peer: &mut impl Peer) {
        self.receive.commit(peer);
        self.transmit.commit(peer);
    }

    /// The next frame that was sent, or was not.
    ///
    /// # Errors
    /// The shadow misbehaves.
    pub fn poll_sent(&mut self) -> Result<Option<Sent>, RequestError> {
        let Some(answer) = self.transmit.poll()? else {
            return Ok(None);
        };
        Ok(Some(Sent {
            id: answer.id,
            status: status(&answer)?,
        }))
    }

    /// The next buffer with a frame in it. The shadow says how long it is; that it fits is for who knows the buffer to check.
    ///
    /// # Errors
    /// The shadow misbehaves.
    pub fn poll_received(&mut self) -> Result<Option<Received>, RequestError> {
        let Some(answer) = self.receive.poll()? else {
            return Ok(None);
        };
        Ok(Some(Received {
            id: answer.id,
            status: status(&answer)?,
            length: answer.length,
            flags: answer.flags,
        }))
    }

    /// Frames submitted and not polled yet.
    pub fn in_flight(&self) -> usize {
        self.transmit.in_flight()
    }

    /// Buffers posted and not polled yet.
    pub fn posted(&self) -> usize {
        self.receive.in_flight()
    }

    /// Ask for a notification. True: wait. False: an answer has come meanwhile. Commit before.
    ///
    /// # Errors
    /// The shadow misbehaves.
    pub fn sleep(&mut self) -> Result<bool, RequestError> {
        Ok(self.transmit.sleep()? && self.receive.sleep()?)
    }

    /// As [`sleep`](Self::sleep), until a frame was sent or was not: for who can do nothing with frames that come before that.
    ///
    /// # Errors
    /// As `sleep`.
    pub fn sleep_until_sent(&mut self) -> Result<bool, RequestError> {
        self.transmit.sleep()
    }

    /// No notifications wanted any more.
    pub fn awake(&mut self) {
        self.transmit.awake();
        self.receive.awake();
    }
}

fn ask(port: &mut impl Port, call: ClientCall, words: [u64; 2]) -> Result<[u64; 4], InfoError> {
    let (label, words) = port.call(call as u64, words);
    match CallReply::from_label(label) {
        CallReply::Ok => Ok(words),
        CallReply::NotReady => Err(InfoError::NotReady),
        CallReply::NoAddress => Err(InfoError::NoAddress),
        CallReply::Unsupported => Err(InfoError::Unsupported),
        CallReply::Ended | CallReply::Denied => Err(InfoError::Refused),
    }
}

fn status(answer: &NetResponse) -> Result<Status, RequestError> {
    Status::from_byte(answer.status).ok_or(RequestError::Nonsense)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_ring::page::HostPage;

    type End = Link<NetResponse, NetRequest, HostPage>;

    /// A shadow that does only what a test says.
    struct Fake {
        transmit: End,
        receive: End,
        reply: (u64, [u64; 4]),
        called: (u64, [u64; 2]),
        notified: usize,
    }

    impl Peer for Fake {
        fn notify(&mut self) {
            self.notified += 1;
        }
        fn wait(&mut self) {
            self.reply.0 = 0;
        }
    }

    impl Port for Fake {
        fn call(&mut self, label: u64, words: [u64; 2]) -> (u64, [u64; 4]) {
            self.called = (label, words);
            self.reply
        }
    }

    fn pair() -> (NetClient<HostPage>, Fake) {
        let pages: [HostPage; 4] = core::array::from_fn(|_| HostPage::zeroed());
        let [a, b, c, d] = &pages;
        let mut fake = Fake {
            transmit: Link::over(b.clone(), a.clone()),
            receive: Link::over(d.clone(), c.clone()),
            reply: (1, [0; 4]),
            called: (0, [0; 2]),
            notified: 0,
        };
        assert_eq!(fake.transmit.sleep(), Ok(true));
        let client = NetClient::new(Link::over(a.clone(), b.clone()), Link::over(c.clone(), d.clone()));
        (client, fake)
    }

    #[test]
    fn batch_is_handed_over_with_one_notification_and_buffers_with_none() {
        let (mut client, mut shadow) = pair();
        for id in 0..32 {
            client.post(id, 2048 * u64::from(id), 2048).unwrap();
        }
        client.commit(&mut shadow);
        assert_eq!(shadow.notified, 0);
        for id in 0..32 {
            client.transmit(id, 0, 60).unwrap();
        }
        client.commit(&mut shadow);
        assert_eq!(
            (shadow.notified, client.in_flight(), client.posted()),
            (1, 32, 32)
        );
        let first = shadow.receive.recv().unwrap().unwrap();
        assert_eq!((first.op, first.length), (Op::Receive as u8, 2048));
        let first = shadow.transmit.recv().unwrap().unwrap();
        assert_eq!((first.op, first.length), (Op::Transmit as u8, 60));
    }

    #[test]
    fn directions_are_polled_apart() {
        let (mut client, mut shadow) = pair();
        client.post(7, 0, 2048).unwrap();
        client.transmit(8, 4096, 60).unwrap();
        client.commit(&mut shadow);
        assert_eq!(client.sleep(), Ok(true));
        let frame = NetResponse {
            id: 7,
            length: 64,
            ..NetResponse::default()
        };
        shadow.receive.send(&frame).unwrap();
        assert!(shadow.receive.publish(), "the client wants to know of frames");
        assert_eq!(client.poll_sent(), Ok(None));
        let received = client.poll_received().unwrap().unwrap();
        assert_eq!(
            (received.id, received.length, received.status),
            (7, 64, Status::Ok)
        );
        assert_eq!((client.in_flight(), client.posted()), (1, 0));
    }

    #[test]
    fn answer_that_came_meanwhile_keeps_the_client_awake() {
        for receive in [false, true] {
            let (mut client, mut shadow) = pair();
            client.post(1, 0, 2048).unwrap();
            client.transmit(2, 4096, 60).unwrap();
            client.commit(&mut shadow);
            let link = if receive {
                &mut shadow.receive
            } else {
                &mut shadow.transmit
            };
            link.send(&NetResponse::default()).unwrap();
            let _ = link.publish();
            assert_eq!(client.sleep(), Ok(false));
        }
    }

    #[test]
    fn nonsense_of_the_shadow_is_an_error() {
        let (mut client, mut shadow) = pair();
        client.transmit(0, 0, 60).unwrap();
        client.commit(&mut shadow);
        let nonsense = NetResponse {
            status: 200,
            ..NetResponse::default()
        };
        shadow.transmit.send(&nonsense).unwrap();
        let _ = shadow.transmit.publish();
        assert_eq!(client.poll_sent(), Err(RequestError::Nonsense));
        shadow.receive.send(&NetResponse::default()).unwrap();
        let _ = shadow.receive.publish();
        assert_eq!(
            client.poll_received(),
            Err(RequestError::Nonsense),
            "an answer to nothing"
        );
    }

    #[test]
    fn info_is_asked_again_until_the_session_is_open() {
        let (client, mut shadow) = pair();
        let info = ClientInfo {
            mtu: 1500,
            ..ClientInfo::default()
        };
        shadow.reply.1 = info.to_words();
        assert_eq!(client.info(&mut shadow), Err(InfoError::NotReady));
        assert_eq!(client.wait_for_info(&mut shadow), Ok(info));
        shadow.reply.0 = CallReply::NoAddress as u64;
        assert_eq!(client.wait_for_info(&mut shadow), Err(InfoError::NoAddress));
    }

    #[test]
    fn filter_goes_with_the_call() {
        let (client, mut shadow) = pair();
        shadow.reply.0 = 5;
        assert_eq!(
            client.set_filter(&mut shadow, Filter::FIRST),
            Err(InfoError::Unsupported)
        );
        assert_eq!(shadow.called, (ClientCall::SetFilter as u64, [1, 0]));
        shadow.reply = (0, [1, 2, 3, 4]);
        assert_eq!(client.drops(&mut shadow).map(|drops| drops.spoofed), Ok(3));
        assert_eq!(
            client.traffic(&mut shadow).map(|traffic| traffic.sent_bytes),
            Ok(2)
        );
    }
}
