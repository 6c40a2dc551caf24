//! What the kernel tells the root task.

use core::ops::{Deref, Range};
use core::{iter, slice};

use crate::init_thread::SlotRegion;
use crate::{IpcBuffer, UntypedDesc, Word, cap_type};
use sel4_abi::bootinfo::{self as abi, BootInfoId};

const FRAME_BYTES: usize = 1 << abi::BOOT_INFO_FRAME_BITS;
const WORD_BYTES: usize = size_of::<Word>();

/// The boot info frame, and the chunks that follow it.
#[derive(Debug)]
pub struct BootInfoPtr(*const BootInfo);

impl BootInfoPtr {
    /// The frame at that address. Panics if no frame begins there.
    ///
    /// # Safety
    ///
    /// The kernel handed the frame over at this address, and it and the pages of chunks after it stay mapped and
    /// unchanged.
    pub unsafe fn new(ptr: *const BootInfo) -> Self {
        assert!(!ptr.is_null() && ptr.addr().is_multiple_of(FRAME_BYTES));
        Self(ptr)
    }

    /// The address.
    pub const fn ptr(&self) -> *const BootInfo {
        self.0
    }

    /// The chunks whose kind is known, up to one whose length makes no sense.
    pub fn extra(&self) -> impl Iterator<Item = BootInfoExtra<'_>> {
        let begin = self.0.cast::<u8>().wrapping_add(FRAME_BYTES);
        // SAFETY: `new`'s caller says that the kernel's chunks, which are that long, follow the frame for good.
        let mut rest = unsafe { slice::from_raw_parts(begin, (**self).0.extra_len as usize) };
        iter::from_fn(move || {
            let chunk = Chunk::first_of(rest)?;
            rest = chunk.rest;
            Some(chunk)
        })
        .filter_map(|Chunk { id, bytes, .. }| {
            Some(BootInfoExtra {
                id: BootInfoId::from_raw(id)?,
                bytes,
            })
        })
    }
}

impl Deref for BootInfoPtr {
    type Target = BootInfo;

    fn deref(&self) -> &BootInfo {
        // SAFETY: `new`'s caller says that the kernel's structure is there for good; the address was checked.
        unsafe { &*self.0 }
    }
}

/// C: `seL4_BootInfo`.
#[derive(Debug)]
#[repr(transparent)]
pub struct BootInfo(abi::BootInfo);

impl BootInfo {
    /// Where the root task's IPC buffer is mapped.
    pub fn ipc_buffer(&self) -> *mut IpcBuffer {
        core::ptr::with_exposed_provenance_mut(self.0.ipc_buffer as usize)
    }

    /// Slots with nothing in them.
    pub fn empty(&self) -> SlotRegion<cap_type::Null> {
        self.0.empty.into()
    }

    /// Frames of the root task's image, by address.
    pub fn user_image_frames(&self) -> SlotRegion<cap_type::Granule> {
        self.0.user_image_frames.into()
    }

    /// Authority to fill scheduling contexts, per core.
    pub fn sched_control(&self) -> SlotRegion<cap_type::SchedControl> {
        self.0.sched_control.into()
    }

    /// All memory that there is.
    pub fn untyped(&self) -> SlotRegion<cap_type::Untyped> {
        self.0.untyped.into()
    }

    /// What each of [`untyped`](Self::untyped) is; devices first.
    pub fn untyped_list(&self) -> &[UntypedDesc] {
        let abi::SlotRegion { start, end } = self.0.untyped;
        &self.0.untyped_list[..(end - start) as usize]
    }

    /// Which of them are devices.
    pub fn device_untyped_range(&self) -> Range<usize> {
        0..self.devices()
    }

    /// Which of them are memory.
    pub fn kernel_untyped_range(&self) -> Range<usize> {
        self.devices()..self.untyped_list().len()
    }

    fn devices(&self) -> usize {
        self.untyped_list().partition_point(UntypedDesc::is_device)
    }
}

/// A chunk of further boot information.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootInfoExtra<'a> {
    /// What it is.
    pub id: BootInfoId,
    bytes: &'a [u8],
}

impl BootInfoExtra<'_> {
    /// Its bytes.
    pub fn content(&self) -> &[u8] {
        self.bytes
    }
}

/// What begins the chunks: an [`abi::BootInfoHeader`], and as many bytes as it says.
struct Chunk<'a> {
    id: Word,
    bytes: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Chunk<'a> {
    fn first_of(chunks: &'a [u8]) -> Option<Self> {
        let (id, behind_id) = chunks.split_first_chunk::<WORD_BYTES>()?;
        let (len, behind_header) = behind_id.split_first_chunk::<WORD_BYTES>()?;
        let len = usize::try_from(Word::from_ne_bytes(*len)).ok()?;
        let len = len.checked_sub(size_of::<abi::BootInfoHeader>())?;
        let (bytes, rest) = behind_header.split_at_checked(len)?;
        let id = Word::from_ne_bytes(*id);
        Some(Self { id, bytes, rest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::vec::Vec;

    #[repr(C, align(4096))]
    struct Frames {
        info: abi::BootInfo,
        padding: [u8; FRAME_BYTES - size_of::<abi::BootInfo>()],
        extra: [u8; 256],
    }

    fn frames(chunks: &[(u64, &[u8])]) -> Box<Frames> {
        let mut info = abi::BootInfo::new();
        let mut extra = [0; 256];
        let bytes: Vec<u8> = chunks
            .iter()
            .flat_map(|(id, content)| {
                [
                    &id.to_ne_bytes(),
                    &(content.len() as u64 + 16).to_ne_bytes(),
                    *content,
                ]
                .concat()
            })
            .collect();
        extra[..bytes.len()].copy_from_slice(&bytes);
        info.extra_len = bytes.len() as u64;
        Box::new(Frames {
            info,
            padding: [0; _],
            extra,
        })
    }

    fn found(frames: Box<Frames>) -> Vec<(BootInfoId, Vec<u8>)> {
        // SAFETY: leaked, so they stay, and nobody changes them.
        let info = unsafe { BootInfoPtr::new((&raw const *Box::leak(frames)).cast()) };
        let chunks = info.extra().map(|chunk| (chunk.id, chunk.content().to_vec()));
        chunks.collect()
    }

    #[test]
    fn known_chunks_are_found_and_unknown_ones_skipped() {
        let frames = frames(&[(6, b"dtb"), (99, b"?"), (0, b"")]);
        let expected = [
            (BootInfoId::Fdt, b"dtb".to_vec()),
            (BootInfoId::Padding, Vec::new()),
        ];
        assert_eq!(found(frames), expected);
    }

    #[test]
    fn a_length_that_makes_no_sense_ends_the_list() {
        for len in [0u64, 15, 64, u64::MAX] {
            let mut frames = frames(&[(6, b"dtb"), (6, b"more")]);
            frames.extra[8..16].copy_from_slice(&len.to_ne_bytes());
            assert_eq!(found(frames), []);
        }
    }

    #[test]
    fn devices_and_memory_are_told_apart() {
        let mut info = abi::BootInfo::new();
        info.untyped = abi::SlotRegion { start: 100, end: 103 };
        for (i, desc) in info.untyped_list[..3].iter_mut().enumerate() {
            desc.is_device = (i < 2).into();
            desc.size_bits = 12 + i as u8;
        }
        let info = BootInfo(info);
        assert_eq!(
            (info.device_untyped_range(), info.kernel_untyped_range()),
            (0..2, 2..3)
        );
        assert_eq!(info.untyped().index(2).index(), 102);
        assert_eq!(info.untyped_list()[2].size_bits(), 14);
    }
}
