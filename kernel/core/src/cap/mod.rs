//! Capabilities: what a slot can hold, and how it is packed into two words.
//!
//! First word: type in the top five bits, eleven bits of attributes, the object's physical address below.
//! Second word: what the type needs most (a badge, a guard, a mapping, a watermark).

use sel4_abi::rights::CapRights;

use crate::object::{Endpoint, Notification, Obj, PhysAddr, Reply, SchedContext, Tcb, tcb};

pub mod cspace;
pub mod derive;
pub mod tree;

/// Sizes of frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FrameSize {
    /// 4 KiB
    Small = 0,
    /// 2 MiB
    Large = 1,
    /// 1 GiB
    Huge = 2,
}

impl FrameSize {
    /// log2 of the bytes.
    pub const fn bits(self) -> u32 {
        12 + 9 * self as u32
    }
    const fn from_attr(attr: u64) -> Self {
        match attr & 3 {
            0 => Self::Small,
            1 => Self::Large,
            _ => Self::Huge,
        }
    }
}

/// What a zombie was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZombieKind {
    /// A thread control block.
    Tcb,
    /// A CNode of `2^radix` slots.
    CNode {
        /// log2 of the slots.
        radix: u8,
    },
}

/// A capability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // the fields are explained by the variants
pub enum Cap {
    /// An empty slot.
    Null,
    /// Memory; `free` is the offset of the first byte not yet given out. Bytes from there up to `clean` have been
    /// zeroed already, by a retype that was preempted (4 KiB units).
    Untyped {
        at: PhysAddr,
        bits: u8,
        device: bool,
        free: u64,
        clean: u64,
    },
    /// An endpoint.
    Endpoint {
        ep: Endpoint,
        badge: u64,
        rights: CapRights,
    },
    /// A notification.
    Notification {
        ntfn: Notification,
        badge: u64,
        rights: CapRights,
    },
    /// A reply object.
    Reply { reply: Reply, grant: bool },
    /// A CNode; guard and its size as in the interface's data word.
    CNode {
        at: PhysAddr,
        radix: u8,
        guard: u64,
        guard_bits: u8,
    },
    /// A thread.
    Tcb(Tcb),
    /// A scheduling context of `2^bits` bytes.
    SchedContext { sc: SchedContext, bits: u8 },
    /// Authority to configure scheduling contexts.
    SchedControl,
    /// Authority to make interrupt handlers.
    IrqControl,
    /// One interrupt line.
    IrqHandler { irq: u32 },
    /// Authority to raise one software generated interrupt at one core.
    SgiSignal { irq: u32, target: u32 },
    /// Authority over domains.
    Domain,
    /// Authority to make ASID pools.
    AsidControl,
    /// 512 address space identifiers from `base` on.
    AsidPool { at: PhysAddr, base: u16 },
    /// A frame and, if `asid` is not zero, where it is mapped.
    Frame {
        at: PhysAddr,
        size: FrameSize,
        write: bool,
        read: bool,
        device: bool,
        asid: u16,
        vaddr: u64,
    },
    /// A page table and, if `asid` is not zero, where it is mapped.
    PageTable { at: PhysAddr, asid: u16, vaddr: u64 },
    /// A top-level table; `asid` is zero while it has none.
    VSpace { at: PhysAddr, asid: u16 },
    /// Secure monitor calls; a badge other than zero allows only that function.
    Smc { badge: u64 },
    /// An object that is being destroyed: `left` of its slots are still to be emptied.
    Zombie {
        at: PhysAddr,
        kind: ZombieKind,
        left: u64,
    },
}

/// Type numbers as stored.
pub(crate) mod kind {
    pub const UNTYPED: u64 = 1;
    pub const ENDPOINT: u64 = 2;
    pub const NOTIFICATION: u64 = 3;
    pub const REPLY: u64 = 4;
    pub const CNODE: u64 = 5;
    pub const TCB: u64 = 6;
    pub const SCHED_CONTEXT: u64 = 7;
    pub const SCHED_CONTROL: u64 = 8;
    pub const IRQ_CONTROL: u64 = 9;
    pub const IRQ_HANDLER: u64 = 10;
    pub const SGI_SIGNAL: u64 = 11;
    pub const DOMAIN: u64 = 12;
    pub const ASID_CONTROL: u64 = 13;
    pub const ASID_POOL: u64 = 14;
    pub const FRAME: u64 = 15;
    pub const PAGE_TABLE: u64 = 16;
    pub const VSPACE: u64 = 17;
    pub const SMC: u64 = 18;
    pub const ZOMBIE: u64 = 19;
}

