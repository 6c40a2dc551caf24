//! One end of a link.

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::batch::{Inbox, Outbox};
use crate::page::{Page, SharedPage};
use crate::{
    ASLEEP, ASLEEP_FOR_ALL, ASLEEP_FOR_ENTRIES, CAPACITY, ENTRIES, ENTRY_MAX, HEAD, INFO, INFO_LEN, TAIL,
};

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

    /// The end that writes `own` and reads `peer`, going on from what a predecessor at this end left in `own`. In zeroed
    /// pages that is [`over`](Self::over), so an end that may be started anew can always begin with this.
    ///
    /// Nobody else writes `own`, so its indices are believed; the peer's are checked as always, the next time they are looked
    /// at. What the predecessor did since its last [`publish`](Self::publish) is undone: entries it sent are lost, entries
    /// it took come once more. It may have died before it notified the peer: notify it once, whatever `publish` says.
    pub fn resume(own: P, peer: P) -> Self {
        let (tail, head) = (own.load32(TAIL, Relaxed), own.load32(HEAD, Relaxed));
        own.store32(ASLEEP, 0, Relaxed);
        Self {
            tail,
            published_tail: tail,
            // The oldest head that can be, so that every possible one is an advance.
            peer_head: tail.wrapping_sub(CAPACITY),
            head,
            published_head: head,
            peer_tail: head,
            ..Self::over(own, peer)
        }
    }

    /// Entries published so far at this end, mod 2^32: what a successor goes on from.
    pub fn published(&self) -> u32 {
        self.published_tail
    }

    /// Entries taken and sent so far at this end, published or not, as `head | tail << 32`: for [`advance`](Self::advance).
    #[inline]
    pub fn cursor(&self) -> u64 {
        u64::from(self.head) | u64::from(self.tail) << 32
    }

    /// After [`resume`](Self::resume), for a program that keeps the [`cursor`](Self::cursor) of its end elsewhere: what the
    /// predecessor took and sent since its last `publish` counts after all, and the next `publish` makes it known. The
    /// entries it sent stand in our page. An index that is older than the page's, or impossible, is passed over.
    pub fn advance(&mut self, cursor: u64) {
        let (head, tail) = (cursor as u32, (cursor >> 32) as u32);
        if head.wrapping_sub(self.published_head) <= CAPACITY {
            (self.head, self.peer_tail) = (head, head);
        }
        if tail.wrapping_sub(self.published_tail) <= CAPACITY {
            self.tail = tail;
        }
    }

    /// Zero our page and start anew: for a peer that starts anew with a zeroed page too.
    pub fn reset(&mut self) {
        self.own.store32(TAIL, 0, Release);
        self.own.store32(HEAD, 0, Release);
        self.own.store32(ASLEEP, 0, Release);
        for index in 0..CAPACITY {
            zero_entry::<P>(&self.own, entry_offset(index, size_of::<Tx>()), size_of::<Tx>());
        }
        for offset in (INFO..INFO + INFO_LEN).step_by(4) {
            self.own.store32(offset, 0, Release);
        }
        self.tail = 0;
        self.published_tail = 0;
        self.peer_head = 0;
        self.head = 0;
        self.published_head = 0;
        self.peer_tail = 0;
        self.wants_space = false;
        self.asleep = false;
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

    /// Something was sent that the peer does not see yet.
    #[inline]
    pub fn has_unpublished(&self) -> bool {
        self.tail != self.published_tail
    }

    /// Make known what was sent and received since the last time. True: the peer sleeps and must be notified.
    #[inline]
    #[must_use = "a peer that sleeps must be notified"]
    pub fn publish(&mut self) -> bool {
        let sent = self.tail != self.published_tail;
        let freed = self.head != self.published_head;
        if !sent && !freed {
            return false;
        }
        // Release: the reads of entries before the head, the entries before the tail. The head comes first: who sees an
        // answer sees the space its request took free again.
        if freed {
            self.show_head();
        }
        if sent {
            self.show_tail();
        }
        self.is_awaited(sent)
    }

    /// Make known what was sent since the last time. What was received the next [`publish`](Self::publish) makes known, for
    /// whoever does not know that there is nothing. True: the peer sleeps and must be notified.
    #[inline]
    #[must_use = "a peer that sleeps must be notified"]
    pub fn publish_sent(&mut self) -> bool {
        self.show_tail();
        self.is_awaited(true)
    }

    /// The same for what was received.
    #[inline]
    #[must_use = "a peer that sleeps must be notified"]
    pub fn publish_received(&mut self) -> bool {
        self.show_head();
        self.is_awaited(false)
    }

    #[inline]
    fn show_head(&mut self) {
        self.published_head = self.head;
        self.own.store32(HEAD, self.published_head, Release);
    }

    #[inline]
    fn show_tail(&mut self) {
        self.published_tail = self.tail;
        self.own.store32(TAIL, self.published_tail, Release);
    }

    /// The peer sleeps, and wants to hear of what was made known; `sent`: entries were.
    #[inline]
    fn is_awaited(&self, sent: bool) -> bool {
        // The indices before the flag, as the sleeper has its flag before the indices: one of us sees the other.
        P::fence();
        match self.peer.load32(ASLEEP, Relaxed) {
            0 => false,
            ASLEEP_FOR_ENTRIES => sent,
            _ => true,
        }
    }

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

    /// State something in our info area. The first word of `value` is written last, with release: it should be the word
    /// that says the rest is valid.
    pub fn write_info<T: IntoBytes + Immutable>(&mut self, value: &T) {
        const { assert!(size_of::<T>() <= INFO_LEN && size_of::<T>().is_multiple_of(4)) }
        let bytes = value.as_bytes();
        let mut first = 0;
        for (index, word) in bytes.chunks_exact(4).enumerate() {
            let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
            if index == 0 {
                first = word;
            } else {
                self.own.store32(INFO + 4 * index, word, Relaxed);
            }
        }
        self.own.store32(INFO, first, Release);
    }

    /// Change one word of our info area (a heartbeat), `offset` bytes from its start.
    pub fn write_info_word(&mut self, offset: usize, value: u32) {
        self.own.store32(INFO + offset % INFO_LEN, value, Release);
    }

    /// Copy what the peer states in its info area: the first word first, with acquire, each word once. Words that change
    /// meanwhile may come from different times; the caller validates the copy.
    pub fn read_info<T: FromBytes>(&self) -> Option<T> {
        copy_info(&self.peer)
    }

    /// Copy what this end states in its own info area: what a predecessor left there.
    pub fn read_own_info<T: FromBytes>(&self) -> Option<T> {
        copy_info(&self.own)
    }

    /// One word of the peer's info area, `offset` bytes from its start.
    pub fn read_info_word(&self, offset: usize) -> u32 {
        self.peer.load32(INFO + offset % INFO_LEN, Acquire)
    }
}

