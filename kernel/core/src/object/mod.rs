//! Kernel objects: typed references to memory, and typed fields within it.
//!
//! An object is nothing but memory that some untyped gave up; a reference is its physical address with the kind
//! of object as a type. Fields are declared once, with their offset and the type of their value, so that a field
//! of one kind cannot be read through a reference to another.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;

use crate::machine::Memory;

pub mod endpoint;
pub mod notification;
pub mod reply;
pub mod sched_context;
pub mod slot;
pub mod tcb;

/// A physical address.
pub type PhysAddr = u64;

/// Kind marker of thread control blocks.
pub enum TcbKind {}
/// Kind marker of endpoints.
pub enum EndpointKind {}
/// Kind marker of notifications.
pub enum NotificationKind {}
/// Kind marker of reply objects.
pub enum ReplyKind {}
/// Kind marker of scheduling contexts.
pub enum SchedContextKind {}
/// Kind marker of capability slots.
pub enum SlotKind {}

/// A thread control block.
pub type Tcb = Obj<TcbKind>;
/// An endpoint.
pub type Endpoint = Obj<EndpointKind>;
/// A notification.
pub type Notification = Obj<NotificationKind>;
/// A reply object.
pub type Reply = Obj<ReplyKind>;
/// A scheduling context.
pub type SchedContext = Obj<SchedContextKind>;
/// A capability slot.
pub type Slot = Obj<SlotKind>;

/// A reference to an object of kind `K`: the physical address of its first byte, never zero.
pub struct Obj<K>(NonZeroU64, PhantomData<fn() -> K>);

impl<K> Obj<K> {
    /// The object at `at`.
    #[inline(always)]
    pub const fn at(at: PhysAddr) -> Self {
        // Zero is no object's address; should it come up, it becomes one that no object has either.
        match NonZeroU64::new(at) {
            Some(at) => Self(at, PhantomData),
            None => Self(NonZeroU64::MIN, PhantomData),
        }
    }
    /// The object at `at`, if that can be one's address.
    #[inline(always)]
    pub fn checked(at: PhysAddr) -> Option<Self> {
        NonZeroU64::new(at).map(|at| Self(at, PhantomData))
    }
    /// Where the object lies.
    #[inline(always)]
    pub const fn addr(self) -> PhysAddr {
        self.0.get()
    }
}

impl<K> Clone for Obj<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Obj<K> {}
impl<K> PartialEq for Obj<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Obj<K> {}
impl<K> fmt::Debug for Obj<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0.get())
    }
}

/// A value that one memory word holds.
pub trait Word: Sized {
    /// From what is stored.
    fn from_word(word: u64) -> Self;
    /// To what is stored.
    fn to_word(self) -> u64;
}

impl Word for u64 {
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        word
    }
    #[inline(always)]
    fn to_word(self) -> u64 {
        self
    }
}

impl Word for bool {
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        word != 0
    }
    #[inline(always)]
    fn to_word(self) -> u64 {
        self as u64
    }
}

impl<K> Word for Option<Obj<K>> {
    #[inline(always)]
    fn from_word(word: u64) -> Self {
        Obj::checked(word)
    }
    #[inline(always)]
    fn to_word(self) -> u64 {
        match self {
            Some(object) => object.addr(),
            None => 0,
        }
    }
}

/// A field of objects of kind `K`, holding a `V`.
pub struct Field<K, V>(u64, PhantomData<fn() -> (K, V)>);

impl<K, V> Field<K, V> {
    /// The field at byte `offset` of the object.
    pub const fn at(offset: u64) -> Self {
        Self(offset, PhantomData)
    }
    /// Its byte offset.
    pub const fn offset(&self) -> u64 {
        self.0
    }
}

/// Typed access to object fields over any memory.
pub trait Fields: Memory {
    /// Reads `field` of `object`.
    #[inline(always)]
    fn get<K, V: Word>(&self, object: Obj<K>, field: Field<K, V>) -> V {
        V::from_word(self.load(object.addr(), field.0))
    }
    /// Writes `field` of `object`.
    #[inline(always)]
    fn set<K, V: Word>(&mut self, object: Obj<K>, field: Field<K, V>, value: V) {
        self.store(object.addr(), field.0, value.to_word());
    }
}

impl<M: Memory + ?Sized> Fields for M {}
