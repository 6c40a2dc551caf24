//! Addresses of a configuration, made into what may be used of the memory there.

use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;

use crate::page::SharedPage;
use crate::{Area, shared_words};

/// The memory at an address is not there, or too short: a mistake of whoever built the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmapped;

fn address(vaddr: u64) -> Result<NonNull<u8>, Unmapped> {
    NonNull::new(vaddr as *mut u8).ok_or(Unmapped)
}

/// A page.
///
/// # Errors
/// There is none at address 0.
///
/// # Safety
/// At `vaddr`, if it is not 0, there is a page for the rest of the program, writable if it is stored to, which this program
/// accesses through shared pages only.
pub unsafe fn page(vaddr: u64) -> Result<SharedPage, Unmapped> {
    let base = address(vaddr)?;
    // SAFETY: the caller's contract.
    Ok(unsafe { SharedPage::new(base) })
}

/// A stretch of memory.
///
/// # Errors
/// There is none at address 0.
///
/// # Safety
/// At `vaddr`, if it is not 0, there are `len` bytes for the rest of the program, aligned to 8, writable if they are written,
/// which this program accesses through this area only.
pub unsafe fn area(vaddr: u64, len: u64) -> Result<Area, Unmapped> {
    let base = address(vaddr)?;
    // SAFETY: the caller's contract.
    Ok(unsafe { Area::new(base, len as usize) })
}

/// A region whose first `kept` bytes outlive the program, as words, and the rest to work in.
///
/// # Errors
/// There is none at address 0, or it is shorter than that.
///
/// # Safety
/// At `vaddr`, if it is not 0, there are `len` bytes for the rest of the program, writable, aligned to 8, and nobody else has a
/// reference to them. `kept` is a multiple of 8.
pub unsafe fn kept_and_work(
    vaddr: u64,
    len: u64,
    kept: usize,
) -> Result<(&'static [AtomicU64], &'static mut [u8]), Unmapped> {
    let base = address(vaddr)?;
    let rest = (len as usize).checked_sub(kept).ok_or(Unmapped)?;
    // SAFETY: both parts lie within the caller's bytes, and they meet at `kept`, which is a multiple of 8 and not beyond `len`.
    unsafe {
        let work = core::slice::from_raw_parts_mut(base.as_ptr().add(kept), rest);
        Ok((shared_words(base, kept), work))
    }
}
