//! Address spaces.

use sel4_abi::invocation::InvocationLabel as L;

use crate::console::say;
use crate::sys::invoke;
use crate::world::{ASID_CONTROL, ASID_POOL, CNODE, TCB, VSPACE, World, cnode, delete, kind, show};

const FREE: u64 = 0x1_0000_0000;

pub fn run(w: &mut World<'_>) {
    let page = w.new_object(kind::PAGE, 0);
    let other = w.new_object(kind::PAGE, 0);
    let large = w.new_object(kind::LARGE, 0);
    let [t1, t2, t3] = core::array::from_fn(|_| w.new_object(kind::TABLE, 0));
    let v = w.new_object(kind::VSPACE, 0);
    let s = w.slots(16);
    let map = |p, words: &[u64], caps: &[u64]| invoke(p, L::ARMPageMap as u64, words, caps);
    let table = |t, words: &[u64], caps: &[u64]| invoke(t, L::ARMPageTableMap as u64, words, caps);
    show("page label", invoke(page, L::TCBResume as u64, &[], &[]));
    show(
        "page vspace label",
        invoke(page, L::ARMVSpaceCleanData as u64, &[0, 0], &[]),
    );
    show("map short", map(page, &[FREE, 3], &[VSPACE]));
    show("map no cap", map(page, &[FREE, 3, 3], &[]));
    show("map bad vspace", map(page, &[FREE, 3, 3], &[TCB]));
    show("map unassigned", map(page, &[FREE, 3, 3], &[v]));
    show("map no table", map(page, &[FREE, 3, 3], &[VSPACE]));
    show("map top", map(page, &[0x8000_0000_0000, 3, 3], &[VSPACE]));
    show("map kernel", map(page, &[!0xfff, 3, 3], &[VSPACE]));
    show("map last", map(page, &[0x7fff_ffff_f000, 3, 3], &[VSPACE]));
    show("map unaligned", map(page, &[FREE + 8, 3, 3], &[VSPACE]));
    show("map unaligned bad vspace", map(page, &[FREE + 8, 3, 3], &[TCB]));
    show("map unaligned unassigned", map(page, &[FREE + 8, 3, 3], &[v]));
    show(
        "map unaligned top",
        map(page, &[0x8000_0000_0008, 3, 3], &[VSPACE]),
    );
    show("table label", invoke(t1, L::ARMPageMap as u64, &[0, 0, 0], &[]));
    show("table short", table(t1, &[FREE], &[VSPACE]));
    show("table no cap", table(t1, &[FREE, 3], &[]));
    show("table bad vspace", table(t1, &[FREE, 3], &[TCB]));
    show("table unassigned", table(t1, &[FREE, 3], &[v]));
    show("table kernel", table(t1, &[1 << 47, 3], &[VSPACE]));
    show(
        "copy unmapped table",
        cnode(L::CNodeCopy, s, &[t1, 64, 15], &[CNODE]),
    );
    show("table 1", table(t1, &[FREE + 0x1234, 3], &[VSPACE]));
    show("map large no", map(large, &[FREE + (2 << 30), 3, 3], &[VSPACE]));
    show("table again", table(t1, &[FREE, 3], &[VSPACE]));
    show("map no table 2", map(page, &[FREE, 3, 3], &[VSPACE]));
    show("large", map(large, &[FREE, 3, 3], &[VSPACE]));
    show("large again", map(large, &[FREE, 3, 3], &[VSPACE]));
    show(
        "large elsewhere",
        map(large, &[FREE + (2 << 20), 3, 3], &[VSPACE]),
    );
    show(
        "large unaligned elsewhere",
        map(large, &[FREE + 4096, 3, 3], &[VSPACE]),
    );
    show("table under large", table(t2, &[FREE, 3], &[VSPACE]));
    show("page under large", map(page, &[FREE, 3, 3], &[VSPACE]));
    show("large unmap", invoke(large, L::ARMPageUnmap as u64, &[], &[]));
    show(
        "large unmap again",
        invoke(large, L::ARMPageUnmap as u64, &[], &[]),
    );
    show("table 2", table(t2, &[FREE, 3], &[VSPACE]));
    show("table 3", table(t3, &[FREE, 3], &[VSPACE]));
    show("large over table", map(large, &[FREE, 3, 3], &[VSPACE]));
    show("map", map(page, &[FREE, 3, 3], &[VSPACE]));
    show("map other there", map(other, &[FREE, 3, 3], &[VSPACE]));
    show("remap", map(page, &[FREE, 2, 7], &[VSPACE]));
    show("remap elsewhere", map(page, &[FREE + 4096, 3, 3], &[VSPACE]));
    show("remap rw", map(page, &[FREE, 3, 3], &[VSPACE]));
    // SAFETY: the page was just mapped there.
    unsafe { (FREE as *mut u64).write_volatile(0x1234) };
    show("copy page", cnode(L::CNodeCopy, s + 1, &[page, 64, 15], &[CNODE]));
    show("map copy", map(s + 1, &[FREE + 4096, 2, 3], &[VSPACE]));
    // SAFETY: as above.
    say!("seen through the copy: {:x}", unsafe {
        ((FREE + 4096) as *const u64).read_volatile()
    });
    for (name, label) in [
        ("clean", L::ARMPageCleanData),
        ("unify", L::ARMPageUnifyInstruction),
    ] {
        show(name, invoke(page, label as u64, &[0, 4096], &[]));
        show(name, invoke(page, label as u64, &[0], &[]));
        show(name, invoke(page, label as u64, &[8, 8], &[]));
        show(name, invoke(page, label as u64, &[8, 4], &[]));
        show(name, invoke(page, label as u64, &[0, 4097], &[]));
        show(name, invoke(page, label as u64, &[4096, 4097], &[]));
        show(name, invoke(other, label as u64, &[0, 4096], &[]));
    }
    show("map read-only", map(page, &[FREE, 2, 3], &[VSPACE]));
    show(
        "vspace invalidate read-only",
        invoke(VSPACE, L::ARMVSpaceInvalidateData as u64, &[FREE, FREE + 64], &[]),
    );
    show(
        "vspace flush read-only",
        invoke(
            VSPACE,
            L::ARMVSpaceCleanInvalidateData as u64,
            &[FREE, FREE + 64],
            &[],
        ),
    );
    show("map none", map(page, &[FREE, 0, 3], &[VSPACE]));
    show(
        "invalidate none",
        invoke(page, L::ARMPageInvalidateData as u64, &[0, 64], &[]),
    );
    show(
        "vspace invalidate none",
        invoke(VSPACE, L::ARMVSpaceInvalidateData as u64, &[FREE, FREE + 64], &[]),
    );
    show("map write", map(page, &[FREE, 1, 3], &[VSPACE]));
    show(
        "invalidate write",
        invoke(page, L::ARMPageInvalidateData as u64, &[0, 64], &[]),
    );
    show("map back", map(page, &[FREE, 3, 3], &[VSPACE]));
    show(
        "unmap overmapped",
        invoke(other, L::ARMPageUnmap as u64, &[], &[]),
    );
    show(
        "still mapped",
        invoke(page, L::ARMPageCleanData as u64, &[0, 64], &[]),
    );
    show("map over", map(other, &[FREE + 4096, 3, 3], &[VSPACE]));
    show("unmap the new", invoke(other, L::ARMPageUnmap as u64, &[], &[]));
    show(
        "clean the old",
        invoke(s + 1, L::ARMPageCleanData as u64, &[0, 64], &[]),
    );
    show("unmap the old", invoke(s + 1, L::ARMPageUnmap as u64, &[], &[]));
    for label in [
        L::ARMVSpaceCleanData,
        L::ARMVSpaceInvalidateData,
        L::ARMVSpaceUnifyInstruction,
    ] {
        let label = label as u64;
        show("vspace cache", invoke(VSPACE, label, &[FREE, FREE + 64], &[]));
        show("vspace cache short", invoke(VSPACE, label, &[FREE], &[]));
        show("vspace cache empty", invoke(VSPACE, label, &[FREE, FREE], &[]));
        show(
            "vspace cache cross",
            invoke(VSPACE, label, &[FREE + 64, FREE + 4097], &[]),
        );
        show(
            "vspace cache unmapped",
            invoke(VSPACE, label, &[FREE + (1 << 33), FREE + (1 << 33) + 8], &[]),
        );
        show(
            "vspace cache kernel",
            invoke(VSPACE, label, &[FREE, 1 << 47], &[]),
        );
        show(
            "vspace cache unassigned",
            invoke(v, label, &[FREE, FREE + 64], &[]),
        );
    }
    show(
        "vspace label",
        invoke(VSPACE, L::ARMPageMap as u64, &[0, 0, 0], &[]),
    );
    show(
        "copy mapped table",
        cnode(L::CNodeCopy, s + 2, &[t3, 64, 15], &[CNODE]),
    );
    show(
        "unmap table with copy",
        invoke(t3, L::ARMPageTableUnmap as u64, &[], &[]),
    );
    show("delete copy", delete(s + 2));
    show("unmap table", invoke(t3, L::ARMPageTableUnmap as u64, &[], &[]));
    show(
        "unmap table again",
        invoke(t3, L::ARMPageTableUnmap as u64, &[], &[]),
    );
    show(
        "clean under no table",
        invoke(page, L::ARMPageCleanData as u64, &[0, 64], &[]),
    );
    show(
        "unmap page under no table",
        invoke(page, L::ARMPageUnmap as u64, &[], &[]),
    );
    asids(w, v, page);
}