const ADDR_MASK: u64 = (1 << 48) - 1;
const TYPE_SHIFT: u32 = 59;
const ATTR_SHIFT: u32 = 48;
const ATTR_MASK: u64 = (1 << (TYPE_SHIFT - ATTR_SHIFT)) - 1;
const MAPPED_ASID_SHIFT: u32 = 48;
const ZOMBIE_TCB: u64 = 1 << 6;
/// Packing of an untyped's second word: `free` in 16-byte units below, `clean` in 4 KiB units above.
const FREE_UNIT_BITS: u32 = 4;
const CLEAN_UNIT_BITS: u32 = 12;
const CLEAN_SHIFT: u32 = 36;

/// The type number in a capability's first word.
#[inline(always)]
pub(crate) const fn kind_of(word0: u64) -> u64 {
    word0 >> TYPE_SHIFT
}

/// The address in a capability's first word.
#[inline(always)]
pub(crate) const fn addr_of(word0: u64) -> PhysAddr {
    word0 & ADDR_MASK
}

/// The attributes in a capability's first word.
#[inline(always)]
pub(crate) const fn attr_of(word0: u64) -> u64 {
    word0 >> ATTR_SHIFT & ATTR_MASK
}

const fn word0(kind: u64, attr: u64, at: PhysAddr) -> u64 {
    kind << TYPE_SHIFT | attr << ATTR_SHIFT | at
}

const fn mapping(asid: u16, vaddr: u64) -> u64 {
    (asid as u64) << MAPPED_ASID_SHIFT | vaddr
}

impl Cap {
    /// The capability packed in two words.
    #[inline]
    pub fn unpack(w0: u64, w1: u64) -> Self {
        let (at, attr) = (addr_of(w0), attr_of(w0));
        let rights = CapRights::from_word(attr);
        let (asid, vaddr) = ((w1 >> MAPPED_ASID_SHIFT) as u16, w1 & ADDR_MASK);
        match kind_of(w0) {
            kind::UNTYPED => {
                let free = (w1 & ((1 << CLEAN_SHIFT) - 1)) << FREE_UNIT_BITS;
                let clean = w1 >> CLEAN_SHIFT << CLEAN_UNIT_BITS;
                Self::Untyped {
                    at,
                    bits: (attr & 63) as u8,
                    device: attr >> 6 & 1 != 0,
                    free,
                    clean,
                }
            }
            kind::ENDPOINT => Self::Endpoint {
                ep: Obj::at(at),
                badge: w1,
                rights,
            },
            kind::NOTIFICATION => Self::Notification {
                ntfn: Obj::at(at),
                badge: w1,
                rights,
            },
            kind::REPLY => Self::Reply {
                reply: Obj::at(at),
                grant: attr != 0,
            },
            kind::CNODE => Self::CNode {
                at,
                radix: attr as u8 & 63,
                guard: w1 >> 6,
                guard_bits: (w1 & 63) as u8,
            },
            kind::TCB => Self::Tcb(Obj::at(at)),
            kind::SCHED_CONTEXT => Self::SchedContext {
                sc: Obj::at(at),
                bits: attr as u8 & 63,
            },
            kind::SCHED_CONTROL => Self::SchedControl,
            kind::IRQ_CONTROL => Self::IrqControl,
            kind::IRQ_HANDLER => Self::IrqHandler { irq: w1 as u32 },
            kind::SGI_SIGNAL => Self::SgiSignal {
                irq: w1 as u32,
                target: (w1 >> 32) as u32,
            },
            kind::DOMAIN => Self::Domain,
            kind::ASID_CONTROL => Self::AsidControl,
            kind::ASID_POOL => Self::AsidPool { at, base: w1 as u16 },
            kind::FRAME => Self::Frame {
                at,
                size: FrameSize::from_attr(attr),
                write: attr >> 2 & 1 != 0,
                read: attr >> 3 & 1 != 0,
                device: attr >> 4 & 1 != 0,
                asid,
                vaddr,
            },
            kind::PAGE_TABLE => Self::PageTable { at, asid, vaddr },
            kind::VSPACE => Self::VSpace { at, asid },
            kind::SMC => Self::Smc { badge: w1 },
            kind::ZOMBIE => Self::Zombie {
                at,
                kind: if attr & ZOMBIE_TCB != 0 {
                    ZombieKind::Tcb
                } else {
                    ZombieKind::CNode {
                        radix: attr as u8 & 63,
                    }
                },
                left: w1,
            },
            _ => Self::Null,
        }
    }

