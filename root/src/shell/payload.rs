//! The payload behind root's image.

/// Address and length, written by the host tool into the finished image.
#[unsafe(no_mangle)]
#[used]
#[allow(non_upper_case_globals)]
static umbra_payload: [u64; 2] = [0, 0];

/// The payload; empty if the tool appended none.
pub fn bytes() -> &'static [u8] {
    // SAFETY: a static that nobody writes while we run. The volatile read keeps the compiler from using the zeroes
    // that it saw.
    let [address, len] = unsafe { core::ptr::read_volatile(&raw const umbra_payload) };
    if address == 0 {
        return &[];
    }
    // SAFETY: the tool states the range that it appended to this image and that the kernel mapped with it; nothing else
    // lies there, and nobody writes it.
    unsafe { core::slice::from_raw_parts(address as *const u8, len as usize) }
}
