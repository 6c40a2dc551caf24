//! What copying, minting and mutating make of a capability.

use sel4_abi::cap_data::CNodeCapData;
use sel4_abi::rights::CapRights;

use crate::cap::Cap;

impl Cap {
    /// The same with at most `rights`, where the type has rights.
    pub fn with_rights(self, rights: CapRights) -> Self {
        match self {
            Self::Endpoint {
                ep,
                badge,
                rights: own,
            } => Self::Endpoint {
                ep,
                badge,
                rights: own.intersection(rights),
            },
            Self::Notification {
                ntfn,
                badge,
                rights: own,
            } => Self::Notification {
                ntfn,
                badge,
                rights: own.intersection(rights),
            },
            Self::Reply { reply, grant } => Self::Reply {
                reply,
                grant: grant && rights.grant(),
            },
            Self::Frame {
                at,
                size,
                write,
                read,
                device,
                asid,
                vaddr,
            } => {
                // Write without read maps to no access at all.
                let read = read && rights.read();
                Self::Frame {
                    at,
                    size,
                    write: write && read && rights.write(),
                    read,
                    device,
                    asid,
                    vaddr,
                }
            }
            other => other,
        }
    }

    /// The same with new data: the badge of an endpoint, notification or SMC capability, the guard of a CNode.
    /// `keep` forbids changing what a badge says (mutation). `None` if the type does not allow it.
    pub fn with_data(self, data: u64, keep: bool) -> Option<Self> {
        match self {
            Self::Endpoint { ep, badge: 0, rights } if !keep => Some(Self::Endpoint {
                ep,
                badge: data,
                rights,
            }),
            Self::Notification {
                ntfn,
                badge: 0,
                rights,
            } if !keep => Some(Self::Notification {
                ntfn,
                badge: data,
                rights,
            }),
            Self::Smc { badge: 0 } if !keep => Some(Self::Smc { badge: data }),
            Self::Endpoint { .. } | Self::Notification { .. } | Self::Smc { .. } => None,
            Self::CNode { at, radix, .. } => {
                let data = CNodeCapData::from_word(data);
                let guard_bits = data.guard_size();
                if guard_bits + radix as u64 > 64 {
                    return None;
                }
                let guard = data.guard() & ((1 << guard_bits) - 1);
                Some(Self::CNode {
                    at,
                    radix,
                    guard,
                    guard_bits: guard_bits as u8,
                })
            }
            other => Some(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Obj;

    #[test]
    fn rights_only_shrink() {
        let cap = Cap::Endpoint {
            ep: Obj::at(16),
            badge: 0,
            rights: CapRights::READ_WRITE,
        };
        let Cap::Endpoint { rights, .. } = cap.with_rights(CapRights::ALL) else {
            panic!()
        };
        assert_eq!(rights, CapRights::READ_WRITE);
        let Cap::Endpoint { rights, .. } = cap.with_rights(CapRights::WRITE) else {
            panic!()
        };
        assert_eq!(rights, CapRights::WRITE);
    }

    #[test]
    fn a_badge_is_given_once() {
        let cap = Cap::Endpoint {
            ep: Obj::at(16),
            badge: 0,
            rights: CapRights::ALL,
        };
        let badged = cap.with_data(7, false).unwrap();
        assert_eq!(badged.badge(), Some(7));
        assert_eq!(badged.with_data(8, false), None);
        assert_eq!(cap.with_data(7, true), None);
    }

    #[test]
    fn guard_must_leave_room_for_the_radix() {
        let cap = Cap::CNode {
            at: 0x1000,
            radix: 10,
            guard: 0,
            guard_bits: 0,
        };
        assert!(cap.with_data(54, false).is_some());
        assert_eq!(cap.with_data(55, false), None);
    }
}
