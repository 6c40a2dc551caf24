//! A driver on a string: it does what the test says.

use std::collections::HashMap;

use device_class::block::*;
use shared_ring::Link;
use shared_ring::page::HostPage;

use super::{BLOCK, Memory};

pub struct Driver {
    pub link: Link<BlockResponse, BlockRequest, HostPage>,
    pub generation: u32,
    /// Taken from the ring, not answered.
    pub pending: Vec<BlockRequest>,
    /// Every answer given, for a driver that repeats itself.
    pub given: Vec<BlockResponse>,
    /// Every request ever taken, in order.
    pub taken: Vec<BlockRequest>,
    /// Passes through its event loop that it told of.
    pub beats: u32,
}

impl Driver {
    pub fn new(link: Link<BlockResponse, BlockRequest, HostPage>, generation: u32) -> Self {
        Self {
            link,
            generation,
            pending: Vec::new(),
            given: Vec::new(),
            taken: Vec::new(),
            beats: 0,
        }
    }

    pub fn take(&mut self) {
        self.link.awake();
        while let Some(request) = self.link.recv().unwrap() {
            assert_eq!(
                request.generation, self.generation,
                "requests carry the generation"
            );
            self.pending.push(request);
            self.taken.push(request);
        }
    }

    pub fn answer(&mut self, response: BlockResponse) {
        self.given.push(response);
        self.link.send(&response).unwrap();
    }
}

/// What the device does.
pub fn carry_out(disk: &Memory, regions: &HashMap<u16, Memory>, request: &BlockRequest) -> BlockResponse {
    let (disk, data) = (
        &mut disk.0.borrow_mut(),
        &mut regions[&request.region].0.borrow_mut(),
    );
    let blocks = request.block as usize * BLOCK..(request.block as usize + request.count as usize) * BLOCK;
    let memory = request.offset as usize..request.offset as usize + blocks.len();
    match Op::from_byte(request.op).unwrap() {
        Op::Read => data[memory].copy_from_slice(&disk[blocks]),
        Op::Write => disk[blocks].copy_from_slice(&data[memory]),
        Op::WriteZeroes | Op::Discard => disk[blocks].fill(0),
        Op::Flush => {}
    }
    done(request)
}

/// The answer to a request that went well.
pub fn done(request: &BlockRequest) -> BlockResponse {
    BlockResponse {
        id: request.id,
        generation: request.generation,
        count: request.count,
        ..BlockResponse::default()
    }
}
