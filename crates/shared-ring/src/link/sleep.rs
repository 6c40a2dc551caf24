//! When an end wants to be notified.

use core::sync::atomic::Ordering::Relaxed;

use zerocopy::{FromBytes, Immutable, IntoBytes};

use super::{Link, Violation};
use crate::page::Page;
use crate::{ASLEEP, ASLEEP_FOR_ALL, ASLEEP_FOR_ENTRIES};

/// What a sleeper wants to be notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// New entries.
    Entries,
    /// The peer has consumed entries since this end last looked.
    Space,
    /// Both.
    Both,
}

impl<Tx: IntoBytes + Immutable, Rx: FromBytes, P: Page> Link<Tx, Rx, P> {
    /// Ask to be notified of entries, and of space if the last `send` found none. True: wait for a notification. False:
    /// something came meanwhile, and the wish is withdrawn. Publish before: the peer does not see what is not published.
    ///
    /// # Errors
    /// An index of the peer is impossible; the wish is withdrawn.
    pub fn sleep(&mut self) -> Result<bool, Violation> {
        self.sleep_for(if self.wants_space {
            Wish::Both
        } else {
            Wish::Entries
        })
    }

    /// As [`sleep`](Self::sleep), for what `wish` says: a receiver that has its reasons to leave entries in the ring does
    /// not want to hear of them.
    ///
    /// # Errors
    /// As `sleep`.
    pub fn sleep_for(&mut self, wish: Wish) -> Result<bool, Violation> {
        let flag = if wish == Wish::Entries {
            ASLEEP_FOR_ENTRIES
        } else {
            ASLEEP_FOR_ALL
        };
        self.own.store32(ASLEEP, flag, Relaxed);
        P::fence();
        let quiet = self.nothing_new(wish);
        self.asleep = quiet == Ok(true);
        self.asleep_for_all = wish != Wish::Entries;
        if !self.asleep {
            self.own.store32(ASLEEP, 0, Relaxed);
        }
        quiet
    }

    /// A notification is wanted: there was nothing to do when we last looked, and the peer will say when there is.
    #[inline]
    pub fn is_asleep(&self) -> bool {
        self.asleep
    }

    /// The same, and of new entries alone. While that is so the peer notifies of every entry that it publishes: a receiver that takes some
    /// without [`awake`](Self::awake) misses none.
    #[inline]
    pub fn sleeps_for_entries(&self) -> bool {
        self.asleep && !self.asleep_for_all
    }

    /// No notifications wanted: we look ourselves.
    #[inline]
    pub fn awake(&mut self) {
        if self.asleep {
            self.own.store32(ASLEEP, 0, Relaxed);
            self.asleep = false;
        }
        self.wants_space = false;
    }

    fn nothing_new(&mut self, wish: Wish) -> Result<bool, Violation> {
        if wish != Wish::Space {
            self.look_at_tail()?;
            if self.head != self.peer_tail {
                return Ok(false);
            }
        }
        let known = self.peer_head;
        if wish != Wish::Entries {
            self.look_at_head()?;
        }
        Ok(self.peer_head == known)
    }
}
