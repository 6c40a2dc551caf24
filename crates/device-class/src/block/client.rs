//! The client library: submits requests over the session's link, collects answers. How it is used: [`Requests`].

use shared_ring::Link;
use shared_ring::page::{Page, SharedPage};
use shared_ring::requests::{Peer, RequestError, Requests};

use super::{BlockRequest, BlockResponse, CallReply, ClientCall, ClientInfo, Op, Status};

/// What the library needs of its PD: the shadow as its peer.
pub trait Port: Peer {
    /// Call the shadow: label and no words; the answer's label and first four words.
    fn call(&mut self, label: u64) -> (u64, [u64; 4]);
}

/// Why there is no [`ClientInfo`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InfoError {
    /// Not yet: wait for a notification and ask again.
    NotReady,
    /// The device has no such partition.
    NoPartition,
    /// The session was ended, or the shadow's answer makes no sense.
    Refused,
}

/// One answered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// As submitted.
    pub id: u32,
    /// How it ended.
    pub status: Status,
    /// Blocks transferred.
    pub count: u32,
}

impl Completion {
    fn of(response: BlockResponse) -> Result<Self, RequestError> {
        Ok(Self {
            id: response.id,
            status: Status::from_byte(response.status).ok_or(RequestError::Nonsense)?,
            count: response.count,
        })
    }
}

/// A client's end of a session.
#[derive(Debug)]
pub struct BlockClient<P = SharedPage>(Requests<BlockRequest, BlockResponse, P>);

impl<P: Page> BlockClient<P> {
    /// A client over its link.
    pub fn new(link: Link<BlockRequest, BlockResponse, P>) -> Self {
        Self(Requests::new(link))
    }

    /// Ask what the session gives access to.
    ///
    /// # Errors
    /// See [`InfoError`].
    pub fn info(&self, port: &mut impl Port) -> Result<ClientInfo, InfoError> {
        let (label, words) = port.call(ClientCall::Info as u64);
        match CallReply::from_label(label) {
            CallReply::Ok => ClientInfo::from_words(words).ok_or(InfoError::Refused),
            CallReply::NotReady => Err(InfoError::NotReady),
            CallReply::NoPartition => Err(InfoError::NoPartition),
            CallReply::Ended | CallReply::Denied => Err(InfoError::Refused),
        }
    }

    /// As [`info`](Self::info), waiting until there is an answer.
    ///
    /// # Errors
    /// Never [`InfoError::NotReady`].
    pub fn wait_for_info(&mut self, port: &mut impl Port) -> Result<ClientInfo, InfoError> {
        loop {
            match self.info(port) {
                Err(InfoError::NotReady) => port.wait(),
                answer => return answer,
            }
        }
    }

    /// Put a request into the ring: `count` blocks from `block` of the partition, data at byte `offset` of the data
    /// region (0 if the operation has none). `id` is unique among the requests in flight. Nothing happens before
    /// [`commit`](Self::commit).
    ///
    /// # Errors
    /// [`RequestError::Full`], and nothing was submitted; or the shadow misbehaves.
    pub fn submit(
        &mut self,
        op: Op,
        block: u64,
        count: u32,
        offset: u64,
        id: u32,
    ) -> Result<(), RequestError> {
        self.0.submit(&request(op, block, count, offset, id))
    }

    /// Hand over what was submitted, and give back what was polled; notifies the shadow if it sleeps.
    pub fn commit(&mut self, peer: &mut impl Peer) {
        self.0.commit(peer);
    }

    /// The next answer, if there is one.
    ///
    /// # Errors
    /// The shadow misbehaves.
    pub fn poll(&mut self) -> Result<Option<Completion>, RequestError> {
        self.0.poll()?.map(Completion::of).transpose()
    }

    /// Requests submitted and not yet polled.
    pub fn in_flight(&self) -> usize {
        self.0.in_flight()
    }

    /// Ask for a notification. True: wait. False: an answer has come meanwhile. Commit before.
    ///
    /// # Errors
    /// The shadow misbehaves.
    pub fn sleep(&mut self) -> Result<bool, RequestError> {
        self.0.sleep()
    }

    /// No notifications wanted any more.
    pub fn awake(&mut self) {
        self.0.awake();
    }

    /// Wait for the next answer.
    ///
    /// # Errors
    /// The shadow misbehaves; [`RequestError::Nonsense`] if nothing is in flight.
    pub fn wait(&mut self, peer: &mut impl Peer) -> Result<Completion, RequestError> {
        Completion::of(self.0.wait(peer)?)
    }

