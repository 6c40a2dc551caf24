//! CNodes and capabilities.

use sel4_abi::invocation::InvocationLabel as L;

use crate::sys::invoke;
use crate::world::{CNODE, IRQ_CONTROL, TCB, World, cnode, delete, kind, show};

pub fn run(w: &mut World<'_>) {
    let ep = w.new_object(kind::ENDPOINT, 0);
    let s = w.slots(40);
    show("cn label", invoke(CNODE, L::TCBResume as u64, &[], &[]));
    show("cn short", invoke(CNODE, L::CNodeDelete as u64, &[1], &[]));
    show("cn depth 0", invoke(CNODE, L::CNodeDelete as u64, &[s, 0], &[]));
    show("cn depth 65", invoke(CNODE, L::CNodeDelete as u64, &[s, 65], &[]));
    show("cn depth 32", invoke(CNODE, L::CNodeDelete as u64, &[s, 32], &[]));
    show("cn depth 50", invoke(CNODE, L::CNodeDelete as u64, &[s, 50], &[]));
    show(
        "cn guard",
        invoke(CNODE, L::CNodeDelete as u64, &[s | 1 << 30, 64], &[]),
    );
    show("delete empty", delete(s));
    show("revoke empty", cnode(L::CNodeRevoke, s, &[], &[]));
    show("copy short", cnode(L::CNodeCopy, s, &[ep], &[CNODE]));
    show("copy no cap", cnode(L::CNodeCopy, s, &[ep, 64, 15], &[]));
    show("copy no rights", cnode(L::CNodeCopy, s, &[ep, 64], &[CNODE]));
    show("copy bad root", cnode(L::CNodeCopy, s, &[ep, 64, 15], &[TCB]));
    show("copy null root", cnode(L::CNodeCopy, s, &[ep, 64, 15], &[0]));
    show("copy depth", cnode(L::CNodeCopy, s, &[ep, 0, 15], &[CNODE]));
    show("copy guard", cnode(L::CNodeCopy, s, &[1 << 40, 64, 15], &[CNODE]));
    show("copy empty", cnode(L::CNodeCopy, s, &[s + 1, 64, 15], &[CNODE]));
    show("copy onto", cnode(L::CNodeCopy, ep, &[ep, 64, 15], &[CNODE]));
    show(
        "copy irq control",
        cnode(L::CNodeCopy, s, &[IRQ_CONTROL, 64, 15], &[CNODE]),
    );
    show(
        "mint irq control",
        cnode(L::CNodeMint, s, &[IRQ_CONTROL, 64, 15, 0], &[CNODE]),
    );
    show("copy", cnode(L::CNodeCopy, s, &[ep, 64, 15], &[CNODE]));
    show("mint short", cnode(L::CNodeMint, s + 1, &[ep, 64, 15], &[CNODE]));
    show("mint", cnode(L::CNodeMint, s + 1, &[ep, 64, 15, 7], &[CNODE]));
    show(
        "mint badged",
        cnode(L::CNodeMint, s + 2, &[s + 1, 64, 15, 8], &[CNODE]),
    );
    show(
        "mint badged 0",
        cnode(L::CNodeMint, s + 2, &[s + 1, 64, 15, 0], &[CNODE]),
    );
    show(
        "copy badged",
        cnode(L::CNodeCopy, s + 2, &[s + 1, 64, 15], &[CNODE]),
    );
    show(
        "mint tcb",
        cnode(L::CNodeMint, s + 3, &[TCB, 64, 15, 99], &[CNODE]),
    );
    show("mutate ep", cnode(L::CNodeMutate, s + 4, &[s, 64, 5], &[CNODE]));
    show("mutate ep 0", cnode(L::CNodeMutate, s + 4, &[s, 64, 0], &[CNODE]));
    show(
        "mutate tcb",
        cnode(L::CNodeMutate, s + 4, &[s + 3, 64, 5], &[CNODE]),
    );
    show("mutate short", cnode(L::CNodeMutate, s + 5, &[s, 64], &[CNODE]));
    show("move short", cnode(L::CNodeMove, s + 5, &[s], &[CNODE]));
    show("move empty", cnode(L::CNodeMove, s + 5, &[s + 9, 64], &[CNODE]));
    show("move self", cnode(L::CNodeMove, s, &[s, 64], &[CNODE]));
    show("move", cnode(L::CNodeMove, s + 5, &[s, 64], &[CNODE]));
    show("old is empty", cnode(L::CNodeCopy, s + 6, &[s, 64, 15], &[CNODE]));
    show("revoke badged", cnode(L::CNodeRevoke, s + 1, &[], &[]));
    show(
        "its copy gone",
        cnode(L::CNodeCopy, s + 6, &[s + 2, 64, 15], &[CNODE]),
    );
    show("copy does not revoke", cnode(L::CNodeRevoke, s + 5, &[], &[]));
    show(
        "badged there",
        cnode(L::CNodeCopy, s + 6, &[s + 1, 64, 15], &[CNODE]),
    );
    show("revoke all", cnode(L::CNodeRevoke, ep, &[], &[]));
    show(
        "badged gone",
        cnode(L::CNodeCopy, s + 7, &[s + 1, 64, 15], &[CNODE]),
    );
    show(
        "moved copy gone",
        cnode(L::CNodeCopy, s + 7, &[s + 5, 64, 15], &[CNODE]),
    );
    show(
        "original there",
        cnode(L::CNodeCopy, s + 7, &[ep, 64, 15], &[CNODE]),
    );
    rotate(s + 10, ep);
    cancel(w, s + 20, ep);
    guards(w);
    nested(w);
}

