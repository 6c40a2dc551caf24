//! What the root task gets: the boot info frame and the first capabilities. Addresses are the kernel's own business;
//! layout, order and completeness are not.

use super::tests;
use crate::api;
use crate::arena::{self, is_empty};
use crate::expect::{Outcome, eq, ok};
use crate::worker::Test;
use sel4_abi::bootinfo::{BootInfo, BootInfoHeader, SlotRegion};
use sel4_abi::config::ROOT_CNODE_SIZE_BITS;
use sel4_abi::platform::{DEVICES, RAM};

tests![
    fixed_fields,
    initial_capabilities,
    regions_follow_each_other,
    image_frames_are_in_order,
    frames_of_the_boot_info,
    empty_slots_are_empty,
    extra_chunks_are_well_formed,
    device_tree_is_there,
    untypeds_are_ordered,
    untypeds_do_not_overlap,
    device_untypeds_cover_all_but_memory,
    memory_untypeds_are_in_memory,
    rest_of_the_list_is_zero,
];

fn fixed_fields(_: &mut Test) -> Outcome {
    let info = arena::bootinfo();
    eq!((info.node_id, info.num_nodes, info.num_io_pt_levels), (0, 1, 0));
    eq!(info.init_thread_cnode_size_bits, ROOT_CNODE_SIZE_BITS as u64);
    eq!(info.init_thread_domain, 0);
    eq!(info.sched_control.end - info.sched_control.start, 1);
    let none = SlotRegion { start: 0, end: 0 };
    eq!((info.shared_frames, info.io_space_caps), (none, none));
    // The IPC buffer, the boot info and its extra pages follow the image, page by page.
    let address = core::ptr::from_ref(info) as u64;
    eq!(address, info.ipc_buffer + 0x1000);
    eq!(info.ipc_buffer % 0x1000, 0);
    let pages = info.user_image_frames.end - info.user_image_frames.start;
    eq!(info.ipc_buffer, 0x40_0000 + pages * 0x1000);
    Ok(())
}

fn initial_capabilities(_: &mut Test) -> Outcome {
    let occupied: [bool; 16] = core::array::from_fn(|i| !is_empty(i as u64));
    eq!(
        occupied,
        [
            false, true, true, true, true, true, true, false, false, true, true, true, false, false, true,
            true
        ]
    );
    Ok(())
}

fn regions_follow_each_other(_: &mut Test) -> Outcome {
    let info = arena::bootinfo();
    let regions = [
        info.user_image_paging,
        info.extra_bi_pages,
        info.sched_control,
        info.user_image_frames,
        info.untyped,
        info.empty,
    ];
    // They are one run of slots up to the end of the CNode.
    let mut starts = regions;
    starts.sort_unstable_by_key(|region| region.start);
    eq!(starts[0].start, 16);
    for pair in starts.windows(2) {
        eq!(pair[0].end, pair[1].start);
    }
    eq!(info.empty.end, 1 << ROOT_CNODE_SIZE_BITS);
    let order: [usize; 6] = core::array::from_fn(|i| {
        starts
            .iter()
            .position(|region| *region == regions[i])
            .unwrap_or(9)
    });
    eq!(order, [0, 1, 2, 3, 4, 5]);
    Ok(())
}

fn image_frames_are_in_order(_: &mut Test) -> Outcome {
    let frames = arena::bootinfo().user_image_frames;
    let first = ok!(api::page_get_address(frames.start)).mr(0);
    for slot in frames.start..frames.end {
        eq!(
            ok!(api::page_get_address(slot)).mr(0),
            first + 0x1000 * (slot - frames.start)
        );
    }
    Ok(())
}

fn frames_of_the_boot_info(_: &mut Test) -> Outcome {
    ok!(api::page_get_address(9));
    ok!(api::page_get_address(10));
    let info = arena::bootinfo();
    let pages = info.extra_bi_pages.end - info.extra_bi_pages.start;
    eq!(pages, info.extra_len.div_ceil(4096));
    for slot in info.extra_bi_pages.start..info.extra_bi_pages.end {
        ok!(api::page_get_address(slot));
    }
    // Tables of the image's address space: three levels, more if it crosses their ranges.
    let tables = info.user_image_paging.end - info.user_image_paging.start;
    eq!((3..6).contains(&tables), true);
    for slot in info.user_image_paging.start..info.user_image_paging.end {
        eq!(is_empty(slot), false);
    }
    Ok(())
}