fn asids(w: &mut World<'_>, v: u64, page: u64) {
    let s = w.slots(16);
    let u = w.new_object(kind::UNTYPED, 12);
    let big = w.new_object(kind::UNTYPED, 13);
    let make =
        |words: &[u64], caps: &[u64]| invoke(ASID_CONTROL, L::ARMASIDControlMakePool as u64, words, caps);
    show(
        "asid control label",
        invoke(ASID_CONTROL, L::ARMASIDPoolAssign as u64, &[], &[]),
    );
    show("make short", make(&[s], &[u, CNODE]));
    show("make caps", make(&[s, 64], &[u]));
    show("make not untyped", make(&[s, 64], &[page, CNODE]));
    show("make big", make(&[s, 64], &[big, CNODE]));
    show("make root", make(&[s, 64], &[u, TCB]));
    show("make depth", make(&[s, 0], &[u, CNODE]));
    show("make full slot", make(&[u, 64], &[u, CNODE]));
    show("make", make(&[s, 64], &[u, CNODE]));
    show("make again", make(&[s + 1, 64], &[u, CNODE]));
    let assign = |pool, caps: &[u64]| invoke(pool, L::ARMASIDPoolAssign as u64, &[], caps);
    show("pool label", invoke(s, L::ARMPageMap as u64, &[], &[]));
    show("assign no cap", assign(s, &[]));
    show("assign bad", assign(s, &[page]));
    show("assign assigned", assign(s, &[VSPACE]));
    show(
        "copy unassigned vspace",
        cnode(L::CNodeCopy, s + 2, &[v, 64, 15], &[CNODE]),
    );
    show("assign", assign(s, &[v]));
    show("assign twice", assign(ASID_POOL, &[v]));
    show("copy vspace", cnode(L::CNodeCopy, s + 2, &[v, 64, 15], &[CNODE]));
    let t = w.new_object(kind::TABLE, 0);
    show(
        "map table there",
        invoke(t, L::ARMPageTableMap as u64, &[FREE, 3], &[v]),
    );
    show("map copy in other", {
        cnode(L::CNodeCopy, s + 3, &[page, 64, 15], &[CNODE]);
        invoke(s + 3, L::ARMPageMap as u64, &[FREE, 3, 3], &[v])
    });
    show("delete pool", delete(s));
    show(
        "map with dead pool",
        invoke(page, L::ARMPageMap as u64, &[FREE, 3, 3], &[v]),
    );
    show(
        "table with dead pool",
        invoke(t, L::ARMPageTableMap as u64, &[FREE, 3], &[v]),
    );
    show(
        "table unmap with dead pool",
        invoke(t, L::ARMPageTableUnmap as u64, &[], &[]),
    );
    show(
        "cache with dead pool",
        invoke(v, L::ARMVSpaceCleanData as u64, &[FREE, FREE + 64], &[]),
    );
    show("assign with dead pool", assign(ASID_POOL, &[v]));
    show("delete vspace", delete(v));
    show(
        "retype from pool's untyped",
        invoke(
            u,
            L::UntypedRetype as u64,
            &[kind::TABLE, 0, 0, 0, s + 5, 1],
            &[CNODE],
        ),
    );
}
