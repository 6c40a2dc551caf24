//! One end of a link.
//!
//! | module | |
//! |---|---|
//! | `entry` | entries in a page |
//! | `publish` | what was sent and received is made known |
//! | `sleep` | when an end wants to be notified |
//! | `info` | what it states beside its entries |
//! | `resume` | an end whose program, or whose peer, starts anew |

mod entry;
mod info;
mod publish;
mod resume;
mod sleep;

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Acquire;

use zerocopy::{FromBytes, Immutable, IntoBytes};

pub(crate) use entry::{read_entry, write_entry};
pub use sleep::Wish;

use crate::batch::{Inbox, Outbox};
use crate::page::{Page, SharedPage};
use crate::{CAPACITY, ENTRY_MAX, HEAD, TAIL};

/// The peer broke the rules: its index claims something that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The peer claims to have produced more than fits: its tail, our head.
    Tail {
        /// What it claims.
        tail: u32,
        /// What we have consumed.
        head: u32,
    },
    /// The peer claims to have consumed what we did not send, or to have given back what it had consumed.
    Head {
        /// What it claims.
        head: u32,
        /// What we have produced.
        tail: u32,
    },
}

/// Why an entry could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The peer has not consumed enough: try again when it has ([`Link::sleep`] then waits for that too).
    Full,
    /// The peer broke the rules.
    Violation(Violation),
}

impl From<Violation> for SendError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

/// Both directions of a link.
pub type Boxes<'l, Tx, Rx, P> = (Inbox<'l, Rx, P>, Outbox<'l, Tx, P>);

/// One end of a link: sends `Tx`, receives `Rx`. The other end has the two exchanged, and so has its pages.
#[derive(Clone, Debug, Hash)]
pub struct Link<Tx, Rx, P = SharedPage> {
    own: P,
    peer: P,
    /// Entries written; the peer knows of them up to `published_tail`.
    tail: u32,
    published_tail: u32,
    /// The peer's head when it was last looked at.
    peer_head: u32,
    /// Entries read; the peer knows of them up to `published_head`.
    head: u32,
    published_head: u32,
    /// The peer's tail when it was last looked at.
    peer_tail: u32,
    /// `send` met a full ring since the last wake-up.
    wants_space: bool,
    /// Our flag is set.
    asleep: bool,
    /// It asks for more than entries.
    asleep_for_all: bool,
    entries: PhantomData<fn(Tx) -> Rx>,
}

impl<Tx: IntoBytes + Immutable, Rx: FromBytes> Link<Tx, Rx, SharedPage> {
    /// The end that writes the page at `own` and reads the one at `peer`. Nothing is accessed yet; both rings are taken
    /// to be empty, as they are in zeroed pages.
    ///
    /// # Safety
    /// `own` and `peer` are non-null and aligned to 8; each is the address of a page ([`crate::PAGE_SIZE`] bytes) that
    /// stays mapped for as long as the link exists, `own` readable and writable, `peer` readable. Nothing else in this
    /// program accesses them, another `Link` excepted that is the other end with the same entry types.
    pub unsafe fn new(own: *mut u8, peer: *const u8) -> Self {
        // SAFETY: non-null, aligned, mapped and not accessed otherwise by the caller's contract; `peer` is never
        // stored to, because no method below stores to `self.peer`.
        unsafe {
            Self::over(
                SharedPage::new(NonNull::new_unchecked(own)),
                SharedPage::new(NonNull::new_unchecked(peer.cast_mut())),
            )
        }
    }

    /// As [`new`](Self::new), for an end whose program may have been started anew: see [`resume`](Self::resume).
    ///
    /// # Safety
    /// As `new`; the program that wrote `own` before, if there was one, has ended.
    pub unsafe fn attach(own: *mut u8, peer: *const u8) -> Self {
        // SAFETY: as `new`.
        unsafe {
            Self::resume(
                SharedPage::new(NonNull::new_unchecked(own)),
                SharedPage::new(NonNull::new_unchecked(peer.cast_mut())),
            )
        }
    }
}

impl<Tx: IntoBytes + Immutable, Rx: FromBytes, P: Page> Link<Tx, Rx, P> {
    /// The end that writes `own` and reads `peer`, both rings empty.
    pub fn over(own: P, peer: P) -> Self {
        const { assert!(size_of::<Tx>() <= ENTRY_MAX && size_of::<Tx>() > 0) }
        const { assert!(size_of::<Rx>() <= ENTRY_MAX && size_of::<Rx>() > 0) }
        Self {
            own,
            peer,
            tail: 0,
            published_tail: 0,
            peer_head: 0,
            head: 0,
            published_head: 0,
            peer_tail: 0,
            wants_space: false,
            asleep: false,
            asleep_for_all: false,
            entries: PhantomData,
        }
    }

