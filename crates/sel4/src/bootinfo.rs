//! What the kernel tells the root task.

use core::ops::{Deref, Range};
use core::slice;

use crate::{
    FrameObjectType, IpcBuffer, cap_type, helper_macros::newtype_methods, init_thread::SlotRegion, sys,
};
use sel4_abi::bootinfo::BootInfoId;

/// Where the kernel left its [`BootInfo`].
///
/// Dereferences to [`BootInfo`]; [`extra`](BootInfoPtr::extra) walks what follows it.
#[repr(transparent)]
#[derive(Debug)]
pub struct BootInfoPtr {
    ptr: *const BootInfo,
}

impl BootInfoPtr {
    const EXTRA_OFFSET: usize = FrameObjectType::GRANULE.bytes();

    /// # Safety
    ///
    /// `ptr` is the address of the boot info frame as the kernel handed it over, and that frame and the extra
    /// pages after it stay mapped and are not written while the value lives.
    pub unsafe fn new(ptr: *const BootInfo) -> Self {
        assert!(ptr.addr().is_multiple_of(FrameObjectType::GRANULE.bytes())); // sanity check
        Self { ptr }
    }

    /// The address.
    pub fn ptr(&self) -> *const BootInfo {
        self.ptr
    }

    fn extra_slice(&self) -> &[u8] {
        // SAFETY: by the contract of `new` the kernel mapped `extra_len` bytes after the boot info frame, and
        // nobody writes them.
        unsafe { slice::from_raw_parts(self.ptr.cast::<u8>().add(Self::EXTRA_OFFSET), self.extra_len()) }
    }

    /// The extra chunks.
    pub fn extra(&self) -> BootInfoExtraIter<'_> {
        BootInfoExtraIter {
            rest: self.extra_slice(),
        }
    }

    /// Bytes of boot info frame and extra chunks.
    pub fn footprint_size(&self) -> usize {
        Self::EXTRA_OFFSET + self.extra_len()
    }
}

impl Deref for BootInfoPtr {
    type Target = BootInfo;

    fn deref(&self) -> &Self::Target {
        // SAFETY: by the contract of `new` a boot info structure is there, and nobody writes it.
        unsafe { &*self.ptr }
    }
}

/// C: `seL4_BootInfo`.
#[repr(transparent)]
#[derive(Debug)]
pub struct BootInfo(sys::seL4_BootInfo);

impl BootInfo {
    newtype_methods!(sys::seL4_BootInfo);

    fn extra_len(&self) -> usize {
        self.0.extra_len as usize
    }

    /// The initial thread's IPC buffer.
    pub fn ipc_buffer(&self) -> *mut IpcBuffer {
        self.0.ipc_buffer as usize as *mut IpcBuffer
    }

    /// Empty slots.
    pub fn empty(&self) -> SlotRegion<cap_type::Null> {
        SlotRegion::from_sys(self.0.empty)
    }

    /// Frames of the root task's image, in order of address.
    pub fn user_image_frames(&self) -> SlotRegion<cap_type::Granule> {
        SlotRegion::from_sys(self.0.user_image_frames)
    }

    /// Scheduling control, one per core.
    pub fn sched_control(&self) -> SlotRegion<cap_type::SchedControl> {
        SlotRegion::from_sys(self.0.sched_control)
    }

    /// Untypeds, in the order of [`untyped_list`](Self::untyped_list).
    pub fn untyped(&self) -> SlotRegion<cap_type::Untyped> {
        SlotRegion::from_sys(self.0.untyped)
    }

    /// What the untypeds are. Devices come first.
    pub fn untyped_list(&self) -> &[UntypedDesc] {
        let list = &self.0.untyped_list[..self.untyped().len()];
        // SAFETY: `UntypedDesc` is a transparent wrapper of the elements, so layout and validity are the same.
        unsafe { slice::from_raw_parts(list.as_ptr().cast(), list.len()) }
    }

    fn untyped_list_partition_point(&self) -> usize {
        self.untyped_list().partition_point(UntypedDesc::is_device)
    }

    /// Indexes of the untypeds that are devices.
    pub fn device_untyped_range(&self) -> Range<usize> {
        0..self.untyped_list_partition_point()
    }

    /// Indexes of the untypeds that are memory.
    pub fn kernel_untyped_range(&self) -> Range<usize> {
        self.untyped_list_partition_point()..self.untyped_list().len()
    }
}

/// C: `seL4_UntypedDesc`.
#[repr(transparent)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntypedDesc(sys::seL4_UntypedDesc);

impl UntypedDesc {
    newtype_methods!(sys::seL4_UntypedDesc);

    /// Physical address.
    pub fn paddr(&self) -> usize {
        self.0.paddr as usize
    }

    /// log2 of its bytes.
    pub fn size_bits(&self) -> usize {
        self.0.size_bits.into()
    }

    /// Whether it is device memory.
    pub fn is_device(&self) -> bool {
        self.0.is_device != 0
    }
}

/// A piece of further boot information and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootInfoExtra<'a> {
    /// What it is.
    pub id: BootInfoExtraId,
    /// Its bytes, with the header.
    pub content_with_header: &'a [u8],
}