fn rotate(s: u64, ep: u64) {
    let rotate = |dest, words: [u64; 6], caps: &[u64]| {
        invoke(
            CNODE,
            L::CNodeRotate as u64,
            &[dest, 64, words[0], words[1], 64, words[2], words[3], 64],
            caps,
        )
    };
    cnode(L::CNodeMint, s, &[ep, 64, 15, 21], &[CNODE]);
    cnode(L::CNodeMint, s + 1, &[ep, 64, 15, 22], &[CNODE]);
    cnode(L::CNodeCopy, s + 2, &[TCB, 64, 15], &[CNODE]);
    cnode(L::CNodeCopy, s + 3, &[TCB, 64, 15], &[CNODE]);
    show(
        "rotate short",
        invoke(
            CNODE,
            L::CNodeRotate as u64,
            &[s + 4, 64, 0, s + 3, 64, 0, s + 2],
            &[CNODE, CNODE],
        ),
    );
    show("rotate caps", rotate(s + 4, [0, s + 3, 0, s + 2, 0, 0], &[CNODE]));
    show(
        "rotate pivot=src",
        rotate(s + 4, [0, s + 2, 0, s + 2, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotate pivot=dest",
        rotate(s + 4, [0, s + 4, 0, s + 2, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotate dest full",
        rotate(s, [0, s + 3, 0, s + 2, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotate src empty",
        rotate(s + 4, [0, s + 3, 0, s + 5, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotate pivot empty",
        rotate(s + 4, [0, s + 5, 0, s + 2, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotate bad pivot root",
        rotate(s + 4, [0, s + 3, 0, s + 2, 0, 0], &[TCB, CNODE]),
    );
    show(
        "rotate bad src root",
        rotate(s + 4, [0, s + 3, 0, s + 2, 0, 0], &[CNODE, TCB]),
    );
    show(
        "rotate pivot guard",
        rotate(s + 4, [0, 1 << 40, 0, s + 2, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotate ep",
        rotate(s + 4, [0, s, 0, s + 1, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotate",
        rotate(s + 4, [0, s + 3, 0, s + 2, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotate swap",
        rotate(s + 4, [0, s + 3, 0, s + 4, 0, 0], &[CNODE, CNODE]),
    );
    show(
        "rotated 2",
        cnode(L::CNodeCopy, s + 6, &[s + 2, 64, 15], &[CNODE]),
    );
    show(
        "rotated 3",
        cnode(L::CNodeCopy, s + 6, &[s + 3, 64, 15], &[CNODE]),
    );
    show(
        "rotated 4",
        cnode(L::CNodeCopy, s + 7, &[s + 4, 64, 15], &[CNODE]),
    );
}

fn cancel(w: &mut World<'_>, s: u64, ep: u64) {
    let ntfn = w.new_object(kind::NOTIFICATION, 0);
    show("cancel unbadged", cnode(L::CNodeCancelBadgedSends, ep, &[], &[]));
    show("cancel ntfn", cnode(L::CNodeCancelBadgedSends, ntfn, &[], &[]));
    show("cancel empty", cnode(L::CNodeCancelBadgedSends, s, &[], &[]));
    cnode(L::CNodeMint, s, &[ep, 64, 15, 7], &[CNODE]);
    cnode(L::CNodeMint, s + 1, &[ep, 64, 7, 7], &[CNODE]);
    show("cancel badged", cnode(L::CNodeCancelBadgedSends, s, &[], &[]));
    show(
        "cancel without grant reply",
        cnode(L::CNodeCancelBadgedSends, s + 1, &[], &[]),
    );
}

fn guards(w: &mut World<'_>) {
    let c = w.new_object(kind::CNODE, 4);
    let s = w.slots(8);
    let ep = w.new_object(kind::ENDPOINT, 0);
    // Guard of 3 bits 0b101, and what remains.
    show(
        "guard mint",
        cnode(L::CNodeMint, s, &[c, 64, 15, 5 << 6 | 3], &[CNODE]),
    );
    show(
        "guard too large",
        cnode(L::CNodeMint, s + 1, &[c, 64, 15, 5 << 6 | 61], &[CNODE]),
    );
    show(
        "guard cut",
        cnode(L::CNodeMint, s + 1, &[c, 64, 15, 0x7d << 6 | 3], &[CNODE]),
    );
    show(
        "into guarded",
        invoke(s, L::CNodeCopy as u64, &[5 << 4 | 2, 7, ep, 64, 15], &[CNODE]),
    );
    show(
        "guard wrong",
        invoke(s, L::CNodeDelete as u64, &[4 << 4 | 2, 7], &[]),
    );
    show("guard short", invoke(s, L::CNodeDelete as u64, &[1, 2], &[]));
    show("radix short", invoke(s, L::CNodeDelete as u64, &[5 << 1, 4], &[]));
    show(
        "bits left",
        invoke(s, L::CNodeDelete as u64, &[(5 << 4 | 2) << 5, 12], &[]),
    );
    show(
        "cut guard works",
        invoke(s + 1, L::CNodeDelete as u64, &[5 << 4 | 2, 7], &[]),
    );
    show(
        "mutate guard",
        cnode(L::CNodeMutate, s + 2, &[s + 1, 64, 0], &[CNODE]),
    );
    show("no guard", invoke(s + 2, L::CNodeDelete as u64, &[2, 4], &[]));
    show("delete cnode copies", delete(s + 2));
}

fn nested(w: &mut World<'_>) {
    let u = w.new_object(kind::UNTYPED, 16);
    let outer = w.retype_from(u, kind::CNODE, 4);
    let inner = w.retype_from(u, kind::CNODE, 4);
    let ep = w.retype_from(u, kind::ENDPOINT, 0);
    let s = w.slots(8);
    show(
        "move in",
        invoke(outer, L::CNodeMove as u64, &[3, 4, inner, 64], &[CNODE]),
    );
    show(
        "move in ep",
        invoke(outer, L::CNodeMove as u64, &[4, 4, ep, 64], &[CNODE]),
    );
    show(
        "copy self in",
        invoke(outer, L::CNodeCopy as u64, &[5, 4, outer, 64, 15], &[CNODE]),
    );
    show("delete outer", delete(outer));
    show(
        "untyped has children",
        invoke(u, L::UntypedRetype as u64, &[0, 15, 0, 0, s, 2], &[CNODE]),
    );
    show("revoke nested", cnode(L::CNodeRevoke, u, &[], &[]));
    show(
        "untyped is free",
        invoke(u, L::UntypedRetype as u64, &[0, 15, 0, 0, s, 2], &[CNODE]),
    );
    show("revoke", cnode(L::CNodeRevoke, u, &[], &[]));
    let only = w.retype_from(u, kind::CNODE, 4);
    show(
        "move self in",
        invoke(only, L::CNodeMove as u64, &[6, 4, only, 64], &[CNODE]),
    );
    show("revoke self-holding", cnode(L::CNodeRevoke, u, &[], &[]));
    show(
        "free again",
        invoke(u, L::UntypedRetype as u64, &[0, 15, 0, 0, s, 2], &[CNODE]),
    );
    show("revoke", cnode(L::CNodeRevoke, u, &[], &[]));
    // A chain: each node holds the next.
    let first = w.retype_from(u, kind::CNODE, 2);
    let second = w.retype_from(u, kind::CNODE, 2);
    let third = w.retype_from(u, kind::CNODE, 2);
    show(
        "chain 2",
        invoke(second, L::CNodeMove as u64, &[0, 2, third, 64], &[CNODE]),
    );
    show(
        "chain 1",
        invoke(first, L::CNodeMove as u64, &[3, 2, second, 64], &[CNODE]),
    );
    show("delete chain", delete(first));
    show(
        "unreachable remain",
        invoke(u, L::UntypedRetype as u64, &[0, 15, 0, 0, s, 2], &[CNODE]),
    );
    show("revoke chain", cnode(L::CNodeRevoke, u, &[], &[]));
    show(
        "all free",
        invoke(u, L::UntypedRetype as u64, &[0, 15, 0, 0, s, 2], &[CNODE]),
    );
}
