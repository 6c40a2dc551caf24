//! What the kernel tells at boot.

use crate::console::say;
use crate::sys;
use crate::world::World;

pub fn run(w: &mut World<'_>) {
    let i = w.info;
    say!(
        "extra {:x} node {} nodes {} iopt {:x}",
        i.extra_len,
        i.node_id,
        i.num_nodes,
        i.num_io_pt_levels
    );
    say!(
        "bits {} domain {}",
        i.init_thread_cnode_size_bits,
        i.init_thread_domain
    );
    say!(
        "paging {:?} frames {:?}",
        i.user_image_paging,
        i.user_image_frames
    );
    say!(
        "extra {:?} sched {:?} shared {:?} io {:?}",
        i.extra_bi_pages,
        i.sched_control,
        i.shared_frames,
        i.io_space_caps
    );
    let at = i as *const _ as u64;
    say!("info {:x} buffer {:x}", at, i.ipc_buffer);
    // SAFETY: the frames behind the boot information are mapped as long as it says.
    let extra = unsafe { core::slice::from_raw_parts((at + 4096) as *const u64, i.extra_len as usize / 8) };
    for (n, &word) in extra.iter().enumerate() {
        if n < 2 || (n as u64 * 8 + 32 > extra[1] && n as u64 * 8 < extra[1] + 48) {
            say!("extra[{n}] {word:x}");
        }
    }
    let devices = i.untyped_list.iter().filter(|u| u.is_device != 0);
    for (n, u) in devices.enumerate() {
        say!("device {n} {:x} {}", u.paddr, u.size_bits);
    }
    for slot in 0..32 {
        let mut r = sys::Registers::default();
        r.0[0] = slot;
        say!("identify {slot} {}", sys::syscall(-15, r).0[0]);
    }
}