impl BootInfoExtra<'_> {
    /// Its bytes, with the header.
    pub fn content_with_header(&self) -> &[u8] {
        self.content_with_header
    }

    /// Its bytes.
    pub fn content(&self) -> &[u8] {
        &self.content_with_header[size_of::<sys::seL4_BootInfoHeader>()..]
    }
}

/// C: `seL4_BootInfoID`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // As in the C API.
pub enum BootInfoExtraId {
    Padding,
    X86Vbe,
    X86Mbmmap,
    X86AcpiRsdp,
    X86FrameBuffer,
    X86TscFreq,
    Fdt,
}

impl BootInfoExtraId {
    /// The kind with that number.
    pub fn from_sys(id: sys::seL4_Word) -> Option<Self> {
        BootInfoId::from_raw(id).map(|id| match id {
            BootInfoId::Padding => Self::Padding,
            BootInfoId::X86Vbe => Self::X86Vbe,
            BootInfoId::X86Mbmmap => Self::X86Mbmmap,
            BootInfoId::X86AcpiRsdp => Self::X86AcpiRsdp,
            BootInfoId::X86FrameBuffer => Self::X86FrameBuffer,
            BootInfoId::X86TscFreq => Self::X86TscFreq,
            BootInfoId::Fdt => Self::Fdt,
        })
    }
}

/// An iterator for accessing the [`BootInfoExtra`] entries associated with a [`BootInfoPtr`].
///
/// Chunks of unknown kinds are skipped; it ends at a chunk whose length makes no sense.
pub struct BootInfoExtraIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for BootInfoExtraIter<'a> {
    type Item = BootInfoExtra<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        const HEADER: usize = size_of::<sys::seL4_BootInfoHeader>();
        loop {
            let (id, after_id) = self.rest.split_first_chunk()?;
            let (len, _) = after_id.split_first_chunk()?;
            let len = usize::try_from(sys::seL4_Word::from_ne_bytes(*len)).ok()?;
            if len < HEADER {
                return None;
            }
            let (content_with_header, rest) = self.rest.split_at_checked(len)?;
            self.rest = rest;
            if let Some(id) = BootInfoExtraId::from_sys(sys::seL4_Word::from_ne_bytes(*id)) {
                return Some(BootInfoExtra {
                    id,
                    content_with_header,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[repr(C, align(4096))]
    struct Frames {
        bootinfo: sys::seL4_BootInfo,
        padding: [u8; 4096 - 3864],
        extra: [u8; 256],
    }

    fn frames(chunks: &[(u64, &[u8])]) -> std::boxed::Box<Frames> {
        let mut frames = std::boxed::Box::new(Frames {
            bootinfo: sys::seL4_BootInfo::new(),
            padding: [0; _],
            extra: [0; _],
        });
        let mut bytes = Vec::new();
        for (id, content) in chunks {
            bytes.extend_from_slice(&id.to_ne_bytes());
            bytes.extend_from_slice(&(content.len() as u64 + 16).to_ne_bytes());
            bytes.extend_from_slice(content);
        }
        frames.extra[..bytes.len()].copy_from_slice(&bytes);
        frames.bootinfo.extra_len = bytes.len() as u64;
        frames
    }

    fn ids(frames: &Frames) -> Vec<(BootInfoExtraId, Vec<u8>)> {
        // SAFETY: the frames outlive the pointer and are not written meanwhile.
        let bootinfo = unsafe { BootInfoPtr::new((&raw const *frames).cast()) };
        bootinfo
            .extra()
            .map(|chunk| (chunk.id.clone(), chunk.content().to_vec()))
            .collect()
    }

    #[test]
    fn known_chunks_are_found_and_unknown_ones_skipped() {
        let frames = frames(&[(6, b"dtb"), (99, b"?"), (0, b"")]);
        assert_eq!(
            ids(&frames),
            [
                (BootInfoExtraId::Fdt, b"dtb".to_vec()),
                (BootInfoExtraId::Padding, Vec::new())
            ]
        );
    }

    #[test]
    fn a_length_that_makes_no_sense_ends_the_list() {
        let mut frames = frames(&[(6, b"dtb"), (6, b"more")]);
        for len in [0u64, 15, 64, u64::MAX] {
            frames.extra[8..16].copy_from_slice(&len.to_ne_bytes());
            assert_eq!(ids(&frames), []);
        }
    }

    #[test]
    fn devices_and_memory_are_told_apart() {
        let mut info = sys::seL4_BootInfo::new();
        info.untyped = sys::seL4_SlotRegion { start: 100, end: 103 };
        for (i, desc) in info.untyped_list[..3].iter_mut().enumerate() {
            desc.is_device = (i < 2).into();
            desc.size_bits = 12 + i as u8;
        }
        let info = BootInfo::from_inner(info);
        assert_eq!(
            (info.device_untyped_range(), info.kernel_untyped_range()),
            (0..2, 2..3)
        );
        assert_eq!(info.untyped().index(2).index(), 102);
        assert_eq!(info.untyped_list()[2].size_bits(), 14);
    }
}
