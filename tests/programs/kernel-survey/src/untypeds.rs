//! Untyped memory.

use sel4_abi::invocation::InvocationLabel as L;

use crate::sys::invoke;
use crate::world::{CNODE, TCB, World, cnode, delete, kind, show};

pub fn run(w: &mut World<'_>) {
    let u = w.new_object(kind::UNTYPED, 20);
    let ep = w.new_object(kind::ENDPOINT, 0);
    let s = w.slots(300);
    let retype = |words: &[u64], caps: &[u64]| invoke(u, L::UntypedRetype as u64, words, caps);
    show("ut bad label", invoke(u, L::TCBResume as u64, &[], &[]));
    show("ut label 0", invoke(u, 0, &[], &[]));
    show("ut label big", invoke(u, 1 << 40, &[], &[]));
    show("ut short", retype(&[1, 0, 0, 0, s], &[CNODE]));
    show("ut no cap", retype(&[1, 0, 0, 0, s, 1], &[]));
    show("ut type", retype(&[12, 0, 0, 0, s, 1], &[CNODE]));
    show("ut size 64", retype(&[0, 64, 0, 0, s, 1], &[CNODE]));
    show("ut size 48", retype(&[0, 48, 0, 0, s, 1], &[CNODE]));
    show("ut size 47", retype(&[0, 47, 0, 0, s, 1], &[CNODE]));
    show("ut size huge", retype(&[0, !0, 0, 0, s, 1], &[CNODE]));
    show("ep size huge", retype(&[2, !0, 0, 0, s, 1], &[CNODE]));
    show("ep size 63", retype(&[2, 63, 0, 0, s, 1], &[CNODE]));
    show("cnode 0", retype(&[4, 0, 0, 0, s, 1], &[CNODE]));
    show("cnode 43", retype(&[4, 43, 0, 0, s, 1], &[CNODE]));
    show("ut 3", retype(&[0, 3, 0, 0, s, 1], &[CNODE]));
    show("sc 6", retype(&[5, 6, 0, 0, s, 1], &[CNODE]));
    show("root bad", retype(&[2, 0, 0, 0, s, 1], &[TCB]));
    show("root null", retype(&[2, 0, 0, 0, s, 1], &[0]));
    show("node lookup", retype(&[2, 0, ep, 64, s, 1], &[CNODE]));
    show("node lookup empty", retype(&[2, 0, s, 64, s, 1], &[CNODE]));
    show("node lookup depth", retype(&[2, 0, 0, 65, s, 1], &[CNODE]));
    show("node lookup depth short", retype(&[2, 0, 0, 5, s, 1], &[CNODE]));
    show("node lookup root not cnode", retype(&[2, 0, 0, 5, s, 1], &[TCB]));
    show("node lookup far", retype(&[2, 0, 1 << 40, 64, s, 1], &[CNODE]));
    show("node self", retype(&[2, 0, 2, 64, s, 1], &[CNODE]));
    show("offset", retype(&[2, 0, 0, 0, 1 << 17, 1], &[CNODE]));
    show("count 0", retype(&[2, 0, 0, 0, s, 0], &[CNODE]));
    show("count 257", retype(&[2, 0, 0, 0, s, 257], &[CNODE]));
    show("count window", retype(&[2, 0, 0, 0, (1 << 17) - 3, 5], &[CNODE]));
    show("occupied", retype(&[2, 0, 0, 0, s, 1], &[CNODE]));
    show("occupied later", retype(&[2, 0, 0, 0, s - 5, 7], &[CNODE]));
    show("too big", retype(&[0, 21, 0, 0, s + 1, 1], &[CNODE]));
    show("too many", retype(&[9, 0, 0, 0, s + 1, 256], &[CNODE]));
    show("fits", retype(&[9, 0, 0, 0, s + 1, 200], &[CNODE]));
    show("rest", retype(&[0, 19, 0, 0, s + 250, 1], &[CNODE]));
    show(
        "copy with children",
        cnode(L::CNodeCopy, s + 251, &[u, 64, 15], &[CNODE]),
    );
    show("revoke", cnode(L::CNodeRevoke, u, &[], &[]));
    show("again", retype(&[9, 0, 0, 0, s + 1, 256], &[CNODE]));
    show("full", retype(&[2, 0, 0, 0, s + 280, 1], &[CNODE]));
    show("revoke", cnode(L::CNodeRevoke, u, &[], &[]));
    show("copy", cnode(L::CNodeCopy, s, &[u, 64, 15], &[CNODE]));
    show("from copied", retype(&[2, 0, 0, 0, s + 1, 1], &[CNODE]));
    show(
        "from copy",
        invoke(s, L::UntypedRetype as u64, &[2, 0, 0, 0, s + 1, 1], &[CNODE]),
    );
    show("revoke copy", cnode(L::CNodeRevoke, s, &[], &[]));
    show("delete copy", delete(s));
    show("from original", retype(&[2, 0, 0, 0, s + 1, 1], &[CNODE]));
    device(w, s);
}

fn device(w: &mut World<'_>, s: u64) {
    let at = w
        .info
        .untyped_list
        .iter()
        .position(|u| u.is_device != 0 && u.size_bits > 21)
        .unwrap_or(0);
    let d = w.info.untyped.start + at as u64;
    let retype = |words: &[u64], caps: &[u64]| invoke(d, L::UntypedRetype as u64, words, caps);
    show("device ep", retype(&[2, 0, 0, 0, s + 20, 1], &[CNODE]));
    show("device cnode", retype(&[4, 4, 0, 0, s + 20, 1], &[CNODE]));
    show("device table", retype(&[11, 4, 0, 0, s + 20, 1], &[CNODE]));
    show("device page", retype(&[9, 4, 0, 0, s + 20, 1], &[CNODE]));
    show("device untyped", retype(&[0, 14, 0, 0, s + 21, 1], &[CNODE]));
    show(
        "device ep from child",
        invoke(
            s + 21,
            L::UntypedRetype as u64,
            &[2, 0, 0, 0, s + 22, 1],
            &[CNODE],
        ),
    );
    show(
        "device page address",
        invoke(s + 20, L::ARMPageGetAddress as u64, &[], &[]),
    );
    show(
        "ipc buffer from device",
        invoke(TCB, L::TCBSetIPCBuffer as u64, &[0x7000_0000], &[s + 20]),
    );
    show("revoke device", cnode(L::CNodeRevoke, d, &[], &[]));
}
