//! What the host tool writes into the image, at symbols.

use core::cell::UnsafeCell;
use core::str::Utf8Error;

use sel4_abi::microkit::PD_NAME_LENGTH;

/// A value in the image, which may have been replaced there before the program was started, and is not afterwards.
#[doc(hidden)]
#[repr(transparent)]
pub struct Patched<T>(UnsafeCell<T>);

// SAFETY: while the program runs nothing writes the value, so sharing it is sharing `&T`. `T: Send` is not
// needed, `T: Sync` is not asked for because addresses (`*mut T`) are a common case and carry no data.
unsafe impl<T> Sync for Patched<T> {}

impl<T> Patched<T> {
    pub const fn unless_patched(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// The value in the image, not the one in the source.
    #[inline]
    pub fn get(&self) -> &T {
        // SAFETY: the pointer is that of our own field, and nothing writes it while the program runs.
        unsafe { &*opaque(self.0.get()) }
    }
}

/// The same pointer, of which the compiler does not know where it came from: it must not put the initial value,
/// which it knows, in place of the one in memory.
#[cfg(target_os = "none")]
#[inline]
#[allow(clippy::pointers_in_nomem_asm_block)] // It is passed through, not followed.
fn opaque<T>(mut pointer: *mut T) -> *mut T {
    // SAFETY: no instruction at all.
    unsafe {
        core::arch::asm!("/* {0} */", inlateout(reg) pointer, options(pure, nomem, nostack, preserves_flags));
    }
    pointer
}

#[cfg(not(target_os = "none"))]
fn opaque<T>(pointer: *mut T) -> *mut T {
    core::hint::black_box(pointer)
}

/// Declares a symbol, and gives a reference to the value that the host tool wrote there, or else to this one.
///
/// ```
/// # use sel4_microkit::var;
/// let first = *var!(ring_base: usize = 0) + 64;
/// ```
#[macro_export]
macro_rules! var {
    ($symbol:ident: $type:ty = $unless_patched:expr) => {{
        // In a section that is in the image, where zeroes are left out of `.bss`.
        #[unsafe(link_section = ".data")]
        #[unsafe(no_mangle)]
        #[used]
        #[allow(non_upper_case_globals)]
        static $symbol: $crate::_private::Patched<$type> =
            $crate::_private::Patched::unless_patched($unless_patched);
        $symbol.get()
    }};
}

/// Declares symbols of sets of channels, a bit each.
macro_rules! channel_sets {
    ($($(#[$attribute:meta])* $name:ident = $symbol:ident;)*) => {
        $(
            $(#[$attribute])*
            pub(crate) fn $name() -> usize {
                *var!($symbol: usize = 0)
            }
        )*
    };
}

channel_sets! {
    /// Those that are interrupts.
    irqs = microkit_irqs;
    /// Those that can be notified.
    notifications = microkit_notifications;
    /// Those that can be called.
    pps = microkit_pps;
    /// None on this architecture; the tool writes it all the same.
    #[allow(dead_code)]
    ioports = microkit_ioports;
}

/// Whether this protection domain runs on its callers' time only.
pub fn pd_is_passive() -> bool {
    // A byte, not a bool: any value may stand in an image.
    *var!(microkit_passive: u8 = 0) != 0
}

/// What the system description calls this protection domain.
pub fn pd_name() -> Result<&'static str, Utf8Error> {
    let padded = var!(microkit_name: [u8; PD_NAME_LENGTH] = [0; PD_NAME_LENGTH]);
    let length = padded.iter().position(|&byte| byte == 0);
    core::str::from_utf8(&padded[..length.unwrap_or(PD_NAME_LENGTH)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_nobody_wrote_has_the_value_in_the_source() {
        assert_eq!(*var!(test_symbol: u64 = 42), 42);
        assert_eq!(pd_name(), Ok(""));
        assert!(!pd_is_passive());
    }
}