    /// One request from beginning to end, for clients that do one thing at a time (nothing else may be in flight).
    ///
    /// # Errors
    /// The shadow misbehaves; how the request itself ended is in the result.
    pub fn transact(
        &mut self,
        peer: &mut impl Peer,
        op: Op,
        block: u64,
        count: u32,
        offset: u64,
    ) -> Result<Completion, RequestError> {
        Completion::of(self.0.transact(peer, &request(op, block, count, offset, 0))?)
    }
}

fn request(op: Op, block: u64, count: u32, offset: u64, id: u32) -> BlockRequest {
    BlockRequest {
        id,
        op: op as u8,
        count,
        block,
        offset,
        ..BlockRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_ring::page::HostPage;

    /// A shadow that answers when it is notified or waited for.
    struct Fake {
        link: Link<BlockResponse, BlockRequest, HostPage>,
        info: (u64, [u64; 4]),
        notified: usize,
        answer: fn(&BlockRequest) -> BlockResponse,
    }

    fn done(request: &BlockRequest) -> BlockResponse {
        BlockResponse {
            id: request.id,
            count: request.count,
            ..BlockResponse::default()
        }
    }

    fn pair() -> (BlockClient<HostPage>, Fake) {
        let (a, b) = (HostPage::zeroed(), HostPage::zeroed());
        let mut fake = Fake {
            link: Link::over(b.clone(), a.clone()),
            info: (1, [0; 4]),
            notified: 0,
            answer: done,
        };
        assert_eq!(fake.link.sleep(), Ok(true));
        (BlockClient::new(Link::over(a, b)), fake)
    }

    impl Peer for Fake {
        fn notify(&mut self) {
            self.notified += 1;
        }
        fn wait(&mut self) {
            self.info.0 = 0;
            while let Some(request) = self.link.recv().unwrap() {
                self.link.send(&(self.answer)(&request)).unwrap();
            }
            assert!(
                self.link.publish() || self.notified == 0,
                "the client waits, so it must have asked"
            );
        }
    }

    impl Port for Fake {
        fn call(&mut self, label: u64) -> (u64, [u64; 4]) {
            assert_eq!(label, ClientCall::Info as u64);
            self.info
        }
    }

    #[test]
    fn batch_is_handed_over_with_one_notification() {
        let (mut client, mut shadow) = pair();
        for id in 0..32 {
            client.submit(Op::Read, id, 8, 4096 * id, id as u32).unwrap();
        }
        assert_eq!(shadow.notified, 0);
        client.commit(&mut shadow);
        assert_eq!((shadow.notified, client.in_flight()), (1, 32));
    }

    #[test]
    fn transact_waits_for_its_answer() {
        let (mut client, mut shadow) = pair();
        let completion = client.transact(&mut shadow, Op::Write, 5, 2, 0).unwrap();
        assert_eq!(
            completion,
            Completion {
                id: 0,
                status: Status::Ok,
                count: 2
            }
        );
        assert_eq!(client.in_flight(), 0);
    }

    #[test]
    fn info_is_asked_again_until_the_session_is_open() {
        let (mut client, mut shadow) = pair();
        let info = ClientInfo {
            capacity: 1 << 40,
            block_size: 512,
            flags: 6,
            max_transfer: 128,
        };
        shadow.info.1 = info.to_words();
        assert_eq!(client.info(&mut shadow), Err(InfoError::NotReady));
        assert_eq!(client.wait_for_info(&mut shadow), Ok(info));
        shadow.info.1[1] = 1 << 32;
        assert_eq!(client.wait_for_info(&mut shadow), Err(InfoError::Refused));
    }

    #[test]
    fn nonsense_of_the_shadow_is_an_error() {
        let (mut client, mut shadow) = pair();
        shadow.answer = |request| BlockResponse {
            status: 200,
            ..done(request)
        };
        assert_eq!(
            client.transact(&mut shadow, Op::Read, 0, 1, 0),
            Err(RequestError::Nonsense)
        );
        let (mut client, mut shadow) = pair();
        shadow.link.send(&BlockResponse::default()).unwrap();
        let _ = shadow.link.publish();
        assert_eq!(client.poll(), Err(RequestError::Nonsense), "an answer to nothing");
        assert_eq!(client.wait(&mut shadow), Err(RequestError::Nonsense));
    }
}
