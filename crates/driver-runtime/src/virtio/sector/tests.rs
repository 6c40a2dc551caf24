extern crate std;

use std::vec;
use std::vec::Vec;

use super::*;
use crate::block::Buffer;
use crate::resources::tests::good;
use crate::virtio::{F_BLK_SIZE, F_FLUSH};

/// Sixteen sectors; what was asked of it; a sector that fails.
#[derive(Default)]
struct FakeDisk {
    asked: Vec<usize>,
    content: Vec<u8>,
    bad: Option<usize>,
}

impl FakeDisk {
    fn asked(&mut self, sector: usize, data: NonNull<[u8]>) -> Status {
        assert_eq!(data.len(), 512);
        self.asked.push(sector);
        if self.bad == Some(sector) {
            Status::IoError
        } else {
            Status::Ok
        }
    }
}

impl SectorDisk for FakeDisk {
    fn open(_: &Resources) -> Result<(Self, DiskFacts), ProbeError> {
        let facts = DiskFacts {
            features: F_FLUSH | F_BLK_SIZE,
            sectors: 16,
            blk_size: 1024,
            size_max: 0,
        };
        let content = (0..16 * 512).map(|at| (at / 512) as u8).collect();
        let disk = Self {
            content,
            ..Self::default()
        };
        Ok((disk, facts))
    }
    unsafe fn read(&mut self, sector: usize, mut data: NonNull<[u8]>) -> Status {
        // SAFETY: the tests' buffers live and are used by nobody else.
        unsafe { data.as_mut() }.copy_from_slice(&self.content[sector * 512..][..512]);
        self.asked(sector, data)
    }
    unsafe fn write(&mut self, sector: usize, data: NonNull<[u8]>) -> Status {
        // SAFETY: as above.
        self.content[sector * 512..][..512].copy_from_slice(unsafe { data.as_ref() });
        self.asked(sector, data)
    }
    fn acknowledge(&mut self) {}
}

fn driver() -> SectorBlock<FakeDisk> {
    SectorBlock::probe(&Resources::unchecked(good())).unwrap()
}

fn request(op: Op, block: u64, data: &mut [u8]) -> Request {
    Request {
        id: 1,
        op,
        block,
        count: (data.len() / 1024) as u32,
        data: Buffer::of_test(data),
    }
}

#[test]
fn request_moves_its_sectors_in_order() {
    let mut driver = driver();
    let mut data = vec![0xee; 2048];
    let read = driver.submit(&request(Op::Read, 3, &mut data));
    assert_eq!(read, Submit::Done(Status::Ok));
    assert_eq!(driver.disk.asked, [6, 7, 8, 9]);
    assert!(
        data.iter()
            .enumerate()
            .all(|(at, byte)| *byte as usize == 6 + at / 512)
    );
    data.fill(0x77);
    driver.submit(&request(Op::Write, 0, &mut data));
    assert!(driver.disk.content[..2048].iter().all(|byte| *byte == 0x77));
    assert_eq!(driver.disk.content[2048], 4);
}

#[test]
fn first_sector_that_fails_ends_the_request() {
    let mut driver = driver();
    driver.disk.bad = Some(7);
    let mut data = vec![0; 2048];
    let read = driver.submit(&request(Op::Read, 3, &mut data));
    assert_eq!(read, Submit::Done(Status::IoError));
    assert_eq!(driver.disk.asked, [6, 7]);
}

#[test]
fn record_is_that_of_a_disk_that_writes_through() {
    let record = driver().capabilities();
    assert_eq!(
        (record.capacity, record.block_size, record.queue_depth),
        (8, 1024, 1)
    );
    assert_eq!(record.flags, crate::block::CAP_FLUSH);
}
