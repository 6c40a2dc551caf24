//! The partition behind a block session: a request at a time through the first bytes of its data region.

use device_class::block::{BlockClient, InfoError, Op, Port, Status};
use shared_ring::Area;
use shared_ring::page::{Page, SharedPage};

use crate::{SECTOR, Sectors};

/// Status number of a session that broke; no request is answered with it.
pub const BROKEN: u8 = 0xff;

/// A session whose requests are waited for.
#[derive(Debug)]
pub struct Session<Q, P = SharedPage> {
    client: BlockClient<P>,
    port: Q,
    data: Area,
    sectors: u64,
}

impl<Q: Port, P: Page> Session<Q, P> {
    /// Waits until the session is open, and until the answer has come for which a predecessor at this end waited. Data passes through the first [`SECTOR`] bytes of `data`.
    ///
    /// # Errors
    /// [`InfoError::NoPartition`]; [`InfoError::Refused`], also if the device's blocks are not sectors.
    pub fn open(mut client: BlockClient<P>, mut port: Q, data: Area) -> Result<Self, InfoError> {
        while client.in_flight() > 0 {
            client.wait(&mut port).map_err(|_| InfoError::Refused)?;
        }
        let info = client.wait_for_info(&mut port)?;
        if info.block_size as usize != SECTOR {
            return Err(InfoError::Refused);
        }
        Ok(Self {
            client,
            port,
            data,
            sectors: info.capacity,
        })
    }

    fn request(&mut self, op: Op, first: u64, count: usize) -> Result<(), u8> {
        match self.client.transact(&mut self.port, op, first, count as u32, 0) {
            Ok(answer) if answer.status == Status::Ok => Ok(()),
            Ok(answer) => Err(answer.status as u8),
            Err(_) => Err(BROKEN),
        }
    }
}

impl<Q: Port, P: Page> Sectors for Session<Q, P> {
    fn count(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, first: u64, data: &mut [u8]) -> Result<(), u8> {
        self.request(Op::Read, first, data.len() / SECTOR)?;
        if self.data.read(0, data) {
            Ok(())
        } else {
            Err(BROKEN)
        }
    }

    fn write(&mut self, first: u64, data: &[u8]) -> Result<(), u8> {
        if !self.data.write(0, data) {
            return Err(BROKEN);
        }
        self.request(Op::Write, first, data.len() / SECTOR)
    }

    fn flush(&mut self) -> Result<(), u8> {
        self.request(Op::Flush, 0, 0)
    }
}
