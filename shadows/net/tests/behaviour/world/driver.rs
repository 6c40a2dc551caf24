//! A driver on a string: it does what the test says.

use std::collections::VecDeque;

use device_class::net::*;
use shared_ring::Link;
use shared_ring::page::HostPage;

pub struct Driver {
    pub link: Link<NetResponse, NetRequest, HostPage>,
    pub generation: u32,
    /// Bytes of its device's header before a frame that comes.
    pub header: u16,
    pub frames: VecDeque<NetRequest>,
    pub buffers: VecDeque<NetRequest>,
    pub filters: VecDeque<NetRequest>,
    /// Waiting for the link to change.
    pub watch: Option<NetRequest>,
    /// The filter it was told last.
    pub filter: Option<NetRequest>,
}

/// The answer to a request that went well.
pub fn done(request: &NetRequest) -> NetResponse {
    NetResponse {
        id: request.id,
        generation: request.generation,
        ..NetResponse::default()
    }
}

impl Driver {
    pub fn new(link: Link<NetResponse, NetRequest, HostPage>, generation: u32) -> Self {
        Self {
            link,
            generation,
            header: 12,
            frames: VecDeque::new(),
            buffers: VecDeque::new(),
            filters: VecDeque::new(),
            watch: None,
            filter: None,
        }
    }

    pub fn take(&mut self) {
        self.link.awake();
        while let Some(request) = self.link.recv().unwrap() {
            assert_eq!(
                request.generation, self.generation,
                "requests carry the generation"
            );
            match Op::from_byte(request.op).expect("an op") {
                Op::Transmit => self.frames.push_back(request),
                Op::Receive => self.buffers.push_back(request),
                Op::Filter => self.filters.push_back(request),
                Op::Link => assert!(self.watch.replace(request).is_none(), "one watch at a time"),
            }
        }
    }

    pub fn next_frame(&mut self) -> Option<NetRequest> {
        self.frames.pop_front()
    }

    pub fn next_buffer(&mut self) -> Option<NetRequest> {
        self.buffers.pop_front()
    }

    pub fn next_filter(&mut self) -> Option<NetRequest> {
        let filter = self.filters.pop_front()?;
        self.filter = Some(filter);
        Some(filter)
    }
}
