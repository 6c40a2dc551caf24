//! The load on a driver's own link: what the driver costs without a shadow.

#![no_std]
#![no_main]

use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use bench_load::direct::{self, Direct};
use device_class::block::{BlockCapabilities, BlockRequest, BlockResponse, Status};
use disk_bench::{BLOCK_SIZE, Load};
use sel4_microkit::{protection_domain, var};
use shared_ring::{Link, SendError, shared_words};
use system_spec::config::{LinkConfig, ShadowConfig, ShadowSlot};
use trace::clock::ticks;
use zerocopy::{FromBytes, Immutable, IntoBytes};

struct Disk {
    generation: u32,
    region: u16,
    load: Load<'static>,
    /// Device blocks per block of ours.
    factor: u32,
}

impl direct::Load for Disk {
    type Asked = BlockRequest;
    type Answer = BlockResponse;

    fn begin(
        record: &[u8],
        generation: u32,
        slot: &'static ShadowSlot,
        figures: &'static [AtomicU64],
    ) -> Option<Self> {
        let (record, _) = BlockCapabilities::read_from_prefix(record).ok()?;
        let factor = BLOCK_SIZE as u32 / record.block_size.max(1);
        let (blocks, depth) = (
            record.capacity / u64::from(factor.max(1)),
            slot.scratch.len as usize / BLOCK_SIZE,
        );
        Some(Self {
            generation,
            region: slot.scratch_region as u16,
            load: Load::new(figures, blocks, depth),
            factor,
        })
    }

    fn turn(&mut self, link: &mut Link<BlockRequest, BlockResponse>) -> Result<(), SendError> {
        while let Some(answer) = link.recv()? {
            self.load
                .completed(answer.id, answer.status == Status::Ok as u8, ticks);
        }
        while let Some(request) = self.load.next_request() {
            link.send(&BlockRequest {
                id: request.slot,
                generation: self.generation,
                op: request.op as u8,
                flags: 0,
                region: self.region,
                count: self.factor,
                block: request.block * u64::from(self.factor),
                offset: u64::from(request.slot) * BLOCK_SIZE as u64,
            })?;
        }
        Ok(())
    }
}

fn link<Tx: IntoBytes + Immutable, Rx: FromBytes>(config: &LinkConfig) -> Link<Tx, Rx> {
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable; `Direct` has
    // one link over them at a time.
    unsafe { Link::new(config.own as *mut u8, config.peer as *const u8) }
}

#[protection_domain]
fn init() -> Direct<Disk> {
    const NOTHING: ShadowConfig = zerocopy::transmute!([0u8; size_of::<ShadowConfig>()]);
    let config: &'static ShadowConfig = var!(umbra_config: ShadowConfig = NOTHING);
    // SAFETY: the description maps a page for the figures at this address, for this program to write.
    let figures = NonNull::new(*var!(figures: usize = 0) as *mut u8)
        .map_or(&[][..], |base| unsafe { shared_words(base, BLOCK_SIZE) });
    Direct::new(config, link(&config.control), link, figures)
}
