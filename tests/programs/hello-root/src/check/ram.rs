//! All of the machine's memory is there.

use super::{Context, Failure, Outcome, ensure};
use crate::memory::Memory;
use core::ops::Range;
use dtoolkit::fdt::Fdt;
use sel4::{
    BootInfoExtraId, BootInfoPtr, CapRights, CapTypeForObjectOfFixedSize, ObjectBlueprint, VmAttributes, cap,
    cap_type,
};
use sel4_abi::config::ROOT_CNODE_SIZE_BITS;
use sel4_abi::object::SLOT_BITS;
use sel4_abi::platform::PADDR_USER_DEVICE_TOP;

/// What the kernel keeps of it, at most: the root task's capabilities, and as much again for everything else.
const KEPT: u64 = 2 << (ROOT_CNODE_SIZE_BITS + SLOT_BITS);

/// The untypeds are what the device tree calls memory, and what is behind it is devices'.
pub fn is_given_out(context: &mut Context<'_, '_>) -> Outcome {
    let info = context.bootinfo;
    let memory = of_the_machine(info).ok_or(Failure::Untrue("the device tree tells of memory"))?;
    let image = info.user_image_frames().range().len() as u64 * 4096;
    let mut given = image;
    for (at, untyped) in info.untyped_list().iter().enumerate() {
        let (start, bytes) = (untyped.paddr() as u64, 1 << untyped.size_bits());
        let overlaps = start < memory.end && memory.start < start + bytes;
        ensure!(overlaps == info.kernel_untyped_range().contains(&at));
        given += if overlaps { bytes } else { 0 };
    }
    ensure!(given > memory.end - memory.start - KEPT && given < memory.end - memory.start);
    let behind = info.device_untyped_range().map(|at| &info.untyped_list()[at]);
    let behind = behind.filter(|untyped| untyped.paddr() as u64 >= memory.end);
    let behind: u64 = behind.map(|untyped| 1 << untyped.size_bits()).sum();
    ensure!(behind == PADDR_USER_DEVICE_TOP - memory.end);
    Ok(())
}

/// The memory node of the device tree.
pub fn of_the_machine(info: &BootInfoPtr) -> Option<Range<u64>> {
    let tree = info.extra().find(|extra| extra.id == BootInfoExtraId::Fdt)?;
    let memory = Fdt::new(tree.content()).ok()?.memory().ok()?;
    let mut ranges = memory.reg().ok()??;
    let range = ranges.next()?;
    let (start, bytes) = (range.address::<u64>().ok()?, range.size::<u64>().ok()?);
    Some(start..start + bytes)
}

/// The last page of every untyped keeps what is written there, and is no other's.
pub fn is_real(context: &mut Context<'_, '_>) -> Outcome {
    let info = context.bootinfo;
    let mut pages = [core::ptr::null_mut::<u64>(); 64];
    let mut count = 0;
    for at in info.kernel_untyped_range() {
        let untyped = info.untyped().index(at).cap();
        let bits = info.untyped_list()[at].size_bits();
        if bits >= 12 && !context.memory.takes_from(untyped) && count < pages.len() {
            let frame = last_page(context.memory, untyped, bits)?;
            let attributes = VmAttributes::DEFAULT | VmAttributes::EXECUTE_NEVER;
            pages[count] = context.memory.map(frame, CapRights::read_write(), attributes)? as *mut u64;
            count += 1;
        }
    }
    for (number, page) in pages[..count].iter().enumerate() {
        // SAFETY: mapped above, and used by nothing else.
        unsafe { page.write_volatile(number as u64 ^ 0x5e14) };
    }
    for (number, page) in pages[..count].iter().enumerate() {
        // SAFETY: as above.
        ensure!(unsafe { page.read_volatile() } == number as u64 ^ 0x5e14);
    }
    Ok(())
}

/// Halves the untyped until only its last page is left.
fn last_page(memory: &mut Memory<'_>, untyped: cap::Untyped, bits: usize) -> sel4::Result<cap::SmallPage> {
    let mut rest = untyped;
    for size_bits in (12..bits).rev() {
        let half = ObjectBlueprint::Untyped { size_bits };
        memory.retype::<cap_type::Untyped>(rest, half)?;
        rest = memory.retype(rest, half)?;
    }
    memory.retype(rest, cap_type::SmallPage::object_blueprint())
}