    /// The two words of this capability.
    #[inline]
    pub fn pack(self) -> (u64, u64) {
        match self {
            Self::Null => (0, 0),
            Self::Untyped {
                at,
                bits,
                device,
                free,
                clean,
            } => {
                let word1 = free >> FREE_UNIT_BITS | clean >> CLEAN_UNIT_BITS << CLEAN_SHIFT;
                (
                    word0(kind::UNTYPED, bits as u64 | (device as u64) << 6, at),
                    word1,
                )
            }
            Self::Endpoint { ep, badge, rights } => {
                (word0(kind::ENDPOINT, rights.into_word(), ep.addr()), badge)
            }
            Self::Notification { ntfn, badge, rights } => {
                (word0(kind::NOTIFICATION, rights.into_word(), ntfn.addr()), badge)
            }
            Self::Reply { reply, grant } => (word0(kind::REPLY, grant as u64, reply.addr()), 0),
            Self::CNode {
                at,
                radix,
                guard,
                guard_bits,
            } => (
                word0(kind::CNODE, radix as u64, at),
                guard << 6 | guard_bits as u64,
            ),
            Self::Tcb(tcb) => (word0(kind::TCB, 0, tcb.addr()), 0),
            Self::SchedContext { sc, bits } => (word0(kind::SCHED_CONTEXT, bits as u64, sc.addr()), 0),
            Self::SchedControl => (word0(kind::SCHED_CONTROL, 0, 0), 0),
            Self::IrqControl => (word0(kind::IRQ_CONTROL, 0, 0), 0),
            Self::IrqHandler { irq } => (word0(kind::IRQ_HANDLER, 0, 0), irq as u64),
            Self::SgiSignal { irq, target } => {
                (word0(kind::SGI_SIGNAL, 0, 0), irq as u64 | (target as u64) << 32)
            }
            Self::Domain => (word0(kind::DOMAIN, 0, 0), 0),
            Self::AsidControl => (word0(kind::ASID_CONTROL, 0, 0), 0),
            Self::AsidPool { at, base } => (word0(kind::ASID_POOL, 0, at), base as u64),
            Self::Frame {
                at,
                size,
                write,
                read,
                device,
                asid,
                vaddr,
            } => {
                let attr = size as u64 | (write as u64) << 2 | (read as u64) << 3 | (device as u64) << 4;
                (word0(kind::FRAME, attr, at), mapping(asid, vaddr))
            }
            Self::PageTable { at, asid, vaddr } => (word0(kind::PAGE_TABLE, 0, at), mapping(asid, vaddr)),
            Self::VSpace { at, asid } => (word0(kind::VSPACE, 0, at), mapping(asid, 0)),
            Self::Smc { badge } => (word0(kind::SMC, 0, 0), badge),
            Self::Zombie { at, kind, left } => {
                let attr = match kind {
                    ZombieKind::Tcb => ZOMBIE_TCB,
                    ZombieKind::CNode { radix } => radix as u64,
                };
                (word0(kind::ZOMBIE, attr, at), left)
            }
        }
    }

    /// The memory this capability stands for: first byte and log2 of the size. `None` for pure authorities.
    pub fn region(self) -> Option<(PhysAddr, u32)> {
        Some(match self {
            Self::Untyped { at, bits, .. } => (at, bits as u32),
            Self::Endpoint { ep, .. } => (ep.addr(), sel4_abi::object::ENDPOINT_BITS as u32),
            Self::Notification { ntfn, .. } => (ntfn.addr(), sel4_abi::object::NOTIFICATION_BITS as u32),
            Self::Reply { reply, .. } => (reply.addr(), sel4_abi::object::REPLY_BITS as u32),
            Self::CNode { at, radix, .. } => (at, radix as u32 + crate::object::slot::SLOT_BITS),
            Self::Tcb(tcb) => (tcb.addr(), sel4_abi::object::TCB_BITS as u32),
            Self::SchedContext { sc, bits } => (sc.addr(), bits as u32),
            Self::AsidPool { at, .. } => (at, 12),
            Self::Frame { at, size, .. } => (at, size.bits()),
            Self::PageTable { at, .. } | Self::VSpace { at, .. } => (at, 12),
            Self::Zombie {
                at,
                kind: ZombieKind::CNode { radix },
                ..
            } => (at, radix as u32 + crate::object::slot::SLOT_BITS),
            Self::Zombie {
                at,
                kind: ZombieKind::Tcb,
                ..
            } => (tcb::of_slots(at).addr(), sel4_abi::object::TCB_BITS as u32),
            _ => return None,
        })
    }

    /// True if both capabilities are to one object, so that neither is its last one.
    pub fn same_object(self, other: Self) -> bool {
        match (self, other) {
            (Self::Untyped { .. }, _) | (_, Self::Untyped { .. }) => false,
            (Self::Zombie { .. }, _) | (_, Self::Zombie { .. }) => false,
            (Self::IrqHandler { irq: a }, Self::IrqHandler { irq: b }) => a == b,
            (Self::SgiSignal { irq: a, target: s }, Self::SgiSignal { irq: b, target: t }) => {
                a == b && s == t
            }
            (Self::Smc { badge: a }, Self::Smc { badge: b }) => a == b,
            (Self::SchedControl, Self::SchedControl)
            | (Self::IrqControl, Self::IrqControl)
            | (Self::Domain, Self::Domain)
            | (Self::AsidControl, Self::AsidControl) => true,
            _ => {
                let (a, b) = (self.pack().0, other.pack().0);
                kind_of(a) == kind_of(b) && self.region().is_some() && self.region() == other.region()
            }
        }
    }