fn copy_info<T: FromBytes>(page: &impl Page) -> Option<T> {
    const { assert!(size_of::<T>() <= INFO_LEN && size_of::<T>().is_multiple_of(4)) }
    let mut words = [0u32; INFO_LEN / 4];
    let count = size_of::<T>() / 4;
    for (index, word) in words.iter_mut().take(count).enumerate() {
        *word = page.load32(INFO + 4 * index, Acquire);
    }
    T::read_from_prefix(words.as_bytes()).ok().map(|(value, _)| value)
}

#[inline]
fn entry_offset(index: u32, size: usize) -> usize {
    ENTRIES + (index % CAPACITY) as usize * size
}

/// Both ends use the same type, so both choose the same word size.
#[inline]
pub(crate) fn write_entry<T: IntoBytes + Immutable>(page: &impl Page, index: u32, entry: &T) {
    let offset = entry_offset(index, size_of::<T>());
    let bytes = entry.as_bytes();
    if size_of::<T>().is_multiple_of(8) {
        // One copy of known length, so that what was computed in registers need not go through memory.
        let mut words = [0u64; ENTRY_MAX.div_ceil(8)];
        words.as_mut_bytes()[..size_of::<T>()].copy_from_slice(bytes);
        for (at, word) in words.iter().take(size_of::<T>() / 8).enumerate() {
            page.store64(offset + 8 * at, *word);
        }
    } else if size_of::<T>().is_multiple_of(4) {
        for (at, chunk) in bytes.as_chunks::<4>().0.iter().enumerate() {
            page.store32(offset + 4 * at, u32::from_ne_bytes(*chunk), Relaxed);
        }
    } else {
        for (at, byte) in bytes.iter().enumerate() {
            page.store8(offset + at, *byte);
        }
    }
}

#[inline]
pub(crate) fn read_entry<T: FromBytes>(page: &impl Page, index: u32) -> Option<T> {
    let offset = entry_offset(index, size_of::<T>());
    let mut buffer = [0u64; ENTRY_MAX.div_ceil(8)];
    if size_of::<T>().is_multiple_of(8) {
        for (at, word) in buffer.iter_mut().take(size_of::<T>() / 8).enumerate() {
            *word = page.load64(offset + 8 * at);
        }
    } else if size_of::<T>().is_multiple_of(4) {
        for (at, chunk) in buffer
            .as_mut_bytes()
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .enumerate()
        {
            if at < size_of::<T>() / 4 {
                *chunk = page.load32(offset + 4 * at, Relaxed).to_ne_bytes();
            }
        }
    } else {
        for (at, byte) in buffer.as_mut_bytes().iter_mut().take(size_of::<T>()).enumerate() {
            *byte = page.load8(offset + at);
        }
    }
    // The buffer is long enough by the assertion in `Link::over`, so this is always `Some`.
    T::read_from_prefix(buffer.as_bytes())
        .ok()
        .map(|(value, _)| value)
}

fn zero_entry<P: Page>(page: &P, offset: usize, size: usize) {
    if size.is_multiple_of(8) {
        (0..size / 8).for_each(|at| page.store64(offset + 8 * at, 0));
    } else if size.is_multiple_of(4) {
        (0..size / 4).for_each(|at| page.store32(offset + 4 * at, 0, Relaxed));
    } else {
        (0..size).for_each(|at| page.store8(offset + at, 0));
    }
}
