//! A client that knows what every read must return: requests of a session that overlap take effect in the order in which
//! they were submitted, so the model is updated at submission.

use std::collections::HashMap;

use device_class::block::*;
use shared_ring::Link;
use shared_ring::page::HostPage;

use super::{BLOCK, Memory};

/// Most blocks of a request: each name has a stretch of the data region of this length.
const STRETCH: usize = 8 * BLOCK;

pub struct Request {
    pub op: Op,
    pub block: u64,
    pub count: u32,
    /// What a read must return, by block.
    expected: Vec<u64>,
}

pub struct Client {
    pub session: BlockClient<HostPage>,
    pub channel: u64,
    pub info: ClientInfo,
    pub in_flight: HashMap<u32, Request>,
    /// Requests answered, by how they ended.
    pub answered: Vec<(Op, Status)>,
    data: Memory,
    /// What each block of the partition must contain.
    model: Vec<u64>,
    stamp: u64,
}

/// Notes whether it was asked to notify.
struct Bell(bool);

impl Peer for Bell {
    fn notify(&mut self) {
        self.0 = true;
    }
    fn wait(&mut self) {
        unreachable!("the test decides who runs")
    }
}

impl Port for Bell {
    fn call(&mut self, _: u64) -> (u64, [u64; 4]) {
        unreachable!()
    }
}

impl Client {
    pub fn new(link: Link<BlockRequest, BlockResponse, HostPage>, data: Memory, channel: u64) -> Self {
        Self {
            session: BlockClient::new(link),
            channel,
            info: ClientInfo::default(),
            in_flight: HashMap::new(),
            answered: Vec::new(),
            data,
            model: Vec::new(),
            stamp: channel << 32,
        }
    }

    pub fn opened(&mut self, info: ClientInfo) {
        self.model = vec![0; info.capacity as usize];
        self.info = info;
    }

    pub fn submit(&mut self, op: Op, block: u64, count: u32) -> bool {
        let Some(id) = (0..64).find(|id| !self.in_flight.contains_key(id)) else {
            return false;
        };
        let offset = id as usize * STRETCH;
        let range = block as usize..(block as usize + count as usize);
        let mut expected = Vec::new();
        match op {
            Op::Read => expected = self.model.get(range).map(<[u64]>::to_vec).unwrap_or_default(),
            Op::Write => {
                for (at, block) in range.enumerate() {
                    self.stamp += 1;
                    let start = offset + at * BLOCK;
                    self.data.0.borrow_mut()[start..start + 8].copy_from_slice(&self.stamp.to_le_bytes());
                    if let Some(block) = self.model.get_mut(block) {
                        *block = self.stamp;
                    }
                }
            }
            Op::Discard | Op::WriteZeroes => self.model[range].fill(0),
            Op::Flush => {}
        }
        let offset = if op.has_data() { offset as u64 } else { 0 };
        self.session.submit(op, block, count, offset, id).unwrap();
        self.in_flight.insert(
            id,
            Request {
                op,
                block,
                count,
                expected,
            },
        );
        true
    }

    /// Hand over what was submitted, without a look at answers. True: the shadow must be notified.
    pub fn hand_over(&mut self) -> bool {
        let mut bell = Bell(false);
        self.session.commit(&mut bell);
        bell.0
    }

    /// Hand over and take back; true: the shadow must be notified.
    pub fn exchange(&mut self) -> bool {
        let mut bell = Bell(false);
        self.session.awake();
        self.session.commit(&mut bell);
        while let Some(completion) = self.session.poll().unwrap() {
            self.take(completion);
        }
        self.session.commit(&mut bell);
        assert!(self.session.sleep().unwrap(), "nobody else runs meanwhile");
        bell.0
    }

    fn take(&mut self, completion: Completion) {
        let request = self
            .in_flight
            .remove(&completion.id)
            .expect("answered exactly once");
        self.answered.push((request.op, completion.status));
        if completion.status != Status::Ok {
            return;
        }
        assert_eq!(completion.count, request.count);
        for (at, expected) in request.expected.iter().enumerate() {
            let start = completion.id as usize * STRETCH + at * BLOCK;
            let bytes: [u8; 8] = self.data.0.borrow()[start..start + 8].try_into().unwrap();
            let block = request.block + at as u64;
            assert_eq!(
                u64::from_le_bytes(bytes),
                *expected,
                "block {block}: not what was written last"
            );
        }
    }

    /// The partition, from its first block on the disk, is as the model says.
    pub fn check_disk(&self, disk: &Memory, start: u64) {
        let disk = disk.0.borrow();
        for (at, expected) in self.model.iter().enumerate() {
            let from = (start as usize + at) * BLOCK;
            let bytes: [u8; 8] = disk[from..from + 8].try_into().unwrap();
            assert_eq!(
                u64::from_le_bytes(bytes),
                *expected,
                "block {at} of the partition at {start}"
            );
        }
    }

    pub fn statuses(&self) -> Vec<Status> {
        self.answered.iter().map(|(_, status)| *status).collect()
    }
}