fn empty_slots_are_empty(_: &mut Test) -> Outcome {
    let empty = arena::bootinfo().empty;
    for slot in [empty.end - 1, empty.end - 1000, (empty.start + empty.end) / 2] {
        eq!((slot, is_empty(slot)), (slot, true));
    }
    eq!(is_empty(empty.start - 1), false);
    Ok(())
}

/// The chunks behind the boot info frame, as (kind, length).
fn chunks<const N: usize>() -> (usize, [(u64, u64); N]) {
    let info = arena::bootinfo();
    let begin = core::ptr::from_ref::<BootInfo>(info) as u64 + 0x1000;
    let (mut at, mut count, mut found) = (0, 0, [(0, 0); N]);
    while at + size_of::<BootInfoHeader>() as u64 <= info.extra_len {
        let header = (begin + at) as *const [u64; 2];
        // SAFETY: the kernel mapped `extra_len` bytes there.
        let [id, length] = unsafe { header.read_volatile() };
        if count < N {
            found[count] = (id, length);
        }
        count += 1;
        at += length.max(16);
    }
    (count, found)
}

fn extra_chunks_are_well_formed(_: &mut Test) -> Outcome {
    let (count, found) = chunks::<4>();
    // The device tree (6), and nothing else.
    eq!(
        (count, found[0].0, found[0].1),
        (1, 6, arena::bootinfo().extra_len)
    );
    Ok(())
}

fn device_tree_is_there(_: &mut Test) -> Outcome {
    let info = arena::bootinfo();
    let begin = core::ptr::from_ref::<BootInfo>(info) as u64 + 0x1000 + 16;
    // SAFETY: the chunk of the device tree is there.
    let [magic, size] = unsafe { (begin as *const [u32; 2]).read_volatile() };
    eq!(u32::from_be(magic), 0xd00d_feed);
    let (_, found) = chunks::<2>();
    eq!(u64::from(u32::from_be(size)) + 16 <= found[0].1, true);
    Ok(())
}

/// The untypeds, (address, bytes, device).
fn untypeds() -> impl Iterator<Item = (u64, u64, bool)> {
    let info = arena::bootinfo();
    let count = (info.untyped.end - info.untyped.start) as usize;
    info.untyped_list[..count]
        .iter()
        .map(|desc| (desc.paddr, 1 << desc.size_bits, desc.is_device != 0))
}

fn untypeds_are_ordered(_: &mut Test) -> Outcome {
    // Devices first; memory after them.
    let mut memory = false;
    for (address, bytes, device) in untypeds() {
        eq!((address, address % bytes), (address, 0));
        eq!((address, device && memory), (address, false));
        memory |= !device;
    }
    eq!(memory, true);
    Ok(())
}

fn untypeds_do_not_overlap(_: &mut Test) -> Outcome {
    for (i, a) in untypeds().enumerate() {
        for b in untypeds().skip(i + 1) {
            let apart = a.0 + a.1 <= b.0 || b.0 + b.1 <= a.0;
            eq!((a.0, b.0, apart), (a.0, b.0, true));
        }
    }
    Ok(())
}

fn device_untypeds_cover_all_but_memory(_: &mut Test) -> Outcome {
    let given: u64 = untypeds().filter(|u| u.2).map(|u| u.1).sum();
    let expected: u64 = DEVICES.iter().map(|range| range.end - range.start).sum();
    eq!(given, expected);
    for (address, bytes, _) in untypeds().filter(|u| u.2) {
        let inside = DEVICES
            .iter()
            .any(|range| address >= range.start && address + bytes <= range.end);
        eq!((address, inside), (address, true));
    }
    Ok(())
}

fn memory_untypeds_are_in_memory(_: &mut Test) -> Outcome {
    for (address, bytes, _) in untypeds().filter(|u| !u.2) {
        let inside = address >= RAM.start && address + bytes <= RAM.end;
        eq!((address, inside), (address, true));
    }
    // Nearly all of it is handed out.
    let given: u64 = untypeds().filter(|u| !u.2).map(|u| u.1).sum();
    eq!(given > (RAM.end - RAM.start) - (8 << 20), true);
    Ok(())
}

fn rest_of_the_list_is_zero(_: &mut Test) -> Outcome {
    let info = arena::bootinfo();
    let count = (info.untyped.end - info.untyped.start) as usize;
    for desc in &info.untyped_list[count..] {
        eq!(
            (desc.paddr, desc.size_bits, desc.is_device, desc.padding),
            (0, 0, 0, [0; 6])
        );
    }
    Ok(())
}
