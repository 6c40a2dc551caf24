//! Symbols of the image that the host tool writes.

use core::cell::UnsafeCell;
use core::str::{self, Utf8Error};

use sel4_abi::microkit::PD_NAME_LENGTH;

/// A value that the host tool may have replaced in the image before the program was started.
#[doc(hidden)]
#[repr(transparent)]
pub struct ImmutableCell<T> {
    value: UnsafeCell<T>,
}

// SAFETY: while the program runs nothing writes the value, so sharing it is sharing `&T`. `T: Send` is not
// needed, `T: Sync` is not asked for because addresses (`*mut T`) are a common case and carry no data.
unsafe impl<T> Sync for ImmutableCell<T> {}

impl<T> ImmutableCell<T> {
    pub const fn new(value: T) -> Self {
        Self {
            value: UnsafeCell::new(value),
        }
    }

    /// The value in the image, not the one in the source.
    #[inline]
    pub fn get(&self) -> &T {
        // SAFETY: the pointer is that of our own field, and nothing writes it while the program runs.
        unsafe { &*opaque(self.value.get()) }
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

/// Declares a symbol via which the host tool can inject a variable declared by e.g. `setvar_vaddr`, and returns a
/// reference to the variable's value at run time.
///
/// ```
/// # use sel4_microkit::var;
/// let foo = 1 + *var!(baz: usize = 0);
/// ```
///
/// The default is the value that the variable has if the tool does not write it.
#[macro_export]
macro_rules! var {
    ($(#[$attrs:meta])* $symbol:ident: $ty:ty = $default:expr) => {{
        use $crate::_private::ImmutableCell;

        $(#[$attrs])*
        #[allow(non_upper_case_globals)]
        #[unsafe(no_mangle)]
        #[unsafe(link_section = ".data")]
        #[used]
        static $symbol: ImmutableCell<$ty> = ImmutableCell::new($default);

        $symbol.get()
    }};
}

/// Declares a symbol via which the host tool can inject a memory region's address, and returns the memory region's
/// address at run time, a [`NonNull`](core::ptr::NonNull).
///
/// ```ignore
/// let region_1 = memory_region_symbol!(region_1_addr: *mut Foo);
/// let region_2 = memory_region_symbol!(region_2_addr: *mut [u8], n = REGION_2_SIZE);
/// ```
///
/// Panics if the tool did not write it.
#[macro_export]
macro_rules! memory_region_symbol {
    ($(#[$attrs:meta])* $symbol:ident: *mut [$ty:ty], n = $n:expr, bytes = $bytes:expr $(,)?) => {{
        assert!($bytes == $n * ::core::mem::size_of::<$ty>());
        $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut [$ty], n = $n)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut $ty:ty, bytes = $bytes:expr $(,)?) => {{
        assert!($bytes == ::core::mem::size_of::<$ty>());
        $crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut $ty)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut [$ty:ty], n = $n:expr $(,)?) => {{
        ::core::ptr::NonNull::slice_from_raw_parts($crate::memory_region_symbol!($(#[$attrs])* $symbol: *mut $ty), $n)
    }};
    ($(#[$attrs:meta])* $symbol:ident: *mut $ty:ty $(,)?) => {{
        ::core::ptr::NonNull::new(*$crate::var!($(#[$attrs])* $symbol: usize = 0) as *mut $ty)
            .unwrap_or_else(|| panic!("{} is null", stringify!($symbol)))
    }};
}

/// Whether this protection domain runs on its callers' time only.
pub fn pd_is_passive() -> bool {
    // A byte, not a bool: any value may stand in an image.
    *var!(microkit_passive: u8 = 0) != 0
}

pub(crate) fn pd_irqs() -> usize {
    *var!(microkit_irqs: usize = 0)
}

pub(crate) fn pd_notifications() -> usize {
    *var!(microkit_notifications: usize = 0)
}

pub(crate) fn pd_pps() -> usize {
    *var!(microkit_pps: usize = 0)
}

/// This protection domain's name, as bytes.
fn pd_name_bytes() -> &'static [u8] {
    let bytes: &[u8] = var!(microkit_name: [u8; PD_NAME_LENGTH] = [0; PD_NAME_LENGTH]);
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// What the system description calls this protection domain.
pub fn pd_name() -> Result<&'static str, Utf8Error> {
    str::from_utf8(pd_name_bytes())
}

/// Microkit's tool writes it in every PD; nothing here reads it.
#[allow(dead_code)]
fn pd_ioports() -> usize {
    *var!(microkit_ioports: usize = 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_nobody_wrote_has_its_default() {
        assert_eq!(*var!(test_symbol: u64 = 42), 42);
        assert_eq!(pd_name(), Ok(""));
        assert!(!pd_is_passive());
    }
}
