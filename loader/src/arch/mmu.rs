//! The last step: MMU on, into the kernel.

use super::caches;
use core::arch::asm;
use core::cell::UnsafeCell;
use loader::layout::Plan;
use loader::payload::Header;
use loader::translation::{MAIR, TCR, Tables, WindowError};

/// `SCTLR_EL1`: MMU, data cache, instruction cache.
const SCTLR_M: u64 = 1 << 0;
const SCTLR_C: u64 = 1 << 2;
const SCTLR_I: u64 = 1 << 12;

struct Static(UnsafeCell<Tables>);
// SAFETY: one processor, and the loader has one thread of control; `enter_kernel` is the only user.
unsafe impl Sync for Static {}

static TABLES: Static = Static(UnsafeCell::new(Tables::EMPTY));

/// Builds the translation tables for [`enter_kernel`].
pub fn build_tables(header: &Header, ram: &core::ops::Range<u64>) -> Result<(), WindowError> {
    let at = TABLES.0.get();
    // SAFETY: see `Static`: this reference is the only one, and gone when the function returns. The MMU is off, so the
    // tables' address is physical, and the hardware does not walk them yet.
    unsafe { &mut *at }.fill(at as u64, &header.kernel, ram)?;
    let start = at as u64;
    caches::clean_invalidate(&(start..start + size_of::<Tables>() as u64));
    Ok(())
}

/// Switches the MMU on and enters the kernel as the boot protocol says (see the crate's documentation).
///
/// # Safety
/// [`build_tables`] succeeded with this header, and `plan` was carried out: kernel, tree and user image are in place.
pub unsafe fn enter_kernel(header: &Header, plan: &Plan) -> ! {
    let tables = TABLES.0.get() as u64;
    let (features, control): (u64, u64);
    // SAFETY: reading these registers has no effect.
    unsafe {
        asm!("mrs {}, id_aa64mmfr0_el1", out(reg) features, options(nomem, nostack));
        asm!("mrs {}, sctlr_el1", out(reg) control, options(nomem, nostack));
    }
    // SAFETY: the lower tree maps this code where it is (`translation`), so execution goes on after the MMU is on; the
    // kernel's entry is mapped by the upper tree and holds the kernel by the caller's promise. TPIDR_EL1 is 0, the number of
    // this processor, as the official kernel expects. Nothing of the loader is used afterwards.
    unsafe {
        asm!(
            "msr    tcr_el1, {tcr}",
            "msr    mair_el1, {mair}",
            "msr    ttbr0_el1, {lower}",
            "msr    ttbr1_el1, {upper}",
            "msr    tpidr_el1, xzr",
            "isb",
            "tlbi   vmalle1",
            "ic     iallu",
            "dsb    sy",
            "isb",
            "msr    sctlr_el1, {sctlr}",
            "isb",
            "br     {entry}",
            tcr = in(reg) TCR | (features & 0b111) << 32,
            mair = in(reg) MAIR,
            lower = in(reg) tables,
            upper = in(reg) tables + 2 * 4096,
            sctlr = in(reg) control | SCTLR_M | SCTLR_C | SCTLR_I,
            entry = in(reg) header.kernel.entry,
            in("x0") plan.user.start,
            in("x1") plan.user.end,
            in("x2") plan.user_offset,
            in("x3") header.user.entry,
            in("x4") if plan.device_tree.is_empty() { 0 } else { plan.device_tree.start },
            in("x5") plan.device_tree.end - plan.device_tree.start,
            options(noreturn),
        )
    }
}
