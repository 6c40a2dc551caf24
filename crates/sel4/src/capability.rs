//! Capabilities: addresses in the CSpace of the thread that uses them, marked with what is expected there.

use core::fmt;
use core::marker::PhantomData;

use crate::{CPtrBits, ImplicitInvocationContext, InvocationContext, IpcBuffer, Result, Word, cap};
use crate::{cap_type, error, syscall};
use sel4_abi::invocation::InvocationLabel;

/// An address in a CSpace. All its bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CPtr(CPtrBits);

impl CPtr {
    /// The address with that number.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        Self(bits)
    }

    /// Its number.
    pub const fn bits(self) -> CPtrBits {
        self.0
    }
}

impl<T: CapType, C> From<Cap<T, C>> for CPtr {
    fn from(cap: Cap<T, C>) -> Self {
        cap.at
    }
}

/// What a capability is expected to be: the types in [`cap_type`].
pub trait CapType: Copy + Eq {
    /// Its name, for debug output.
    const NAME: &'static str;
}

/// A capability of kind `T`, used through the IPC buffer that `C` stands for.
///
/// Nothing checks that such a capability is there: the kernel does when it is used. Methods on slots, rather than on
/// what is in them, are [`AbsoluteCPtr`](crate::AbsoluteCPtr)'s.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cap<T: CapType, C = ImplicitInvocationContext> {
    at: CPtr,
    buffer: C,
    kind: PhantomData<T>,
}

impl<T: CapType> Cap<T> {
    /// Expects a capability of this kind at an address.
    pub const fn from_bits(bits: CPtrBits) -> Self {
        Self {
            at: CPtr(bits),
            buffer: ImplicitInvocationContext::new(),
            kind: PhantomData,
        }
    }
}

impl<C> cap::Unspecified<C> {
    /// Expects a certain kind.
    pub fn downcast<T: CapType>(self) -> Cap<T, C> {
        self.cast()
    }
}

impl<T: CapType, C> Cap<T, C> {
    /// Where it is.
    pub const fn cptr(&self) -> CPtr {
        self.at
    }

    /// The number of where it is.
    pub const fn bits(&self) -> CPtrBits {
        self.at.0
    }

    /// Expects no certain kind.
    pub fn upcast(self) -> Cap<cap_type::Unspecified, C> {
        self.cast()
    }

    /// Expects another kind.
    pub fn cast<Other: CapType>(self) -> Cap<Other, C> {
        let Self { at, buffer, .. } = self;
        let kind = PhantomData;
        Cap { at, buffer, kind }
    }

    /// Uses it through another buffer.
    pub fn with<Other>(self, buffer: Other) -> Cap<T, Other> {
        let Self { at, kind, .. } = self;
        Cap { at, buffer, kind }
    }
}

impl<T: CapType, C: InvocationContext> Cap<T, C> {
    /// Runs `f` with the address and the buffer.
    pub(crate) fn lend<R>(mut self, f: impl FnOnce(CPtrBits, &mut IpcBuffer) -> R) -> R {
        self.buffer.with_context(|buffer| f(self.at.0, buffer))
    }

    /// Invokes the object: calls it with the method's label, words and capabilities.
    pub(crate) fn invoke<const WORDS: usize, const CAPS: usize>(
        self,
        method: InvocationLabel,
        words: [Word; WORDS],
        caps: [CPtrBits; CAPS],
    ) -> Result<()> {
        self.invoke_for(method, words, caps).map(|[]| ())
    }

    /// The same for a method that answers with words.
    pub(crate) fn invoke_for<const ANSWER: usize, const WORDS: usize, const CAPS: usize>(
        self,
        method: InvocationLabel,
        words: [Word; WORDS],
        caps: [CPtrBits; CAPS],
    ) -> Result<[Word; ANSWER]> {
        self.lend(|at, buffer| {
            error::check(syscall::call(buffer, at, method.to_raw(), words, caps))?;
            Ok(core::array::from_fn(|i| buffer.layout().msg[i]))
        })
    }
}

impl<T: CapType, C> fmt::Debug for Cap<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", T::NAME, self.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_names_the_kind() {
        let cap = cap::Notification::from_bits(12);
        assert_eq!(std::format!("{cap:?}"), "Notification(12)");
        assert_eq!(std::format!("{:?}", cap.upcast()), "Unspecified(12)");
    }
}
