//! Links, regions and calls as the description's compiler laid them out.

use core::ptr::NonNull;

use sel4_microkit::{Channel, MessageInfo, set_mr};
use shared_ring::{Area, Link};
use supervision::Code;
use system_spec::config::{LinkConfig, RegionConfig};
use zerocopy::IntoBytes;

/// How often a PD is called that dies over the call.
const CALLS: usize = 4;

pub(super) fn channel(number: u64) -> Channel {
    Channel::new(number as usize)
}

pub(super) fn area(region: &RegionConfig) -> Option<Area> {
    let base = NonNull::new(region.vaddr as *mut u8)?;
    // SAFETY: the description's compiler mapped `len` bytes here, page-aligned, for as long as this program runs: writable
    // where it is said so in `ControlConfig`. Each region of the blob is asked for once.
    Some(unsafe { Area::new(base, region.len as usize) })
}

pub(super) fn link<T: IntoBytes + zerocopy::Immutable, R: zerocopy::FromBytes>(
    config: &LinkConfig,
) -> Link<T, R> {
    // SAFETY: two pages that the description's compiler mapped for this link and nothing else, the first writable.
    unsafe { Link::attach(config.own as *mut u8, config.peer as *const u8) }
}

pub(super) fn reader(region: &RegionConfig) -> Option<trace::Reader> {
    let base = NonNull::new(region.vaddr as *mut u8)?;
    // SAFETY: as `area`; a trace region is accessed through this crate only.
    Some(unsafe { trace::Reader::new(base, region.len as usize) })
}

pub(super) fn call(channel: Channel, operation: u64, arguments: &[u64]) -> Code {
    let once = || {
        arguments
            .iter()
            .enumerate()
            .for_each(|(register, word)| set_mr(register, *word));
        let answer = channel.pp_call(MessageInfo::new(operation, arguments.len()));
        Code::from_label(answer.label())
    };
    // Everything that is asked of bus and timer may be asked again.
    let again = (0..CALLS).map(|_| once()).find(|code| *code != Code::Restarted);
    again.unwrap_or(Code::Restarted)
}
