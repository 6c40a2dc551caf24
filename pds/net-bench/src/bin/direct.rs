//! The load on a driver's own link: what the driver costs without a shadow.

#![no_std]
#![no_main]

use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use bench_load::direct::{self, Direct};
use device_class::net::{NetCapabilities, NetRequest, NetResponse, Op, Status};
use net_bench::{BUFFER, Load, REGION, Shape, buffer_at, frame_at};
use sel4_microkit::{protection_domain, var};
use shared_ring::{Link, SendError, shared_words};
use system_spec::config::{LinkConfig, ShadowConfig, ShadowSlot};
use trace::clock::ticks;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Bytes of a page.
const PAGE: usize = 4096;
/// Set in the id of a buffer.
const POSTED: u32 = 1 << 31;

struct Net {
    generation: u32,
    region: u16,
    shape: Shape,
    load: Load<'static>,
}

fn page(vaddr: usize) -> &'static [AtomicU64] {
    // SAFETY: the description maps a page at each address that it sets here: the figures to be written, the load to be read.
    NonNull::new(vaddr as *mut u8).map_or(&[][..], |base| unsafe { shared_words(base, PAGE) })
}

impl direct::Load for Net {
    type Asked = NetRequest;
    type Answer = NetResponse;

    fn begin(
        record: &[u8],
        generation: u32,
        slot: &'static ShadowSlot,
        figures: &'static [AtomicU64],
    ) -> Option<Self> {
        let (record, _) = NetCapabilities::read_from_prefix(record).ok()?;
        let shape = Shape::of(page(*var!(load: usize = 0)));
        (slot.scratch.len as usize >= REGION).then(|| Self {
            generation,
            region: slot.scratch_region as u16,
            shape,
            load: Load::new(figures, shape, record.receive_depth.into()),
        })
    }

    fn turn(&mut self, link: &mut Link<NetRequest, NetResponse>) -> Result<(), SendError> {
        while let Some(answer) = link.recv()? {
            let ok = answer.status == Status::Ok as u8;
            if answer.id & POSTED == 0 {
                self.load.sent(answer.id, ok, ticks);
            } else {
                self.load.received(answer.id & !POSTED, ok, ticks);
            }
        }
        let request = |op: Op, id, offset, length| NetRequest {
            id,
            generation: self.generation,
            op: op as u8,
            region: self.region,
            offset,
            length,
            ..NetRequest::default()
        };
        while let Some(slot) = self.load.next_buffer() {
            link.send(&request(Op::Receive, slot | POSTED, buffer_at(slot), BUFFER))?;
        }
        while let Some(slot) = self.load.next_frame() {
            link.send(&request(Op::Transmit, slot, frame_at(slot), self.shape.length))?;
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
fn init() -> Direct<Net> {
    const NOTHING: ShadowConfig = zerocopy::transmute!([0u8; size_of::<ShadowConfig>()]);
    let config: &'static ShadowConfig = var!(umbra_config: ShadowConfig = NOTHING);
    Direct::new(
        config,
        link(&config.control),
        link,
        page(*var!(figures: usize = 0)),
    )
}