    /// True if `other` stands for a part or all of what `self` stands for.
    pub fn covers(self, other: Self) -> bool {
        match self {
            Self::Untyped { at, bits, .. } => match other.region() {
                Some((start, size)) => {
                    at <= start && start - at + (1 << size) <= 1 << bits && start < at + (1 << bits)
                }
                None => false,
            },
            Self::IrqControl => {
                matches!(
                    other,
                    Self::IrqControl | Self::IrqHandler { .. } | Self::SgiSignal { .. }
                )
            }
            Self::Smc { badge: 0 } => matches!(other, Self::Smc { .. }),
            _ => self.same_object(other),
        }
    }

    /// The badge, where the type has one that separates families of capabilities.
    pub fn badge(self) -> Option<u64> {
        match self {
            Self::Endpoint { badge, .. } | Self::Notification { badge, .. } | Self::Smc { badge } => {
                Some(badge)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Cap> {
        let rights = CapRights::new(true, false, true, true);
        vec![
            Cap::Null,
            Cap::Untyped {
                at: 0x4000_0000,
                bits: 30,
                device: true,
                free: 0x1234_5010,
                clean: 0x2000_0000,
            },
            Cap::Endpoint {
                ep: Obj::at(0x4000_0010),
                badge: !0,
                rights,
            },
            Cap::Notification {
                ntfn: Obj::at(0x4000_0040),
                badge: 7,
                rights,
            },
            Cap::Reply {
                reply: Obj::at(0x4000_0020),
                grant: true,
            },
            Cap::CNode {
                at: 0x4000_0020,
                radix: 42,
                guard: (1 << 57) | 5,
                guard_bits: 58,
            },
            Cap::Tcb(Obj::at(0x4000_1000)),
            Cap::SchedContext {
                sc: Obj::at(0x4000_0080),
                bits: 7,
            },
            Cap::SchedControl,
            Cap::IrqControl,
            Cap::IrqHandler { irq: 159 },
            Cap::SgiSignal { irq: 15, target: 7 },
            Cap::Domain,
            Cap::AsidControl,
            Cap::AsidPool {
                at: 0x4000_1000,
                base: 0xfe00,
            },
            Cap::Frame {
                at: 0xff_ffff_f000,
                size: FrameSize::Small,
                write: false,
                read: true,
                device: true,
                asid: 0xffff,
                vaddr: 0x7fff_ffff_f000,
            },
            Cap::PageTable {
                at: 0x4000_1000,
                asid: 3,
                vaddr: 0x20_0000,
            },
            Cap::VSpace {
                at: 0x4000_1000,
                asid: 3,
            },
            Cap::Smc { badge: 0x8400_0000 },
            Cap::Zombie {
                at: 0x4000_1000,
                kind: ZombieKind::CNode { radix: 17 },
                left: 1 << 17,
            },
            Cap::Zombie {
                at: 0x4000_1200,
                kind: ZombieKind::Tcb,
                left: 5,
            },
        ]
    }

    #[test]
    fn packing_loses_nothing() {
        for cap in samples() {
            let (w0, w1) = cap.pack();
            assert_eq!(Cap::unpack(w0, w1), cap);
        }
    }

    #[test]
    fn same_object_is_symmetric_and_no_cap_of_another_type_is_the_same() {
        for a in samples() {
            for b in samples() {
                assert_eq!(a.same_object(b), b.same_object(a));
                if kind_of(a.pack().0) != kind_of(b.pack().0) {
                    assert!(!a.same_object(b));
                }
            }
        }
    }

    #[test]
    fn untyped_covers_exactly_what_lies_inside() {
        let untyped = Cap::Untyped {
            at: 0x4000_0000,
            bits: 12,
            device: false,
            free: 0,
            clean: 0,
        };
        let ep = |at| Cap::Endpoint {
            ep: Obj::at(at),
            badge: 0,
            rights: CapRights::ALL,
        };
        assert!(untyped.covers(ep(0x4000_0000)) && untyped.covers(ep(0x4000_0ff0)));
        assert!(!untyped.covers(ep(0x4000_1000)) && !untyped.covers(ep(0x3fff_fff0)));
        assert!(untyped.covers(untyped));
        let larger = Cap::Untyped {
            at: 0x4000_0000,
            bits: 13,
            device: false,
            free: 0,
            clean: 0,
        };
        assert!(larger.covers(untyped) && !untyped.covers(larger));
    }
}