    /// Put an entry into the ring. The peer sees it after [`publish`](Self::publish).
    ///
    /// # Errors
    /// [`SendError::Full`], and nothing was sent; [`SendError::Violation`].
    #[inline]
    pub fn send(&mut self, entry: &Tx) -> Result<(), SendError> {
        if self.tail.wrapping_sub(self.peer_head) >= CAPACITY {
            self.look_at_head()?;
            if self.tail.wrapping_sub(self.peer_head) >= CAPACITY {
                self.wants_space = true;
                return Err(SendError::Full);
            }
        }
        write_entry(&self.own, self.tail, entry);
        self.tail = self.tail.wrapping_add(1);
        Ok(())
    }

    /// Entries that can be sent now.
    ///
    /// # Errors
    /// The peer's head is impossible.
    #[inline]
    pub fn space(&mut self) -> Result<u32, Violation> {
        self.look_at_head()?;
        Ok(CAPACITY.saturating_sub(self.tail.wrapping_sub(self.peer_head)))
    }

    /// Whether `count` entries can be sent now. The peer's head is looked at only if what is known of it says no.
    ///
    /// # Errors
    /// The peer's head is impossible.
    #[inline]
    pub fn has_space(&mut self, count: u32) -> Result<bool, Violation> {
        // Never more than `CAPACITY`, as `look_at_head` and `send` see to; a head looked at long ago is too small, never too large.
        let used = self.tail.wrapping_sub(self.peer_head);
        Ok(used.saturating_add(count) <= CAPACITY || self.space()? >= count)
    }

    /// Take the next entry, read once into private memory. The peer learns of it at [`publish`](Self::publish).
    ///
    /// # Errors
    /// The peer's tail is impossible.
    #[inline]
    pub fn recv(&mut self) -> Result<Option<Rx>, Violation> {
        if self.head == self.peer_tail {
            self.look_at_tail()?;
            if self.head == self.peer_tail {
                return Ok(None);
            }
        }
        let entry = read_entry(&self.peer, self.head);
        self.head = self.head.wrapping_add(1);
        Ok(entry)
    }

    /// How many entries have come in, as far as is known. The peer's tail is looked at only if none is known.
    ///
    /// # Errors
    /// The peer's tail is impossible.
    #[inline]
    pub fn waiting(&mut self) -> Result<u32, Violation> {
        if self.head == self.peer_tail {
            return self.look_at_tail();
        }
        Ok(self.peer_tail.wrapping_sub(self.head))
    }

    /// The entries that have come in. The peer's tail is looked at only if none is known.
    ///
    /// # Errors
    /// The peer's tail is impossible.
    #[inline]
    pub fn inbox(&mut self) -> Result<Inbox<'_, Rx, P>, Violation> {
        self.waiting()?;
        Ok(Inbox::new(&self.peer, &mut self.head, self.peer_tail))
    }

    /// Room for entries, as far as is known: the peer's head is not looked at.
    #[inline]
    pub fn outbox(&mut self) -> Outbox<'_, Tx, P> {
        Outbox::new(&self.own, &mut self.tail, self.peer_head)
    }

    /// Both at a time: the entries that have come in until now, and room.
    ///
    /// # Errors
    /// The peer's tail is impossible.
    #[inline]
    pub fn boxes(&mut self) -> Result<Boxes<'_, Tx, Rx, P>, Violation> {
        self.look_at_tail()?;
        Ok((
            Inbox::new(&self.peer, &mut self.head, self.peer_tail),
            Outbox::new(&self.own, &mut self.tail, self.peer_head),
        ))
    }

    /// Read the peer's tail and check it: not behind what we know, not more than fits. How many entries have come in.
    #[inline]
    fn look_at_tail(&mut self) -> Result<u32, Violation> {
        // Before the peer's word: what is read behind that is read anew.
        let (head, known) = (self.head, self.peer_tail);
        let tail = self.peer.load32(TAIL, Acquire);
        let ahead = tail.wrapping_sub(head);
        if ahead > CAPACITY || ahead < known.wrapping_sub(head) {
            return Err(Violation::Tail { tail, head });
        }
        self.peer_tail = tail;
        Ok(ahead)
    }

    /// Read the peer's head and check it: not behind what we know, not ahead of what we published.
    #[inline]
    fn look_at_head(&mut self) -> Result<(), Violation> {
        let head = self.peer.load32(HEAD, Acquire);
        let progress = head.wrapping_sub(self.peer_head);
        if progress > self.published_tail.wrapping_sub(self.peer_head) {
            return Err(Violation::Head {
                head,
                tail: self.tail,
            });
        }
        self.peer_head = head;
        Ok(())
    }
}
